"""Code for all sizes is right at each, or refuses it: sizes are read off the arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from einprop import EinpropError, Program
from einprop.backends.source_sizes import Form
from tests.backends import sources
from tests.backends.sources import by_name, function_of

RNN = "h[t,b,j] = tanh(x[t,b,i] W[i,j] + h[t-1,b,k] U[k,j])"

# A program, and the sizes of its inputs' types, by the letters of the inputs that are written.
PROGRAMS = {
    "a read that may be longer": ("D[i] = A[i+0] + B[i]", {"A": "a", "B": "b"}),
    "a wrapped read": ("F[i] = A[wrap(i+k+1)] o[k] where i in 0:3", {"A": "a", "o": "k"}),
    "a clamped read": ("y[i] = A[clamp(i-1)] where i in 0:3", {"A": "a"}),
    "two that concatenate": ("C[i] = A[i] where i in 0:3; C[i+3] = B[i]", {"A": "a", "B": "b"}),
    "a sum over a part": ("Q[q] = sum[t](V[t,q]) where t in 1:3", {"V": "tq"}),
    "a contribution of a part": ("W[i,q] += A[i,q] where i in 0:1", {"A": "iq"}),
    "a convolution": ("y[b,i] = x[b,i+p] K[p]", {"x": "bl", "K": "p"}),
    "a strided convolution": ("y[i] = x[2*i+p] K[p]", {"x": "l", "K": "p"}),
    "a padded read": ("y[i] = x[pad(i-1)] + x[i]", {"x": "i"}),
    "pooling": ("index u: pool < 2; m[i] = max[u](h[2*i+u])", {"h": "l"}),
    "a recurrence": (RNN, {"x": "tbi", "W": "ij", "U": "jj"}),
    "a recurrence from a start": (
        "h[t] = h[t-1] + x[t]; h[-1] = b; y = h[end]",
        {"x": "t", "b": ""},
    ),
    "a largest value": ("y[b] = max[k](x[b,k])", {"x": "bk"}),
    "a turned axis": ("y[i] = x[end-i]", {"x": "i"}),
    "one cell": ("y = x[0]^2", {"x": "i"}),
    "every other cell": ("y[i] = x[2*i]", {"x": "l"}),
    "groups": ("index h: head < 2; y[h,d] = x[(h d)]^2", {"x": "l"}),
    "a product of three": ("y[i,l] = A[i,j] B[j,k] C[k,l]", {"A": "ij", "B": "jk", "C": "kl"}),
}

SIZES = (0, 1, 2, 3, 5, 12)


def shapes_of(axes: dict[str, str], rng: np.random.Generator, seed: int) -> dict[str, tuple]:
    letters = sorted({i for own in axes.values() for i in own})
    sizes = {i: int(rng.choice(SIZES)) if seed else 5 + n for n, i in enumerate(letters)}
    return {name: tuple(sizes[i] for i in own) for name, own in axes.items()}


def outcome(run: Any, program: Program, tensors: dict[str, np.ndarray], convert: Any) -> Any:
    given = [convert(array) for array in sources.arguments(run, tensors)]
    try:
        with np.errstate(all="ignore"):
            return by_name(program, run(*given))
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_code_is_what_the_program_is_at_every_size(name: str, backend: str) -> None:
    """Or it refuses the sizes, and always where the program does."""
    convert = sources.converter(backend)
    text, axes = PROGRAMS[name]
    agreed = 0
    for derived in (False, True):
        program = Program(text).vjp() if derived else Program(text)
        run = function_of(program.source(backend))
        rng = np.random.default_rng(0)
        for seed in range(20):
            shapes = shapes_of(axes, rng, seed)
            tensors = {n: rng.uniform(-1, 1, shape) for n, shape in shapes.items()}
            try:
                if derived:
                    tensors = sources.with_cotangents(program, tensors)
                tensors = {n: tensors[n] for n in program.inputs}
                with np.errstate(all="ignore"):
                    expected = by_name(program, program(tensors))
            except (EinpropError, KeyError):
                expected = None
            if set(tensors) != set(program.inputs):
                continue
            found = outcome(run, program, tensors, convert)
            if isinstance(found, str):
                assert "size" in found, found
                continue
            assert expected is not None, shapes
            agreed += 1
            for key, value in expected.items():
                assert tuple(found[key].shape) == np.shape(value), (key, shapes)
                np.testing.assert_allclose(found[key], value, rtol=1e-7, atol=1e-9)
    assert agreed >= 2


def test_a_gradient_is_as_long_as_what_it_is_of() -> None:
    program = Program("D[i] = A[i+0] + B[i]").vjp()
    found = function_of(program.source())(np.ones(7), np.ones(4))
    assert found["A.grad"].tolist() == [1, 1, 1, 1, 0, 0, 0]


def test_a_size_that_code_is_not_for_is_named() -> None:
    run = function_of(Program("y[b] = max[k](x[b,k])").source())
    with pytest.raises(ValueError, match="index k has size 0: this code is for 1 or more"):
        run(np.ones((2, 0)))


def test_forms_are_added_and_written() -> None:
    length = Form(-1, {("i",): 2, ("i", "p"): 1})
    assert length.at({"i": 3, "p": 4}) == 17
    assert length.plus(Form(1, {("i",): 1}), -2).terms == {("i", "p"): 1}
    assert length.text({"i": "n", "p": "m"}) == "2 * n + n * m - 1"
