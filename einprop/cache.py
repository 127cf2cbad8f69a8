"""Where this machine keeps what was fetched or measured once."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder() -> Path:
    """Where data and measurements are kept: ``EINPROP_CACHE``, else the platform's place for caches.

    That is ``~/Library/Caches`` on macOS, ``LOCALAPPDATA`` on Windows, and ``XDG_CACHE_HOME``, by
    default ``~/.cache``, elsewhere; in each a folder ``einprop``. The folder need not exist.
    """
    chosen = os.environ.get("EINPROP_CACHE")
    if chosen:
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "einprop"
    variable = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME"
    platform = os.environ.get(variable)
    return (Path(platform) if platform else Path.home() / ".cache") / "einprop"
