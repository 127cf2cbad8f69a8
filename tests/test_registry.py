"""Functions that users register: they run, differentiate, print and go; what does not fit is refused."""

from __future__ import annotations

import pickle
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest

import einprop as ep
from einprop.errors import DerivativeError, EinpropError, InputError, UnsupportedError
from einprop.notation.functions import FUNCTIONS
from einprop.reference import SCALAR_FUNCTIONS, evaluate
from einprop.registry import RegisteredFunction

X = np.array([[0.3, -1.2, 2.0], [1.5, 0.2, -0.7]])


def softclip(x, limit=1.5):
    """Bend x towards the limit."""
    return limit * np.tanh(x / limit)


SOFTCLIP = (
    "1 - (softclip(x, limit) / limit)^2",
    "(softclip(x, limit) - x softslope(x, limit)) / limit",
)


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """Every test leaves the language as it was."""
    before = dict(FUNCTIONS), dict(SCALAR_FUNCTIONS)
    yield
    for name in [name for name, row in FUNCTIONS.items() if row.own]:
        ep.unregister_function(name)
    assert before == (FUNCTIONS, SCALAR_FUNCTIONS)


def check(program: ep.Program, tensors: dict[str, np.ndarray]) -> None:
    """It runs as the reference says, differentiates to order 3, prints and parses back."""
    for derived in (program, program.vjp(), program.vjp().vjp()):
        assert ep.Program(str(derived)) == derived
        assert "operatorname" in derived.latex()
    expected = evaluate(program, tensors)["y"]
    np.testing.assert_allclose(program(tensors), expected, rtol=1e-12)
    assert ep.gradcheck(program, tensors, orders=(1, 2, 3))


def test_arctan_to_any_order() -> None:
    ep.register_function("arctan", np.arctan, "1 / (1 + x^2)")
    check(ep.Program("y[b] = arctan(x[b,i] w[i])"), {"x": X, "w": np.array([0.5, -1.0, 0.3])})


def softslope(x, limit):
    return 1 - np.tanh(x / limit) ** 2


SOFTSLOPE = (
    "-2 softclip(x, limit) softslope(x, limit) / limit^2",
    "2 x softclip(x, limit) softslope(x, limit) / limit^3",
)


def test_two_parameters_with_a_default_that_call_each_other() -> None:
    ep.register_function("softslope", softslope, ("0", "0"))
    ep.register_function("softclip", softclip, SOFTCLIP)
    ep.register_function("softslope", softslope, SOFTSLOPE, replace=True)
    program = ep.Program("y[b,i] = softclip(x[b,i])")
    assert str(program) == "y[b,i] = softclip(x[b,i], 1.5)"
    check(program, {"x": X})
    check(ep.Program("y[b,i] = softclip(x[b,i], a[i])"), {"x": X, "a": np.array([1.0, 2.0, 0.5])})
    assert program(x=X.astype(np.float32)).dtype == np.float32


def test_derivatives_may_use_the_prelude() -> None:
    ep.register_function("half_square", lambda x: x**2 / 2, "cosh(x) x / cosh(x)")
    check(ep.Program("y[b,i] = cosh(half_square(x[b,i]))"), {"x": X})


def test_a_name_that_numpy_or_the_house_uses_is_free() -> None:
    ep.register_function("square", lambda x: x**2 + 1, "2 x")
    ep.register_function("copyto", lambda x: x**3, "3 x^2")
    check(ep.Program("y[b,i] = square(copyto(x[b,i])) + x[b,i]^2"), {"x": X})


def test_a_function_by_its_own_name_for_numbers() -> None:
    ep.register_function("third", np.cbrt, "third(x) / (3 x)", scalar=lambda x: x / 3)
    assert evaluate("y = third(x)", {"x": 6.0})["y"] == 2


def test_without_a_function_of_numbers_the_reference_asks_cell_by_cell() -> None:
    def positive(x):
        result = x.copy()
        result[x < 0] = 0
        return result

    ep.register_function("positive", positive, "[x > 0]")
    check(ep.Program("y[b,i] = sum[j](positive(x[b,i] x[b,j]))"), {"x": X})


def test_code_brings_the_function_along() -> None:
    ep.register_function("softclip", softclip, ("1", "0"))
    program = ep.Program("y[i] = softclip(x[i], 2)")
    names: dict[str, object] = {}
    exec(program.source(), names)  # noqa: S102
    np.testing.assert_array_equal(names["run"](X[0]), program(x=X[0]))  # type: ignore[operator]


