"""What the body of a definition may say: its parameters, index parameters and the indices that it binds."""

from __future__ import annotations

from collections.abc import Callable

from einprop.analysis.indices import is_plain, plain_subscripts, unprimed
from einprop.errors import IndexScopeError, Place
from einprop.notation.functions import REDUCTIONS
from einprop.notation.printer import to_text
from einprop.notation.tree import (
    Access,
    Call,
    Definition,
    Expression,
    Index,
    IndexValue,
    children,
    transform,
    walk,
)

__all__ = ["check_body", "own_indices", "with_subscripts"]

Kept = Callable[[Call], tuple[str, ...]]
"""The indices of a definition's call that stay free."""


def with_subscripts(definition: Definition) -> Expression:
    """The body with every parameter read at explicit index parameters.

    >>> from einprop.notation.parser import parse
    >>> (line,) = parse("def centred[i](x) = x - sum[i'](x[i']) / sum[i](1)")
    >>> to_text(with_subscripts(line))
    "x[i] - sum[i'](x[i']) / sum[i](1)"
    """
    plain = tuple(Index(i) for i in definition.indices)

    def explicit(node: Expression) -> Expression:
        if isinstance(node, Access) and not node.subscripts:
            return Access(node.name, plain, node.place)
        return node

    return transform(definition.body, explicit)


def own_indices(definition: Definition) -> dict[str, str]:
    """The indices that a body binds besides its index parameters, and whose axis each runs along.

    A primed index parameter says that itself; any other index is told by the place at which a
    parameter is read.

    >>> from einprop.notation.parser import parse
    >>> (line,) = parse("def spread[i](x) = sum[i',j](abs(x[i'] - x[j]))")
    >>> own_indices(line)
    {"i'": 'i', 'j': 'i'}
    """
    nodes = list(walk(definition.body))
    bound = [i for node in nodes if isinstance(node, Call) for i in node.indices]
    read: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, Access):
            for parameter, subscript in zip(definition.indices, node.subscripts, strict=False):
                if isinstance(subscript, Index):
                    read.setdefault(subscript.name, parameter)
    own: dict[str, str] = {}
    for index in dict.fromkeys(bound):
        root = unprimed(index)
        axis = root if root in definition.indices else read.get(index, read.get(root))
        if index not in definition.indices and axis is not None:
            own[index] = axis
    return own


def check_body(definition: Definition, kept: Kept) -> None:
    """Refuse what would reach outside a definition: other tensors, other indices.

    Raises:
        IndexScopeError: Names what does.
    """
    for node in walk(definition.body):
        if isinstance(node, Access):
            _check_read(definition, node)
    own = own_indices(definition)
    for node in walk(definition.body):
        stray = [i for i in node.indices if i not in own] if isinstance(node, Call) else []
        stray = [i for i in stray if i not in definition.indices]
        if stray:
            raise _unknown_range(definition, stray[0], node.place)
    _check_free(definition, definition.body, frozenset(definition.indices), kept)


def _check_read(definition: Definition, access: Access) -> None:
    indices, text = definition.indices, to_text(access)
    if access.name not in definition.parameters:
        raise IndexScopeError(
            f"definition {definition.name} reads {text}, which is not its parameter",
            [access.place],
            f"a definition sees its parameters alone: {', '.join(definition.parameters)}; "
            "pass the tensor as another one",
        )
    if access.subscripts and not (is_plain(access) and len(access.subscripts) == len(indices)):
        shown = ",".join(indices)
        primed = ",".join(f"{i}'" for i in indices)
        raise IndexScopeError(
            f"parameter {access.name} of definition {definition.name} cannot be read as {text}",
            [access.place],
            f"write {access.name} alone, or an index for each index parameter [{shown}], "
            f"as in {access.name}[{primed}]"
            if indices
            else f"{definition.name} has no index parameters: write {access.name} alone",
        )


def _unknown_range(definition: Definition, index: str, place: Place | None) -> IndexScopeError:
    name, own = definition.name, definition.indices
    hint = f"name it in the head: def {name}[{','.join((*own, index))}](…)"
    if own:
        hint += f", or write {own[0]}' for another position along the axis of {own[0]}"
    return IndexScopeError(
        f"definition {name} binds index {index}, which is not its index parameter", [place], hint
    )


def _check_free(
    definition: Definition, body: Expression, bound: frozenset[str], kept: Kept
) -> None:
    """Every index of a body is an index parameter, or stands inside what binds it."""
    match body:
        case Access():
            names = [*plain_subscripts(body)]
        case IndexValue(name):
            names = [name]
        case Call(function, _, indices) if indices:
            names = [] if function in REDUCTIONS else [*kept(body)]
        case _:
            names = []
    for index in names:
        if index not in bound:
            raise IndexScopeError(
                f"index {index} of definition {definition.name} is bound by nothing",
                [body.place],
                f"write sum[{index}](…) around what is to be summed: "
                "no sum is implied in a definition",
            )
    inner = bound.union(body.indices) if isinstance(body, Call) else bound
    for child in children(body):
        _check_free(definition, child, inner, kept)
