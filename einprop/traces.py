"""Traces: a scalar program run one operation at a time, forward, with tangents, and in reverse.

Lectures show automatic differentiation as three tables: the evaluation trace, the forward tangent trace
and the reverse adjoint trace. Each is a program here: its lines are equations that the compiler derived,
with the value that each has at a point.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import SupportsFloat

from einprop.arguments import as_mapping
from einprop.calculus.elementary import elementary
from einprop.errors import DerivativeError, InputError
from einprop.notation.latex import noted_latex, number_latex
from einprop.notation.parser import parse
from einprop.notation.printer import to_text
from einprop.notation.tree import Equation, accesses, equations_of
from einprop.program import Program

__all__ = ["Trace", "TraceLine", "adjoint_trace", "evaluation_trace", "tangent_trace"]

_Scalars = Mapping[str, SupportsFloat]


@dataclass(frozen=True, slots=True)
class TraceLine:
    """One line of a trace.

    Attributes:
        name: The tensor that is computed or added to.
        text: The equation; ``x = 2`` for what is given.
        value: Of the tensor after the line.
    """

    name: str
    text: str
    value: float


@dataclass(frozen=True, slots=True)
class Trace:
    """Lines with their values; prints as a table.

    Attributes:
        program: What the lines are, as a program to run or to differentiate.
        lines: In the order in which they run; what is given stands first.
    """

    program: Program
    lines: tuple[TraceLine, ...]

    @property
    def values(self) -> dict[str, float]:
        """The last value of every tensor of the trace."""
        return {line.name: line.value for line in self.lines}

    def __getitem__(self, name: str) -> float:
        return self.values[name]

    def latex(self) -> str:
        r"""The lines as aligned LaTeX, each with its value.

        >>> print(evaluation_trace("y = -x^2", x=3).latex())
        \begin{aligned}
        x &= 3 && 3 \\
        \mathit{v1} &= {x}^{2} && 9 \\
        \mathit{v2} &= -\mathit{v1} && -9 \\
        y &= \mathit{v2} && -9
        \end{aligned}
        """
        rows = [(parse(line.text)[0], number_latex(_rounded(line.value))) for line in self.lines]
        return noted_latex([rows])

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def __str__(self) -> str:
        width = max((len(line.text) for line in self.lines), default=0)
        return "\n".join(f"{line.text:{width}}   {line.value:.6g}" for line in self.lines)


def _rounded(value: float) -> float:
    """A value as a table shows it."""
    shown = float(f"{value:.6g}")
    return int(shown) if shown.is_integer() and abs(shown) < 10**6 else shown


def evaluation_trace(
    program: Program | str, tensors: _Scalars | None = None, /, **named: SupportsFloat
) -> Trace:
    """The elementary operations of a scalar program, each with its value.

    Args:
        program: All its tensors are scalars.
        tensors: Its inputs.
        **named: Its inputs.

    Raises:
        InputError: A tensor has an axis, or an input is missing or unknown.

    >>> print(evaluation_trace("y = log(x1) + x1 x2 - sin(x2)", x1=2, x2=5))
    x1 = 2         2
    x2 = 5         5
    v1 = log(x1)   0.693147
    v2 = x1 x2     10
    v3 = sin(x2)   -0.958924
    v4 = v1 + v2   10.6931
    v5 = v4 - v3   11.6521
    y = v5         11.6521
    """
    operations, given = _elementary(program, as_mapping(tensors, named, "tensors"))
    lines = _lines(operations, given)
    return Trace(operations, (*_given(given), *lines))


def tangent_trace(
    program: Program | str,
    tensors: _Scalars | None = None,
    /,
    *,
    wrt: str,
    **named: SupportsFloat,
) -> Trace:
    """Forward mode: the derivative of every operation's value with respect to one input.

    Args:
        program: All its tensors are scalars.
        tensors: Its inputs.
        wrt: The input whose tangent is 1; those of the others are 0.
        **named: Its inputs.

    Raises:
        DerivativeError: ``wrt`` is not an input that an output depends on.
        InputError: A tensor has an axis, or an input is missing or unknown.

    >>> print(tangent_trace("y = log(x1) + x1 x2 - sin(x2)", x1=2, x2=5, wrt="x1"))
    x1.dot = 1                       1
    x2.dot = 0                       0
    v1.dot = x1.dot / x1             0.5
    v2.dot = x1.dot x2 + x1 x2.dot   5
    v3.dot = cos(x2) x2.dot          0
    v4.dot = v1.dot + v2.dot         5.5
    v5.dot = v4.dot - v3.dot         5.5
    y.dot = v5.dot                   5.5
    """
    operations, given = _elementary(program, as_mapping(tensors, named, "tensors"))
    tangents = operations.jvp()
    seeds = {n: float(n == f"{wrt}.dot") for n in tangents.inputs if n not in operations.inputs}
    if not any(seeds.values()):
        raise DerivativeError(
            f"no output depends on {wrt}", (), f"the inputs are {', '.join(operations.inputs)}"
        )
    values = {**_floats(given), **evaluation_trace(operations, given).values, **seeds}
    known = set(operations.resolved.names.defined)
    derived = [e for e in equations_of(tangents.statements) if e.target.name not in known]
    return Trace(tangents, (*_given(seeds), *_run(derived, values)))


def adjoint_trace(
    program: Program | str, tensors: _Scalars | None = None, /, **named: SupportsFloat
) -> Trace:
    """Reverse mode: the derivative of the output with respect to every operation's value.

    A tensor that is read twice has two lines; the value is that of the sum so far.

    Args:
        program: All its tensors are scalars; it has one output, whose cotangent is 1.
        tensors: Its inputs.
        **named: Its inputs.

    Raises:
        DerivativeError: The output depends on no input.
        InputError: A tensor has an axis, there are several outputs, or an input is missing or
            unknown.

    >>> print(adjoint_trace("y = log(x1) + x1 x2 - sin(x2)", x1=2, x2=5))
    y.grad = 1                   1
    v5.grad += y.grad            1
    v4.grad += v5.grad           1
    v3.grad += -v5.grad          -1
    v1.grad += v4.grad           1
    v2.grad += v4.grad           1
    x2.grad += v3.grad cos(x2)   -0.283662
    x1.grad += v2.grad x2        5
    x2.grad += v2.grad x1        1.71634
    x1.grad += v1.grad / x1      5.5
    """
    operations, given = _elementary(program, as_mapping(tensors, named, "tensors"))
    if len(operations.outputs) != 1:
        raise InputError(
            f"the program has the outputs {', '.join(operations.outputs)}",
            (),
            "a reverse trace starts at one: name it by outputs=",
        )
    adjoint = operations.backward()
    seed = {f"{operations.outputs[0]}.grad": 1.0}
    values = {**evaluation_trace(operations, given).values, **seed}
    return Trace(adjoint, (*_given(seed), *_run(equations_of(adjoint.statements), values)))


def _elementary(program: Program | str, given: _Scalars) -> tuple[Program, _Scalars]:
    """One equation an operation, unless the program is so already."""
    found = program if isinstance(program, Program) else Program(program)
    resolved = found.resolved
    for name in (*resolved.names.inputs, *resolved.names.defined):
        if resolved.types.rank(name):
            raise InputError(
                f"{name} has an axis: a trace is of scalars", (), "look at a tensor by inspect"
            )
    given = as_mapping(given, {}, "tensors", known=found.inputs)
    _check_given(found, given)
    names = {access.name for e in resolved.equations for access in accesses(e)}
    equations = elementary(resolved.equations, names)
    if len(equations) == len(resolved.equations):
        return found, given
    return Program.from_statements(equations, outputs=found.outputs), given


def _check_given(program: Program, given: _Scalars) -> None:
    missing = [name for name in program.inputs if name not in given]
    unknown = [name for name in given if name not in program.inputs]
    for names, what in ((missing, "no value for"), (unknown, "the program has no input")):
        if names:
            inputs = ", ".join(program.inputs)
            raise InputError(f"{what} {', '.join(names)}", (), f"its inputs are {inputs}")


def _given(values: _Scalars) -> Iterator[TraceLine]:
    for name, value in values.items():
        yield TraceLine(name, f"{name} = {float(value):g}", float(value))


def _floats(values: _Scalars) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}


def _lines(program: Program, given: _Scalars) -> list[TraceLine]:
    return list(_run(equations_of(program.statements), _floats(given)))


def _run(equations: Iterable[Equation], given: Mapping[str, float]) -> Iterator[TraceLine]:
    """Each equation alone, in order; what accumulates shows its value so far."""
    values = dict(given)
    for equation in equations:
        name = equation.target.name
        alone = Program.from_statements([replace(equation, operator="=")])
        found = float(alone({n: values[n] for n in alone.inputs}))
        before = values.get(name) if equation.operator != "=" else None
        if before is not None:
            combine = {"+=": before + found, "max=": max(before, found), "min=": min(before, found)}
            found = combine[equation.operator]
        values[name] = found
        yield TraceLine(name, to_text(equation), found)
