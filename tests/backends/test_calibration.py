"""Figures of a machine: measured, kept, read again; and whether their order is that of the clock."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest

from einprop.backends.calibration import calibrate, calibration_file, machine
from einprop.errors import InputError
from einprop.execution.contractions import contraction_seconds
from einprop.execution.cost import Machine, passed
from einprop.execution.layout import Stored, dense
from einprop.execution.reductions import ways


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("EINPROP_CACHE", str(tmp_path))
    machine.cache_clear()
    yield tmp_path
    machine.cache_clear()


def test_figures_are_kept_and_read_again(folder: Path) -> None:
    assert machine() == Machine()
    found = calibrate()
    assert calibration_file() == folder / "machine.json"
    assert [path.name for path in folder.iterdir()] == ["machine.json"]
    assert machine() == found
    figures = {**asdict(found), **found.functions}
    for name in ("functions", "cache"):
        figures.pop(name)
    assert all(0 < figure < 1e-3 for figure in figures.values()), figures


@pytest.mark.parametrize("change", ["cut", "text", "negative", "missing", "list", "infinite"])
def test_a_wrong_file_counts_as_none(change: str) -> None:
    figures = {**asdict(Machine()), "cell": 1.0}
    if change == "negative":
        figures["cell"] = -1.0
    if change == "infinite":
        figures["cell"] = float("inf")
    if change == "missing":
        del figures["run"]
    if change == "text":
        figures["cell"] = "fast"  # type: ignore[assignment]
    text = json.dumps([figures] if change == "list" else figures)
    calibration_file().write_text(text[:-5] if change == "cut" else text)
    assert machine() == Machine()


def test_where_nothing_can_be_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "file").write_text("")
    monkeypatch.setenv("EINPROP_CACHE", str(folder / "file"))
    with pytest.raises(InputError, match="EINPROP_CACHE names another folder"):
        calibrate()


SIZES = {"a": 64, "b": 16, "i": 128, "j": 128, "p": 3, "q": 3}


def ones(stored: str) -> np.ndarray:
    return np.ones([SIZES[i] for i in stored], np.float32)


def at(stored: str) -> Stored:
    return dense(tuple(stored), SIZES)


def copying(stored: str, order: str) -> tuple[float, Callable[[], object]]:
    """What a copy into another order costs by the model, and the copy."""
    source, target = ones(stored), ones(order)
    view = source.transpose([stored.index(i) for i in order])
    seconds = passed(tuple(order), [at(order), at(stored)], SIZES, Machine())
    return seconds, lambda: np.copyto(target, view)


def multiplying(left: str, right: str, target: str) -> tuple[float, Callable[[], object]]:
    """What stacked products of matrices cost by the model, and the products."""
    a, b, out = ones(left), ones(right), ones(target)
    batch = [i for i in target if i in left and i in right]
    rows = [i for i in target if i in left and i not in right]
    summed = [i for i in left if i not in target]
    columns = [i for i in target if i in right and i not in left]
    a = a.transpose([left.index(i) for i in (*batch, *rows, *summed)])
    b = b.transpose([right.index(i) for i in (*batch, *summed, *columns)])
    view = out.transpose([target.index(i) for i in (*batch, *rows, *columns)])
    places = [at(side) for side in (target, left, right)]
    seconds = contraction_seconds(tuple(target), *places, SIZES, Machine())
    return seconds, lambda: np.matmul(a, b, view)


def folding(stored: str, indices: str) -> list[tuple[float, Callable[[], object]]]:
    """What a maximum costs by the model, by one call and by a pass for each position; and both."""
    source = ones(stored)
    kept = [i for i in stored if i not in indices]
    out = np.empty([SIZES[i] for i in kept], np.float32)
    axes = tuple(stored.index(i) for i in indices)
    places = np.ndindex(*[SIZES[i] for i in indices])
    views = [np.moveaxis(source, axes, range(len(axes)))[place] for place in places]
    whole = partial(np.maximum.reduce, source, axes, None, out)

    def unrolled() -> None:
        np.maximum(views[0], views[1], out=out)
        for view in views[2:]:
            np.maximum(out, view, out=out)

    seconds = ways("max", at(stored), tuple(indices), SIZES, Machine())
    return list(zip(seconds, (whole, unrolled), strict=True))


def fastest(call: Callable[[], object]) -> float:
    call()
    times = []
    for _ in range(30):
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return min(times)


def test_the_order_of_candidates_is_that_of_the_clock() -> None:
    candidates = [
        copying("aij", "aij"),
        copying("aij", "aji"),
        copying("aipq", "apqi"),
        copying("aijb", "aibj"),
        copying("abij", "aijb"),
        multiplying("bij", "bja", "bia"),
        *folding("aip", "p"),
        *folding("ipbqj", "pq"),
    ]
    measured = [fastest(call) for _, call in candidates]
    pairs = [(n, m) for n in range(len(candidates)) for m in range(len(candidates))]
    far = [(n, m) for n, m in pairs if candidates[n][0] * 3 < candidates[m][0]]
    assert len(far) >= 12
    assert all(measured[n] < measured[m] for n, m in far), (candidates, measured)
