"""Where indices run in derived programs: values of calls, loops and printed text, against differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from einprop import Program
from einprop.analysis.derivative_names import tensor_base
from einprop.reference import evaluate

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Derived:
    """A derived program, the values that it has to have, and its inputs.

    Attributes:
        kind: The method that derives it.
        program: The program.
        wanted: By result, its value.
        given: Arrays for its inputs, and for others.
    """

    kind: str
    program: Program
    wanted: Arrays
    given: Arrays


def called(program: Program, given: Arrays) -> Arrays:
    found = program({name: given[name] for name in program.inputs})
    return found if isinstance(found, dict) else {program.outputs[0]: found}


def by_loops(program: Program, given: Arrays) -> Arrays:
    found = evaluate(program, {name: given[name] for name in program.inputs})
    return {name: found[name] for name in program.outputs}


def slopes(function: Callable[[Arrays], Arrays], given: Arrays, name: str, step: float) -> Arrays:
    """The derivatives of all results by one input, its axes last."""
    value = given[name]
    columns = []
    for cell in np.ndindex(value.shape):
        ends = []
        for sign in (1, -1):
            moved = value.copy()
            moved[cell] += sign * step
            ends.append(function(given | {name: moved}))
        columns.append({n: (ends[0][n] - ends[1][n]) / (2 * step) for n in ends[0]})
    results = function(given)
    return {
        n: np.stack([c[n] for c in columns], -1).reshape(np.shape(results[n]) + value.shape)
        for n in results
    }


def contracted(array: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Summed over all axes of the other, which come first in the array."""
    return np.tensordot(other, array, np.ndim(other))


def derived(program: Program, given: Arrays) -> Iterator[Derived]:
    """All derivatives of a program, with their values by differences of the program itself."""
    rng = np.random.default_rng(0)
    base = evaluate(program, given)
    outputs = {name: base[name] for name in program.outputs}
    wrt = [name for name in given if f"{name}.grad" in program.vjp().outputs]
    by_input = {x: slopes(lambda t: called(program, t), given, x, 1e-5) for x in wrt}
    seeds = {n: rng.normal(size=v.shape) for n, v in outputs.items()}
    moves = {x: rng.normal(size=given[x].shape) for x in wrt}
    known = given | base | {f"{n}.grad": v for n, v in seeds.items()}
    known |= {f"{n}.seed": v for n, v in seeds.items()} | {f"{x}.dot": v for x, v in moves.items()}
    gradients = {
        f"{x}.grad": sum(contracted(by_input[x][n], seeds[n]) for n in outputs) for x in wrt
    }
    yield Derived("vjp", program.vjp(), gradients, known)
    yield Derived("backward", program.backward(), gradients, known)
    tangents = {
        f"{n}.dot": sum(np.tensordot(by_input[x][n], moves[x], moves[x].ndim) for x in wrt)
        for n in outputs
    }
    yield Derived("jvp", program.jvp(), tangents, known)
    jacobians = {f"{n}.jacobian.{x}": by_input[x][n] for n in outputs for x in wrt}
    yield Derived("jacobian", program.jacobian(), jacobians, known)
    (name, value), *others = outputs.items()
    if others or value.shape:
        return
    gradient = program.grad()
    yield Derived("grad", gradient, {f"{x}.grad": by_input[x][name] for x in wrt}, known)
    second = {x: slopes(lambda t: called(gradient, t), given, x, 1e-5) for x in wrt}
    hessians = {f"{name}.hessian.{x}.{z}": second[z][f"{x}.grad"] for x in wrt for z in wrt}
    yield Derived("hessian", program.hessian(), hessians, known)
    products = {
        f"{x}.grad.dot": sum(
            np.tensordot(second[z][f"{x}.grad"], moves[z], moves[z].ndim) for z in wrt
        )
        for x in wrt
    }
    yield Derived("hvp", program.hvp(), products, known)


def two(program: Program, given: Arrays) -> Arrays:
    """The same example twice, for the inputs that get the new index."""
    lifted = (n for n in program.inputs if tensor_base(n) not in program.resolved.names.parameters)
    return {name: np.stack([given[name]] * 2) for name in lifted}


def one_of(program: Program, values: Arrays) -> Arrays:
    """What the second of two equal examples has; some results do not depend on the example."""
    rank = program.resolved.types.rank
    return {n: v[1] if np.ndim(v) > rank(n) else v for n, v in values.items()}


