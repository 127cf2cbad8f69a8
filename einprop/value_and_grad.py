"""A scalar with its gradients: what training calls at each step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Never

from einprop.compiled import Compiled

if TYPE_CHECKING:
    from einprop.program import Program

__all__ = ["ValueAndGrad"]


@dataclass(frozen=True)
class ValueAndGrad:
    """A scalar and its gradients as a function of the inputs.

    Attributes:
        value: The scalar's name.
        gradients: By input, the name of its gradient.
        program: The program that computes both, written out for a reader when it is asked for.

    >>> from einprop import Program
    >>> value, gradients = Program("y = w[i] x[i]", params="w").value_and_grad()(w=[2.0], x=[3.0])
    >>> float(value), gradients
    (6.0, {'w': array([3.])})
    """

    value: str
    gradients: Mapping[str, str]
    _derive: Callable[[], Program] = field(repr=False)
    _compiled: Compiled = field(repr=False)

    @cached_property
    def program(self) -> Program:
        """The program that computes both."""
        return self._derive()

    def __call__(
        self, tensors: Mapping[str, Any] | None = None, /, *more: Never, **named: Any
    ) -> tuple[Any, dict[str, Any]]:
        """The value, and a dict of gradients by input, each of its input's shape.

        Raises:
            ShapeError: As for `Program.__call__`.
            InputError: As for `Program.__call__`.
        """
        results = self._compiled(tensors, *more, **named)
        return results[self.value], {name: results[g] for name, g in self.gradients.items()}
