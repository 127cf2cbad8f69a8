"""Why does a network not learn? Every signal on its way through, every gradient on its way back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from einprop.layers import Network
from einprop.layers.model import Model
from einprop.notation.printer import to_text
from einprop.notation.tree import Equation, equations_of, reads
from einprop.options import mapping
from einprop.program import Program
from einprop.tables import aligned, html_table
from einprop.training.assemble import loss_of
from einprop.training.evaluate import arrays_of
from einprop.training.step import as_model

__all__ = ["Diagnosis", "Signal", "diagnose"]

Array = npt.NDArray[Any]

# Between a healthy layer's gradient and the largest one lie a few powers of ten: a network of one hidden
# layer whose weights start at 1e-4 still learns at 3e-4.
_FAINT = 1e-5
_SAME = 1e-4

_HEALTHY = "no gradient dies"


@dataclass(frozen=True, slots=True)
class Signal:
    """One tensor of the network with its gradient.

    Attributes:
        name: Of the tensor.
        layer: The equation that defines it, or the first that reads it if it is a parameter.
        is_parameter: Whether it is a parameter, not an activation.
        norm: Square root of the sum of the squares of its entries.
        spread: Which part of the norm differs from one example to another, from 0 (the same for all)
            to 1; nan for what has no axis of examples, such as a parameter.
        gradient: The norm of the loss's gradient with respect to it.
        zeros: Which part of that gradient's entries is exactly 0.
    """

    name: str
    layer: str
    is_parameter: bool
    norm: float
    spread: float
    gradient: float
    zeros: float


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Every signal of a network in the order of its equations, and what is wrong; prints as a table.

    Attributes:
        signals: Activations, each followed by the parameters that its equation reads first.
        findings: A sentence for each layer at which a gradient or a signal dies; none for a healthy
            network.
        layers: The equations of those layers, as they stand in ``signals``.
    """

    signals: tuple[Signal, ...]
    findings: tuple[str, ...]
    layers: tuple[str, ...]

    def _rows(self) -> list[list[str]]:
        rows = [["tensor", "norm", "spread", "gradient", "zeros"]]
        for s in self.signals:
            name = f"  {s.name}" if s.is_parameter else s.name
            spread = "" if np.isnan(s.spread) else f"{s.spread:.2g}"
            rows.append([name, f"{s.norm:.3g}", spread, f"{s.gradient:.3g}", f"{s.zeros:.0%}"])
        return rows

    def __str__(self) -> str:
        """The table, then the findings."""
        return "\n".join([*aligned(self._rows()), *(self.findings or (_HEALTHY,))])

    def _repr_html_(self) -> str:
        """The same, the layers at which something dies in bold."""
        strong = [k for k, s in enumerate(self.signals, 1) if s.layer in self.layers]
        found = "".join(f"<li>{escape(text)}</li>" for text in self.findings or (_HEALTHY,))
        return f"{html_table(self._rows(), strong=strong)}<ul>{found}</ul>"


def diagnose(
    model: Network | Program | Model,
    parameters: Mapping[str, Array],
    data: Mapping[str, npt.ArrayLike],
    rng: np.random.Generator | None = None,
) -> Diagnosis:
    """Follow a batch through a network and the gradient of its loss back, and say where that dies.

    For every activation ``h`` and parameter ``W``: the norm ``sqrt(sum_bj h_bj^2)``, the norm of the
    gradient ``dloss/dh`` and the part of its entries that is 0, as after a ReLU that nothing passes.
    Three things are found, each named by the equation of its layer and, in a network, its number in
    the chain, counted from 0:

    - dead gradient: all of a parameter's gradient is exactly 0, as behind a ReLU that is never
      passed.
    - dead gradient: an activation's gradient has less than 1e-5 of the largest norm of one; it dies
      in the layer behind, and no learning rate serves both ends of such a network.
    - dead signal: an activation is the same for all examples up to 1e-4 of its norm.

    Args:
        model: A network that ends in a loss, or a program with one scalar output.
        parameters: Arrays by name, the model's state among them.
        data: The other inputs, examples along the first axis; a minibatch is enough.
        rng: Draws the noise of the model, where it has some.

    Raises:
        InputError: There is no scalar loss, or an array is missing.

    >>> import einprop as ep
    >>> text = '''h[b,j] = relu(x[b,i] V[i,j]);  y[b,k] = h[b,j] W[j,k]
    ... loss = mean[b](sum[k]((y[b,k] - t[b,k])^2))'''
    >>> rng = np.random.default_rng(0)
    >>> arrays = {"V": -np.ones((3, 4)), "W": np.ones((4, 1))}
    >>> print(diagnose(Program(text, params="V W"), arrays, {"x": rng.random((5, 3)), "t": [[1]] * 5}))
    tensor  norm  spread  gradient  zeros
    h          0       0      1.79     0%
      V     3.46                 0   100%
    y          0       0     0.894     0%
      W        2                 0   100%
    loss       1                 1     0%
    dead gradient: all of V.grad is 0, in h[b,j] = relu(x[b,i] V[i,j])
    dead gradient: all of W.grad is 0, in y[b,k] = h[b,j] W[j,k]
    dead signal: h is the same for all examples, from h[b,j] = relu(x[b,i] V[i,j]) on
    """
    given = arrays_of(data)
    mapping("parameters", parameters, "as init gives them")
    chosen = as_model(model, given)
    program = chosen.program
    loss = loss_of(chosen)
    trained = [name for name in program.params or parameters if name not in chosen.state]
    tensors: dict[str, Array] = {**parameters, **given}
    known = {n: np.shape(array) for n, array in tensors.items() if n in program.inputs}
    tensors |= chosen.draw_noise(program.shapes(known), rng)
    derived = program.grad(of=loss, wrt=trained)
    names = derived.resolved.names.defined
    run = derived.followed_by([], names)
    values = {**tensors, **run({name: tensors[name] for name in run.inputs if name in tensors})}
    flow = _Flow(program, frozenset(given), frozenset(trained), chosen.dotted)
    signals = tuple(_signals(flow, {name: np.asarray(v) for name, v in values.items()}))
    found = list(_findings(flow, signals))
    return Diagnosis(
        signals, tuple(text for _, text in found), tuple(dict.fromkeys(layer for layer, _ in found))
    )


