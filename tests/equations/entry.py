"""What an entry of the table holds: a program, its inputs, and the same written for PyTorch."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from einprop import Program

try:
    import torch
    from torch.nn import functional
    from torch.nn.attention import SDPBackend, sdpa_kernel
except ImportError:  # Everything but the comparison itself runs without it.
    torch = functional = SDPBackend = sdpa_kernel = None

__all__ = ["Entry", "SDPBackend", "functional", "sdpa_kernel", "torch"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Entry:
    """One named equation, or the few that belong together.

    Attributes:
        name: What the field calls it.
        source: Where it is defined.
        program: Its text.
        shapes: Of the inputs that are drawn at random.
        forward: From a namespace of torch tensors to the output, or to the outputs in order.
        integers: Inputs of positions, with the size that they stay below.
        positive: Inputs drawn from 0.5 to 1.5 instead of -1 to 1.
        constant: Inputs that are not differentiated, besides integers and values.
        values: Inputs that are given.
        outputs: As in `Program`.
        twice: Whether PyTorch differentiates its own gradient here.
    """

    name: str
    source: str
    program: str
    shapes: Mapping[str, tuple[int, ...]]
    forward: Callable[[SimpleNamespace], Any]
    integers: Mapping[str, int] = field(default_factory=dict)
    positive: str = ""
    constant: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    outputs: str | None = None
    twice: bool = True

    def __str__(self) -> str:
        return self.name.replace(" ", "-")

    def build(self) -> Program:
        """The program."""
        return Program(self.program, outputs=self.outputs)

    def draw(self) -> dict[str, NDArray[Any]]:
        """The inputs, the same at every call."""
        rng = np.random.default_rng(zlib.crc32(self.name.encode()))
        tensors = {name: np.asarray(value) for name, value in self.values.items()}
        for name, shape in self.shapes.items():
            if name in self.integers:
                tensors[name] = rng.integers(0, self.integers[name], shape)
            else:
                low, high = (0.5, 1.5) if name in self.positive.split() else (-1, 1)
                tensors[name] = rng.uniform(low, high, shape)
        return tensors

    @property
    def differentiated(self) -> tuple[str, ...]:
        """The inputs that gradients are taken for."""
        fixed = {*self.integers, *self.constant.split()}
        return tuple(name for name in self.shapes if name not in fixed)
