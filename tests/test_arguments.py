"""What users pass: names, sizes, shapes and tensors of every kind, taken or refused by name."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType

import numpy as np
import pytest

import einprop as ep
from einprop import Program, gradcheck
from einprop.backends import numpy as numpy_backend
from einprop.reference import evaluate

AFFINE = Program("y[b,j] = x[b,i] W[i,j] + B[j]")
VECTOR = Program("y[i] = a x[i]")
LOSS = Program("loss = sum[i](x[i] w[i])", params="w")
OK = {"x": [1.0, 2.0], "a": 3.0}


class Raises:
    """An array-like of a library that refuses to become an array."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        raise self.error


def masked(*mask: bool) -> np.ma.MaskedArray:
    return np.ma.masked_array([1.0, 2.0], mask=mask)


# call -> the error's class, and what its message starts with
REFUSED: dict[str, tuple[Callable[[], object], type[ep.EinpropError], str]] = {
    # Tensors by name.
    **{
        f"a call on {shown}": (
            lambda given=given: VECTOR(given),
            ep.InputError,
            "tensors are given by name, not as",
        )
        for shown, given in {
            "a list": [1, 2],
            "an empty list": [],
            "a number": 5,
            "zero": 0,
            "text": "abc",
            "an array": np.ones(3),
            "a program": VECTOR,
        }.items()
    },
    "a name that is a number": (
        lambda: VECTOR({1: 2, **OK}),
        ep.InputError,
        "tensor is not an input of the program: 1",
    ),
    "given twice": (lambda: VECTOR(OK, a=2), ep.InputError, "a is given twice: in the mapping"),
    "value_and_grad of a list": (
        lambda: LOSS.value_and_grad()([1]),
        ep.InputError,
        "tensors are given by name",
    ),
    # Tensors.
    "an array-like that raises": (
        lambda: VECTOR(a=1, x=Raises(RuntimeError("requires grad"))),
        ep.InputError,
        "x is not an array: requires grad",
    ),
    "an array-like that raises in the reference": (
        lambda: evaluate("y = 2 x", {"x": Raises(ZeroDivisionError("why"))}),
        ep.InputError,
        "x is not an array: why",
    ),
    "masked": (lambda: VECTOR(a=1, x=masked(True, False)), ep.InputError, "x is masked in places"),
    "ragged": (lambda: VECTOR(a=1, x=[[1], [2, 3]]), ep.InputError, "x is not an array: "),
    **{
        f"dtype {shown}": (
            lambda value=value: VECTOR(a=1, x=value),
            ep.InputError,
            f"x has dtype {shown}, which is not of real numbers",
        )
        for shown, value in {
            "complex128": [1j],
            "complex64": np.ones(2, np.complex64),
            "object": [None],
            "<U1": "a",
            "|S1": [b"a"],
            "datetime64[D]": np.array(["2020-01-01"], "M8[D]"),
            "timedelta64[s]": np.array([1], "m8[s]"),
        }.items()
    },
    # Names.
    **{
        f"{what} of {names!r}": (
            lambda what=what, names=names, call=call: call(**{what: names}),
            error,
            f"{what} takes names of tensors, not",
        )
        for what, call, error in (
            ("params", lambda params: Program("y = x", params=params), ep.InputError),
            ("outputs", lambda outputs: Program("y = x", outputs=outputs), ep.InputError),
            ("of", lambda of: LOSS.grad(of=of), ep.DerivativeError),
            ("of", lambda of: LOSS.value_and_grad(of=of), ep.DerivativeError),
            ("wrt", lambda wrt: LOSS.backward(wrt=wrt), ep.DerivativeError),
            ("wrt", lambda wrt: LOSS.vjp(wrt=wrt), ep.DerivativeError),
        )
        for names in (5, b"x", ["x", 5], LOSS, 2.5, True)
    },
    **{
        f"nothing to differentiate: {what}={names!r}": (
            lambda what=what, names=names, method=method: getattr(LOSS, method)(**{what: names}),
            ep.DerivativeError,
            f"{what} names no tensor: there is nothing to differentiate",
        )
        for what in ("of", "wrt")
        for names in ("", [], " , ")
        for method in ("grad", "vjp", "backward", "value_and_grad")
    },
    "no outputs, in text": (
        lambda: Program("y = x", outputs=""),
        ep.InputError,
        "outputs names no tensor",
    ),
    "no outputs": (lambda: Program("y = x", outputs=[]), ep.InputError, "outputs names no tensor"),
    # Programs.
    **{
        f"a program of {given!r}": (
            lambda given=given: Program(given),
            ep.InputError,
            "a program is text, not",
        )
        for given in (5, None, b"y = x", LOSS)
    },
    "a backend that is an array": (
        lambda: LOSS.compile(np.ones(2)),
        ep.InputError,
        "there is no backend array",
    ),
    # Shapes.
    **{
        f"shape {shape!r}": (
            lambda shape=shape: AFFINE.shapes(x=shape),
            ep.ShapeError,
            "the shape of x cannot be",
        )
        for shape in (5, None, "ab", b"ab", 2.5)
    },
    **{
        f"axes of {shape!r}": (
            lambda shape=shape: AFFINE.shapes(x=shape),
            ep.ShapeError,
            "an axis of x cannot have size",
        )
        for shape in ((2.5, 3), (-1, 3), (True, 3), (2**31, 3), (None, 3), ["a", "b"], np.eye(2))
    },
    "shapes of a list": (lambda: AFFINE.shapes([2, 3]), ep.ShapeError, "shapes are given by name"),
    "a shape given twice": (
        lambda: AFFINE.shapes({"x": (2, 3)}, x=(2, 3)),
        ep.ShapeError,
        "x is given twice",
    ),
    # Sizes.
    **{
        f"{method} at {size!r}": (
            lambda size=size, method=method: getattr(AFFINE, method)(b=size),
            ep.ShapeError,
            "index b cannot have size",
        )
        for method in ("explain", "source")
        for size in ("a", None, 2.5, True, -1, 2**31, 10**30, [2], np.ones(2))
    },
    "sizes in a list": (
        lambda: AFFINE.explain([1, 2]),
        ep.ShapeError,
        "sizes are given by name, not as [1, 2]",
    ),
    "an index that is a number": (
        lambda: AFFINE.explain({1: 2}),
        ep.ShapeError,
        "no equation has an index 1",
    ),
    # The reference and the checker.
    **{
        f"evaluate({program!r})": (
            lambda program=program: evaluate(program, {}),
            ep.InputError,
            f"{program!r} is neither a program nor its text",
        )
        for program in (5, None, b"y = x")
    },
    **{
        f"evaluate on {tensors!r}": (
            lambda tensors=tensors: evaluate("y[i] = x[i]", tensors),
            ep.InputError,
            message,
        )
        for tensors, message in (
            (5, "tensors are given by name"),
            ([("x", 1)], "tensors are given by name"),
            (None, "input is missing: x"),
            ({"x": None}, "x is None"),
            ({"x": "a"}, "x has dtype <U1"),
            ({"x": [[1], [2, 3]]}, "x is not an array: "),
            ({"x": 1, 2: 3}, "tensor is not an input of the program: 2"),
        )
    },
    "gradcheck of nothing": (
        lambda: gradcheck(LOSS, {}),
        ep.InputError,
        "inputs are missing: w, x",
    ),
    "gradcheck on a list": (
        lambda: gradcheck(LOSS, [1]),
        ep.InputError,
        "tensors are given by name",
    ),
    "gradcheck of a number": (lambda: gradcheck(5, {}), ep.InputError, "a program is text, not 5"),
    **{
        f"gradcheck of orders {orders!r}": (
            lambda orders=orders: gradcheck("y = x^2", {"x": 1}, orders=orders),
            ep.InputError,
            "orders cannot be",
        )
        for orders in (0, (), (0,), "12", (1.5,), None)
    },
    "gradcheck for no input": (
        lambda: gradcheck(LOSS, {"x": [1], "w": [2]}, wrt=""),
        ep.DerivativeError,
        "wrt names no tensor",
    ),
    "gradcheck of no output": (
        lambda: gradcheck(LOSS, {"x": [1], "w": [2]}, of=[]),
        ep.InputError,
        "outputs names no tensor",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    call, kind, message = REFUSED[case]
    with pytest.raises(ep.EinpropError) as error:
        call()
    assert type(error.value) is kind
    assert str(error.value).startswith(message)


# What is taken.


def test_names_in_every_form_and_each_once() -> None:
    for wrt in ("x w", "x, w", "x,w", " x  w ", ["x", "w"], ("x", "w"), iter(["x", "w"]), "x w x"):
        assert LOSS.grad(wrt=wrt).outputs == ("x.grad", "w.grad")
    assert Program("y = x", params="x x").params == ("x",)
    assert Program("y = x; z = x", outputs=["z", "z"]).outputs == ("z",)
    assert Program("y = x", params="").params == Program("y = x", params=[]).params == ()
    assert LOSS.value_and_grad(wrt={"x": 1}).gradients == {"x": "x.grad"}


@pytest.mark.parametrize("mapping", [dict, MappingProxyType])
def test_any_mapping_and_keywords(mapping: Callable[..., object]) -> None:
    assert VECTOR(mapping(OK)).tolist() == [3, 6]
    assert VECTOR(mapping({"a": 3}), x=[1, 2]).tolist() == [3, 6]
    assert evaluate(VECTOR, mapping(OK))["y"].tolist() == [3, 6]
    assert AFFINE.shapes(mapping({"x": (2, 3)})) == AFFINE.shapes(x=[2, np.int8(3)])
    sizes = {"b": 2, "i": 3, "j": 4}
    assert AFFINE.explain(mapping(sizes)) == AFFINE.explain(**sizes)
    assert AFFINE.explain(mapping({"b": 2}), i=3, j=np.int64(4)) == AFFINE.explain(**sizes)
    assert AFFINE.source("numpy", mapping(sizes)) == AFFINE.source(**sizes)


def test_nothing_is_taken_where_nothing_is_needed() -> None:
    constant = Program("y = 2")
    assert constant() == constant({}) == constant(None) == 2
    assert evaluate("y = 2", {})["y"] == 2
    assert constant.shapes() == {"y": ()}


@pytest.mark.parametrize("name", ["self", "backend", "tensors", "known", "sizes", "letters", "of"])
def test_every_name_can_be_an_index_or_a_tensor(name: str) -> None:
    program = Program(f"y[{name}] = 2 {name}s[{name}]")
    assert program.explain(**{name: 3}).steps[0].operations == 3
    assert "def run" in program.source("numpy", {name: 3})
    tensor = Program(f"y[i] = 2 {name}[i]")
    assert tensor(**{name: [1.0]}).tolist() == [2]
    assert tensor.shapes(**{name: (4,)})["y"] == (4,)


def test_masked_arrays_of_which_nothing_is_masked() -> None:
    assert VECTOR(a=1, x=masked(False, False)).tolist() == [1, 2]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_float_goes_through(dtype: type, order: str) -> None:
    program = Program("p[b,j] = softmax[j](sigmoid(x[b,i] W[i,j]) + erf(B[j]))").vjp(wrt="W")
    swapped = np.dtype(dtype).newbyteorder(order)
    shapes = {"x": (2, 3), "W": (3, 4), "B": (4,), "p.grad": (2, 4)}
    rng = np.random.default_rng(0)
    tensors = {name: rng.uniform(-1, 1, shape).astype(swapped) for name, shape in shapes.items()}
    found = program(tensors)
    assert found.dtype == dtype
    expected = evaluate(program, tensors)["W.grad"]
    tolerance = 3e-3 if dtype is np.float16 else 1e-5
    np.testing.assert_allclose(found.astype(float), expected, atol=tolerance)


class Interface:
    """An array of a library that numpy knows nothing of but its memory."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        self.__array_interface__ = array.__array_interface__


class Exchanged:
    """One that hands its memory over by DLPack alone."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __dlpack__(self, **options: object) -> object:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.array.__dlpack_device__()


class Elsewhere(Exchanged):
    """One on a device that numpy does not reach."""

    def __dlpack__(self, **options: object) -> object:
        raise BufferError("on the GPU")


class Array:
    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return self.array


def _foreign(library: str, name: str) -> Callable[[np.ndarray], object]:
    made: Callable[[np.ndarray], object] = getattr(pytest.importorskip(library), name)
    return made


KEEPS = {
    "an interface": lambda: Interface,
    "DLPack": lambda: Exchanged,
    "__array__": lambda: Array,
    "a buffer": lambda: memoryview,
    "torch": lambda: _foreign("torch", "from_numpy"),
    "JAX": lambda: _foreign("jax.numpy", "asarray"),
    "pandas": lambda: _foreign("pandas", "DataFrame"),
}


@pytest.mark.parametrize("library", KEEPS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_an_array_of_any_library_keeps_its_dtype(library: str, dtype: type) -> None:
    make = KEEPS[library]()
    if library == "JAX" and dtype is np.float64:
        pytest.skip("JAX has no float64 unless it is told")
    x = np.arange(6, dtype=dtype).reshape(2, 3)
    given = make(x.copy())
    program = Program("y[b,j] = tanh(x[b,i] W[i,j]) + a")
    found = program(x=given, W=[[1.0], [2.0], [0.5]], a=0.5)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, program(x=x, W=np.array([[1], [2], [0.5]], dtype), a=0.5))
    ones = np.ones((2, 1), dtype)
    gradients = program.grad()(
        {"x": given, "W": make(ones[:1].repeat(3, 0)), "a": 1, "y.grad": make(ones)}
    )
    assert {array.dtype for array in gradients.values()} == {np.dtype(dtype)}
    network = ep.layers.Affine(2)
    parameters = network.init(np.random.default_rng(0), x=given)
    assert {array.dtype for array in parameters.values()} == {np.dtype(dtype)}
    assert network(parameters, x=given).dtype == dtype


def test_memory_on_another_device_is_refused() -> None:
    with pytest.raises(ep.InputError, match="x is not an array: on the GPU"):
        VECTOR(a=1, x=Elsewhere(np.ones(2)))


def test_what_is_out_of_range_is_infinite_without_a_word() -> None:
    small = np.ones(2, np.float32)
    assert Program("y[i] = x[i] + z[i]")(x=[1e300, -1e300], z=small).tolist() == [np.inf, -np.inf]
    assert Program("y = x + z")(x=np.float16(1), z=np.array(10**6)) == np.inf
    assert evaluate("y = x", {"x": np.longdouble("1e4000")})["y"] == np.inf


def test_products_of_large_integers_are_infinite() -> None:
    large = "1" + "0" * 200
    for text, value in (
        (f"y = {large} * {large} x", np.inf),
        (f"y = -{large} * {large} x", -np.inf),
        (f"y = x / ({large} * {large})", 0.0),
    ):
        assert Program(text)(x=1.0) == value


# Programs as values.

COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),  # noqa: S301
}


