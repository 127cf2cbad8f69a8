"""Derivatives for readers: the adjoint of a program as written, in the form a person would write it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from einprop.analysis.canonical import fold_equations
from einprop.analysis.core import map_accesses
from einprop.analysis.declare import declared_access
from einprop.analysis.declared import hide
from einprop.analysis.definitions import collect_definitions
from einprop.analysis.indices import equation_indices, target_indices, unprimed
from einprop.analysis.names import is_base
from einprop.analysis.resolve import Resolved
from einprop.analysis.types import derivative_sides
from einprop.calculus.axes import axis_letters, with_ranges
from einprop.calculus.elide import elide_sums, separate
from einprop.calculus.forward import forward, tangent_suffix
from einprop.calculus.refold import refold
from einprop.calculus.reverse import Adjoint, cotangent_suffix, reverse
from einprop.errors import DerivativeError
from einprop.notation.functions import HIDDEN
from einprop.notation.prelude import prelude
from einprop.notation.tree import (
    Access,
    Call,
    Definition,
    Equation,
    Expression,
    Index,
    IndexDeclaration,
    Number,
    Statement,
    TensorDeclaration,
    accesses,
    reads,
    transform,
    walk,
)

__all__ = [
    "Derivation",
    "Tangents",
    "check_forward",
    "check_names",
    "derive_adjoint",
    "derive_tangent",
    "influential",
    "live",
    "needed_bases",
    "needed_declarations",
    "readable",
    "unhidden",
    "unread_tangents",
    "zero",
]

_CONSTANT = "comparisons, sign, floor, argmax and stop_gradient are constants to a derivative"


@dataclass(frozen=True)
class Derivation:
    """What was derived: of which tensors, with respect to which inputs, under which names.

    Attributes:
        of: The differentiated tensors.
        wrt: The inputs.
        suffix: What the names of cotangents end in.
        ones: The differentiated scalars that are seeded with 1 by an equation.
        seeds: By differentiated tensor, the name of its seed.
        gradients: By input, the name of its gradient.
        dependent: Whether each input has a path to what is differentiated.
    """

    of: tuple[str, ...]
    wrt: tuple[str, ...]
    suffix: str
    ones: tuple[str, ...]
    seeds: tuple[tuple[str, str], ...]
    gradients: tuple[tuple[str, str], ...]
    dependent: bool

    @property
    def results(self) -> tuple[str, ...]:
        """The names of the derivatives."""
        return tuple(gradient for _, gradient in self.gradients)


@dataclass(frozen=True)
class Tangents:
    """A derivation by forward mode: of which tensors, with respect to which inputs, under which names.

    Attributes:
        of: The differentiated tensors.
        wrt: The inputs.
        suffix: What the names of tangents end in.
        given: By input, the name of its tangent.
        tangents: By differentiated tensor, the name of its tangent.
        dependent: Whether each differentiated tensor depends on some input.
    """

    of: tuple[str, ...]
    wrt: tuple[str, ...]
    suffix: str
    given: tuple[tuple[str, str], ...]
    tangents: tuple[tuple[str, str], ...]
    dependent: bool

    @property
    def results(self) -> tuple[str, ...]:
        """The names of the derivatives."""
        return tuple(tangent for _, tangent in self.tangents)


def derive_tangent(
    resolved: Resolved, of: Sequence[str], wrt: Sequence[str] | None
) -> tuple[Tangents, list[Equation]]:
    """The tangent equations of a program, as a reader wants to see them.

    Args:
        resolved: The program.
        of: The tensors to differentiate.
        wrt: The inputs that change; None for every input that they depend on.

    Raises:
        DerivativeError: As for `derive_adjoint`.
    """
    check_names(resolved, of, wrt)
    check_forward(resolved, of, resolved.names.inputs if wrt is None else wrt)
    suffix = tangent_suffix(resolved.equations)
    wanted = influential(resolved, of) if wrt is None else tuple(wrt)
    tangent = forward(resolved.equations, wanted, suffix)
    zeros = [name for name in of if name not in tangent.tangents]
    derivation = Tangents(
        of=tuple(of),
        wrt=wanted,
        suffix=suffix,
        given=tuple((name, f"{name}.{suffix}") for name in wanted),
        tangents=tuple((name, f"{name}.{suffix}") for name in of),
        dependent=not zeros,
    )
    needed = live(tangent.equations, [name for _, name in derivation.tangents])
    equations = [
        *readable(resolved, needed),
        *(zero(resolved, name, f"{name}.{suffix}") for name in zeros),
    ]
    return derivation, equations


def check_forward(resolved: Resolved, of: Sequence[str], wrt: Sequence[str]) -> None:
    """Refuse forward mode through what a program overrides: it declares cotangents, no tangents.

    Raises:
        DerivativeError: Names the tensor whose gradient is overridden.
    """
    readers: dict[str, set[str]] = {}
    for equation in resolved.equations:
        for access in reads(equation):
            readers.setdefault(access.name, set()).add(equation.target.name)

    def reached(start: Iterable[str]) -> set[str]:
        found, waiting = set(start), list(start)
        while waiting:
            new = readers.get(waiting.pop(), set()) - found
            found |= new
            waiting += new
        return found

    moving = reached(wrt)
    for line in resolved.lines:
        if line.override and line.of in moving and reached(line.sources).intersection(of):
            raise DerivativeError(
                f"{', '.join(of)} cannot be differentiated forward: the program overrides the "
                f"gradient of {line.of}, and says nothing of tangents",
                [line.written.place],
                "use reverse mode: vjp, or grad of grad",
            )


def influential(resolved: Resolved, of: Sequence[str]) -> tuple[str, ...]:
    """The inputs that the tensors depend on."""
    found = reverse(resolved.equations, of, resolved.names.inputs).gradients
    if not found:
        verb = "depends" if len(of) == 1 else "depend"
        raise DerivativeError(
            f"{', '.join(of)} {verb} on no input: there is no derivative", (), _CONSTANT
        )
    return tuple(name for name in resolved.names.inputs if name in found)


def unread_tangents(
    resolved: Resolved, derivation: Tangents, equations: Iterable[Equation]
) -> list[Statement]:
    """The declaration of tangents that nothing depends on: they are inputs all the same."""
    read = {access.name for equation in equations for access in reads(equation)}
    unread = tuple(
        zero(resolved, name, dot).target for name, dot in derivation.given if dot not in read
    )
    return [TensorDeclaration("input", unread)] if unread else []


def live(equations: Sequence[Equation], wanted: Iterable[str]) -> list[Equation]:
    """The equations that the wanted tensors need, also where they need each other."""
    needed = set(wanted)
    size = 0
    while size < len(needed):
        size = len(needed)
        for equation in equations:
            if equation.target.name in needed:
                needed.update(access.name for access in reads(equation))
    return [equation for equation in equations if equation.target.name in needed]


def derive_adjoint(
    resolved: Resolved, of: Sequence[str], wrt: Sequence[str] | None, ones: Sequence[str] = ()
) -> tuple[Derivation, list[Equation]]:
    """The adjoint equations of a program, as a reader wants to see them.

    Args:
        resolved: The program.
        of: The tensors to differentiate.
        wrt: The inputs; None for every input that they depend on.
        ones: Those of ``of``, scalars, that are seeded with 1.

    Raises:
        DerivativeError: A tensor of ``of`` is not defined by the program, one of ``wrt`` is no input,
            or nothing depends on anything.
    """
    check_names(resolved, of, wrt)
    suffix = cotangent_suffix(resolved.equations)
    wanted = tuple(n for n in resolved.names.inputs if n not in resolved.positions)
    wanted = wanted if wrt is None else tuple(wrt)
    equations, inner = hide(resolved.equations, resolved.lines)
    adjoint = reverse(equations, of, wanted, suffix, lines=resolved.lines)
    _check_functions(resolved, adjoint)
    if wrt is None:
        wanted = tuple(name for name in wanted if name in adjoint.gradients)
        if not wanted:
            verb = "depends" if len(of) == 1 else "depend"
            raise DerivativeError(
                f"{', '.join(of)} {verb} on no input: there is no derivative", (), _CONSTANT
            )
    zeros = [name for name in wanted if name not in adjoint.gradients]
    derivation = Derivation(
        of=tuple(of),
        wrt=wanted,
        suffix=suffix,
        ones=tuple(ones),
        seeds=tuple(adjoint.seeds.items()),
        gradients=tuple((name, f"{name}.{suffix}") for name in wanted),
        dependent=not zeros,
    )
    shown = [
        *(_one(adjoint.seeds[name]) for name in ones if name in adjoint.seeds),
        *_shown(resolved, adjoint, inner),
        *(zero(resolved, name, f"{name}.{suffix}") for name in zeros),
    ]
    return derivation, shown


def _shown(resolved: Resolved, adjoint: Adjoint, inner: Mapping[str, str]) -> Iterator[Equation]:
    """The adjoint equations for a reader; declared ones as they are written.

    Args:
        resolved: The program.
        adjoint: Its adjoint.
        inner: The tensors that others are copies of, by copy.
    """
    derived = [e for e in adjoint.equations if e not in adjoint.written]
    shown = iter(readable(resolved, unhidden(derived, inner)))
    for equation in adjoint.equations:
        yield adjoint.written.get(equation) or next(shown)


def unhidden(equations: Iterable[Equation], inner: Mapping[str, str]) -> list[Equation]:
    """The equations of an adjoint with nothing hidden, reading tensors instead of copies of them."""

    def plain(node: Expression) -> Expression:
        match node:
            case Call(function, (argument,)) if function == HIDDEN:
                return argument
            case _:
                return node

    def named(access: Access) -> Access:
        return replace(access, name=inner.get(access.name, access.name))

    visible = [replace(e, expression=transform(e.expression, plain)) for e in equations]
    return [map_accesses(e, named) for e in visible]


def check_names(resolved: Resolved, of: Sequence[str], wrt: Sequence[str] | None) -> None:
    """Refuse to differentiate what is not defined, or for what is no input.

    Raises:
        DerivativeError: It names the tensors that there are.
    """
    names = resolved.names
    for name in of:
        if name not in names.defined:
            raise DerivativeError(
                f"cannot differentiate {name}: the program does not define it",
                (),
                f"it defines {', '.join(names.defined)}",
            )
    for name in wrt or ():
        if name not in names.inputs:
            raise DerivativeError(
                f"cannot differentiate with respect to {name}: it is not an input",
                (),
                f"the program's inputs are {', '.join(names.inputs) or 'none'}",
            )
        if name in resolved.positions:
            raise DerivativeError(
                f"cannot differentiate with respect to {name}: it stands in a subscript, so it "
                "holds positions",
                (),
                "the tensor that is read there has a gradient",
            )


def _one(seed: str) -> Equation:
    return Equation(Access(seed), "=", Number(1))


def zero(resolved: Resolved, name: str, derivative: str) -> Equation:
    """A derivative of the shape of a tensor that is 0."""
    read = declared_access(resolved, name)
    letters = axis_letters(read)
    return Equation(Access(derivative, tuple(Index(i) for i in letters)), "=", Number(0))


def readable(resolved: Resolved, equations: Iterable[Equation]) -> Iterable[Equation]:
    """Derived equations that read the program's own tensors, with implied sums left out."""
    definitions = collect_definitions(resolved.statements)
    taken = _claimed(resolved)
    own = [_refolded(equation, taken) for equation in resolved.equations]
    folded = [_refolded(e, taken) for e in fold_equations(equations, resolved.equations)]
    for equation in fold_equations(folded, own):
        # Folding takes indices out of an equation, and their ranges with them.
        yield elide_sums(with_ranges(equation, equation.ranges), definitions)


