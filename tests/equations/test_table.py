"""Every entry of the table: its values, its gradients, and the gradients of those."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from einprop import Program
from einprop.notation.parser import parse
from einprop.notation.printer import program_text
from einprop.reference import evaluate
from tests.equations.entry import Entry, torch
from tests.equations.table import TABLE

needs_torch = pytest.mark.skipif(torch is None, reason="needs torch: pip install einprop[oracles]")
STEP = 1e-5


class Subject:
    """An entry with what is derived from it, made once."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.program = entry.build()
        self.tensors = entry.draw()
        self.gradient = self.program.vjp(wrt=entry.differentiated)
        self.second = self.gradient.vjp(wrt=entry.differentiated)
        rng = np.random.default_rng(1)
        self.values = run(self.program, self.tensors)
        self.cotangents = {
            cotangent: rng.uniform(-1, 1, self.values[name].shape)
            for name, cotangent in self.seeds(self.gradient, self.program)
        }
        self.gradients = run(self.gradient, {**self.tensors, **self.cotangents})

    @staticmethod
    def seeds(derived: Program, program: Program) -> list[tuple[str, str]]:
        """Each output of the program, with the input that is its cotangent."""
        own = {name.rpartition(".")[0]: name for name in derived.inputs}
        return [(name, own[name]) for name in program.outputs if name in own]

    def weighted(self, tensors) -> float:
        """The outputs times their cotangents, in all."""
        values = run(self.program, tensors)
        pairs = zip(values.values(), self.cotangents.values(), strict=True)
        return sum(np.sum(value * cotangent) for value, cotangent in pairs)

    def squared_gradients(self, tensors) -> float:
        found = run(self.gradient, {**tensors, **self.cotangents})
        return sum(np.sum(gradient**2) for gradient in found.values())

    def second_gradients(self) -> dict[str, np.ndarray]:
        """The gradients of the squared gradients, added up."""
        known = {**self.tensors, **self.cotangents}
        seeds = {
            cotangent: 2 * self.gradients[name]
            for name, cotangent in self.seeds(self.second, self.gradient)
        }
        found = run(self.second, {**known, **seeds})
        return {
            name: found[output] for name, output in zip(self.differentiated, found, strict=True)
        }

    @property
    def differentiated(self) -> tuple[str, ...]:
        return self.entry.differentiated


@pytest.fixture(scope="module", params=TABLE, ids=str)
def entry(request: pytest.FixtureRequest) -> Entry:
    return request.param


@pytest.fixture(scope="module")
def this(entry: Entry) -> Subject:
    return Subject(entry)


def run(program: Program, tensors) -> dict[str, np.ndarray]:
    """The outputs by name."""
    results = program({name: tensors[name] for name in program.inputs})
    return results if isinstance(results, dict) else {program.outputs[0]: results}


def assert_close(found, expected, tolerance: float) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    scale = max(1.0, np.max(np.abs(expected), initial=0.0))
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * scale)


def torch_outputs(entry: Entry, tensors):
    """PyTorch's inputs that are differentiated, and its outputs in order."""
    leaves = {name: torch.tensor(value) for name, value in tensors.items()}
    chosen = [leaves[name].requires_grad_() for name in entry.differentiated]
    outputs = entry.forward(SimpleNamespace(**leaves))
    return chosen, outputs if isinstance(outputs, tuple) else (outputs,)


def torch_gradients(of, chosen, **options):
    if not of.requires_grad:
        return [torch.zeros_like(tensor) for tensor in chosen]
    found = torch.autograd.grad(of, chosen, allow_unused=True, **options)
    return [torch.zeros_like(c) if g is None else g for c, g in zip(chosen, found, strict=True)]


def weighted_outputs(this: Subject, outputs):
    cotangents = this.cotangents.values()
    pairs = zip(outputs, cotangents, strict=True)
    return sum((output * torch.tensor(cotangent)).sum() for output, cotangent in pairs)


