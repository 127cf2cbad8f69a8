"""Standalone source: it runs where only numpy is, agrees with the plan, and reads well."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einprop import Program
from einprop.analysis.derivative_names import tensor_base
from einprop.backends.numpy import Plan, register
from einprop.backends.numpy_functions import unregister
from einprop.backends.source import source
from einprop.backends.source_names import python_names
from einprop.errors import DerivativeError, IndexScopeError, ShapeError, UnsupportedError
from einprop.execution.schedule import schedule
from einprop.notation.parser import parse
from einprop.notation.tree import Access, Call, Equation, Index, Multiply
from tests.strategies.programs import Case, cases

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

SIZES = {"b": 5, "i": 4, "j": 3, "k": 2, "h": 6, "d": 7, "q": 8, "t": 9}


def body(text: str, inputs: Mapping[str, str], *outputs: str) -> list[str]:
    """The lines of the function that are neither comments nor its head."""
    shapes = {name: tuple(SIZES[i] for i in letters) for name, letters in inputs.items()}
    lines = source(parse(text), SIZES, shapes, outputs or ["y"]).splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("def run"))
    return [line.strip() for line in lines[start + 1 :] if "#" not in line]


def run(text: str, *arguments: NDArray[Any]) -> Any:
    names: dict[str, Any] = {}
    exec(text, names)  # noqa: S102
    return names["run"](*arguments)


@pytest.mark.parametrize(
    ("text", "inputs", "expected"),
    [
        ("y[b,j] = sum[i](x[b,i] W[i,j])", {"x": "bi", "W": "ij"}, "x @ W"),
        ("y[i,j] = sum[b](x[b,i] g[b,j])", {"x": "bi", "g": "bj"}, "x.T @ g"),
        ("y[b,i] = sum[j](g[b,j] W[i,j])", {"g": "bj", "W": "ij"}, "g @ W.T"),
        ("y[b,t,j] = sum[i](x[b,t,i] W[i,j])", {"x": "bti", "W": "ij"}, "x @ W"),
        ("y[b] = sum[i](x[b,i] w[i])", {"x": "bi", "w": "i"}, "x @ w"),
        ("y = sum[i](x[i] w[i])", {"x": "i", "w": "i"}, "x @ w"),
        ("y = sum[b,i](x[b,i] w[b,i])", {"x": "bi", "w": "bi"}, "np.vdot(x, w)"),
        ("y[b,i] = x[b] w[i]", {"x": "b", "w": "i"}, "x[:, None] * w"),
        ("y[h,b,j] = sum[i](x[h,b,i] w[h,i,j])", {"x": "hbi", "w": "hij"}, "x @ w"),
        (
            "y[b,j] = sum[h,d](x[b,h,d] w[h,d,j])",
            {"x": "bhd", "w": "hdj"},
            "np.tensordot(x, w, axes=([1, 2], [0, 1]))",
        ),
        ("y[b] = sum[k](x[b,k] w[b,k])", {"x": "bk", "w": "bk"}, 'np.einsum("bk,bk->b", x, w)'),
        ("y[b,j] = x[b,j] + c[j]", {"x": "bj", "c": "j"}, "x + c"),
        ("y[b,j] = x[b,j] - c[b] - 1", {"x": "bj", "c": "b"}, "x - c[:, None] - 1"),
        ("y[i] = a[i] - (c[i] - d[i])", {"a": "i", "c": "i", "d": "i"}, "a - (c - d)"),
        ("y[i] = (a[i] + c[i])^2", {"a": "i", "c": "i"}, "(a + c) ** 2"),
        ("y[i] = a[i]^2", {"a": "i"}, "a**2"),
        ("y[i] = -a[i]", {"a": "i"}, "-a"),
        ("y[i] = relu(a[i])", {"a": "i"}, "np.maximum(a, 0)"),
        ("y[b] = max[k](x[b,k])", {"x": "bk"}, "x.max(axis=1)"),
        ("y = sum[b,k](x[b,k])", {"x": "bk"}, "x.sum()"),
        ("y[k,b] = x[b,k]", {"x": "bk"}, "x.T.copy()"),
        ("y[i] = [a[i] > 0]", {"a": "i"}, "(a > 0).astype(np.float64)"),
        ("y[i] = a[i]^(-2)", {"a": "i"}, "(1 / a) ** 2"),
        ("y[i] = where([a[i] > 0], 1, 0)", {"a": "i"}, "np.where(a > 0, np.float64(1), 0)"),
    ],
)
def test_it_reads_as_a_person_writes(text: str, inputs: dict[str, str], expected: str) -> None:
    assert body(text, inputs) == [f"y = {expected}", "return y"]


def test_each_block_names_its_equation() -> None:
    equations = parse("_1[b,j] = sum[i](x[b,i] W[i,j]); y[b,j] = _1[b,j] + B[j]")
    shapes = {"x": (5, 4), "W": (4, 3), "B": (3,)}
    text = source(equations, SIZES, shapes, ["y"], "float32", "affine")
    assert text == (
        "import numpy as np\n\n\n"
        "def affine(x, W, B):\n"
        "    # _1[b,j] = sum[i](x[b,i] W[i,j])\n"
        "    _1 = x @ W\n"
        "    # y[b,j] = _1[b,j] + B[j]\n"
        "    y = _1 + B\n"
        "    return y\n"
    )


def test_helpers_come_along() -> None:
    text = "a[i] = erf(x[i]); c[i] = sigmoid(x[i]); d[i] = softplus(x[i]); e[i] = elu(x[i], 2)"
    x = np.array([-1e4, -1.0, 0.0, 1.0], "float32")
    equations = parse(text)
    written = source(equations, SIZES, {"x": (4,)}, list("acde"), "float32")
    assert "Array" not in written
    results = run(written, x)
    plan = Plan(schedule(equations, SIZES, {"x": (4,)}, list("acde"), "float32"))
    for name, expected in zip("acde", plan(x), strict=True):
        np.testing.assert_allclose(results[name], expected, rtol=1e-6)
        assert results[name].dtype == np.float32


def test_names() -> None:
    names = python_names(["x.grad", "x_grad", "class", "np", "Δx", "ﬁ", "fi"], ["np", "run"])
    assert list(names.values()) == ["x_grad", "x_grad_2", "class_", "np_2", "Δx", "fi", "fi_2"]


def test_suffixes_and_diagonals_run() -> None:
    text = "y.grad[i,i] = x.grad[i]; d[i] = y.grad[i,i]; np[i] = exp(d[i]) + x.grad[i]"
    x = np.arange(4.0)
    results = run(source(parse(text), SIZES, {"x.grad": (4,)}, ["y.grad", "d", "np", "x.grad"]), x)
    np.testing.assert_array_equal(results["y.grad"], np.diag(x))
    np.testing.assert_array_equal(results["d"], x)
    np.testing.assert_allclose(results["np"], np.exp(x) + x)
    assert not any(np.shares_memory(x, result) for result in results.values())


def code_of(function) -> str:
    """The code of y[i] = mine(x[i]) with a function behind ``mine``."""
    register("mine", function)
    try:
        call = Call("mine", (Access("x", (Index("i"),)),))
        return source(
            [Equation(Access("y", (Index("i"),)), "=", call)], {"i": 2}, {"x": (2,)}, ["y"]
        )
    finally:
        unregister("mine")


def test_a_registered_function_brings_its_text() -> None:
    def mine(x: Any, rate: float = 2.0) -> Any:
        """Rate times tanh."""

        def slope(y):
            return rate * np.tanh(y)

        return slope(x)

    text = code_of(mine)
    assert "def leaf_mine(x, rate=2.0):" in text
    np.testing.assert_array_equal(run(text, np.ones(2)), 2 * np.tanh(np.ones(2)))


def test_a_function_of_numpy_is_called_as_such() -> None:
    assert "y = np.arctan(x)" in code_of(np.arctan)
    text = code_of(np.sinc)
    assert "leaf_mine = np.sinc\n" in text
    np.testing.assert_array_equal(run(text, np.ones(2)), np.sinc(np.ones(2)))


def test_a_function_without_text_is_refused() -> None:
    with pytest.raises(UnsupportedError) as error:
        code_of(operator.neg)
    assert (
        str(error.value)
        == """\