def _claimed(resolved: Resolved) -> set[str]:
    """The names to which the program itself gives a meaning."""
    tensors = (a.name.partition(".")[0] for e in resolved.equations for a in accesses(e))
    return {*tensors, *(s.name for s in resolved.statements if isinstance(s, Definition))}


def _check_functions(resolved: Resolved, adjoint: Adjoint) -> None:
    """A leaf's derivative may call a function whose name means something else in the program."""
    claimed = _claimed(resolved)
    for equation in adjoint.equations:
        for node in walk(equation.expression):
            if isinstance(node, Call) and node.function in claimed:
                raise DerivativeError(
                    f"a derivative calls the function {node.function}, to which the program gives "
                    "another meaning",
                    [equation.place],
                    "choose another name in the program",
                )


def _refolded(equation: Equation, taken: Collection[str]) -> Equation:
    """The equation in the prelude's words where it has any; else in the order in which it was made."""
    separated = separate(equation.expression)
    folded = refold(separated, taken)
    return equation if folded == separated else replace(equation, expression=folded)


def needed_bases(resolved: Resolved, equations: Sequence[Equation]) -> list[Equation]:
    """The equations that give cells before the first or after the last to tensors that are read.

    Without them the adjoint of a recurrence, standing alone, could not read the forward tensor's base.
    """
    mentioned = {resolved.types.base(a.name) for e in equations for a in accesses(e)}
    written = (s for s in resolved.statements if isinstance(s, Equation))
    return [e for e in written if e.target.name in mentioned and is_base(e.target)]