def check(found: Derived) -> None:
    """The program, its loops, its text and both lifted to two examples have the wanted values.

    Raises:
        AssertionError: Says which has not.
    """
    program, given = found.program, found.given
    text = Program(str(program))
    assert text == program
    ways = {
        "call": called(program, given),
        "loops": by_loops(program, given),
        "text": called(text, given),
    }
    if any(tensor_base(name) not in program.resolved.names.parameters for name in program.inputs):
        lifted = program.batched("example")
        ways["batched"] = one_of(program, called(lifted, given | two(program, given)))
        text = Program(str(lifted))
        ways["batched text"] = one_of(program, called(text, given | two(program, given)))
    for way, values in ways.items():
        for name, wanted in found.wanted.items():
            about = f"{found.kind}, {way}: {name}\n{program}"
            assert np.shape(values[name]) == np.shape(wanted), about
            np.testing.assert_allclose(values[name], wanted, 1e-4, 1e-6, err_msg=about)


ROWS: dict[str, dict[str, tuple[int, ...]]] = {
    # shifted reads bound what one of the terms has lost
    "y = sum[i,k](x[i+1,k] - x[i,k])": {"x": (4, 3)},
    "y = sum[i](x[i+1] x[i])": {"x": (4,)},
    "s[j] = sum[i](x[i+1,j] + x[i,j]) v[j]": {"x": (3, 2), "v": (2,)},
    "y = sum[i](x[i]^2) + sum[i](x[i+1] x[i])": {"x": (4,)},
    "y = sum[i](x[i+1] - x[i]) + sum[i](z[i+1] x[i])": {"x": (4,), "z": (5,)},
    "y = sum[i](x[i+2]) / sum[i](1) + x[0]": {"x": (5,)},
    "y[i] = sum[i](x[i+1]) x[i]": {"x": (4,)},
    "h[i] = x[i] x[i+1]; y = sum[i](h[i] h[i+1])": {"x": (5,)},
    "y = sum[i](sum[j](x[i+j] w[j])^2)": {"x": (5,), "w": (2,)},
    "d[i] = tanh(x[i+1] - z[i+0])": {"x": (4,), "z": (6,)},
    # a sum that has lost all that it ran over
    "h[i] = exp(x[i+1]) where i in 0:2; y = sum[i](exp(x[i+1])) + sum[i](h[i])": {"x": (5,)},
    "h[i] = x[i]^2 where i in 0:2; y[i] = x[i]^2; z = sum[i](h[i] + exp(y[i]))": {"x": (4,)},
    "y = sum[i,j](A[i] + A[j])": {"A": (3,)},
    "y = sum[i,j](A[i]^2 + A[j])": {"A": (3,)},
    "y = sum[i,j](A[i] + B[j])": {"A": (3,), "B": (2,)},
    "r[j] = d A[j,k] p[k] + (1 - d) / sum[k](1)": {"A": (3, 3), "p": (3,), "d": ()},
    "input x[b]; y = w / sum[b](1); z[b] = x[b] y": {"x": (3,), "w": ()},
    "input x[b,k], q[k]; y = w^2 / sum[k](1) + sum[b,k](x[b,k])": {
        "x": (3, 2),
        "w": (),
        "q": (2,),
    },
    # axes that nothing names whole
    "y = (W[end] x)^2": {"W": (3,), "x": ()},
    "y = sum[j](W[end,j] x[j])^2": {"W": (3, 2), "x": (2,)},
    "y[k] += x[k',k]; z = sum[p](sin(y[p]))": {"x": (3, 3)},
    "y = (W[2*i] x[i])^2": {"W": (6,), "x": (3,)},
    "y = (W[0,j] x[j])^2": {"W": (2, 3), "x": (3,)},
    "y = sum[t,i](P[t+0,i]^2 x[t,i])": {"P": (4, 2), "x": (3, 2)},
    "D[i] = A[i+0] + B[i]": {"A": (7,), "B": (4,)},
    "y[q,k] = Q[q] K[k] R[q-k+2]": {"Q": (3,), "K": (3,), "R": (6,)},
    "y[2*g+h] += (k[h] + k[h]) (A[g] + k[1]); W[l] = y[l]": {"k": (3,), "A": (4,)},
    # parts of an axis
    "index k: cell < 9; output B[k]; B[i] = X[i+5]^2 where i in 0:4": {"X": (11,)},
    "C[i] = A[i] where i in 0:4; C[i+4] = B[i] where i in 0:3": {"A": (4,), "B": (3,)},
    "C[i+0] = A[i]; C[i+3] += B[i]": {"A": (3,), "B": (2,)},
    "z[(a b),c] = x[a,b,c]": {"x": (3, 2, 2)},
    "index b: two < 2; z[a,b,c] = x[(a b),c]^2": {"x": (6, 2)},
    "E[m] = val[m',m,m'] where m' in 1:2": {"val": (3, 2, 3)},
    "y[i] = sum[i'](x[i] x[i'] w[i']) where i' in 1:3": {"x": (4,), "w": (4,)},
    "y[i] = max[i'](x[i] x[i']) where i' in 1:3, i in 0:2": {"x": (4,)},
    "P[h,m] += norm1[u,d](L[d,m] F[u]) key[h] where u in 0:2": {
        "L": (2, 3),
        "F": (2,),
        "key": (2,),
    },
    "Q[q] = sum[t](V[t,q]) where t in 1:3": {"V": (4, 2)},
    "W[i,q] += A[i,q] where i in 0:1": {"A": (3, 2)},
    "y[i] = softmax[i](x[i]) where i in 1:3": {"x": (4,)},
    "y[i] max= x[i,j] where j in 1:3": {"x": (2, 4)},
    "y[i] = x[i]^2 where i in 2:4; y[0] = c": {"x": (4,), "c": ()},
    # a block that is 0 outside of its range meets readers with ranges of their own
    "index k: c < 4; local h[k]; h[i] = x[i]^2 where i in 1:3; y[j] = h[j] z[j]": {
        "x": (4,),
        "z": (4,),
    },
    "index k: c < 4; local h[k]; h[i] = x[i]^2 where i in 1:3; y[j] = h[j] z[j] where j in 2:4": {
        "x": (4,),
        "z": (4,),
    },
    "index k: c < 4; local h[k]; h[i] = x[i]^2 where i in 1:3; y[j] = h[end-j]": {"x": (4,)},
    "index k: c < 4; local h[k]; h[i] = x[i]^2 where i in 1:3; y = sum[j](h[j+1] h[j])": {
        "x": (4,)
    },
    "s[t] = s[t-1] x[t] where t in 1:3; s[0] = c; y[t] = s[t]": {"x": (4,), "c": ()},
    # boundaries are legal anywhere, and bound nothing
    "F[i] = A[wrap(i+k+1)] o[k] where i in 0:7": {"A": (4,), "o": (3,)},
    "F[i] = A[clamp(i+k+1)] o[k] where i in 0:3": {"A": (4,), "o": (3,)},
    "index i: p; input x[i]; y[i] = x[pad(i+k-1)] K[k]": {"x": (4,), "K": (3,)},
}
"""Programs, and the shapes of their inputs."""


