"""What a library asks for before it computes anything: the time of its import, the size of its files."""

from __future__ import annotations

import importlib.metadata
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

try:
    from packaging.requirements import Requirement
except ImportError:  # it comes with pytest; without it sizes are left out
    Requirement = None  # type: ignore[assignment, misc]

__all__ = ["PACKAGES", "can_count", "import_seconds", "installed_bytes", "own_bytes"]

ROOT = Path(__file__).resolve().parents[2]
# Library: the module whose import is timed, and the distribution whose files are counted.
PACKAGES = {
    "einprop": ("einprop", "einprop"),
    "numpy": ("numpy", "numpy"),
    "autograd": ("autograd.numpy", "autograd"),
    "jax": ("jax.numpy", "jax"),
    "torch": ("torch", "torch"),
}
# Without an installation einprop runs from the checkout; these are what it needs.
EINPROP_NEEDS = ("numpy", "opt_einsum")


def import_seconds(packages: Iterable[str], rounds: int) -> dict[str, float]:
    """Median seconds of the import in fresh interpreters, the libraries taking turns."""
    code = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
    times: dict[str, list[float]] = {package: [] for package in packages}
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for _ in range(rounds + 1):
        for package, seconds in times.items():
            command = [sys.executable, "-c", code.format(PACKAGES[package][0])]
            done = subprocess.run(
                command, check=True, capture_output=True, text=True, env=environment
            )
            seconds.append(float(done.stdout))
    # The first round fills the file cache.
    return {package: statistics.median(seconds[1:]) for package, seconds in times.items()}


def can_count() -> bool:
    """Whether requirements can be read: they are sentences with conditions."""
    return Requirement is not None


def needed(distribution: str) -> Iterator[str]:
    """The distribution and all that it requires, each once."""
    seen: set[str] = set()
    todo = [distribution]
    while todo:
        name = re.sub(r"[-_.]+", "-", todo.pop()).lower()
        if name in seen:
            continue
        seen.add(name)
        yield name
        for text in importlib.metadata.requires(name) or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                todo.append(requirement.name)


def installed_bytes(distribution: str) -> int:
    """Size of the files of a distribution and of all that it requires, compiled caches left out."""
    if distribution == "einprop":
        package = ROOT / "einprop"
        files = [p for p in package.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
        others = {name for need in EINPROP_NEEDS for name in needed(need)}
        return sum(p.stat().st_size for p in files) + sum(map(own_bytes, others))
    return sum(map(own_bytes, needed(distribution)))


def own_bytes(distribution: str) -> int:
    """Size of the files of one distribution."""
    paths = [
        Path(str(file.locate()))
        for file in importlib.metadata.files(distribution) or ()
        if "__pycache__" not in file.parts
    ]
    return sum(path.stat().st_size for path in paths if path.is_file())
