"""What a workload is: equations, tensors, the least work it takes, and its form for every peer."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Array",
    "Equations",
    "Form",
    "Handwritten",
    "Loss",
    "Results",
    "Sizes",
    "Step",
    "Tensors",
    "TorchForm",
    "Workload",
    "one_hot",
    "threads",
]

Array = NDArray[Any]
Tensors = Mapping[str, Array]
Sizes = Mapping[str, int]
Results = dict[str, Any]
Loss = Callable[[Any, Mapping[str, Any]], Any]
"""From a library and its tensors by name to the scalar."""
Handwritten = Callable[[Tensors], Callable[[], Results]]
"""From the tensors to a step that returns its results in buffers of its own."""


def keep(results: Results) -> Results:
    """The results as they are."""
    return results


@dataclass(frozen=True)
class Step:
    """A prepared form.

    Attributes:
        run: What is timed: loss and gradients, or the Hessian, in the peer's own arrays.
        results: The same once, as numpy arrays by the names that all peers share: ``loss``, the
            tensor's name for its gradient, ``U,V`` for a block of the Hessian.
    """

    run: Callable[[], Any]
    results: Callable[[], Results]


Form = Callable[[Tensors], Step]
"""From the tensors to a step."""


@dataclass(frozen=True)
class Equations:
    """A form of einprop: a program, and what its user asks of it.

    Attributes:
        text: The program.
        derive: "gradients" (of the loss), "hessian" (of the loss), or "values": the program computes
            what is wanted itself.
    """

    text: str
    derive: str = "gradients"


@dataclass(frozen=True)
class TorchForm:
    """A form of PyTorch whose tensors lie or are named otherwise than the workload's.

    Attributes:
        loss: From the library and the tensors by name to the scalar.
        convert: From the library and the workload's tensors to those that the loss takes.
        back: From the gradients by name, as numpy arrays, to those of the workload.
        compiles: Whether its users would compile it: a recurrence that the library has as one kernel
            would be unrolled into its steps.
    """

    loss: Loss
    convert: Callable[[Any, dict[str, Any]], dict[str, Any]] | None = None
    back: Callable[[Results], Results] = keep
    compiles: bool = True


@dataclass(frozen=True)
class Workload:
    """One row of the table.

    Attributes:
        name: How the command line calls it.
        title: How the table calls it, with its sizes.
        sizes: The sizes that are timed.
        small: Sizes at which a test compares all forms.
        tensors: From a generator and sizes to float64 arrays, and integers where a peer wants labels.
        wrt: The tensors to differentiate for.
        flops: From sizes to the floating-point operations of the least products that the results
            need: two for each multiply-add. Elementwise work is left out.
        einprop: By form the program, from sizes.
        numpy: By form a function from tensors to a step: a function without arguments that returns
            the loss and the gradients (or the Hessian) by name.
        torch: By form the loss.
        jax: By form the loss.
        autograd: By form the loss.
        hessian: Whether the second derivatives are wanted instead of the first.
        apart: Forms whose results are not those of the others as they stand, so that they are
            reported apart and never chosen as a peer's best.
        expand: For these forms, from results and tensors to the others' results, to compare them.
        wrt_at: From sizes to `wrt`, where the sizes decide which tensors there are.
    """

    name: str
    title: str
    sizes: Sizes
    small: Sizes
    tensors: Callable[[np.random.Generator, Sizes], dict[str, Array]]
    wrt: tuple[str, ...]
    flops: Callable[[Sizes], float]
    einprop: Callable[[Sizes], Mapping[str, Equations]]
    numpy: Mapping[str, Handwritten]
    torch: Mapping[str, Loss | TorchForm] = field(default_factory=dict)
    jax: Mapping[str, Loss] = field(default_factory=dict)
    autograd: Mapping[str, Loss] = field(default_factory=dict)
    hessian: bool = False
    apart: tuple[str, ...] = ()
    expand: Mapping[str, Callable[[Results, Tensors], Results]] = field(default_factory=dict)
    wrt_at: Callable[[Sizes], tuple[str, ...]] | None = None

    def at(self, sizes: Sizes) -> Workload:
        """The same with other sizes to be timed."""
        wrt = self.wrt if self.wrt_at is None else self.wrt_at(sizes)
        return replace(self, sizes=sizes, wrt=wrt)

    def example(self, dtype: str) -> dict[str, Array]:
        """The tensors, the same ones in every process; integers stay integers."""
        found = self.tensors(np.random.default_rng(20261121), self.sizes)
        return {
            name: np.ascontiguousarray(a if a.dtype.kind == "i" else a.astype(dtype))
            for name, a in found.items()
        }


def one_hot(rng: np.random.Generator, count: int, classes: int) -> dict[str, Array]:
    """Targets of a classification: ``labels`` as numbers, ``t`` with a one in the place of each."""
    labels = rng.integers(0, classes, count)
    return {"t": np.eye(classes)[labels], "labels": labels}


def threads() -> int:
    """How many threads a peer may use: for libraries that take no environment variable for it."""
    return int(os.environ.get("BENCHMARK_THREADS", "1"))