def test_it_goes_at_the_end_of_a_with_statement() -> None:
    with ep.register_function("arctan", np.arctan, "1 / (1 + x^2)") as registered:
        assert registered == RegisteredFunction("arctan")
        program = ep.Program("y[i] = arctan(x[i])")
        first = program(x=X[0])
    np.testing.assert_array_equal(program(x=X[0]), first)
    for use in (
        lambda: program(x=X[0, :2]),
        program.vjp,
        lambda: evaluate(program, {"x": X[0]}),
    ):
        with pytest.raises(UnsupportedError) as error:
            use()
        assert (
            str(error.value)
            == """\
the function arctan is not registered here
register it, by einprop.register_function, as where the program was written"""
        )


def test_replacing_takes_effect_in_programs_that_exist() -> None:
    ep.register_function("mine", lambda x: 2 * x, "2")
    program = ep.Program("y[i] = mine(x[i])")
    gradient = program.vjp()
    assert program(x=[1.0]) == [2]
    ep.register_function("mine", lambda x: 3 * x, "3", replace=True)
    assert program(x=[1.0]) == [3]
    assert gradient({"y.grad": [1.0], "x": [1.0]}) == [3]
    assert program.vjp()({"y.grad": [1.0], "x": [1.0]}) == [3]


def test_a_failed_replacement_changes_nothing() -> None:
    ep.register_function("mine", lambda x: 2 * x, "2")
    with pytest.raises(DerivativeError):
        ep.register_function("mine", lambda x: 3 * x, "w", replace=True)
    assert ep.Program("y = mine(x)").vjp()({"y.grad": 1.0, "x": 1.0}) == 2


def test_programs_keep_names_that_are_registered_later() -> None:
    text = "swish[i] = 2 x[i]\ny[i] = swish[i] * (x[i] + 1)"
    before = ep.Program(text)
    ep.register_function("swish", lambda x: x, "1")
    assert ep.Program(text) == before == ep.Program(str(before))
    assert pickle.loads(pickle.dumps(before)) == before  # noqa: S301
    own = ep.Program("def swish(x) = 7 x\ny = swish(x)")
    assert own(x=1.0) == 7


def test_a_derivative_that_calls_what_the_program_renames_is_refused() -> None:
    ep.register_function("inner", lambda x: x, "1")
    ep.register_function("outer", lambda x: x**2 / 2, "inner(x)")
    with pytest.raises(DerivativeError) as error:
        ep.Program("inner[i] = 2 x[i]\ny[i] = outer(inner[i])").backward()
    assert (
        str(error.value)
        == """\
a derivative calls the function inner, to which the program gives another meaning
    y[i] = outer(inner[i])
                 ^^^^^^^^
choose another name in the program"""
    )


def test_what_a_function_returns_is_checked() -> None:
    ep.register_function("total", np.sum, "1")
    ep.register_function("rooted", lambda x: np.sqrt(x.astype(complex)), "1")
    with pytest.raises(InputError) as error:
        ep.Program("y[i] = total(x[i])")(x=[1.0, 2.0])
    assert (
        str(error.value)
        == """\
total returned float64 of shape () for arguments of shape (2,)
the function behind it must return a real number for each cell"""
    )
    with pytest.raises(InputError, match="rooted returned complex128"):
        ep.Program("y[i] = rooted(x[i])")(x=[1.0, 2.0])


def test_a_function_cannot_write_its_arguments() -> None:
    def twice(x):
        x *= 2
        return x

    ep.register_function("twice", twice, "2")
    x = np.ones(3)
    with pytest.raises(ValueError, match="read-only"):
        ep.Program("y[i] = twice(x[i])")(x=x)
    np.testing.assert_array_equal(x, np.ones(3))


def identity(x):
    return x


def pair(x, y):
    return x + y


