"""Text into statements: a program is read line by line, each line by its first word."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import pairwise
from typing import TypeVar

from einprop.errors import EquationSyntaxError
from einprop.notation.declarations import DeclarationParser
from einprop.notation.depth import deep
from einprop.notation.functions import Function, Signature, leaf_signatures, signature
from einprop.notation.lexer import COMPARISONS, normalise, tokenise
from einprop.notation.tree import (
    Access,
    Backward,
    Definition,
    Equation,
    Expression,
    Statement,
)

__all__ = ["parse", "parse_expression"]

_T = TypeVar("_T")

_OPERATOR_HINTS = {
    "-": "the operators are = += max= min=; to subtract write += -(...)",
    "*": "the operators are = += max= min=",
    "/": "the operators are = += max= min=",
    **dict.fromkeys(("==", ":", "<"), "to define a tensor write one ="),
    "(": "functions are defined by def f(x) = ...; a tensor has subscripts, y[i] = ...",
    "line": "an equation names what it defines: y[b,j] = x[b,i] W[i,j]",
    "end": "an equation names what it defines: y[b,j] = x[b,i] W[i,j]",
}
_OPERATOR_HINT = "an equation is written y[b,j] = x[b,i] W[i,j]"

_END_HINTS = {
    "=": "write one equation a line; to compare write [i == j]",
    ",": "several arguments stand in a call; several ranges stand behind where",
    ":": "ranges stand behind the expression: where i in 0:5",
    "+=": "write one equation a line",
    **dict.fromkeys(COMPARISONS, "a comparison stands between brackets: [i == j]"),
}
_START_HINTS = dict.fromkeys(
    ("+", "-", "*", "/", "^", "=", "+=", ",", ":"),
    "a line goes on only inside brackets or after a sign: end the line before with it",
)


class _StatementParser(DeclarationParser):
    """Reads statements."""

    def program(self) -> tuple[Statement, ...]:
        """Read all statements; definitions and declared indices are known everywhere."""
        self.announce()
        statements = []
        while not self.accept("end"):
            statements.append(self.statement())
            self.finish()
        self.refuse_unknown(self.defined)
        return tuple(statements)

    def announce(self) -> None:
        """Read the heads of all definitions and all index declarations, and note whose names give way."""
        starts = [0] + [i + 1 for i, token in enumerate(self.tokens) if token.kind == "line"]
        claimed = {a.text for a, b in pairwise(self.tokens) if b.kind == "["} | self.defined
        for start in starts:
            self.position = start
            named = set(self.named_here())
            for name in self.yielding.intersection(named):
                del self.signatures[name]
                self.yielding.remove(name)
            claimed |= named
        self.constants = {n: v for n, v in self.constants.items() if n not in claimed}
        for start in starts:
            self.position = start
            keyword = self.keyword()
            if keyword == "def":
                name, signature = self.definition_head()
                self.signatures[name] = signature
            elif keyword == "index":
                for group in self.index_declaration().groups:
                    self.declare_indices(group)
        self.position = 0

    def named_here(self) -> Iterator[str]:
        """The names that the line at hand defines or declares, suffixes left off."""
        keyword = self.keyword()
        if keyword in ("backward", "override"):
            self.advance()
        if keyword == "def":
            yield self.following.text
        elif keyword in ("input", "param", "output"):
            depth = 0
            while self.token.kind not in ("line", "end"):
                depth += {"[": 1, "]": -1}.get(self.token.kind, 0)
                if self.token.kind == "name" and not depth:
                    yield self.token.text.partition(".")[0]
                self.advance()
        elif self.token.kind == "name":
            name = self.advance().text.partition(".")[0]
            depth = self.token.kind == "["
            while depth and self.token.kind not in ("line", "end"):
                self.advance()
                depth += {"[": 1, "]": -1}.get(self.token.kind, 0)
                if not depth:
                    self.advance()
            extremum = self.token.text in ("max", "min") and self.following.kind == "="
            if self.token.kind in ("=", "+=") or extremum:
                yield name

    def keyword(self) -> str | None:
        """The keyword at the start of a statement: a name is one only before another name."""
        if self.token.kind != "name" or self.following.kind != "name":
            return None
        after = self.tokens[min(self.position + 2, len(self.tokens) - 1)]
        if self.following.text in ("max", "min") and after.kind == "=":
            return None
        return self.token.text if self.token.text in self.keywords else None

    def statement(self) -> Statement:
        """Read one statement."""
        keyword = self.keyword()
        if keyword is not None:
            return self.keywords[keyword](self)
        if self.token.kind != "name":
            hint = "a line is a declaration or an equation, y[b,j] = x[b,i] W[i,j]"
            raise self.unexpected("a statement", _START_HINTS.get(self.token.kind, hint))
        return self.scoped(self.equation)

    def finish(self) -> None:
        """Read the end of a statement."""
        if self.token.kind != "end" and not self.accept("line"):
            raise self.unexpected(
                "the end of the line",
                _END_HINTS.get(self.token.kind, "end the line here, or write an operator"),
            )

    def scoped(
        self, read: Callable[[], _T], scalars: Collection[str] = (), indices: Collection[str] = ()
    ) -> _T:
        """Read what has its own indices.

        Whether a bare name inside an Iverson bracket is an index shows only at the end of the
        equation, so an equation that proves to have scalars there is read a second time.
        """
        start = self.position
        self.parameters = self.scalars = frozenset(scalars)
        self.positions = bool(indices)
        self.used, self.bare = set(indices), set()
        result = read()
        self.scalars |= self.bare - self.used - self.declared.keys()
        if self.bare & self.scalars - self.parameters:
            self.position = start
            result = read()
        self.parameters = self.scalars = frozenset()
        return result

    def equation(self) -> Equation:
        """Read ``y[b,j] += x[b,i] W[i,j] where i in 0:5``."""
        start = self.token.start
        name = self.tensor_name()
        self.refuse_comparison(name, start)
        subscripts = self.subscripts() if self.token.kind == "[" else ()
        target = Access(name, subscripts, self.since(start))
        self.defined.add(name)
        operator = self.equation_operator()
        expression = self.whole_expression()
        ranges, inside = self.where_clauses()
        return Equation(target, operator, expression, ranges, inside, self.since(start))

    def backward(self) -> Backward:
        """Read ``backward x.grad[i] += y.grad[i] w[i]``."""
        keyword = self.advance()
        equation = self.scoped(self.equation)
        return Backward(equation, keyword.text == "override", self.since(keyword.start))

    def equation_operator(self) -> str:
        """Read ``=``, ``+=``, ``max=`` or ``min=``."""
        if self.token.kind in ("=", "+="):
            return self.advance().kind
        if self.token.text in ("max", "min") and self.following.kind == "=":
            return self.advance().text + self.advance().text
        raise self.unexpected(
            "= or += or max= or min=", _OPERATOR_HINTS.get(self.token.kind, _OPERATOR_HINT)
        )

    def whole_expression(self) -> Expression:
        """Read an expression that is no part of another one."""
        self.iverson_depth = 0
        expression = self.expression()
        self.check_depth(expression)
        return expression

    def definition(self) -> Definition:
        """Read ``def softmax[k](s) = exp(s) / sum[k](exp(s))``."""
        start, name = self.token.start, self.following.text
        signature = self.signatures.pop(name)
        self.definition_head()
        self.signatures[name] = signature
        self.expect("=", f"write def {name}({', '.join(signature.parameters)}) = ...")
        body = self.scoped(self.whole_expression, signature.parameters, signature.indices)
        for parameter in signature.parameters:
            if parameter in self.used:
                raise self.error(
                    f"{parameter} is a parameter of {name} and cannot be an index",
                    "choose another name for one of them",
                    self.since(start),
                )
        place = self.since(start)
        return Definition(name, signature.indices, signature.parameters, body, place)

    keywords: Mapping[str, Callable[[_StatementParser], Statement]] = {
        "index": DeclarationParser.index_declaration,
        "input": DeclarationParser.tensor_declaration,
        "param": DeclarationParser.tensor_declaration,
        "output": DeclarationParser.tensor_declaration,
        "local": DeclarationParser.tensor_declaration,
        "def": definition,
        "backward": backward,
        "override": backward,
    }


def _parser(text: str, definitions: Mapping[str, Definition] | None) -> _StatementParser:
    """A parser at the start of the text, which knows the leaves and the definitions."""
    if definitions is None:
        # The prelude is itself parsed by this module, so it cannot be imported before.
        from einprop.notation.prelude import prelude  # noqa: PLC0415

        definitions = prelude()
    signatures = leaf_signatures() | {
        name: Signature("definition", definition.parameters, definition.indices)
        for name, definition in definitions.items()
    }
    text = normalise(text)
    return _StatementParser(text, tokenise(text), signatures)


def _guarded(read: Callable[[], _T]) -> _T:
    """Call ``read``; the limits on nesting suffice, unless the caller's stack is nearly full."""
    try:
        return read()
    except RecursionError:
        raise EquationSyntaxError(
            "nested too deeply", (), "give an inner part a name in an equation of its own"
        ) from None


