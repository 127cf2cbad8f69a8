"""The rules of the house that tools can check, and what `import einprop` may bring along."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import zipfile
from importlib.resources import files
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# module that must be installed -> the arguments of python that run its check
CHECKS = {
    "ruff check": ("ruff", "-m", "ruff", "check", "."),
    "ruff format": ("ruff", "-m", "ruff", "format", "--check", "."),
    "mypy --strict": ("mypy", "-m", "mypy", "--strict", "einprop"),
    "imports": (
        "importlinter",
        "-c",
        "from importlinter.cli import lint_imports_command; lint_imports_command()",
    ),
}

# inside einprop/, what a wheel must carry besides the modules
PACKAGE_DATA = (
    "py.typed",
    "notation/prelude.ein",
    "data/digits.npz",
    "data/DATA_LICENSE",
    *(f"playground/{n}" for n in ("page.html", "page.css", "page.js", "editor.js", "icon.svg")),
)

IMPORTED = """
import sys
before = set(sys.modules)
import einprop
roots = {name.partition(".")[0] for name in set(sys.modules) - before}
# a compiled module of numpy brings a root of its own, which holds what Cython's modules share
print(*sorted(root for root in roots - sys.stdlib_module_names if not root.startswith("_cython")))
"""


def python(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run this interpreter on the repository, colours off."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=600,
    )


@pytest.mark.parametrize("check", CHECKS)
def test_tool_finds_nothing(check: str) -> None:
    tool, *arguments = CHECKS[check]
    if importlib.util.find_spec(tool) is None:
        pytest.skip(f"{tool} is not installed")
    done = python(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr


def test_import_brings_numpy_and_opt_einsum_only() -> None:
    done = python("-c", IMPORTED)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) <= {"einprop", "numpy", "opt_einsum"}


@pytest.mark.parametrize("name", PACKAGE_DATA)
def test_package_data_is_there(name: str) -> None:
    assert files("einprop").joinpath(name).is_file()


@pytest.mark.slow
def test_wheel_carries_the_package_data(tmp_path: Path) -> None:
    done = python("-m", "pip", "wheel", "-q", "--no-deps", "-w", str(tmp_path), str(ROOT))
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("einprop-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"einprop/{name}" for name in PACKAGE_DATA} <= set(names)
    assert all(name.startswith(("einprop/", "einprop-")) for name in names)
