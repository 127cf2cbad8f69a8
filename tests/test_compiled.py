"""A bound program: dtypes, shapes, one plan for each set of both, and results of one's own."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from einprop import Program
from einprop.backends import numpy as numpy_backend
from einprop.errors import InputError, ShapeError

AFFINE = Program("y[b,j] = x[b,i] W[i,j] + B[j]")
SUM = Program("y[i] = x[i] + z[i]")


def affine(b: int = 2, i: int = 3, j: int = 4, dtype: type = np.float64) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {"x": (b, i), "W": (i, j), "B": (j,)}
    return {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}


# Dtypes.


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_positions_may_be_looked_up_and_may_be_numbers_too(dtype: type) -> None:
    x, at, of = np.array([10, 20, 30, 40], dtype), np.array([3, 1, 0]), np.array([2, 0])
    twice = Program("y[b] = x[at[of[b]]]")
    assert twice(x=x, at=at, of=of).tolist() == [10, 40]
    both = Program("y[b] = x[at[of[b]]]; n[i] = at[i]; m[b] = of[b] z")
    found = both(x=x, at=at, of=of, z=2)
    assert found["n"].tolist() == [3, 1, 0]
    assert found["m"].tolist() == [4, 0]
    assert {value.dtype for value in found.values()} == {np.dtype(dtype)}


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_floating_arrays_decide_the_dtype(dtype: type) -> None:
    x = np.array([1, 2], dtype)
    for other in (x, [0.5, 0.5], np.array([1, 2]), np.array([True, False])):
        assert SUM(x=x, z=other).dtype == dtype
        assert SUM(x=other, z=x).dtype == dtype


def test_half_precision_is_computed_in_single_and_rounded_once() -> None:
    x = np.array([40000, 40000, 40000, 2.0**-14], np.float16)
    program = Program("m = mean[i](x[i]); r = sqrt(sum[i]((x[i] / 1000)^2)); s = sum[i](x[i])")
    wide = program(x=x.astype(np.float32))
    wide["s"] = np.float32(np.inf)  # of float16, whose largest number is 65504
    for compiled in (program, program.compile()):
        for _ in range(2):
            found = compiled(x=x)
            assert {value.dtype for value in found.values()} == {np.dtype(np.float16)}
            assert found == {name: value.astype(np.float16) for name, value in wide.items()}
    assert found["m"] == 30000
    assert found["s"] == np.inf
    w = np.full(2, 300, np.float16)
    step = Program("n[i] = w[i] w[i] / 400").compile(donate={"n": "w"})
    assert step(w=w) is w
    assert w.tolist() == [225, 225]


@pytest.mark.parametrize(
    ("left", "right", "together"),
    [
        (np.float32, np.float64, np.float64),
        (np.float16, np.float32, np.float32),
        (np.float32, np.int64, np.float32),
        (np.int8, np.int64, np.float64),
        (np.bool_, np.bool_, np.float64),
    ],
)
def test_arrays_of_two_dtypes(left: type, right: type, together: type) -> None:
    result = SUM(x=np.ones(2, left), z=np.ones(2, right))
    assert result.dtype == together
    assert result.tolist() == [2, 2]


def test_python_numbers_and_lists_follow_arrays_and_are_float64_alone() -> None:
    scaled = Program("y[i] = a x[i]")
    assert scaled(a=0.5, x=np.ones(2, np.float32)).dtype == np.float32
    assert scaled(a=np.float32(0.5), x=[1, 2]).dtype == np.float32
    assert scaled(a=1, x=[1, 2]).dtype == np.float64
    assert scaled(a=True, x=[True, False]).tolist() == [1, 0]


def test_floats_keep_their_dtype_through_gradients() -> None:
    program = Program("loss = mean[b](logsumexp[k](s[b,k]))").value_and_grad()
    value, gradients = program(s=np.zeros((2, 3), np.float32))
    assert value.dtype == gradients["s"].dtype == np.float32


def test_scalars_come_back_as_scalars() -> None:
    y = Program("y = sum[i](x[i])")(x=[1.0, 2.0])
    assert isinstance(y, np.float64)
    assert y == 3
    both = Program("y = sum[i](x[i]); z[i] = 2 x[i]")(x=np.ones(2, np.float32))
    assert isinstance(both["y"], np.float32)
    assert isinstance(both["z"], np.ndarray)


def test_inputs_in_any_layout() -> None:
    tensors = affine()
    expected = tensors["x"] @ tensors["W"] + tensors["B"]
    strided = {n: np.repeat(v, 2, axis=0)[::2] for n, v in tensors.items()}
    backwards = {n: v[::-1].copy()[::-1] for n, v in tensors.items()}
    fortran = {n: np.asfortranarray(v) for n, v in tensors.items()}
    swapped = {n: v.astype(v.dtype.newbyteorder()) for n, v in tensors.items()}
    for given in (strided, backwards, fortran, swapped):
        np.testing.assert_allclose(AFFINE(given), expected)


def test_readonly_inputs_and_subclasses() -> None:
    tensors = affine()
    for value in tensors.values():
        value.flags.writeable = False
    assert AFFINE(tensors).flags.writeable
    masked = np.ma.masked_array([1.0, 2.0], mask=[False, False])
    assert type(SUM(x=masked, z=[1, 1])) is np.ndarray


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.ones(2, complex), "x has dtype complex128, which is not of real numbers"),
        (["a", "b"], "x has dtype <U1, which is not of real numbers"),
        ([None, 1], "x has dtype object, which is not of real numbers"),
        (np.array(["2020-01-01"], "M8[D]"), "x has dtype datetime64\\[D\\], which is not of real"),
        ([[1, 2], [1]], "x is not an array: "),
        (object(), "x has dtype object, which is not of real numbers"),
    ],
)
def test_refused_values(value: object, message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        Program("y[i] = 2 x[i]")(x=value)


# Shapes.


def test_size_one_does_not_broadcast() -> None:
    for name, shape in (("x", (2, 1)), ("W", (1, 4)), ("B", (1,))):
        with pytest.raises(ShapeError, match="size 1 does not broadcast"):
            AFFINE({**affine(), name: np.ones(shape)})
    with pytest.raises(ShapeError):
        SUM(x=[1.0, 2.0], z=1.0)


@pytest.mark.parametrize(
    "sizes", [(1, 1, 1), (1, 3, 4), (2, 1, 4), (0, 3, 4), (2, 0, 4), (2, 3, 0)]
)
def test_sizes_one_and_zero_are_sizes(sizes: tuple[int, int, int]) -> None:
    tensors = affine(*sizes)
    np.testing.assert_allclose(AFFINE(tensors), tensors["x"] @ tensors["W"] + tensors["B"])


def test_a_refused_call_leaves_the_program_as_it_was() -> None:
    program = Program("y[i] = x[i] + z[i]")
    with pytest.raises(ShapeError):
        program(x=[1.0], z=[1.0, 2.0])
    with pytest.raises(InputError):
        program(x=[1.0])
    assert program(x=[1.0], z=[2.0]).tolist() == [3]


# Missing and unknown inputs.


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("x W", "input is missing: B"),
        ("x", "inputs are missing: W, B"),
        ("x W B C", "tensor is not an input of the program: C"),
        ("x W C", "input is missing: B"),
        ("x W B C D", "tensors are not an input of the program: C, D"),
        ("x W B y", "tensor is not an input of the program: y"),
    ],
)
def test_missing_and_unknown_inputs(names: str, message: str) -> None:
    tensors = {**affine(), "C": 1, "D": 2, "y": 3}
    with pytest.raises(InputError) as error:
        AFFINE({name: tensors[name] for name in names.split()})
    assert str(error.value).splitlines()[0] == message


# Plans.


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """The shapes and dtypes for which a plan was made."""
    made: list[tuple] = []
    make = numpy_backend.Plan

    def counted(schedule):
        shapes = [schedule.tensors[name].shape for name in schedule.inputs]
        made.append((*shapes, schedule.dtype))
        return make(schedule)

    monkeypatch.setattr(numpy_backend, "Plan", counted)
    return made


def test_one_plan_for_each_set_of_shapes_and_dtypes(plans: list[tuple]) -> None:
    program = Program("y[i] = x[i] + z[i]")
    for _ in range(3):
        program(x=np.ones(2), z=np.ones(2))
    program(x=[1, 2], z=np.array([1, 2]))
    assert plans == [((2,), (2,), "float64")]
    program(x=np.ones(3), z=np.ones(3))
    program(x=np.ones(3, np.float32), z=[1, 2, 3])
    program(x=np.ones(2), z=np.ones(2))
    assert plans[1:] == [((3,), (3,), "float64"), ((3,), (3,), "float32")]


def test_each_callable_keeps_its_own_plans(plans: list[tuple]) -> None:
    program = Program("y = 2 x")
    first, second = program.compile(), program.compile("numpy")
    assert first(x=1) == second(x=1) == program(x=1) == 2
    assert len(plans) == 3


def test_an_input_that_the_result_does_not_need_is_wanted_all_the_same(plans: list[tuple]) -> None:
    program = Program("y[b,j] = x[b,i] W[i,j] + B[j]").vjp(wrt="B")
    given = {**affine(), "y.grad": np.ones((2, 4))}
    assert program(given).tolist() == [2, 2, 2, 2]
    assert plans == [((2, 4), "float64")]
    with pytest.raises(InputError):
        program({"y.grad": np.ones((2, 4))})
    with pytest.raises(ShapeError):
        program({**given, "B": np.ones(5)})


# Results.


@pytest.mark.parametrize(
    "text",
    [
        "y[i] = x[i]",
        "y[i] = x[i]; z[i] = x[i]",
        "h[i] = 2 x[i]; y[i] = h[i]; z[i] = h[i]; output h[i], y[i], z[i]",
        "index i: unit < 3; y[i] = 2; z[i] = 0 x[i]",
        "y[i,j] = x[i] x[j]; z[j,i] = x[i] x[j]",
        "y[i] = 1 x[i] + 0",
    ],
)
def test_results_share_memory_with_nothing(text: str) -> None:
    program = Program(text)
    x = np.array([1.0, 2.0, 3.0])
    results = []
    for _ in range(3):
        found = program(x=x)
        results += list(found.values()) if isinstance(found, dict) else [found]
    kept = [r.copy() for r in results]
    for k, result in enumerate(results):
        assert result.flags.writeable
        assert not any(np.shares_memory(result, other) for other in (x, *results[k + 1 :]))
    results[0][...] = 99
    for result, before in zip(results[1:], kept[1:], strict=True):
        np.testing.assert_array_equal(result, before)
    assert x.tolist() == [1, 2, 3]


def test_inputs_are_never_written() -> None:
    tensors = affine()
    program = Program("loss = sum[b,j](tanh(x[b,i] W[i,j] + B[j])^2)").grad()
    before = {name: value.copy() for name, value in tensors.items()}
    program(tensors)
    for name, value in tensors.items():
        np.testing.assert_array_equal(value, before[name])


def test_the_same_array_may_be_two_inputs() -> None:
    x = np.array([1.0, 2.0])
    assert SUM(x=x, z=x).tolist() == [2, 4]


def test_threads_may_share_a_program() -> None:
    program = Program("y[b,j] = tanh(x[b,i] W[i,j] + B[j])").vjp()
    barrier = threading.Barrier(4)

    def work(seed: int) -> bool:
        rng = np.random.default_rng(seed)
        barrier.wait()
        for n in range(20):
            b = 1 + (seed + n) % 3
            tensors = affine(b=b) | {"x": rng.standard_normal((b, 3))}
            seeds = rng.standard_normal((b, 4))
            results = program({**tensors, "y.grad": seeds})
            y = np.tanh(tensors["x"] @ tensors["W"] + tensors["B"])
            expected = tensors["x"].T @ (seeds * (1 - y**2))
            if not np.allclose(results["W.grad"], expected):
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))


def test_unknown_backends_are_refused() -> None:
    with pytest.raises(InputError, match="there is no backend 'torch'"):
        AFFINE.compile("torch")
