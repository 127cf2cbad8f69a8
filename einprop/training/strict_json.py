"""JSON as files of ours hold it, read without trust: one object, no name twice, nothing but JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from einprop.errors import InputError

__all__ = ["parse_object", "print_object"]


def parse_object(text: str) -> dict[str, Any]:
    """The one object that ``text`` is.

    Raises:
        InputError: It is none, or is not JSON alone: a name comes twice, a number is not finite, a
            string is no text, or it is nested too deeply.

    >>> parse_object('{"shape": [2, 3]}')
    {'shape': [2, 3]}
    """
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse_constant)
        # What cannot be written again is refused: half a character (ud800), or 1e999.
        print_object(found).encode("utf-8")
    except InputError:
        raise
    except RecursionError:
        raise InputError("its JSON is nested too deeply") from None
    except ValueError as error:
        raise InputError(f"its JSON cannot be read: {str(error)[:120]}") from None
    if not isinstance(found, dict):
        raise InputError("its JSON is no object")
    return found


def print_object(value: object) -> str:
    """The text of an object, without white space.

    >>> print_object({"shape": (2, 3)})
    '{"shape":[2,3]}'
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise InputError(f"its JSON names {twice[:120]!r} twice")
    return found


def _refuse_constant(constant: str) -> None:
    raise InputError(f"its JSON holds {constant}, which is no number")
