"""The definitions that ship with the package, in the language itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType

from einprop.notation.parser import parse
from einprop.notation.tree import Definition

__all__ = ["prelude"]


@lru_cache(maxsize=1)
def prelude() -> Mapping[str, Definition]:
    """The definitions of ``prelude.ein`` by name, parsed once.

    >>> prelude()["softmax"].indices
    ('k',)
    """
    text = files("einprop.notation").joinpath("prelude.ein").read_text(encoding="utf-8")
    statements = parse(text, definitions={})
    return MappingProxyType({s.name: s for s in statements if isinstance(s, Definition)})
