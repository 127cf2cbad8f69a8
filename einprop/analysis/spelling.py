"""Names that users pass, and those of the program that they stand for or come close to."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from difflib import get_close_matches

from einprop.errors import InputError

__all__ = ["did_you_mean", "keyword", "respelt"]

_CLOSENESS = 0.75


def respelt(name: str, known: Collection[str]) -> str:
    """The known name that a name is another spelling of, or the name itself.

    Python normalises the names of keywords (NFKC), and makes one name of letters that programs tell
    apart: a keyword ``ϕ`` arrives as ``φ``.

    Raises:
        InputError: It is another spelling of several.

    >>> respelt("φ", ["ϕ", "x"]), respelt("y", ["x"])
    ('ϕ', 'y')
    """
    if name in known or not isinstance(name, str):
        return name
    found = [k for k in known if not k.isascii() and keyword(k) == keyword(name)]
    if len(found) > 1:
        raise InputError(
            f"{name} is a spelling of {' and of '.join(found)}: Python's keywords do not tell them apart",
            (),
            f"pass a mapping, as in {{{found[0]!r}: …}}",
        )
    return found[0] if found else name


def keyword(name: str) -> str:
    """The name as Python reads it where it is a keyword.

    >>> keyword("ϕ") == "φ"
    True
    """
    return unicodedata.normalize("NFKC", name)


def did_you_mean(name: str, known: Collection[str]) -> str:
    """What to add to a hint: the known name that is nearest to an unknown one.

    >>> did_you_mean("w", ["x", "W"]), did_you_mean("y_grad", ["y.grad"]), did_you_mean("z", ["x"])
    ('; did you mean W?', "; did you mean y.grad? It is passed in a mapping, {'y.grad': …}", '')
    """
    if not isinstance(name, str) or len(name) > 100:
        return ""
    dotted = name.replace("_", ".")
    if "." in dotted and "." not in name and dotted in known:
        return f"; did you mean {dotted}? It is passed in a mapping, {{{dotted!r}: …}}"
    alike = [k for k in known if k.casefold() == name.casefold()]
    alike += get_close_matches(name, list(known), 1, _CLOSENESS) if len(name) > 2 else []
    return f"; did you mean {alike[0]}?" if alike else ""
