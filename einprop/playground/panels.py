"""The panels of the page: each is a text that `Program` itself gives, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from einprop.analysis.sizes import bind_letters
from einprop.errors import ShapeError
from einprop.notation.mathml import to_mathml
from einprop.notation.printer import program_text
from einprop.playground.question import Question
from einprop.playground.sizes import small_sizes
from einprop.program import Program
from einprop.typed import types_text

__all__ = ["PANELS", "Asked", "Panel"]


@dataclass(frozen=True)
class Asked:
    """A program and what is wanted of it."""

    program: Program
    question: Question

    @property
    def by(self) -> dict[str, str | None]:
        """What is differentiated, and for what."""
        return {"of": self.question.of.strip() or None, "wrt": self.question.wrt.strip() or None}

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Sizes of the program's letters."""
        return small_sizes(self.program.resolved, self.question.sizes)

    @cached_property
    def whole(self) -> Program:
        """The program alone or, if that is wanted, with its backward pass."""
        return self.program.vjp(**self.by) if self.question.backward else self.program


@dataclass(frozen=True)
class Panel:
    """A part of the page.

    Attributes:
        name: What questions call it.
        title: Its heading.
        write: Its text; it raises an `EinpropError` where there is none.
        opened: Whether it is open at first.
        formulae: What it shows typeset beside the text, as MathML.
    """

    name: str
    title: str
    write: Callable[[Asked], str]
    opened: bool = False
    formulae: Callable[[Asked], list[str]] | None = None


def _backward(asked: Asked) -> str:
    return str(asked.program.backward(**asked.by))


def _sums(asked: Asked) -> str:
    return program_text(asked.program.resolved.equations)


def _jacobian(asked: Asked) -> str:
    return str(asked.program.jacobian(**asked.by))


def _hessian(asked: Asked) -> str:
    return str(asked.program.hessian(**asked.by))


def _typeset(asked: Asked) -> list[Program]:
    """The program and, if that is wanted, its backward pass apart."""
    backward = [asked.program.backward(**asked.by)] if asked.question.backward else []
    return [asked.program, *backward]


def _latex(asked: Asked) -> str:
    return "\n\n".join(program.latex() for program in _typeset(asked))


def _formulae(asked: Asked) -> list[str]:
    return [to_mathml(program.statements) for program in _typeset(asked)]


def _cost(asked: Asked) -> str:
    return str(asked.whole.explain(small_sizes(asked.whole.resolved, asked.sizes)))


def _source(asked: Asked) -> str:
    try:
        return asked.whole.source(asked.question.backend)
    except ShapeError:
        sizes = small_sizes(asked.whole.resolved, asked.sizes)
        return asked.whole.source(asked.question.backend, sizes)


def _graph(asked: Asked) -> str:
    return str(asked.whole.graph())


def _steps(asked: Asked) -> str:
    return str(getattr(asked.program, _STEPS)(**asked.by))


def _types(asked: Asked) -> str:
    return types_text(asked.program, bind_letters(asked.program.resolved, asked.sizes))


_STEPS = "derive_steps"

PANELS = {
    panel.name: panel
    for panel in (
        Panel("backward", "Backward", _backward, opened=True),
        Panel("types", "Types and shapes", _types, opened=True),
        Panel("sums", "Where each sum stands", _sums, opened=True),
        *(
            [Panel("steps", "The derivation, step by step", _steps)]
            if hasattr(Program, _STEPS)
            else []
        ),
        Panel("jacobian", "Jacobian", _jacobian),
        Panel("hessian", "Hessian", _hessian),
        Panel("latex", "Formulae and LaTeX", _latex, formulae=_formulae),
        Panel("cost", "What a call costs", _cost),
        Panel("source", "Source", _source),
        Panel("graph", "Graph", _graph),
    )
}
"""By name, in the order of the page."""