@deep
def parse(
    text: str,
    definitions: Mapping[str, Definition] | None = None,
    tensors: Collection[str] = (),
) -> tuple[Statement, ...]:
    """The statements of a program's text.

    Args:
        text: The program.
        definitions: What is known besides the leaf functions and the program's own definitions; the
            prelude if not given.
        tensors: Names of tensors that the text may read and that it gives no meaning itself.

    Raises:
        EquationSyntaxError: The text is not a program.

    >>> parse("y[i] = 2 x[i]")[0].expression
    Multiply(factors=(Number(value=2), Access(name='x', subscripts=(Index(name='i'),))))
    >>> parse("y[i] = sigmod(x[i])")
    Traceback (most recent call last):
    einprop.errors.EquationSyntaxError: unknown function sigmod: did you mean sigmoid?
        y[i] = sigmod(x[i])
               ^^^^^^
    for a product write sigmod * (...)
    """
    parser = _parser(text, definitions)
    parser.defined.update(tensors)
    return _guarded(parser.program)


@deep
def parse_expression(
    text: str,
    parameters: Collection[str] = (),
    definitions: Mapping[str, Definition] | None = None,
    function: Function | None = None,
) -> Expression:
    """The tree of an expression that stands alone, such as the text of a derivative.

    Args:
        text: The expression.
        parameters: Names that stand for scalars, also inside an Iverson bracket.
        definitions: As for `parse`.
        function: A leaf that the text may call before it is in the table.

    Raises:
        EquationSyntaxError: The text is not an expression.

    >>> parse_expression("[x > 0]", ("x",)).left
    Access(name='x', subscripts=())
    """
    parser = _parser(text, definitions)
    if function is not None:
        parser.signatures[function.name] = signature(function)

    def read() -> Expression:
        expression = parser.scoped(parser.whole_expression, parameters)
        parser.accept("line")
        parser.expect("end", "an expression stands alone here")
        parser.refuse_unknown(())
        return expression

    return _guarded(read)
