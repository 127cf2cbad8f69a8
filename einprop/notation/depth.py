"""Room on the interpreter's stack for recursion over trees as deep as programs may be."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

__all__ = ["deep"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

# A tree may have 200 levels, and what is derived from it a few times as many; a pass takes up to six
# frames a level.
_FRAMES = 8000

_lock = threading.Lock()
_inside = 0
_before = 0


def deep(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """The function with room for deep trees: while one such runs, the recursion limit is higher.

    The limit is the interpreter's, for all threads: the last of the functions to end sets it back.

    >>> @deep
    ... def depth(n):
    ...     return n and 1 + depth.__wrapped__(n - 1)
    >>> depth(3000)
    3000
    """

    @wraps(function)
    def roomy(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        _enter()
        try:
            return function(*args, **kwargs)
        finally:
            _leave()

    return roomy


def _enter() -> None:
    global _inside, _before  # noqa: PLW0603
    with _lock:
        if not _inside:
            _before = sys.getrecursionlimit()
            sys.setrecursionlimit(max(_before, _FRAMES))
        _inside += 1


def _leave() -> None:
    global _inside  # noqa: PLW0603
    with _lock:
        _inside -= 1
        # A limit that was set meanwhile, by somebody else, stays.
        if not _inside and sys.getrecursionlimit() == max(_before, _FRAMES):
            sys.setrecursionlimit(_before)
