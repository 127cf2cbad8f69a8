"""Definitions expanded: `softmax[k](s)` becomes the expression that the prelude or the program gives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from einprop.analysis.indices import free_indices
from einprop.errors import IndexScopeError, UnsupportedError
from einprop.notation.prelude import prelude
from einprop.notation.printer import to_text
from einprop.notation.tree import (
    Access,
    Call,
    Definition,
    Expression,
    Index,
    IndexValue,
    Statement,
    children,
    map_children,
    walk,
)

__all__ = ["Definitions", "collect_definitions", "substitute"]


_LARGEST = 5000
_DEEPEST = 200


@dataclass(frozen=True)
class Definitions:
    """Definitions with their bodies expanded down to leaf functions and reductions."""

    bodies: Mapping[str, Definition]
    keeping: frozenset[str]

    def keeps_indices(self, name: str) -> bool:
        """Whether the index parameters stay free: yes for ``softmax[k]``, no for ``mean[k]``."""
        return name in self.keeping

    def expand(self, expression: Expression) -> Expression:
        """The expression with every call of a definition replaced by its body.

        >>> from einprop.notation.parser import parse
        >>> equation = parse("y[b] = logsumexp[k](s[b,k])")[0]
        >>> to_text(collect_definitions(()).expand(equation.expression))
        'log(sum[k](exp(s[b,k])))'
        """
        expression = map_children(expression, self.expand)
        if not isinstance(expression, Call):
            return expression
        if expression.function not in self.bodies:
            return expression
        definition = self.bodies[expression.function]
        arguments = dict(zip(definition.parameters, expression.arguments, strict=True))
        expanded = substitute(definition.body, arguments, _index_lists(definition, expression))
        _check_extent(expanded, expression)
        return expanded


def _keeps(definition: Definition) -> bool:
    argument = Access("argument", tuple(Index(i) for i in definition.indices))
    names = dict.fromkeys(definition.parameters, argument)
    return bool(free_indices(substitute(definition.body, names, {})))


def _check_extent(expanded: Expression, call: Call) -> None:
    """Refuse what would grow or nest without bound: a definition repeats its arguments."""
    count = 0
    level: tuple[Expression, ...] = (expanded,)
    for _ in range(_DEEPEST):
        count += len(level)
        level = tuple(child for node in level for child in children(node))
        if not level or count > _LARGEST:
            break
    if level:
        raise IndexScopeError(
            f"{call.function} and the definitions inside it expand to more than {_LARGEST} "
            f"operations or {_DEEPEST} levels",
            [call.place],
            "give an inner result a name, by an equation of its own",
        )


def _index_lists(definition: Definition, call: Call) -> dict[str, tuple[str, ...]]:
    """The indices that each index parameter stands for; a lone parameter takes them all."""
    if len(definition.indices) == 1:
        return {definition.indices[0]: call.indices}
    return {p: (i,) for p, i in zip(definition.indices, call.indices, strict=True)}


def substitute(
    body: Expression,
    arguments: Mapping[str, Expression],
    indices: Mapping[str, tuple[str, ...]],
) -> Expression:
    """A definition's body with arguments for its parameters and index lists for its indices."""
    match body:
        case Access(name):
            return arguments[name]
        case IndexValue(name):
            actual = indices.get(name, (name,))
            if len(actual) > 1:
                raise UnsupportedError(
                    f"the value of index parameter {name} is not one number for {len(actual)} indices",
                    [body.place],
                )
            return replace(body, name=actual[0])
        case Call(_, _, bound) if bound:
            actual = tuple(i for parameter in bound for i in indices.get(parameter, (parameter,)))
            body = replace(body, indices=actual)
    return map_children(body, lambda child: substitute(child, arguments, indices))


def collect_definitions(statements: Sequence[Statement]) -> Definitions:
    """The prelude's definitions and those of ``statements``, bodies expanded.

    Raises:
        IndexScopeError: A definition uses a name that is not its parameter, or itself.
    """
    own = [statement for statement in statements if isinstance(statement, Definition)]
    if not own:
        return _prelude_definitions()
    for definition in own:
        _check(definition)
    return _finished({**prelude(), **{definition.name: definition for definition in own}})


@cache
def _prelude_definitions() -> Definitions:
    return _finished(prelude())


def _finished(written: Mapping[str, Definition]) -> Definitions:
    finished: dict[str, Definition] = {}
    for name in written:
        _finish(name, written, finished, ())
    return Definitions(finished, frozenset(d.name for d in finished.values() if _keeps(d)))


def _finish(
    name: str,
    written: Mapping[str, Definition],
    finished: dict[str, Definition],
    pending: tuple[str, ...],
) -> None:
    if name in finished:
        return
    if name in pending:
        raise IndexScopeError(
            f"definition {name} uses itself: "
            + " -> ".join((*pending[pending.index(name) :], name)),
            [written[name].place],
            "a definition may use leaf functions, reductions and other definitions, not itself",
        )
    definition = written[name]
    for node in walk(definition.body):
        if isinstance(node, Call) and node.function in written:
            _finish(node.function, written, finished, (*pending, name))
    body = Definitions(finished, frozenset()).expand(definition.body)
    finished[name] = replace(definition, body=body)


def _check(definition: Definition) -> None:
    """Refuse what would reach outside the definition: other tensors, other indices."""
    for node in walk(definition.body):
        if isinstance(node, Access) and (node.name not in definition.parameters or node.subscripts):
            raise IndexScopeError(
                f"definition {definition.name} reads {to_text(node)}, which is not its parameter",
                [node.place],
                f"a definition sees its parameters alone: {', '.join(definition.parameters)}; "
                "pass the tensor as another one",
            )
        stray = (
            [i for i in node.indices if i not in definition.indices]
            if isinstance(node, Call)
            else []
        )
        if isinstance(node, IndexValue) and node.name not in definition.indices:
            stray = [node.name]
        if stray:
            name, own = definition.name, definition.indices
            raise IndexScopeError(
                f"definition {name} binds index {stray[0]}, which is not its index parameter",
                [node.place],
                f"name it in the head: def {name}[{','.join((*own, stray[0]))}](…)",
            )