def needed_declarations(
    resolved: Resolved, equations: Sequence[Equation], *, alone: bool
) -> list[Statement]:
    """The declarations under which adjoint equations have the meaning that they were derived with.

    Args:
        resolved: The program that was differentiated.
        equations: Its adjoint equations.
        alone: Whether they stand without the program's own equations.
    """
    mentioned = {a.name for e in equations for a in reads(e)}
    kept: list[Statement] = []
    for statement in resolved.statements:
        if isinstance(statement, IndexDeclaration | Definition):
            kept.append(statement)
        elif isinstance(statement, TensorDeclaration) and statement.kind in ("input", "param"):
            tensors = tuple(a for a in statement.tensors if a.name in mentioned or not alone)
            kept += [replace(statement, tensors=tensors)] if tensors else []
    if not alone:
        mentioned.update(a.name for e in resolved.equations for a in accesses(e))
    known = {a.name for s in kept if isinstance(s, TensorDeclaration) for a in s.tensors}
    anchors = {a.name: a for e in equations for a in _anchors(resolved, e, mentioned)}
    if alone:
        written = [e.target.name for e in equations if is_base(e.target)]
        bases = [name for name in written if resolved.types.base(name) == name]
        anchors |= {name: declared_access(resolved, name) for name in bases}
    # A tensor with the name of a definition from outside has to say that it is one.
    defined = {e.target.name for e in (equations if alone else (*resolved.equations, *equations))}
    anchors |= {
        a.name: Access(a.name, a.subscripts)
        for e in equations
        for a in reads(e)
        if a.name in prelude() and a.name not in defined
    }
    missing = tuple(a for name, a in anchors.items() if name not in known)
    return [*kept, TensorDeclaration("input", missing)] if missing else kept


