"""Derivatives for readers: the adjoint of a program as written, in the form a person would write it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from einprop.analysis.core import map_accesses
from einprop.analysis.declare import declared_access
from einprop.analysis.declared import hide
from einprop.analysis.dependence import live, reached, readers
from einprop.analysis.derivative_names import free_suffix
from einprop.analysis.resolve import Resolved
from einprop.analysis.spelling import did_you_mean
from einprop.calculus.axes import axis_letters
from einprop.calculus.forward import forward
from einprop.calculus.reading import claimed, readable
from einprop.calculus.reverse import Adjoint, reverse
from einprop.errors import DerivativeError
from einprop.notation.depth import deep
from einprop.notation.functions import HIDDEN
from einprop.notation.tree import (
    Access,
    Call,
    Equation,
    Expression,
    Index,
    Number,
    transform,
    walk,
)

__all__ = [
    "Derivation",
    "Tangents",
    "adjoint_of",
    "check_forward",
    "check_independent",
    "check_names",
    "derivation_of",
    "derive_adjoint",
    "derive_tangent",
    "influential",
    "unhidden",
    "zero",
]


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


@deep
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
    check_independent(resolved, wrt or ())
    check_forward(resolved, of, resolved.names.inputs if wrt is None else wrt)
    suffix = free_suffix(resolved.equations, "dot")
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
    edges = readers(resolved.equations)
    moving = reached(edges, wrt)
    for line in resolved.lines:
        if line.override and line.of in moving and reached(edges, line.sources).intersection(of):
            raise DerivativeError(
                f"{', '.join(of)} cannot be differentiated forward: the program overrides the "
                f"gradient of {line.of}, and says nothing of tangents",
                [line.written.place],
                "use reverse mode: vjp, or grad of grad",
            )


def check_independent(resolved: Resolved, wrt: Sequence[str]) -> None:
    """Refuse to move a tensor by itself that moves with another one, or with its own past.

    Raises:
        DerivativeError: Names both.
    """
    edges = readers(resolved.equations)
    for other in wrt:
        for name in wrt:
            if name in reached(edges, edges.get(other, ())):
                raise DerivativeError(
                    f"{name} cannot be moved by itself: it depends on "
                    f"{'its own past' if name == other else other}",
                    (),
                    "grad, vjp and value_and_grad give its gradient"
                    + f", or leave {name} or {other} out" * (name != other),
                )


@deep
def influential(resolved: Resolved, of: Sequence[str]) -> tuple[str, ...]:
    """The inputs that the tensors depend on."""
    found = reverse(resolved.equations, of, resolved.names.inputs).gradients
    if not found:
        raise _constant(of)
    return tuple(name for name in resolved.names.inputs if name in found)


def _constant(of: Sequence[str]) -> DerivativeError:
    verb = "depends" if len(of) == 1 else "depend"
    return DerivativeError(
        f"{', '.join(of)} {verb} on no input: there is no derivative",
        (),
        "comparisons, sign, floor, argmax and stop_gradient are constants to a derivative",
    )


@deep
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
    derivation, adjoint, inner = adjoint_of(resolved, of, wrt, ones)
    zeros = [(x, gradient) for x, gradient in derivation.gradients if x not in adjoint.gradients]
    shown = [
        *(_one(adjoint.seeds[name]) for name in ones if name in adjoint.seeds),
        *_shown(resolved, adjoint, inner),
        *(zero(resolved, name, gradient) for name, gradient in zeros),
    ]
    return derivation, shown


@deep
def derivation_of(
    resolved: Resolved, of: Sequence[str], wrt: Sequence[str] | None, ones: Sequence[str] = ()
) -> Derivation:
    """What `derive_adjoint` derives, without its equations: enough to run it.

    Args:
        resolved: As for `derive_adjoint`, and so the others.
        of: The tensors to differentiate.
        wrt: The inputs.
        ones: The scalars that are seeded with 1.

    Raises:
        DerivativeError: As for `derive_adjoint`.
    """
    return adjoint_of(resolved, of, wrt, ones)[0]


@deep
def adjoint_of(
    resolved: Resolved, of: Sequence[str], wrt: Sequence[str] | None, ones: Sequence[str] = ()
) -> tuple[Derivation, Adjoint, Mapping[str, str]]:
    """What is derived, the adjoint, and the tensors that others in it are copies of, by copy.

    Args:
        resolved: As for `derive_adjoint`, and so the others.
        of: The tensors to differentiate.
        wrt: The inputs.
        ones: The scalars that are seeded with 1.

    Raises:
        DerivativeError: As for `derive_adjoint`.
    """
    check_names(resolved, of, wrt)
    suffix = free_suffix(resolved.equations, "grad")
    wanted = tuple(n for n in resolved.names.inputs if n not in resolved.positions)
    wanted = wanted if wrt is None else tuple(wrt)
    equations, inner = hide(resolved.equations, resolved.lines)
    adjoint = reverse(equations, of, wanted, suffix, lines=resolved.lines)
    _check_functions(resolved, adjoint)
    if wrt is None:
        wanted = tuple(name for name in wanted if name in adjoint.gradients)
        if not wanted:
            raise _constant(of)
    derivation = Derivation(
        of=tuple(of),
        wrt=wanted,
        suffix=suffix,
        ones=tuple(ones),
        seeds=tuple(adjoint.seeds.items()),
        gradients=tuple((name, f"{name}.{suffix}") for name in wanted),
        dependent=all(name in adjoint.gradients for name in wanted),
    )
    return derivation, adjoint, inner


def _shown(resolved: Resolved, adjoint: Adjoint, inner: Mapping[str, str]) -> Iterator[Equation]:
    """The adjoint equations for a reader; declared ones as they are written.

    Args:
        resolved: The program.
        adjoint: Its adjoint.
        inner: The tensors that others are copies of, by copy.
    """
    if not adjoint.written:
        yield from readable(resolved, unhidden(adjoint.equations, inner))
        return
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
    """Refuse to differentiate what is not defined, for what is no input, and nothing at all.

    Raises:
        DerivativeError: It names the tensors that there are.
    """
    names = resolved.names
    if not of and not names.defined:
        raise DerivativeError(
            "the program defines no tensor: there is nothing to differentiate",
            (),
            "an equation defines one, as in y[b,j] = x[b,i] W[i,j]",
        )
    if not of:
        name = names.defined[-1]
        raise DerivativeError(
            "the program has no output: each tensor that it defines is read by another equation",
            (),
            f"name one: by outputs={name!r}, by of={name!r}, or by a line: output {name}",
        )
    for name in of:
        if name not in names.defined:
            raise DerivativeError(
                f"cannot differentiate {name}: the program does not define it",
                (),
                f"it defines {', '.join(names.defined)}" + did_you_mean(name, names.defined),
            )
    for name in wrt or ():
        if name not in names.tensors:
            raise DerivativeError(
                f"cannot differentiate with respect to {name}: it is no tensor of the program",
                (),
                f"the program's tensors are {', '.join(names.tensors)}"
                + did_you_mean(name, names.tensors),
            )
        if name in of:
            raise DerivativeError(
                f"cannot differentiate {name} with respect to itself",
                (),
                f"its cotangent is what is given, as {name}.grad; name the tensors that it depends on",
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


def _check_functions(resolved: Resolved, adjoint: Adjoint) -> None:
    """A leaf's derivative may call a function whose name means something else in the program."""
    taken = claimed(resolved)
    for equation in adjoint.equations:
        for node in walk(equation.expression):
            if isinstance(node, Call) and node.function in taken:
                raise DerivativeError(
                    f"a derivative calls the function {node.function}, to which the program gives "
                    "another meaning",
                    [equation.place],
                    "choose another name in the program",
                )
