"""Declared gradients against derived ones: by their form, else by their values at random points."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from einprop.analysis.canonical import Canonical, canonical, fold_equations
from einprop.analysis.declared import Block, Line, split_blocks
from einprop.analysis.indices import rename_indices, target_indices
from einprop.analysis.resolve import Resolved, resolve
from einprop.analysis.sizes import Sizes, bind_letters, unknown_letters
from einprop.calculus.declarations import needed_declarations
from einprop.calculus.derive import unhidden, zero
from einprop.calculus.elide import separate
from einprop.calculus.reading import readable
from einprop.calculus.reverse import reverse
from einprop.compiled import Compiled, Recipe
from einprop.errors import DerivativeError
from einprop.notation.depth import deep
from einprop.notation.printer import to_text
from einprop.notation.tree import (
    Access,
    Add,
    Affine,
    Backward,
    Boundary,
    Definition,
    Equation,
    Expression,
    Group,
    IndexDeclaration,
    Multiply,
    Statement,
    TensorDeclaration,
    accesses,
    equations_of,
    reads,
    transform,
)
from einprop.roles import as_local, is_output, with_outputs

__all__ = ["check_backward"]

_SIZES = (3, 2, 4)
_LONG = 7
_TOLERANCE = 1e-7
_MOST_CELLS = 10**8
_Array = NDArray[np.float64]


@dataclass(frozen=True)
class _Gradient:
    """What is declared for one tensor, and what is derived.

    Attributes:
        of: The tensor.
        declared: The lines, those that help them first.
        derived: The equations that they stand for, for a reader.
    """

    of: str
    declared: tuple[Line, ...]
    derived: tuple[Equation, ...]


@dataclass(frozen=True)
class _Difference:
    """The largest difference between a declared and a derived value."""

    subscripts: tuple[int, ...]
    declared: float
    derived: float
    error: float


@deep
def check_backward(resolved: Resolved) -> None:
    """Compare the declared lines of a program with what is derived, those that override left out.

    Forms that agree are the same; otherwise the values are compared at a few random points in
    float64. Sizes that nothing declares are small.

    Raises:
        DerivativeError: Some differ: both versions, and where and by how much they differ most.
    """
    if all(line.override for line in resolved.lines):
        return
    resolved = _forward(resolved)
    wrong = []
    for gradient in _gradients(resolved):
        if not _same_form(resolved, gradient):
            difference = _compared(resolved, gradient)
            if difference is None or not difference.error <= _TOLERANCE:
                wrong.append((gradient, difference))
    if wrong:
        names = " and ".join(f"{gradient.of}.grad" for gradient, _ in wrong)
        verb = "is not what is" if len(wrong) == 1 else "are not what is"
        places = [line.written.place for g, _ in wrong for line in g.declared if line.of == g.of]
        raise DerivativeError(
            "\n".join([f"the declared {names} {verb} derived", *_report(wrong)]),
            places,
            "correct it; if it is meant to be another one, write override instead of backward "
            "(override=True)",
        )


def _forward(resolved: Resolved) -> Resolved:
    """What the lines are about: a derived program holds cotangents as tensors of its own."""
    needed = {access.name for line in resolved.lines for access in reads(line.core)}
    needed |= {source for line in resolved.lines for source in line.sources}
    kept = []
    for equation in reversed(equations_of(resolved.statements)):
        if equation.target.name in needed:
            kept.append(equation)
            needed.update(access.name for access in reads(equation))
    names = {access.name for equation in kept for access in accesses(equation)}
    declared: list[Statement] = []
    for statement in resolved.statements:
        if isinstance(statement, TensorDeclaration):
            local = as_local(resolved, statement) if is_output(statement) else [statement]
            for found in local:
                assert isinstance(found, TensorDeclaration)
                tensors = tuple(a for a in found.tensors if a.name in names)
                declared += [replace(found, tensors=tensors)] if tensors else []
        elif isinstance(statement, IndexDeclaration | Definition | Backward):
            declared.append(statement)
    return resolve((*declared, *reversed(kept)))


def _report(wrong: Sequence[tuple[_Gradient, _Difference | None]]) -> Iterator[str]:
    for gradient, difference in wrong:
        for line in gradient.declared:
            yield f"  declared  {to_text(line.written)}"
        for equation in gradient.derived:
            yield f"  derived   {to_text(equation)}"
        if difference is None:
            yield f"  {gradient.of}.grad is no number at any of the points that were tried"
        else:
            where = ",".join(map(str, difference.subscripts))
            yield (
                f"  at a random point {gradient.of}.grad{f'[{where}]' if where else ''} is "
                f"{difference.declared:.6g} as declared, {difference.derived:.6g} as derived"
            )


def _gradients(resolved: Resolved) -> Iterator[_Gradient]:
    """What is to be compared."""
    lines = resolved.lines
    overridden = {line.of for line in lines if line.override}
    wanted = [line.of for line in lines if line.of is not None and line.of not in overridden]
    blocks = split_blocks(resolved.equations, lines, _read_apart) if wanted else {}
    for of in dict.fromkeys(wanted):
        helpers = {name for line in lines if line.of == of for name in line.helpers}
        declared = [
            line
            for line in lines
            if line.of == of or (line.of is None and line.core.target.name in helpers)
        ]
        found = [
            e for block in blocks.values() if of in block.of for e in _derived(resolved, block, of)
        ]
        shown = readable(resolved, found) if found else [zero(resolved, of, f"{of}.grad")]
        yield _Gradient(of, tuple(declared), tuple(shown))


_APART = ".apart"


def _read_apart(access: Access) -> Expression:
    """A tensor as an input of its own, so that only what one block reads of it is derived."""
    return replace(access, name=f"{access.name}{_APART}")


def _derived(resolved: Resolved, block: Block, of: str) -> list[Equation]:
    """How the cotangent of a block's source adds to that of ``of``."""
    adjoint = reverse(block.equations, [block.source], [f"{of}{_APART}"])
    inner = {**block.inner, **{f"{name}{_APART}": name for name in block.of}}
    ends = {block.source, *block.of}
    names = {f"{old}.grad": f"{new}.grad" for old, new in inner.items() if new != block.source}
    names |= {f"{old}.grad": f"{old}.grad" for old, new in block.inner.items() if new in ends}
    equations = unhidden(adjoint.equations, {**inner, **names})
    return [
        replace(e, target=replace(e.target, name=names.get(e.target.name, e.target.name)))
        for e in equations
    ]