@pytest.mark.parametrize("how", COPIES)
def test_copies_before_and_after_a_call(how: str) -> None:
    tensors = {"x": [1.0, 2.0], "w": [3.0, 4.0], "loss.grad": 2.0}
    for program in (LOSS, LOSS.grad(), LOSS.vjp(), Program(str(LOSS), outputs="loss")):
        point = {name: tensors[name] for name in program.inputs}
        before = COPIES[how](program)
        value = program(point)
        for again in (before, COPIES[how](program)):
            assert (again, again.outputs, again.params) == (
                *(program, program.outputs, program.params),
            )
            assert hash(again) == hash(program)
            np.testing.assert_equal(again(point), value)
    compiled = VECTOR.compile()
    assert compiled(OK).tolist() == COPIES[how](compiled)(OK).tolist() == [3, 6]
    derived = COPIES[how](LOSS.value_and_grad())
    assert derived(x=[1.0], w=[2.0])[0] == 2


# Plans.


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes for which a plan was made."""
    made: list[tuple[int, ...]] = []
    make = numpy_backend.Plan

    def counted(schedule):
        made.append(schedule.tensors["x"].shape)
        return make(schedule)

    monkeypatch.setattr(numpy_backend, "Plan", counted)
    return made


def test_the_plans_used_last_are_kept(planned: list[tuple[int, ...]]) -> None:
    call = Program("y[i] = 2 x[i]").compile()
    for size in range(70):
        call(x=np.ones(size))
        call(x=np.ones(0))
    assert len(planned) == 70
    for size in (0, *range(69, 6, -1)):
        call(x=np.ones(size))
    assert len(planned) == 70
    call(x=np.ones(1))
    assert planned[70:] == [(1,)]


def test_threads_that_plan_at_once() -> None:
    call = Program("y[b,j] = tanh(x[b,i] W[i,j])").compile()
    barrier = threading.Barrier(6)

    def work(seed: int) -> list[bool]:
        rng = np.random.default_rng(seed)
        barrier.wait()
        return [
            np.allclose(call(x=x, W=w), np.tanh(x @ w))
            for x, w in (
                (rng.standard_normal((n % 5, 3)), rng.standard_normal((3, 4))) for n in range(40)
            )
        ]

    with ThreadPoolExecutor(6) as pool:
        assert all(map(all, pool.map(work, range(6))))


def test_a_step_and_what_it_is_made_of_are_pickled() -> None:
    network = ep.layers.Affine(2, W=ep.init.normal(0.1)) >> ep.layers.losses.SquaredError()
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 3))
    batch = {"x": x, "t": x[:, :2]}
    for how in COPIES.values():
        copied_network = how(network)
        assert copied_network == network
        parameters = copied_network.init(np.random.default_rng(1), x=x)
        others = network.init(np.random.default_rng(1), x=x)
        options = {"clip": ep.training.ClipNorm(1.0), "l2": 0.1, "examples": 4, "micro_batch": 3}
        step = ep.training.Step(network, ep.training.Adam(0.1), **options)
        again = how(step)
        state = step.start(others)
        again_state = again.start(parameters)
        assert step(others, state, batch) == again(parameters, again_state, batch)
        for name in others:
            np.testing.assert_array_equal(parameters[name], others[name])
    own = ep.layers.init.Initializer("mine", ep.layers.init.he_normal.draw)
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(own)


AXES = ",".join(f"i{n}" for n in range(66))
MANY = Program(f"y[{AXES}] = " + " * ".join(f"x[i{n}]" for n in range(66)))


@pytest.mark.parametrize("call", [MANY, lambda **given: evaluate(MANY, given)])
def test_more_axes_than_an_array_has_are_refused(call: Callable[..., object]) -> None:
    with pytest.raises(ep.UnsupportedError, match="y has 66 axes; an array has at most 64"):
        call(x=np.ones(1))


@pytest.mark.parametrize(
    "call",
    [LOSS, LOSS.compile(), LOSS.value_and_grad(), ep.layers.Affine(2)],
    ids=lambda call: type(call).__name__,
)
def test_tensors_by_position_are_refused(call: Callable[..., object]) -> None:
    with pytest.raises(ep.InputError, match=r"tensors are given by name, and here \d more"):
        call({}, np.ones(2), np.ones(2))
