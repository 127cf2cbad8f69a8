"""What a table was measured on, so that a reader can judge it."""

from __future__ import annotations

import contextlib
import ctypes
import datetime as dt
import importlib.metadata
import os
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["describe", "version_of"]


def version_of(distribution: str) -> str:
    """The installed version, or where the code stands."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "checkout"


def describe(threads: int, packages: Iterable[str]) -> dict[str, Any]:
    """Processor, cores, system, BLAS, versions and date."""
    versions = dict.fromkeys((*packages, "opt_einsum"))
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "memory_gigabytes": _memory(),
        "python": platform.python_version(),
        "blas": _blas(),
        "simd": _simd(),
        "versions": {name: version_of(name) for name in versions},
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text(encoding="utf-8").splitlines()
        pairs = (line.partition(":") for line in lines)
        found = {key.strip(): value.strip() for key, _, value in pairs}
        name = found.get("model name", "unknown")
        family = f"family {found.get('cpu family')}, model {found.get('model')}"
        return f"{name} ({family}, {found.get('cache size', 'cache unknown')})"
    return platform.processor() or "unknown"


def _memory() -> int | None:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)


def _blas() -> str:
    """The library that numpy was built with, and the kernels that it chose for this processor."""
    config: Any = np.show_config(mode="dicts")
    found = config["Build Dependencies"]["blas"]
    return f"{found['name']} {found['version']}{_kernels()}"


def _kernels() -> str:
    """OpenBLAS says for which processor its kernels are; other libraries are not asked."""
    with contextlib.suppress(OSError, AttributeError):
        folder = Path(np.__file__).parents[1] / "numpy.libs"
        for library in folder.glob("*openblas*"):
            loaded = ctypes.CDLL(str(library))
            for name in ("scipy_openblas_get_corename64_", "openblas_get_corename"):
                if hasattr(loaded, name):
                    function = getattr(loaded, name)
                    function.restype = ctypes.c_char_p
                    return f", kernels for {function().decode()}"
    return ""


def _simd() -> str:
    config: Any = np.show_config(mode="dicts")
    return ", ".join(config["SIMD Extensions"].get("found", []))