def _same_form(resolved: Resolved, gradient: _Gradient) -> bool:
    """Whether declared and derived equations agree up to names of indices and orders of factors."""
    if any(line.of is None for line in gradient.declared):
        return False
    own = _explicit(resolved, gradient.derived)
    if any(e.target.name != f"{gradient.of}.grad" for e in own):
        return False
    forms = [
        sorted(repr(_form(e)) for e in fold_equations(side, resolved.equations))
        for side in ([line.core for line in gradient.declared], own)
    ]
    return forms[0] == forms[1]


def _explicit(resolved: Resolved, equations: Sequence[Equation]) -> tuple[Equation, ...]:
    """Adjoint equations with their sums explicit again."""
    return _with(resolved, equations).equations[len(resolved.equations) :]


def _form(equation: Equation) -> Canonical:
    """The right side with its target's indices numbered and its factors and terms sorted.

    Which of the target's indices stands where is part of it: a transpose is another form.
    """
    names = {index: f"{n}#" for n, index in enumerate(target_indices(equation.target))}
    expression = rename_indices(separate(equation.expression), names)
    return canonical(transform(expression, _sorted))


def _sorted(node: Expression) -> Expression:
    match node:
        case Multiply(factors):
            return replace(node, factors=tuple(sorted(factors, key=_shape)))
        case Add(terms):
            return replace(node, terms=tuple(sorted(terms, key=_shape)))
        case _:
            return node


def _shape(expression: Expression) -> str:
    """What an expression says apart from the names of its indices."""
    return repr(canonical(expression).form)


# Values.


