"""Definitions expanded: `softmax[k](s)` becomes the expression that the prelude or the program gives it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from einprop.analysis.bodies import check_body, own_indices, with_subscripts
from einprop.analysis.indices import free_indices, plain_subscripts, rename_indices
from einprop.errors import IndexScopeError
from einprop.notation.functions import SINGLE_INDEX
from einprop.notation.prelude import prelude
from einprop.notation.tree import (
    Access,
    Call,
    Definition,
    Expression,
    IndexValue,
    Statement,
    children,
    map_children,
    walk,
)

__all__ = ["Budget", "Definitions", "Expanded", "collect_definitions", "instance"]


_LARGEST = 5000
_DEEPEST = 200
_LARGEST_PROGRAM = 200_000


@dataclass
class Budget:
    """How many operations the definitions of a program may still expand to, all calls together.

    Attributes:
        left: So many.
    """

    left: int = _LARGEST_PROGRAM

    def spend(self, operations: int, call: Call) -> None:
        """Take what a call has expanded to.

        Raises:
            IndexScopeError: That was too much.
        """
        self.left -= operations
        if self.left < 0:
            raise IndexScopeError(
                f"the definitions of the program expand to more than {_LARGEST_PROGRAM} operations",
                [call.place],
                "this is the first call beyond that; write the program in several, or call less",
            )


@dataclass(frozen=True)
class Expanded:
    """A definition whose body calls leaf functions and reductions alone.

    Attributes:
        definition: Its body reads every parameter at explicit index parameters, ``x[t]`` for ``x``.
        own: The indices that the body binds besides the index parameters: for each the index
            parameter whose axis it runs along.
        kept: The index parameters that stay free.
    """

    definition: Definition
    own: Mapping[str, str]
    kept: tuple[str, ...]


@dataclass(frozen=True)
class Definitions:
    """Definitions with their bodies expanded down to leaf functions and reductions."""

    bodies: Mapping[str, Expanded]

    def kept(self, call: Call) -> tuple[str, ...]:
        """The indices of a call that stay free: ``k`` of ``softmax[k]``, none of ``mean[k]``."""
        expanded = self.bodies.get(call.function)
        if expanded is None:
            return ()
        lists = _index_lists(expanded.definition, call)
        return tuple(i for parameter in expanded.kept for i in lists[parameter])

    def expand(
        self,
        expression: Expression,
        taken: Collection[str] = (),
        budget: Budget | None = None,
    ) -> Expression:
        """The expression with every call of a definition replaced by its body.

        Args:
            expression: Its sums are explicit.
            taken: Indices that a definition's own ones may not be called.
            budget: What the program has left; by default each expression has its own.

        >>> from einprop.notation.parser import parse
        >>> from einprop.notation.printer import to_text
        >>> equation = parse("y[b] = logsumexp[k](s[b,k])")[0]
        >>> to_text(collect_definitions(()).expand(equation.expression))
        'log(sum[k](exp(s[b,k])))'
        """
        budget = Budget() if budget is None else budget
        expression = map_children(expression, lambda child: self.expand(child, taken, budget))
        if not isinstance(expression, Call) or expression.function not in self.bodies:
            return expression
        result = instance(self.bodies[expression.function], expression, taken)
        budget.spend(_extent(result, expression), expression)
        return result


def instance(expanded: Expanded, call: Call, taken: Collection[str] = ()) -> Expression:
    """The body of a definition for the arguments and indices of a call of it.

    The definition's own indices are called like the call's, with more primes than any index that
    the arguments or ``taken`` hold.
    """
    definition = expanded.definition
    lists = _index_lists(definition, call)
    used = {*taken, *call.indices, *(i for a in call.arguments for i in free_indices(a))}
    for own, parameter in expanded.own.items():
        fresh = []
        for index in lists[parameter]:
            primed = f"{index}'"
            while primed in used:
                primed += "'"
            used.add(primed)
            fresh.append(primed)
        lists[own] = tuple(fresh)
    arguments = dict(zip(definition.parameters, call.arguments, strict=True))
    return _Instance(definition.indices, arguments, lists, call).of(definition.body)


def _index_lists(definition: Definition, call: Call) -> dict[str, tuple[str, ...]]:
    """The indices that each index parameter stands for; a lone parameter takes them all."""
    if len(definition.indices) == 1:
        return {definition.indices[0]: call.indices}
    return {p: (i,) for p, i in zip(definition.indices, call.indices, strict=True)}


@dataclass(frozen=True)
class _Instance:
    """Arguments for parameters and index lists for indices, put into a body."""

    indices: tuple[str, ...]
    arguments: Mapping[str, Expression]
    lists: Mapping[str, tuple[str, ...]]
    call: Call

    def of(self, body: Expression) -> Expression:
        match body:
            case Access(name):
                return self.argument(name, plain_subscripts(body))
            case IndexValue(name):
                return replace(body, name=self.one(name))
            case Call(function, _, bound) if bound:
                if function in SINGLE_INDEX:
                    self.one(bound[0])
                actual = tuple(i for index in bound for i in self.lists[index])
                body = replace(body, indices=actual)
        return map_children(body, self.of)

    def argument(self, name: str, positions: Sequence[str]) -> Expression:
        """An argument with its indices replaced by those at which the body reads it."""
        names: dict[str, str] = {}
        for parameter, position in zip(self.indices, positions, strict=True):
            names.update(zip(self.lists[parameter], self.lists[position], strict=True))
        changed = {old: new for old, new in names.items() if old != new}
        return rename_indices(self.arguments[name], changed)

    def one(self, index: str) -> str:
        """The only index that ``index`` stands for: it is compared, or its position is wanted."""
        actual = self.lists[index]
        if len(actual) > 1:
            name, given = self.call.function, ",".join(self.call.indices)
            raise IndexScopeError(
                f"{name} uses the position of its index, which {len(actual)} indices do not have",
                [self.call.place],
                f"write {name} with one index instead of {given}",
            )
        return actual[0]


def _extent(expanded: Expression, call: Call) -> int:
    """How many operations a call is; what would grow or nest without bound is refused.

    A definition repeats its arguments.
    """
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
    return count


def collect_definitions(statements: Sequence[Statement]) -> Definitions:
    """The prelude's definitions and those of ``statements``, bodies expanded.

    A definition of ``statements`` stands before one of the prelude that has its name; those of the
    prelude go on using each other.

    Raises:
        IndexScopeError: A definition uses a name that is not its parameter, or itself.
    """
    own = {s.name: s for s in statements if isinstance(s, Definition)}
    shipped = _prelude_definitions()
    if not own:
        return shipped
    finished = {name: body for name, body in shipped.bodies.items() if name not in own}
    return _finished(own, finished)


@cache
def _prelude_definitions() -> Definitions:
    return _finished(prelude(), {})


def _finished(written: Mapping[str, Definition], finished: dict[str, Expanded]) -> Definitions:
    for name in written:
        _finish(name, written, finished, ())
    return Definitions(finished)


def _finish(
    name: str,
    written: Mapping[str, Definition],
    finished: dict[str, Expanded],
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
    known = Definitions(finished)
    check_body(definition, known.kept)
    body = known.expand(with_subscripts(definition))
    definition = replace(definition, body=body)
    free = free_indices(body)
    kept = tuple(i for i in definition.indices if i in free)
    finished[name] = Expanded(definition, own_indices(definition), kept)