def assert_slopes(function, tensors, gradients) -> None:
    """Each gradient along a random direction is the slope of the function there."""
    rng = np.random.default_rng(2)
    for name, gradient in gradients.items():
        direction = rng.uniform(-1, 1, tensors[name].shape)
        sides = [
            function({**tensors, name: tensors[name] + sign * STEP * direction}) for sign in (1, -1)
        ]
        slope = (sides[0] - sides[1]) / (2 * STEP)
        along = np.sum(gradient * direction)
        scale = max(1.0, abs(slope), float(np.sum(np.abs(gradient))))
        assert abs(slope - along) <= 1e-6 * scale, f"{name}: derived {along}, difference {slope}"


def test_the_table_is_long_and_its_names_are_distinct() -> None:
    names = [entry.name for entry in TABLE]
    assert len(names) >= 60
    assert len(set(names)) == len(names)


def test_its_text_prints_as_it_parses(entry: Entry) -> None:
    statements = parse(entry.program)
    assert parse(program_text(statements)) == statements


@needs_torch
def test_torch_takes_the_inputs_and_differentiates(entry: Entry) -> None:
    chosen, outputs = torch_outputs(entry, entry.draw())
    assert all(torch.isfinite(output).all() for output in outputs)
    total = sum((output**2).sum() for output in outputs)
    first = torch_gradients(total, chosen, create_graph=entry.twice)
    assert all(torch.isfinite(gradient).all() for gradient in first)
    if entry.twice:
        torch_gradients(sum((gradient**2).sum() for gradient in first), chosen)


@needs_torch
def test_its_values_are_torchs(entry: Entry, this: Subject) -> None:
    _, outputs = torch_outputs(entry, this.tensors)
    for found, expected in zip(this.values.values(), outputs, strict=True):
        assert_close(found, expected.detach().numpy(), 1e-10)


def test_its_values_are_those_of_the_loops(this: Subject) -> None:
    loops = evaluate(this.program, this.tensors)
    for name, value in this.values.items():
        assert_close(value, loops[name], 1e-10)


@needs_torch
def test_its_gradients_are_torchs(entry: Entry, this: Subject) -> None:
    chosen, outputs = torch_outputs(entry, this.tensors)
    expected = torch_gradients(weighted_outputs(this, outputs), chosen)
    for found, gradient in zip(this.gradients.values(), expected, strict=True):
        assert_close(found, gradient.numpy(), 1e-9)


def test_its_gradients_are_slopes(this: Subject) -> None:
    gradients = dict(zip(this.differentiated, this.gradients.values(), strict=True))
    assert_slopes(this.weighted, this.tensors, gradients)


def test_its_gradient_prints_and_runs_as_it_prints(this: Subject) -> None:
    parsed = Program(str(this.gradient))
    assert parsed == this.gradient
    assert str(parsed) == str(this.gradient)
    again = run(parsed, {**this.tensors, **this.cotangents})
    assert list(again) == list(this.gradients)
    for name, value in this.gradients.items():
        assert_close(again[name], value, 1e-10)


def test_its_gradient_differentiates_again(this: Subject) -> None:
    assert Program(str(this.second)) == this.second
    assert_slopes(this.squared_gradients, this.tensors, this.second_gradients())


@needs_torch
def test_its_second_gradients_are_torchs(entry: Entry, this: Subject) -> None:
    if not entry.twice:
        pytest.skip("PyTorch does not differentiate this operator twice")
    chosen, outputs = torch_outputs(entry, this.tensors)
    first = torch_gradients(weighted_outputs(this, outputs), chosen, create_graph=True)
    squared = sum((gradient**2).sum() for gradient in first)
    expected = torch_gradients(squared, chosen)
    for name, gradient in zip(this.differentiated, expected, strict=True):
        assert_close(this.second_gradients()[name], gradient.numpy(), 1e-8)