def _with(resolved: Resolved, equations: Sequence[Equation], *outputs: str) -> Resolved:
    """The program and equations of its adjoint, without what it declares."""
    declared = needed_declarations(resolved, equations, alone=False)
    forward = [
        s
        for s in resolved.statements
        if isinstance(s, Equation) or (isinstance(s, TensorDeclaration) and s.kind == "local")
    ]
    return with_outputs(resolve((*declared, *forward, *equations)), outputs or None)


def _compared(resolved: Resolved, gradient: _Gradient) -> _Difference | None:
    """The largest difference at the points tried; None if there is no number at any."""
    name = f"{gradient.of}.grad"
    sides = [
        _with(resolved, equations, name)
        for equations in ([line.written for line in gradient.declared], gradient.derived)
    ]
    sizes = _sizes(sides[0])
    _refuse_large(gradient, sides, sizes)
    rng = np.random.default_rng(0)
    found: list[_Difference] = []
    for draw in (rng.standard_normal, rng.random, rng.standard_normal, rng.random):
        point = _point(sides, sizes, draw, rng)
        values = [
            np.asarray(Compiled(s, Recipe(s, ()), "numpy")({n: point[n] for n in s.names.inputs}))
            for s in sides
        ]
        found += _largest(*values)
    return max(found, key=lambda difference: difference.error, default=None)


def _sizes(resolved: Resolved) -> Sizes:
    """Small sizes for what has none declared; axes that windows move along are longer."""
    sizes, types = bind_letters(resolved, {}), resolved.types
    moved = {
        types.axis(access.name, axis)
        for equation in resolved.equations
        for access in accesses(equation)
        for axis, subscript in enumerate(access.subscripts)
        if isinstance(subscript, Affine | Boundary | Group)
    }
    axes = [types.axis(n, axis) for n in resolved.names.inputs for axis in range(types.rank(n))]
    small = cycle(_SIZES)
    for key in sorted(dict.fromkeys(axes), key=moved.__contains__):
        if key not in sizes.known:
            size = _LONG if key in moved else next(small)
            sizes = Sizes(resolved, {**sizes.known, key: size}).on(resolved)
    while letters := unknown_letters(sizes):
        known = {**sizes.known, next(iter(letters)): next(small)}
        sizes = Sizes(resolved, known).on(resolved)
    return sizes


def _refuse_large(gradient: _Gradient, sides: Sequence[Resolved], sizes: Sizes) -> None:
    """Refuse to compare values that no memory holds: declared sizes may be of any size."""
    names = {n for side in sides for n in (*side.names.inputs, *side.names.defined)}
    cells = sum(math.prod(sizes.shape(name) or ()) for name in names)
    if cells > _MOST_CELLS:
        raise DerivativeError(
            f"the declared {gradient.of}.grad differs in form from what is derived, and values cannot "
            f"be compared: at the declared sizes the tensors have {cells:,} cells",
            [line.written.place for line in gradient.declared],
            f"write it as it is derived, {'; '.join(map(to_text, gradient.derived))}, compare at "
            "smaller sizes, or write override instead of backward",
        )


def _point(
    sides: Sequence[Resolved], sizes: Sizes, draw: Any, rng: np.random.Generator
) -> Mapping[str, NDArray[Any]]:
    names = dict.fromkeys(name for side in sides for name in side.names.inputs)
    positions = {name for side in sides for name in side.positions}
    point: dict[str, NDArray[Any]] = {}
    for name in names:
        shape = sizes.shape(name) or ()
        point[name] = rng.integers(0, min(_SIZES), shape) if name in positions else draw(shape)
    return point


def _largest(declared: _Array, derived: _Array) -> Iterator[_Difference]:
    """The largest relative difference, if there is a number to compare."""
    with np.errstate(all="ignore"):
        scale = np.maximum(1.0, np.maximum(np.abs(declared), np.abs(derived)))
        errors = np.abs(declared - derived) / scale
    errors = np.where(declared == derived, 0.0, errors)
    compared = ~(np.isnan(declared) & np.isnan(derived))
    if compared.any():
        errors = np.where(np.isnan(errors), np.inf, errors)
        at = np.unravel_index(int(np.argmax(np.where(compared, errors, -1.0))), errors.shape)
        where = tuple(int(k) for k in at)
        yield _Difference(where, float(declared[at]), float(derived[at]), float(errors[at]))
