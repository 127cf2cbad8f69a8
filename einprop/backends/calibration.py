"""How long the parts of numpy's work take on this machine: measured once, kept in a file."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import lru_cache, partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from einprop.cache import cache_folder
from einprop.execution.cost import Machine
from einprop.files import written_whole

__all__ = ["calibrate", "calibration_file", "machine"]

_REPEATS = 15
_FUNCTIONS: Mapping[str, np.ufunc] = {
    "exp": np.exp,
    "log": np.log,
    "tanh": np.tanh,
    "divide": np.divide,
    "power": np.power,
    "sqrt": np.sqrt,
}


def calibration_file() -> Path:
    """Where the figures of this machine are kept, whether or not they are there yet."""
    return cache_folder() / "machine.json"


@lru_cache(1)
def machine() -> Machine:
    """The figures that plans are made with: those of `calibrate` if there are any, else built-in ones.

    Plans that were made before are not made again. A file that is cut or wrong counts as none.

    >>> machine().call > 0
    True
    """
    try:
        return _machine(json.loads(calibration_file().read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return Machine()


def calibrate() -> Machine:
    """Measure this machine for about half a second and keep the figures for all plans from now on.

    The figures decide nothing but speed: which of several equivalent ways a plan goes.

    Returns:
        Seconds by part of the work, for float32.

    Raises:
        InputError: The figures cannot be kept.
    """
    found = _measured()
    hint = "EINPROP_CACHE names another folder"
    with written_whole(calibration_file(), folders=True, hint=hint) as file:
        file.write(json.dumps(asdict(found), indent=1).encode("utf-8"))
    machine.cache_clear()
    return found


def _machine(given: Mapping[str, Any]) -> Machine:
    functions = {name: _positive(given["functions"][name]) for name in Machine().functions}
    names = [name for name in asdict(Machine()) if name != "functions"]
    return Machine(functions=functions, **{name: _positive(given[name]) for name in names})


def _positive(value: object) -> float:
    if not isinstance(value, float) or not 0 < value < math.inf:
        raise ValueError(value)
    return value


def _measured() -> Machine:
    one, other, out = (np.ones(2**16, np.float32) for _ in range(3))
    call = _seconds(np.add, one[:1], other[:1], out[:1])
    cell = _seconds(np.add, one, other, out) / out.size
    short, written = (array.reshape(2**12, 2, 8)[:, 0] for array in (one, out))
    run = (_seconds(np.positive, short, written) - call) / len(short) - cell * 8
    square, turned = (array.reshape(2**8, 2**8) for array in (one, out))
    strided = (_seconds(np.positive, square.T, turned) - call) / out.size - cell
    rows, sums = one.reshape(2**14, 4), out[: 2**14]
    fold = (_seconds(np.maximum.reduce, rows, sums, axis=1) - call - one.size * cell) / sums.size
    some = (one[:4096], other[:4096])
    functions = {
        name: max(_seconds(function, *some[: function.nin], out[:4096]) / 4096, cell)
        for name, function in _FUNCTIONS.items()
    }
    functions["sigmoid"] = functions["exp"] + functions["divide"] + 2 * cell
    large, product = np.ones((320, 320), np.float32), np.empty((320, 320), np.float32)
    multiply_add = _seconds(np.matmul, large, large, product) / 320**3
    stack, results = np.ones((256, 8, 8), np.float32), np.empty((256, 8, 8), np.float32)
    matrix = (_seconds(np.matmul, stack, stack, results) - call) / len(stack)
    spread, place = np.ones(2**22, np.float32), np.empty(2**22, np.float32)
    far = (_seconds(np.positive, spread, place) / place.size - cell) / 2
    # What a noisy clock makes of a difference may be nothing at all.
    matrix, run, strided, fold, far = (max(n, 1e-13) for n in (matrix, run, strided, fold, far))
    return Machine(
        call, multiply_add, matrix, cell, run, strided, fold, far=far, functions=functions
    )


def _seconds(function: Callable[..., Any], *arrays: Any, **options: int) -> float:
    """The least seconds of one call into the last of the arrays: what disturbs only ever adds."""
    function = partial(function, *arrays[:-1], out=arrays[-1], **options)
    function()
    found = []
    for _ in range(_REPEATS):
        start = perf_counter()
        for _ in range(4):
            function()
        found.append((perf_counter() - start) / 4)
    return min(found)
