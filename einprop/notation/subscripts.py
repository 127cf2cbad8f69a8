"""Parsing what stands between the brackets of a tensor."""

from __future__ import annotations

from einprop.notation.cursor import Cursor
from einprop.notation.lexer import COMPARISONS
from einprop.notation.tree import Access, Affine, Boundary, Group, Index, Subscript

__all__ = ["BOUNDARIES", "SubscriptParser"]

BOUNDARIES = ("pad", "wrap", "clamp")
"""Rules for positions outside an axis."""

_AFFINE_HINT = "a subscript is an integer combination of indices, such as 2*i+p-1, 7 or end-i"
_SUBSCRIPT_HINTS = {
    "name": "write a comma between two axes, (i j) for one axis that joins two indices",
    "number": "write a comma between two axes, 2*i for a multiple of an index",
    "*": _AFFINE_HINT,
    "/": _AFFINE_HINT,
    "^": _AFFINE_HINT,
    "(": "parentheses only group indices: (i j)",
    "+": "compute positions in an equation of their own",
    "-": "compute positions in an equation of their own",
    ":": "an axis is read whole by an index; where i in 2:5 restricts the index",
    "=": "to compare write [i == j]",
}


class SubscriptParser(Cursor):
    """Reads subscripts: affine positions, gathers, groups, boundaries."""

    def subscripts(self) -> tuple[Subscript, ...]:
        """Read ``[b, 2*i+p, tok[t]]``."""
        self.advance()
        if self.accept("]"):
            return ()
        found = [self.subscript()]
        while self.accept(","):
            found.append(self.subscript())
        if self.token.kind in COMPARISONS:
            raise self.error(
                "a comparison cannot be a subscript", "write a comparison alone in its bracket"
            )
        self.expect("]", _SUBSCRIPT_HINTS.get(self.token.kind, "write , or ] after a subscript"))
        return tuple(found)

    def subscript(self) -> Subscript:
        """Read one subscript."""
        start, following = self.token.start, self.following.kind
        if self.token.kind == "(":
            return self.group()
        if self.token.kind == "name" and following in ("[", "[?"):
            # Few frames a level: a gather in a gather in a gather is legal.
            name = self.tensor_name()
            self.refuse_comparison(name, start)
            subscripts = self.subscripts()
            return Access(name, subscripts, self.since(start))
        if self.token.kind == "name" and self.token.text in BOUNDARIES and following == "(":
            return self.boundary()
        return self.affine()

    def refuse_comparison(self, name: str, start: int) -> None:
        """A bracket after a name holds subscripts, so it cannot be an Iverson bracket."""
        if self.token.kind == "[?":
            raise self.error(
                f"the bracket after {name} holds a comparison, not subscripts",
                "for a product with an Iverson bracket "
                f"write {name}[] [i == j] or {name} * [i == j]",
                self.place(start, self.token.end),
            )

    def group(self) -> Group:
        """Read ``(h d)``."""
        opening = self.advance()
        tokens = []
        while self.token.kind == "name":
            tokens.append(self.name("an index"))
        if self.token.kind != ")" or len(tokens) < 2:
            raise self.error(
                "parentheses in a subscript join two or more indices",
                "write (h d) for an axis that is h and d joined, i+1 without parentheses",
                self.place(opening.start, self.token.end),
            )
        self.advance()
        indices = self.distinct(tokens, "a group")
        self.used.update(indices)
        return Group(indices, self.since(opening.start))

    def boundary(self) -> Boundary:
        """Read ``pad(i+p-1)``."""
        mode = self.advance()
        self.advance()
        subscript = self.affine()
        self.expect(")", _AFFINE_HINT)
        return Boundary(mode.text, subscript, self.since(mode.start))

    def affine(self) -> Index | Affine:
        """Read an integer combination, and merge what occurs twice.

        A lone index to which a constant is added is no plain index, also where the constant is 0.
        """
        start, shifted = self.token.start, False
        totals: dict[str, int] = {}
        sign = -1 if self.accept("-") else 1
        while True:
            coefficient, name = self.affine_term()
            totals[name] = totals.get(name, 0) + sign * coefficient
            shifted = shifted or not name
            self.check_integer(totals[name], start)
            if self.token.kind not in ("+", "-"):
                break
            sign = 1 if self.advance().kind == "+" else -1
        constant, end = totals.pop("", 0), totals.pop("end", 0)
        terms = tuple((factor, name) for name, factor in totals.items() if factor)
        place = self.since(start)
        if len(terms) == 1 and (terms[0][0], constant, end) == (1, 0, 0) and not shifted:
            return Index(terms[0][1], place)
        return Affine(terms, constant, end, place)

    def affine_term(self) -> tuple[int, str]:
        """Read ``i``, ``2*i``, ``2 i``, ``i*2`` or ``2``: a coefficient and an index (or none)."""
        if self.token.kind == "number":
            coefficient = self.integer()
            if self.accept("*") or self.token.kind == "name":
                return coefficient, self.affine_name()
            return coefficient, ""
        name = self.affine_name()
        if self.accept("*"):
            if self.token.kind != "number":
                raise self.unexpected("an integer", _AFFINE_HINT)
            return self.integer(), name
        return 1, name

    def affine_name(self) -> str:
        """Read an index or ``end``."""
        if self.token.kind != "name":
            raise self.unexpected(
                "a subscript", _SUBSCRIPT_HINTS[":"] if self.token.kind == ":" else _AFFINE_HINT
            )
        if self.token.text == "end":
            return self.advance().text
        if "." in self.token.text:
            raise self.error(
                f"{self.token.text} is a tensor, not an index",
                f"to read the position from a scalar tensor write {self.token.text}[]",
            )
        return self.index()
