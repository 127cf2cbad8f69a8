"""Builds the documentation as CI does: any warning is a failure."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.docs.fences import ROOT

_LIMIT = 300


@dataclass(frozen=True, slots=True)
class Site:
    """A built site: its HTML, and what Sphinx complained about."""

    html: Path
    complaints: str


def build(folder: Path, source: Path = ROOT / "docs") -> Site:
    """Build a site into a folder: the documentation, or other pages in its manner."""
    log = folder / "complaints"
    command = ["-m", "sphinx", "-W", "-n", "-q", "-b", "html", "-c", str(ROOT / "docs")]
    done = subprocess.run(
        [sys.executable, *command, "-d", folder / "doctrees", source, folder / "html"],
        env={**os.environ, "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=_LIMIT,
    )
    text = done.stdout + done.stderr
    log.with_suffix(".part").write_text(
        text or ("" if done.returncode == 0 else "failed"), encoding="utf-8"
    )
    log.with_suffix(".part").rename(log)
    return wait_for(folder)


def wait_for(folder: Path) -> Site:
    """The site that another process builds into a folder."""
    log = folder / "complaints"
    end = time.monotonic() + _LIMIT
    while not log.exists():
        if time.monotonic() > end:
            raise TimeoutError(f"nobody built {folder}")
        time.sleep(0.1)
    return Site(folder / "html", log.read_text(encoding="utf-8"))