@dataclass(frozen=True, slots=True)
class _Flow:
    """How tensors follow from each other."""

    program: Program
    data: frozenset[str]
    trained: frozenset[str]
    dotted: Mapping[str, str]

    @property
    def equations(self) -> tuple[Equation, ...]:
        return equations_of(self.program.statements)

    def place(self, layer: str) -> str:
        """A layer's equation, after its place in the network if its parameters have one."""
        for equation in self.equations:
            if _text(equation) == layer:
                names = [self.dotted[a.name] for a in reads(equation) if a.name in self.dotted]
                return f"layer {names[0].rpartition('.')[0]}: {layer}" if names else layer
        return layer

    def has_examples(self, name: str) -> bool:
        """Whether the first axis of a computed tensor is the one along which the data has its examples."""
        types = self.program.resolved.types
        batch = {types.axis(n, 0) for n in self.data if n in types.ranks and types.rank(n)}
        return bool(types.rank(name)) and types.axis(name, 0) in batch


def _signals(flow: _Flow, values: Mapping[str, Array]) -> Iterator[Signal]:
    """Each computed tensor that the loss depends on, and the parameters that it is the first to read."""
    seen: set[str] = set()
    for equation in flow.equations:
        target, layer = equation.target.name, _text(equation)
        for name in dict.fromkeys([target, *(access.name for access in reads(equation))]):
            gradient = values.get(f"{name}.grad")
            wanted = name == target or name in flow.trained
            if gradient is None or name in seen or not wanted:
                continue
            seen.add(name)
            value = values[name]
            spread = _spread(value) if name == target and flow.has_examples(name) else float("nan")
            zeros = float(np.mean(gradient == 0)) if gradient.size else 0.0
            norms = float(np.linalg.norm(value)), float(np.linalg.norm(gradient))
            yield Signal(name, layer, name in flow.trained, norms[0], spread, norms[1], zeros)


def _text(equation: Equation) -> str:
    return to_text(replace(equation, place=None))


def _spread(value: Array) -> float:
    norm = np.linalg.norm(value)
    return float(np.linalg.norm(value - value.mean(axis=0)) / norm) if norm else 0.0


def _findings(flow: _Flow, signals: Sequence[Signal]) -> Iterator[tuple[str, str]]:
    """The equation of each layer at which something dies, and the sentence that says so."""
    for signal in signals:
        if signal.is_parameter and signal.zeros == 1:
            place = flow.place(signal.layer)
            yield signal.layer, f"dead gradient: all of {signal.name}.grad is 0, in {place}"
    activations = {s.name: s for s in signals if not np.isnan(s.spread)}
    top = max(activations.values(), key=lambda s: s.gradient, default=None)
    for name, signal in activations.items():
        readers = [e for e in flow.equations if name in {access.name for access in reads(e)}]
        behind = [activations[e.target.name] for e in readers if e.target.name in activations]
        arrives = max((s.gradient for s in behind), default=0.0)
        if top is not None and signal.gradient < _FAINT * top.gradient <= arrives:
            share = signal.gradient / top.gradient
            layer = max(behind, key=lambda s: s.gradient).layer
            text = f"dead gradient: {name}.grad has {share:.1g} of the norm of {top.name}.grad; it dies in"
            yield layer, f"{text} {flow.place(layer)}"
    still = [s for s in activations.values() if s.spread < _SAME]
    if still:
        first = still[0]
        text = f"dead signal: {first.name} is the same for all examples, from"
        yield first.layer, f"{text} {flow.place(first.layer)} on"
