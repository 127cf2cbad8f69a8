"""Declared lines on their way into an adjoint: under the names that its cotangents have."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from einprop.analysis.declared import Line, cotangent_of
from einprop.notation.tree import Access, Equation, Expression, Number, transform

__all__ = ["Emitted", "Lines"]


@dataclass(frozen=True)
class Emitted:
    """A declared line in an adjoint.

    Attributes:
        of: The tensor whose cotangent it adds to; None for a line that helps others.
        equation: Sums explicit.
        written: As in the text.
    """

    of: str | None
    equation: Equation
    written: Equation


@dataclass
class Lines:
    """The lines that wait until the cotangents that they read are complete.

    Attributes:
        lines: All of them.
        suffix: What the names of cotangents end in.
    """

    lines: Sequence[Line]
    suffix: str
    passed: set[str] = field(default_factory=set)
    done: set[int] = field(default_factory=set)

    def after(self, name: str, reached: Collection[str]) -> Iterator[Emitted]:
        """The lines that can stand once the cotangent of ``name`` is complete and passed on.

        Args:
            name: The tensor.
            reached: The tensors that have a cotangent.
        """
        self.passed.add(name)
        for number, line in enumerate(self.lines):
            if line.of is None or number in self.done or not line.sources <= self.passed:
                continue
            self.done.add(number)
            if line.sources & set(reached):
                for position, helper in enumerate(self.lines[:number]):
                    if helper.core.target.name in line.helpers and position not in self.done:
                        self.done.add(position)
                        yield self.emitted(helper, reached)
                yield self.emitted(line, reached)

    def emitted(self, line: Line, reached: Collection[str]) -> Emitted:
        """The line under the adjoint's names; a cotangent that there is not is 0."""
        core = self.renamed(line.core, reached)
        complete = line.sources <= set(reached)
        written = self.renamed(line.written, reached) if complete else core
        return Emitted(line.of, core, written)

    def renamed(self, equation: Equation, reached: Collection[str]) -> Equation:
        """The equation under the adjoint's names."""

        def read(node: Expression) -> Expression:
            if not isinstance(node, Access):
                return node
            of = cotangent_of(node.name)
            if of is not None and of not in reached:
                return Number(0)
            return replace(node, name=self.name(node.name))

        target = replace(equation.target, name=self.name(equation.target.name))
        return replace(equation, target=target, expression=transform(equation.expression, read))

    def name(self, name: str) -> str:
        """The name in the adjoint of what a line calls ``name``."""
        of = cotangent_of(name)
        if of is not None:
            return f"{of}.{self.suffix}"
        # The tensors of helping lines take the suffix too: each derivation has its own.
        helps = any(line.of is None and line.core.target.name == name for line in self.lines)
        return f"{name}.{self.suffix}" if helps else name