the text of the function behind mine is not at hand
register a function that is defined by def in a file"""
    )


def test_a_text_that_needs_more_than_numpy_is_refused() -> None:
    offset = 2.0

    def mine(x):
        return operator.neg(x) + offset

    with pytest.raises(UnsupportedError) as error:
        code_of(mine)
    assert (
        str(error.value)
        == """\
the function behind mine uses offset, operator, which its text lacks
write or import inside the function what it needs besides np"""
    )


@pytest.mark.parametrize("seed", range(150))
def test_generated_contractions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = {letter: int(rng.integers(1, 5)) for letter in "abcdef"}
    left, right = ("".join(rng.permutation(list("abcdef"))[: rng.integers(0, 5)]) for _ in range(2))
    letters = sorted(set(left + right))
    target = "".join(rng.permutation(letters or [""])[: rng.integers(0, len(letters) + 1)])
    summed = tuple(letter for letter in letters if letter not in target)
    x, y = (rng.normal(size=[sizes[i] for i in side]) for side in (left, right))
    x, y = np.asarray(x), np.asarray(y)
    accesses = [
        Access(name, tuple(Index(i) for i in side)) for name, side in (("x", left), ("y", right))
    ]
    product = Multiply(tuple(accesses))
    expression = Call("sum", (product,), summed) if summed else product
    equation = Equation(Access("z", tuple(Index(i) for i in target)), "=", expression)
    text = source([equation], sizes, {"x": x.shape, "y": y.shape}, ["z"])
    result = run(text, x, y)
    expected = np.einsum(f"{left},{right}->{target}", x, y)
    assert np.shape(result) == expected.shape
    np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-12)


# Whole programs, at sizes that the code is not told.


def point(program: Program, rng: np.random.Generator, size: int | None) -> dict[str, NDArray[Any]]:
    """Inputs at random, all of one size or of random sizes."""
    types = program.resolved.types
    sizes = dict(types.sizes)
    tensors = {}
    for name in program.inputs:
        axes = [types.axis(name, k) for k in range(types.ranks[tensor_base(name)])]
        shape = [sizes.setdefault(axis, size or int(rng.integers(1, 5))) for axis in axes]
        tensors[name] = rng.uniform(-1.5, 1.5, shape)
    return tensors


def agrees(program: Program, text: str, size: int | None = None) -> None:
    """The code and the program give the same at two points."""
    names: dict[str, Any] = {}
    exec(text, names)  # noqa: S102
    code = names["run"].__code__
    variables = python_names(program.inputs, ("np", "run"))
    for seed in range(2):
        tensors = point(program, np.random.default_rng(seed), size)
        given = {variables[name]: value for name, value in tensors.items()}
        with np.errstate(all="ignore"):
            try:
                found = names["run"](
                    *[given[name] for name in code.co_varnames[: code.co_argcount]]
                )
            except ValueError as error:
                # At a size of 1 it would have to be other code.
                assert re.search(r"has size [01]: this code is for \d or more", str(error))  # noqa: PT017
                continue
        results = program(tensors)
        for name in program.outputs:
            ours = found[name] if isinstance(found, dict) else found
            expected = results[name] if isinstance(results, dict) else results
            assert isinstance(ours, np.ndarray | np.generic)
            assert ours.dtype == expected.dtype
            np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-8)


@settings(max_examples=12)
@given(cases(), st.integers(0, 1))
def test_generated_programs_and_their_code_agree(case: Case, order: int) -> None:
    agrees_for_all_sizes(case, order)


@pytest.mark.slow
@settings(max_examples=40)
@given(cases(), st.integers(1, 2))
def test_generated_derivatives_and_their_code_agree(case: Case, order: int) -> None:
    agrees_for_all_sizes(case, order)


def agrees_for_all_sizes(case: Case, order: int) -> None:
    """Code is written at several sizes to be for all of them, so that each program takes a while."""
    try:
        program = Program(case.text)
        for _ in range(order):
            program = program.vjp()
        text = program.source()
    except (IndexScopeError, DerivativeError, ShapeError):
        return
    agrees(program, text)


SIZED = {
    "a mean whose values are not needed": ("y = mean[k](s[k])", "grad", {"k": 3}),
    "the same, backward alone": ("y = mean[k](s[k])", "backward", {"k": 3}),
    "a declared size": ("index k: lab < 4; y = sum[k](x)", "", {}),
    "a declared size, derived": ("index k: lab < 4; y = sum[k](x)", "grad", {}),
    "an input only declared": ("input x[i]; y = sum[i](z)", "", {}),
    "an input only declared, derived": ("input x[i]; y = sum[i](z)", "grad", {}),
    "an axis that no equation has": ("input x[i,m]; y = sum[i](z)", "vjp", {}),
    "a size as the result": ("input x[i]; y = sum[i](1)", "", {}),
    "a size compared": ("input x[i]; y = [sum[i](1) > 3]", "", {}),
    "a tensor named as a size is": ("k.size = 2 x[k] x[k]; y = mean[k](x[k]) k.size", "", {"k": 3}),
}


@pytest.mark.parametrize("case", SIZED)
def test_sizes_are_read_off_inputs_or_written_out(case: str) -> None:
    text, method, sizes = SIZED[case]
    program = Program(text)
    program = getattr(program, method)() if method else program
    agrees(program, program.source("numpy", sizes), sizes.get("k"))


def test_a_size_of_zero_divides_as_elsewhere() -> None:
    program = Program("input x[i]; y = 1 / sum[i](1)")
    names: dict[str, Any] = {}
    exec(program.source(), names)  # noqa: S102
    with np.errstate(all="ignore"):
        assert names["run"](np.ones(0)) == program(x=[]) == np.inf


def test_given_sizes_do_not_meet_those_that_stand_in_for_the_others() -> None:
    program = Program("y[b,i] = exp(x[b]) exp(z[i])")
    plain = program.source(check=False)
    for size in (11, 12, 29, 30):
        assert program.source(b=size, check=False) == program.source(i=size, check=False) == plain


CONVOLUTION = """
    P[b,i+1,c] += x[b,i,c]
    w[b,i,p,c] = P[b,i+p,c]
    y[b,i,f] = sum[p,c](w[b,i,p,c] K[p,c,f])
    d[b,i,p,c] = sum[f](g[b,i,f] K[p,c,f])
    D[b,i+p,c] += d[b,i,p,c]
    z[b,i,c] = D[b,i+1,c]