def drawn(shapes: dict[str, tuple[int, ...]], **positions: list[int]) -> Arrays:
    rng = np.random.default_rng(3)
    values = {name: np.asarray(rng.uniform(0.5, 2, shape)) for name, shape in shapes.items()}
    return values | {name: np.array(value) for name, value in positions.items()}


@pytest.mark.parametrize("text", ROWS)
def test_derivatives_run_where_their_program_does(text: str) -> None:
    for found in derived(Program(text), drawn(ROWS[text])):
        check(found)


@pytest.mark.parametrize("text", [t for t in ROWS if "input" not in t])
def test_so_do_those_for_shared_parameters(text: str) -> None:
    first = next(iter(ROWS[text]))
    for found in derived(Program(text, params=first), drawn(ROWS[text])):
        check(found)


SCATTERED = {
    "index v: a < 1; output u[v]; u[k[d,r]] += (U[n] w[n]) U[d] where n in 2:3": (
        {"U": (3,), "w": (3,)},
        {"k": [[0, 0], [0, 0], [0, 0]]},
    ),
    "y = sum[b](E[tok[b],d] x[d])^2": ({"E": (4, 2), "x": (2,)}, {"tok": [1, 1, 0]}),
    "y[i] = x[at[i]] z[i+1]": ({"x": (3,), "z": (4,)}, {"at": [0, 2, 2]}),
}


@pytest.mark.parametrize("text", SCATTERED)
def test_so_do_those_that_gather_and_scatter(text: str) -> None:
    shapes, positions = SCATTERED[text]
    for found in derived(Program(text), drawn(shapes, **positions)):
        check(found)
