"""The same generated programs in single and double precision, and with several threads."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from einprop import Program
from einprop.errors import DerivativeError
from tests.strategies.language.programs import program

Arrays = Mapping[str, NDArray]
EPSILON = float(np.finfo(np.float32).eps)
CASES = 60


def results(text: str, tensors: Arrays) -> dict[str, NDArray] | None:
    """All gradients of a drawn program; None where there are none."""
    try:
        gradient = Program(text).grad(of="loss")
    except DerivativeError:
        return None
    found = gradient(tensors)
    return found if isinstance(found, dict) else {gradient.outputs[0]: found}


def changed(tensors: Arrays, rng: np.random.Generator) -> dict[str, NDArray]:
    """Inputs as far away as single precision moves them."""
    return {
        n: v * (1 + EPSILON * rng.standard_normal(v.shape)) if v.dtype.kind == "f" else v
        for n, v in tensors.items()
    }


def differing(text: str, tensors: Arrays) -> list[str]:
    """The gradients that single precision changes by more than rounding of the inputs explains."""
    exact = results(text, tensors)
    if exact is None:
        return []
    rng = np.random.default_rng(0)
    near = [results(text, changed(tensors, rng)) or {} for _ in range(4)]
    single = {n: v.astype(np.float32) if v.dtype.kind == "f" else v for n, v in tensors.items()}
    found = results(text, single) or {}
    wrong = []
    for name, value in exact.items():
        assert np.asarray(found[name]).dtype == np.float32
        moved = max(np.max(np.abs(other[name] - value), initial=0) for other in near)
        scale = np.max(np.abs(value), initial=1)
        distance = np.max(np.abs(found[name] - value), initial=0)
        # What is not finite by either says nothing of precision.
        if np.isfinite(distance) and distance > 1000 * (moved + EPSILON * scale):
            wrong.append(f"{name}: {found[name]} for {value}\n{text}")
    return wrong


def test_single_precision_is_as_near_as_its_rounding() -> None:
    for seed in range(CASES):
        case = program(random.Random(seed))
        assert differing(case.text, case.tensors) == []


@pytest.mark.slow
@pytest.mark.parametrize("threads", [2, 4])
def test_threads_change_nothing(threads: int) -> None:
    root = Path(__file__).resolve().parents[1]
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    tests = [
        "tests/test_precision.py",
        "tests/backends/test_numpy.py",
        "tests/backends/test_numpy_steps.py",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", *tests],
        env={**os.environ, **dict.fromkeys(names, str(threads))},
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-3000:]
