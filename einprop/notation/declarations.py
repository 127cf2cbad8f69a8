"""Parsing what lines declare: indices, tensors, ranges and sizes, the heads of definitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from einprop.errors import EquationSyntaxError, Place
from einprop.notation.expressions import ExpressionParser
from einprop.notation.functions import Signature
from einprop.notation.lexer import Token
from einprop.notation.tree import (
    Access,
    Index,
    IndexDeclaration,
    IndexGroup,
    Range,
    Size,
    TensorDeclaration,
)

__all__ = ["DeclarationParser"]

_SIZE_HINT = "a size is an integer, the name of a type, or a sum of such: 10, pixel, pixel+2"


class DeclarationParser(ExpressionParser):
    """Reads declarations, and what stands behind ``where``.

    Attributes:
        declared: Indices that some line declares, with where.
        tensors: Tensors declared so far: (whether as output, name), with where.
        defined: Names that equations and declarations give a meaning.
    """

    def __init__(self, text: str, tokens: list[Token], signatures: Mapping[str, Signature]) -> None:
        super().__init__(text, tokens, signatures)
        self.declared: dict[str, Place] = {}
        self.tensors: dict[tuple[bool, str], Place] = {}
        self.defined: set[str] = set()

    def index_declaration(self) -> IndexDeclaration:
        """Read ``index q, k: position < 128, i: pixel``."""
        start = self.advance().start
        groups = [self.index_group()]
        while self.accept(","):
            groups.append(self.index_group())
        return IndexDeclaration(tuple(groups), self.since(start))

    def index_group(self) -> IndexGroup:
        """Read ``q, k: position < 128``."""
        start = self.token.start
        tokens = [self.name("an index")]
        while self.accept(","):
            tokens.append(self.name("an index"))
        indices = self.distinct(tokens, "an index declaration")
        self.expect(":", f"write the type of {indices[-1]}: index {indices[-1]}: position")
        kind = self.name("a type", reserved=False).text
        size = self.size() if self.accept("<") else None
        return IndexGroup(indices, kind, size, self.since(start))

    def declare_indices(self, group: IndexGroup) -> None:
        """Note the indices of one clause, which no other clause may declare."""
        for index in group.indices:
            if index in self.declared:
                raise EquationSyntaxError(
                    f"index {index} is declared twice",
                    [self.declared[index], group.place],
                    f"declare {index} once",
                )
            if group.place is not None:
                self.declared[index] = group.place

    def tensor_declaration(self) -> TensorDeclaration:
        """Read ``input x[b,i], t[b,k]``."""
        keyword = self.advance()
        tensors = [self.declared_tensor(keyword.text)]
        while self.accept(","):
            tensors.append(self.declared_tensor(keyword.text))
        return TensorDeclaration(keyword.text, tuple(tensors), self.since(keyword.start))

    def declared_tensor(self, kind: str) -> Access:
        """Read ``x[b,i]``, with one index an axis."""
        start = self.token.start
        name = self.tensor_name()
        subscripts = self.subscripts() if self.token.kind in ("[", "[?") else ()
        for subscript in subscripts:
            if not isinstance(subscript, Index):
                raise EquationSyntaxError(
                    f"the declaration of {name} has a subscript that is not an index",
                    [subscript.place],
                    f"name each axis by an index: {kind} {name}[i,j]",
                )
        place = self.since(start)
        before = self.tensors.setdefault((kind == "output", name), place)
        if before is not place:
            raise EquationSyntaxError(
                f"{name} is declared twice", [before, place], f"declare {name} once"
            )
        self.defined.add(name)
        return Access(name, subscripts, place)

    def definition_head(self) -> tuple[str, Signature]:
        """Read ``def softmax[k](s)``."""
        self.advance()
        name = self.name("a definition").text
        indices = self.index_list() if self.token.kind in ("[", "[?") else ()
        self.expect("(", f"write the parameters: def {name}(x) = ...")
        parameters = self.names("a parameter", "a parameter list", ")")
        for parameter in parameters:
            if parameter in indices:
                raise self.error(
                    f"{parameter} is both an index and a parameter of {name}",
                    "choose another name for one of them",
                    self.at(self.previous),
                )
        return name, Signature("definition", parameters, indices)

    def where_clauses(self) -> tuple[tuple[Range, ...], tuple[Access, ...]]:
        """Read ``where i in 0:5, x[i+1]``."""
        if self.token.text != "where":
            return (), ()
        self.advance()
        clauses = [self.where_clause()]
        while self.accept(","):
            clauses.append(self.where_clause())
        inside = tuple([clause for clause in clauses if isinstance(clause, Access)])
        return self.ranges([c for c in clauses if isinstance(c, Range)]), inside

    def where_clause(self) -> Range | Access:
        """Read ``i in 0:5`` or ``x[i+1]``."""
        if self.following.kind != "[":
            return self.range()
        start = self.token.start
        name = self.tensor_name()
        return Access(name, self.subscripts(), self.since(start))

    def ranges(self, found: Sequence[Range]) -> tuple[Range, ...]:
        """Ranges, refused if an index has two."""
        first: dict[str, Range] = {}
        for clause in found:
            if clause.index in first:
                raise EquationSyntaxError(
                    f"index {clause.index} has two ranges",
                    [first[clause.index].place, clause.place],
                    f"write one range for {clause.index}",
                )
            first[clause.index] = clause
        return tuple(found)

    def range(self) -> Range:
        """Read ``i in 0:5``."""
        start = self.token.start
        index = self.index()
        if self.token.text != "in":
            raise self.unexpected("in", "a range is written where i in 0:5")
        self.advance()
        lower = self.size()
        self.expect(":", "a range is written where i in 0:5")
        upper = self.size()
        return Range(index, lower, upper, self.since(start))

    def size(self) -> Size:
        """Read ``10``, ``pixel`` or ``pixel+2``."""
        parts: list[int | str] = []
        sign = -1 if self.accept("-") else 1
        while True:
            if self.token.kind == "name" and sign > 0:
                parts.append(self.name("a type", reserved=False).text)
            elif self.token.kind == "number":
                parts.append(sign * self.integer())
            else:
                raise self.unexpected("a size", _SIZE_HINT)
            if self.token.kind not in ("+", "-"):
                return tuple(parts)
            sign = 1 if self.advance().kind == "+" else -1