REFUSED = {
    ("exp", identity, "1"): "exp belongs to the language\nchoose another name",
    ("sum", identity, "1"): "sum belongs to the language\nchoose another name",
    ("end", identity, "1"): "end belongs to the language\nchoose another name",
    ("softmax", identity, "1"): "softmax is a definition of the prelude\nchoose another name",
    ("a b", identity, "1"): (
        "'a b' cannot name a function\n"
        "a name is letters, digits and _, and starts with none of the digits"
    ),
    ("a.b", identity, "1"): (
        "'a.b' cannot name a function\n"
        "a name is letters, digits and _, and starts with none of the digits"
    ),
    ("", identity, "1"): (
        "'' cannot name a function\n"
        "a name is letters, digits and _, and starts with none of the digits"
    ),
    (3, identity, "1"): (
        "3 cannot name a function\n"
        "a name is letters, digits and _, and starts with none of the digits"
    ),
    ("known", identity, "1"): (
        "a function known is registered already\n"
        "pass replace=True to replace it, or unregister it before"
    ),
    ("mine", 3, "1"): "mine needs a function of arrays, not 3\nas in numpy.arctan",
    ("mine", identity, ()): (
        "mine has 0 derivatives for 0 parameters\ngive one derivative, as text, for each parameter"
    ),
    ("mine", pair, "1", "x, y"): (
        "mine has 1 derivatives for 2 parameters\ngive one derivative, as text, for each parameter"
    ),
    ("mine", pair, ("1", "1"), "x x"): (
        "x, x cannot be the parameters of mine\n"
        "parameters have distinct names, none of them the name of a function"
    ),
    ("mine", pair, ("1", "1"), "x exp"): (
        "x, exp cannot be the parameters of mine\n"
        "parameters have distinct names, none of them the name of a function"
    ),
    ("mine", identity, "1", "x", (1.0,)): (
        "the defaults of mine cannot be (1,)\n"
        "defaults are numbers for trailing parameters; the first parameter has none"
    ),
    ("mine", pair, ("1", "1"), "x y", ("a",)): (
        "the defaults of mine cannot be ('a',)\n"
        "defaults are numbers for trailing parameters; the first parameter has none"
    ),
    ("mine", identity, (2,)): "the derivative of mine by x is text, not 2\nas in '1 / x'",
    ("mine", np.sin, np.cos): (
        "the derivatives of mine are text in the language, not <ufunc 'cos'>\n"
        "as in '1 / x', with one for each parameter"
    ),
    ("mine", identity, 2): (
        "the derivatives of mine are text in the language, not 2\n"
        "as in '1 / x', with one for each parameter"
    ),
    ("mine", identity, "1 +"): """\
an operand is expected here, not the end of the text
    1 +
       ^
an operand is a number, a tensor, a call or an expression in parentheses""",
    ("mine", identity, "2 w"): """\
the derivative of mine by x reads w, which is no parameter
    2 w
      ^
write it in terms of x""",
    ("mine", identity, "x[i]"): """\
x is a parameter and stands for an expression, which has no subscripts
    x[i]
    ^^
write x alone""",
    ("mine", identity, "sum[i](x)"): """\
the derivative of mine by x uses an index: sum[i](x)
    sum[i](x)
    ^^^^^^^^^
a leaf function acts cell by cell: it knows no indices""",
    ("mine", identity, "mine(x, x)"): """\
mine is called with 2 arguments
    mine(x, x)
    ^^^^^^^^^^
write mine(x)""",
}


@pytest.mark.parametrize("arguments", REFUSED, ids=lambda a: f"{a[0]} {a[2:]}")
def test_what_does_not_fit_is_refused(arguments: tuple[object, ...]) -> None:
    ep.register_function("known", identity, "1")
    with pytest.raises(EinpropError) as error:
        ep.register_function(*arguments)  # type: ignore[arg-type]
    assert str(error.value) == REFUSED[arguments]
    assert "mine" not in FUNCTIONS


def test_what_is_not_registered_cannot_go() -> None:
    for name in ("exp", "nothing"):
        with pytest.raises(InputError) as error:
            ep.unregister_function(name)
        assert str(error.value) == f"no function is registered under the name {name!r}"


def test_a_derivative_that_calls_an_unknown_function_is_not_told_to_call_the_new_one() -> None:
    with pytest.raises(EinpropError) as error:
        ep.register_function("lgamma", np.abs, "digamma(x)")
    assert error.value.message == "unknown function digamma"
    assert "register_function" in str(error.value.hint)
    assert "lgamma" not in FUNCTIONS
    with ep.register_function("digamma", np.abs, "1"):
        ep.register_function("lgamma", np.abs, "digamma(x)")
        ep.unregister_function("lgamma")


def test_a_function_may_call_itself_in_its_derivative_before_it_is_there() -> None:
    ep.register_function("own", np.exp, "own(x)")
    assert str(ep.Program("y = own(x)").backward()) == "x.grad += y.grad y"


def test_functions_come_and_go_while_other_threads_parse_and_run() -> None:
    wrong: list[Exception] = []
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            try:
                assert ep.Program("y = tanh(x) + 1")(x=0.0) == 1.0
                ep.Program("y = passing(x)")(x=2.0)
            except EinpropError as error:
                # It may be gone when it is asked for, and never is there in part.
                if "passing" not in str(error):
                    wrong.append(error)
            except Exception as error:  # noqa: BLE001
                wrong.append(error)

    workers = [threading.Thread(target=work) for _ in range(3)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for worker in workers:
            worker.start()
        for _ in range(100):
            with ep.register_function("passing", np.abs, "1"):
                pass
    finally:
        done.set()
        for worker in workers:
            worker.join()
        sys.setswitchinterval(interval)
    assert not wrong