def _anchors(resolved: Resolved, equation: Equation, mentioned: set[str]) -> Iterator[Access]:
    """Tensors that must be known of so that every index of an adjoint equation has a range."""
    bounding = (*reads(equation), *equation.inside)
    right = {unprimed(i) for access in bounding for i in target_indices(access)}
    left = {unprimed(i) for i in target_indices(equation.target)}
    base = resolved.types.base(equation.target.name)
    sided = any(True for _ in derivative_sides(base))
    computed = not all(isinstance(s, Index) for s in equation.target.subscripts)
    if (computed or not left <= right) and base not in mentioned and not sided:
        yield declared_access(resolved, base)
    ranged = {r.index for r in equation.ranges}
    written = {unprimed(i) for i in equation_indices(equation)}
    for index in sorted(written - left - right - ranged):
        number = next(
            n
            for n, e in enumerate(resolved.equations)
            if index in {unprimed(i) for i in equation_indices(e)}
        )
        if resolved.types.declared_size(resolved.types.letter(number, index)) is None:
            yield _holder(resolved, number, index)


def _holder(resolved: Resolved, number: int, index: str) -> Access:
    """An input with an axis of the type that the index has in an equation, the index standing there."""
    types = resolved.types
    for name in resolved.names.inputs:
        letters = target_indices(declared_access(resolved, name))
        for position in range(len(letters)):
            if types.axis(name, position) == types.letter(number, index):
                others = [f"{i}2" if i == index else i for i in letters]
                others[position] = index
                return Access(name, tuple(Index(i) for i in others))
    raise DerivativeError(
        f"the range of index {index} is not known in the derivative",
        (),
        f"declare it, as in: index {index}: name < 8",
    )
