"""A model: the programs that training and evaluation run, and what is neither data nor parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from einprop.errors import InputError
from einprop.layers.noise import Noise
from einprop.program import Program

__all__ = ["Model"]


@dataclass(frozen=True)
class Model:
    """What a file needs to hold so that training goes on without the code that wrote the network.

    Attributes:
        program: Training: reads parameters, state, noise and data; its outputs are the scalar loss
            and the new values of the state.
        evaluation: The loss again, in evaluation mode, without noise and without new state.
        predictor: What the network says (``y``), in evaluation mode; None if nobody said which
            tensor that is.
        state: Arrays that a training step replaces though they have no gradient, such as running
            means: by name the tensor that holds the new value. A table that never changes maps to
            itself.
        noise: Inputs of ``program`` that are drawn at every step.
        dotted: By parameter or state its name with the layer's number: ``W2`` is ``2.W``.

    >>> Model.of(Program("loss = sum[b]((x[b] w - t[b])^2)", params="w")).state
    {}
    """

    program: Program
    evaluation: Program
    predictor: Program | None = None
    state: Mapping[str, str] = field(default_factory=dict)
    noise: Mapping[str, Noise] = field(default_factory=dict)
    dotted: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, program: Program, predictor: Program | None = None) -> Model:
        """A program that is the same in training and in evaluation."""
        return cls(program, program, predictor)

    def draw_noise(
        self,
        shapes: Mapping[str, tuple[int, ...]],
        rng: np.random.Generator | None,
        dtype: npt.DTypeLike = np.float64,
    ) -> dict[str, npt.NDArray[Any]]:
        """All noise of one step, drawn anew.

        Args:
            shapes: By name, those of the noise among others: `Program.shapes` finds them.
            rng: Where the draws come from.
            dtype: Of the arrays.

        Raises:
            InputError: There is no generator, or a shape is not known.

        >>> from einprop.layers import Dropout
        >>> model = Dropout(0.5).with_axes(2).model
        >>> drawn = model.draw_noise(model.program.shapes(x=(4, 3)), np.random.default_rng(0))
        >>> {name: array.shape for name, array in drawn.items()}
        {'mask': (4, 3)}
        """
        if self.noise and rng is None:
            raise InputError(
                f"the model draws {', '.join(self.noise)}, and there is no generator",
                hint="pass rng=numpy.random.default_rng(0)",
            )
        drawn: dict[str, npt.NDArray[Any]] = {}
        for name, noise in self.noise.items():
            if name not in shapes:
                raise InputError(f"the shape of {name} does not follow from the other inputs")
            assert rng is not None
            drawn[name] = noise.draw(rng, shapes[name], dtype)
        return drawn
