"""What every test shares: hypothesis profiles, the slow marker, randomness and the data folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

# Read when numpy and JAX load: the workers of pytest-xdist already fill the cores, and JAX is an
# oracle only where it computes in float64.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("JAX_ENABLE_X64", "1")

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from einprop.backends.numpy import Array, Plan

# Runs repeat exactly unless `--hypothesis-profile=explore` asks for programs never seen before.
_common = {
    "deadline": None,
    "database": None,
    "suppress_health_check": [HealthCheck.too_slow],
}
settings.register_profile("light", max_examples=50, derandomize=True, **_common)
settings.register_profile("slow", max_examples=2000, derandomize=True, **_common)
settings.register_profile("explore", max_examples=2000, print_blob=True, **_common)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the slow tests too")


def _slow_wanted(config: pytest.Config) -> bool:
    return config.getoption("--slow") or "slow" in config.option.markexpr


def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("--hypothesis-profile", default=None):
        settings.load_profile("slow" if _slow_wanted(config) else "light")


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Look for doctests in the package, not in the tests' helpers: some need an absent oracle."""
    helper = collection_path.suffix == ".py" and not collection_path.name.startswith("test_")
    return True if helper else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if _slow_wanted(config):
        return
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="slow: runs with --slow or -m slow"))


@pytest.fixture(autouse=True)
def poisoned_buffers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What no step of a call has written is nan: a plan that reads it gives itself away."""
    if "slow" in request.keywords:
        return
    run = Plan.__call__

    def call(plan: Plan, *arrays: Array) -> tuple[Array, ...]:
        arena = plan._idle.pop() if plan._idle else plan._allocate()
        for buffer in arena[0]:
            buffer.fill(255)  # All bits set.
        plan._idle.append(arena)
        return run(plan, *arrays)

    monkeypatch.setattr(Plan, "__call__", call)


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator of random numbers that starts alike in every test."""
    return np.random.default_rng(20260101)


@pytest.fixture(scope="session")
def data_folder() -> Callable[[str], Path]:
    """A function from a data set's name to its folder; it skips the test where there is none."""

    def folder(name: str) -> Path:
        root = os.environ.get("EINPROP_DATA")
        if not root:
            pytest.skip(f"needs {name}: EINPROP_DATA is unset")
        path = Path(root) / name
        if not path.is_dir():
            pytest.skip(f"needs {name}: EINPROP_DATA={root} has no folder {name}")
        return path

    return folder