"""


def lines(text: str) -> list[str]:
    """The lines of the function but its comments."""
    return [line for line in text.partition("def run")[2].splitlines()[1:] if "#" not in line]


def test_windows_and_contributions_read_as_slices() -> None:
    sizes = {"b": 2, "i": 5, "p": 3, "c": 4, "f": 6, "u": 7}
    shapes = {"x": (2, 5, 4), "K": (3, 4, 6), "g": (2, 5, 6)}
    axes = {"P": ("b", "u", "c"), "D": ("b", "u", "c")}
    text = source(parse(CONVOLUTION), sizes, shapes, ["y", "z"], axes=axes)
    assert lines(text) == [
        "    P = np.zeros((2, 7, 4), dtype=np.float64)",
        "    P[:, 1:6] = x",
        "    w = sliding_window_view(P, 3, axis=1).transpose(0, 1, 3, 2)",
        "    y = np.tensordot(w, K, axes=([2, 3], [0, 1]))",
        "    D = np.zeros((2, 7, 4), dtype=np.float64)",
        "    for p in range(3):",
        "        d = g @ K[p].T",
        "        D[:, p : p + 5] += d",
        "    z = D[:, 1:6].copy()",
        '    return {"y": y, "z": z}',
    ]


def test_a_recurrence_reads_as_a_loop() -> None:
    text = """
        _1[t,j] = sum[i](x[t,i] W[i,j])
        H[0,j] += h0[j]
        _2[t,k] = H[t+0,k]
        _3[t,j] = sum[k](_2[t,k] U[k,j])
        _4[t,j] = _1[t,j] + _3[t,j]
        h[t,j] = tanh(_4[t,j])
        H[t+1,j] += h[t,j]
        y[j] = H[4,j]
    """
    sizes = {"t": 4, "T": 5, "i": 2, "j": 3, "k": 3}
    shapes = {"x": (4, 2), "W": (2, 3), "U": (3, 3), "h0": (3,)}
    written = source(parse(text), sizes, shapes, ["y"], axes={"H": ("T", "j")})
    assert lines(written) == [
        "    _1 = x @ W",
        "    H = np.empty((5, 3), dtype=np.float64)",
        "    H[0] = h0",
        "    for t in range(4):",
        "        _3 = U.T @ H[t]",
        "        _4 = _1[t] + _3",
        "        h = np.tanh(_4)",
        "        H[t + 1] = h",
        "    y = H[4].copy()",
        "    return y",
    ]


def test_lookups_check_their_positions() -> None:
    text = "y[b,t,d] = E[tok[b,t],d]; G[tok[b,t],d] += g[b,t,d]; n[b,t] = 2 tok[b,t]"
    sizes = {"b": 2, "t": 4, "d": 3, "v": 10}
    shapes = {"E": (10, 3), "tok": (2, 4), "g": (2, 4, 3)}
    axes = {"G": ("v", "d")}
    written = source(parse(text), sizes, shapes, ["y", "G", "n"], axes=axes)
    assert lines(written)[:4] == [
        "    y = E[positions(tok, 10)]",
        "    G = np.zeros((10, 3), dtype=np.float64)",
        "    np.add.at(G, positions(tok, 10), g)",
        "    n = 2 * tok.astype(np.float64)",
    ]
    e, g = np.ones((10, 3)), np.ones((2, 4, 3))
    run(written, e, np.zeros((2, 4), int), g)
    with pytest.raises(IndexError, match="10 is not a position from 0 to 9"):
        run(written, e, np.full((2, 4), 10), g)
