"""Peak memory of a step: activations, workspace and results, without inputs and libraries."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable
from pathlib import Path

__all__ = ["peak_bytes"]

WARM_CALLS = 3


def peak_bytes(run: Callable[[], object], drop: Callable[[], None]) -> int | None:
    """Resident memory at the peak of warmed steps, less what stays when the step is dropped.

    The kernel keeps the largest resident size of a process; it is reset after the calls that compile
    and warm, so that compilers do not count. What a peer keeps from one call to the next (buffers, an
    arena) goes when the step is dropped, and so counts, like what it allocates within a call. Pages
    are 4 kB and allocators keep some of them: differences of some 100 kB mean nothing.

    Args:
        run: One step.
        drop: Forgets the step and all that it holds, but not the inputs.

    Returns:
        Bytes, or None where there is no Linux to ask.
    """
    if sys.platform != "linux":
        return None
    for _ in range(WARM_CALLS):
        run()
    _release()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    for _ in range(WARM_CALLS):
        run()
    peak = _status("VmHWM")
    drop()
    _release()
    return max(peak - _status("VmRSS"), 0)


def _release() -> None:
    """Give back to the system what was freed."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def _status(field: str) -> int:
    """A size from the kernel's account of this process, in bytes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"the kernel does not tell {field}")
