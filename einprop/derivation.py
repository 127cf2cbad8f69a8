"""Derivations for readers: the steps to each line of a backward pass as text, as LaTeX and as data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from einprop.analysis.resolve import Resolved
from einprop.arguments import Names, some_names
from einprop.calculus.steps import Line, backward_steps
from einprop.calculus.ways import Step
from einprop.errors import InputError
from einprop.notation.latex import noted_latex, to_latex, words_latex
from einprop.notation.printer import to_text

__all__ = ["DerivationSteps", "derivation_steps"]


@dataclass(frozen=True)
class DerivationSteps:
    """How each line of a backward pass came about; prints as text, and as LaTeX in a notebook.

    Attributes:
        lines: The lines in order. Each has its ``equation`` and its ``steps``; a step has the name
            of its ``rule``, the ``reason`` in a sentence, and the ``equations`` after it.

    >>> from einprop import Program
    >>> print(Program("y = x^3").derive_steps())
    x.grad += 3 y.grad x^2
    <BLANKLINE>
      the equation: y reads x
          y = x^3
      power rule: the derivative of a^n is n a^(n-1), here with n = 3
          x.grad += y.grad * 3 x^2
      simplified: numbers and signs go to the front, and there is one fraction
          x.grad += 3 y.grad x^2
    """

    lines: tuple[Line, ...]

    def __str__(self) -> str:
        return "\n\n".join(map(_line_text, self.lines))

    def __len__(self) -> int:
        return len(self.lines)

    def __iter__(self) -> Iterator[Line]:
        return iter(self.lines)

    def __getitem__(self, name: str) -> DerivationSteps:
        """The lines that define or add to one tensor, such as ``W.grad``.

        Raises:
            InputError: No line does.
        """
        found = tuple(line for line in self.lines if line.equation.target.name == name)
        if not found:
            names = dict.fromkeys(line.equation.target.name for line in self.lines)
            raise InputError(
                f"no line of the derivation is of {name}", (), f"there are {', '.join(names)}"
            )
        return DerivationSteps(found)

    def latex(self) -> str:
        r"""The forms as aligned LaTeX, each with the rule that led to it.

        >>> from einprop import Program
        >>> print(Program("y = x w").derive_steps(wrt="w").latex())
        \begin{aligned}
        y &= x \, w && \text{the equation} \\
        \bar{w} &\mathrel{+}= \bar{y} \, x && \text{product rule}
        \end{aligned}
        """
        return noted_latex(
            [
                (equation, "" if number else words_latex(step.rule))
                for step in line.steps
                for number, equation in enumerate(step.equations)
            ]
            for line in self.lines
        )

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def as_dict(self) -> dict[str, Any]:
        """Plain data, as JSON can hold it: equations as text and as LaTeX.

        >>> from einprop import Program
        >>> found = Program("y = x w").derive_steps(wrt="w").as_dict()
        >>> found["lines"][0]["equation"], found["lines"][0]["steps"][1]["rule"]
        ('w.grad += y.grad x', 'product rule')
        """
        return {"lines": [_line_data(line) for line in self.lines]}


def derivation_steps(resolved: Resolved, of: Names, wrt: Names) -> DerivationSteps:
    """The steps to each line of a program's backward pass.

    Args:
        resolved: The program.
        of: The tensors to differentiate; None for the outputs.
        wrt: The inputs to differentiate for; None for all.

    Raises:
        DerivativeError: As for `einprop.Program.backward`.
    """
    chosen = resolved.names.outputs if of is None else some_names(of, "of", resolved.names.defined)
    wanted = None if wrt is None else some_names(wrt, "wrt", resolved.names.tensors)
    return DerivationSteps(backward_steps(resolved, chosen, wanted))


def _line_text(line: Line) -> str:
    steps = "\n".join(map(_step_text, line.steps))
    return f"{to_text(line.equation)}\n\n{steps}"


def _step_text(step: Step) -> str:
    equations = "".join(f"\n      {to_text(equation)}" for equation in step.equations)
    return f"  {step.rule}: {step.reason}{equations}"


def _line_data(line: Line) -> dict[str, Any]:
    return {
        "equation": to_text(line.equation),
        "latex": to_latex([line.equation]),
        "steps": [_step_data(step) for step in line.steps],
    }


def _step_data(step: Step) -> dict[str, Any]:
    return {
        "rule": step.rule,
        "reason": step.reason,
        "equations": [to_text(equation) for equation in step.equations],
        "latex": to_latex(step.equations),
    }
