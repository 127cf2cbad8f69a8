"""What users hold: a value that runs, prints, differentiates and stays in the language."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given

from einprop import Program, gradcheck, reference
from einprop.analysis.derivative_names import tensor_base
from einprop.analysis.sizes import bind_letters
from einprop.errors import DerivativeError, EinpropError, InputError, ShapeError
from einprop.notation.printer import to_text
from einprop.notation.tree import Access, Add, Call, Divide, Equation, Negate
from tests.strategies.programs import Case, cases

AFFINE = "y[b,j] = x[b,i] W[i,j] + B[j]"
LECTURE_FORWARD = """\
y.value[b,j] = x.value[b,i]W.value[i,j]
y.value[b,j] += B.value[j]"""
LECTURE_BACKWARD = """\
x.grad[b,i] += y.grad[b,j] W[i,j]
W.grad[i,j] += y.grad[b,j] x[b,i]
B.grad[j] += y.grad[b,j]"""
MLP = """\
index b: batch, i: pixel, j: feature, k: label
input x[b,i], t[b,k]
param W0[i,j], B0[j], W1[j,k], B1[k]
h[b,j] = tanh(x[b,i] W0[i,j] + B0[j])
s[b,k] = h[b,j] W1[j,k] + B1[k]
loss = -mean[b](sum[k](t[b,k] log_softmax[k](s[b,k])))"""
PROGRAMS = [
    AFFINE,
    LECTURE_FORWARD,
    MLP,
    "y[b] = tanh(x[b,i] w[i])",
    "p[b,k] = softmax[k](s[b,k])",
    "y = prod[i](x[i])",
    "y = max[i,j](A[i,j] x[j])",
    "y[i] = x[i]^z / (2 + z^2)",
    "h = x^2; y = h x; z = h^2",
    "index i: pixel < 3; y[i,i] = x[i]^2; z = y[i,j] A[j,i]",
    "def swish(a, β) = a sigmoid(β a); y[i] = swish(x[i], 2) x[i]",
    # two gradients that are one tensor once they are simplified
    "y[b] = x[b]^2; y[b] += x[b] z[b]",
    "y = x^2 + x z",
    "y[i] = where([x[i] > z[]], x[i]^2, z^3)",
]


def equations(program: Program, **sizes: int) -> list[Equation]:
    """The flat program that runs."""
    bound = bind_letters(program.resolved, sizes)
    return list(program.compile().flat(bound).equations)


def calls(program: Program, function: str, **sizes: int) -> int:
    """How often a leaf is computed."""
    found = [e.expression for e in equations(program, **sizes)]
    return sum(isinstance(e, Call) and e.function == function for e in found)


def by_name(program: Program, results: object) -> dict[str, np.ndarray]:
    return results if isinstance(results, dict) else {program.outputs[0]: results}  # type: ignore[dict-item]


# A value.


def test_programs_are_equal_by_what_they_say() -> None:
    program = Program("y[i] = x[i]^2")
    assert program == Program("y[ i ]  =  x[i] ** 2  # a comment")
    assert hash(program) == hash(Program("y[i]=x[i]^2"))
    assert program != Program("y[i] = x[i]^3")
    assert program != "y[i] = x[i]^2"
    assert len({program, Program("y[i] = x[i]^2"), Program("z[i] = x[i]^2")}) == 2


def test_parameters_and_outputs_in_python_and_in_the_text_are_the_same() -> None:
    assert Program("y = x w", params="w") == Program("param w; y = x w")
    assert Program("y = x w", params=["w"]).params == ("w",)
    assert Program("y = x w v", params="w, v").params == ("w", "v")
    assert Program("param w; y = x w v", params="v").params == ("v", "w")
    assert Program("input w; y = x w", params="w") == Program("param w; y = x w")
    assert Program("h = 2 x; y = h^2", outputs="h y") == Program("h = 2 x; y = h^2; output h, y")
    assert Program("y = 2 x", outputs="y") == Program("y = 2 x")
    assert Program("output h; h = 2 x; y = h^2", outputs="y").outputs == ("y",)


def test_roles() -> None:
    program = Program(MLP)
    assert program.inputs == ("x", "t", "W0", "B0", "W1", "B1")
    assert program.params == ("W0", "B0", "W1", "B1")
    assert program.outputs == ("loss",)


@pytest.mark.parametrize("name", ["inputs", "params", "outputs", "statements", "resolved"])
def test_a_program_does_not_change(name: str) -> None:
    program = Program(AFFINE)
    with pytest.raises(AttributeError):
        setattr(program, name, ())


def test_copies_and_pickles_are_equal_and_run() -> None:
    program = Program("y[i] = x[i]^2", params="x")
    for again in (copy.deepcopy(program), pickle.loads(pickle.dumps(program))):  # noqa: S301
        assert again == program
        assert again(x=[3.0]).tolist() == [9.0]


def test_text_and_repr() -> None:
    assert str(Program("y[i]=2x[i]")) == "y[i] = 2 x[i]"
    assert repr(Program("y = x")) == "Program('y = x')"
    assert Program("y = x")._repr_latex_().startswith("$\\displaystyle")


def test_an_empty_program_is_one() -> None:
    assert Program("").inputs == Program("# nothing").outputs == ()
    assert Program("")() == {}


# Derivatives.


def test_the_lecture() -> None:
    assert str(Program(LECTURE_FORWARD).backward()) == LECTURE_BACKWARD
    assert str(Program(AFFINE).backward()) == LECTURE_BACKWARD
    assert Program(LECTURE_FORWARD).backward() == Program(AFFINE).backward()


@pytest.mark.parametrize("text", PROGRAMS)
@pytest.mark.parametrize("method", ["backward", "grad", "vjp"])
def test_the_language_is_closed_under_derivation(text: str, method: str) -> None:
    program = Program(text)
    assert Program(str(program)) == program
    for _ in range(2):
        program = getattr(program, method)()
        again = Program(str(program))
        assert again == program
        assert hash(again) == hash(program)
        assert again.inputs == program.inputs
        assert again.params == program.params
        assert again.outputs == program.outputs


@pytest.mark.parametrize("text", PROGRAMS)
@pytest.mark.parametrize("order", [1, 2])
def test_a_derived_program_and_its_text_compute_the_same(text: str, order: int, rng) -> None:
    """One runs by deriving on pairwise products, the other as it stands."""
    program = Program(text)
    for _ in range(order):
        program = program.vjp()
    tensors = {name: rng.uniform(0.5, 1.5, [3] * rank(program, name)) for name in program.inputs}
    derived = by_name(program, program(tensors))
    printed = by_name(program, Program(str(program))(tensors))
    for name, value in derived.items():
        np.testing.assert_allclose(value, printed[name], rtol=1e-9, atol=1e-12)


def rank(program: Program, name: str) -> int:
    """The number of axes of a tensor."""
    return program.resolved.types.ranks[tensor_base(name)]


@given(case=cases(scalar=True, depth=2))
def test_generated_programs_are_closed_too(case: Case) -> None:
    try:
        program = Program(case.text).grad(of="loss")
    except EinpropError as error:
        assert isinstance(error, DerivativeError)  # noqa: PT017
        return
    assert Program(str(program)) == program
    assert Program(str(program)).outputs == program.outputs


def test_backward_reads_the_forward_tensors_and_the_seed() -> None:
    backward = Program("h[b] = tanh(x[b]); y = sum[b](h[b] w[b])").backward()
    assert set(backward.inputs) == {"y.grad", "h", "w"}
    assert set(backward.outputs) == {"w.grad", "x.grad"}


def test_backward_brings_a_base_along_that_is_the_same_number_everywhere() -> None:
    program = Program("index t: step < 3; h[t,i] = w[i] h[t-1,i]; h[-1,i] = 1", outputs="h")
    backward = program.backward()
    assert Program(str(backward)) == backward
    w, seed = np.array([0.5, 2.0]), np.ones((3, 2))
    gradient = backward({"w": w, "h": np.stack([w, w**2, w**3]), "h.seed": seed})
    np.testing.assert_allclose(gradient, 1 + 2 * w + 3 * w**2)


def test_of_and_wrt_choose() -> None:
    program = Program("u = x^2 w; v = sin(x)")
    assert program.vjp(of="u", wrt="x").outputs == ("x.grad",)
    assert set(program.vjp(of=["u"]).outputs) == {"x.grad", "w.grad"}
    assert program.vjp(of="v").outputs == ("x.grad",)
    assert program.vjp(wrt="w").outputs == ("w.grad",)


def test_grad_seeds_scalars_and_vjp_does_not() -> None:
    program = Program("y = x^2")
    assert program.grad()(x=3) == 6
    assert program.vjp()({"x": 3, "y.grad": 10}) == 60
    assert Program("y[i] = x[i]^2").grad()({"x": [3.0], "y.grad": [10.0]}).tolist() == [60]


def test_vjp_of_an_inner_tensor_and_the_output_takes_two_cotangents() -> None:
    program = Program("h = x^2; y = h x").vjp(of="h y")
    assert program.inputs == ("x", "y.grad", "h.seed")
    # x (x^2) has derivative 3 x^2, and h adds 2 x
    assert program({"x": 2.0, "y.grad": 1.0, "h.seed": 10.0}) == 12 + 40


@pytest.mark.parametrize(
    "other",
    [
        1.0,
        np.inf,
    ],
)
def test_an_input_that_nothing_depends_on_has_gradient_zero(other: float) -> None:
    program = Program("y = x^2; z[i] = 2 w[i]").grad(of="y", wrt="x w")
    results = program(x=3, w=[other, 1.0])
    assert results["x.grad"] == 6
    assert results["w.grad"].tolist() == [0, 0]


def test_value_and_grad() -> None:
    function = Program("y[i] = x[i] z[i]; loss = sum[i](y[i]^2)", params="z").value_and_grad()
    value, gradients = function(x=[1.0, 2.0], z=[3.0, 4.0])
    assert value == 73
    assert list(gradients) == ["z"]
    assert gradients["z"].tolist() == [6, 32]
    assert function.value == "loss"
    _, both = Program("loss = sum[i](x[i] z[i])").value_and_grad()(x=[1.0], z=[2.0])
    assert {name: g.tolist() for name, g in both.items()} == {"x": [2], "z": [1]}


@pytest.mark.parametrize("of", [None, "y", "y loss", "h"])
def test_value_and_grad_wants_one_scalar(of: str | None) -> None:
    program = Program("h[i] = x[i]; y[i] = 2 h[i]; loss = sum[i](x[i])")
    with pytest.raises(DerivativeError, match="value_and_grad differentiates one scalar, not"):
        program.value_and_grad(of=of)


def test_gradients_sum_over_the_batch_or_keep_it() -> None:
    x, seed = np.arange(6.0).reshape(2, 3), np.array([[1.0], [10.0]])
    summed = Program(AFFINE).vjp(wrt="W")
    assert summed({"x": x, "W": np.ones((3, 1)), "B": [0.0], "y.grad": seed}).shape == (3, 1)
    each = Program("W.grad[b,i,j] = y.grad[b,j] x[b,i]")
    np.testing.assert_allclose(each({"x": x, "y.grad": seed}).sum(axis=0), x.T @ seed)


# What the compiler must find.

LOGITS = [
    "loss = mean[b](logsumexp[k](s[b,k]) - sum[k](t[b,k] s[b,k]))",
    "loss = -mean[b](sum[k](t[b,k] log_softmax[k](s[b,k])))",
]


def test_the_gradient_of_softmax_cross_entropy_is_p_minus_t() -> None:
    program = Program("loss = logsumexp[k](s[k]) - sum[k](t[k] s[k])").grad(wrt="s")
    flat = equations(program, k=5)
    assert to_text(flat[-1]).startswith("s.grad[k] = ")
    first, second = sorted(flat[-1].expression.terms, key=lambda t: isinstance(t, Negate))  # type: ignore[union-attr]
    assert second == Negate(Access("t", flat[-1].target.subscripts))
    (p,) = [e for e in flat if e.target == first]
    assert isinstance(p.expression, Divide)
    defined = {e.target.name: to_text(e) for e in flat}
    assert " = exp(" in defined[p.expression.numerator.name]  # type: ignore[union-attr]
    assert " = sum[k](" in defined[p.expression.denominator.name]  # type: ignore[union-attr]


@pytest.mark.parametrize("text", LOGITS)
def test_the_terms_meet_also_in_a_batch(text: str) -> None:
    """p and t are subtracted, the mean's 1/n comes after, and nothing is exponentiated twice."""
    program = Program(text).value_and_grad(wrt="s").program
    assert calls(program, "exp", b=4, k=3) == 1
    assert calls(program, "max", b=4, k=3) == 1
    assert calls(program, "log", b=4, k=3) == 1
    flat = equations(program, b=4, k=3)
    differences = [
        e for e in flat if isinstance(e.expression, Add) and len(e.target.subscripts) == 2
    ]
    negated = [t for e in differences for t in e.expression.terms if isinstance(t, Negate)]  # type: ignore[union-attr]
    assert "t" in {t.operand.name for t in negated}  # type: ignore[union-attr]


@pytest.mark.parametrize("text", LOGITS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_of_ten_thousand(text: str, dtype: type) -> None:
    s = np.array([[1e4, -1e4, 0.0], [3.0, 1e4, 1e4], [-1e4, -1e4, -1e4]], dtype)
    t = np.array([[1, 0, 0], [0, 0.5, 0.5], [0, 1, 0]], dtype)
    p = np.array([[1, 0, 0], [0, 0.5, 0.5], [1 / 3] * 3], dtype)
    program = Program(text)
    loss = program(s=s, t=t)
    assert loss == pytest.approx((np.log(2) + np.log(3)) / 3, abs=1e-3)
    gradient = program.grad(wrt="s")
    derived = gradient(s=s, t=t)
    assert derived.dtype == loss.dtype == dtype
    np.testing.assert_allclose(derived, (p - t) / 3, atol=1e-6)
    seed = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], dtype)
    second = gradient.vjp(of="s.grad", wrt="s")({"s": s, "t": t, "s.grad.grad2": seed})
    hessian = p * (seed - (p * seed).sum(axis=1, keepdims=True)) / 3
    np.testing.assert_allclose(second, hessian, atol=1e-6)


@pytest.mark.parametrize("logit", [-np.inf, np.inf])
def test_infinite_logits_follow_the_limits_where_there_are_any(logit: float) -> None:
    masked = Program("p[k] = softmax[k](s[k])")(s=[0.0, -np.inf, 0.0])
    assert masked.tolist() == [0.5, 0, 0.5]
    assert Program("y = logsumexp[k](s[k])")(s=[logit, logit]) == logit


def test_the_network_shares_forward_and_backward() -> None:
    program = Program(MLP).value_and_grad().program
    sizes = {"b": 8, "i": 5, "j": 4, "k": 3}
    assert calls(program, "tanh", **sizes) == 1
    assert calls(program, "exp", **sizes) == 1
    targets = [to_text(e) for e in equations(program, **sizes)]
    assert sum("x[b,i] W0[i,j]" in line for line in targets) == 1


def test_second_derivatives_share_too() -> None:
    program = Program("y = sum[i](tanh(x[i]))").grad().vjp()
    assert calls(program, "tanh", i=3) == 1


# Running.


@pytest.mark.parametrize("text", PROGRAMS)
def test_a_call_gives_what_the_reference_gives(text: str, rng) -> None:
    program = Program(text)
    tensors = {name: rng.uniform(0.5, 1.5, [3] * rank(program, name)) for name in program.inputs}
    expected = reference.evaluate(program, tensors)
    for name, value in by_name(program, program(tensors)).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-9)


def test_one_output_is_an_array_and_several_are_a_dict() -> None:
    assert Program("y[i] = 2 x[i]")(x=[1.0]).tolist() == [2]
    results = Program("y = 2 x; z = 3 x")(x=1.0)
    assert list(results) == ["y", "z"]


def test_tensors_by_name_in_a_mapping_or_both() -> None:
    program = Program("y = x w + z")
    assert program(x=2, w=3, z=1) == program({"x": 2, "w": 3, "z": 1}) == 7
    assert program({"x": 2, "w": 3}, z=1) == 7
    with pytest.raises(InputError, match="x is given twice"):
        program({"x": 0, "w": 3, "z": 1}, x=2)


def test_shapes_that_some_inputs_determine() -> None:
    program = Program(AFFINE)
    assert program.shapes(x=(2, 3), W=(3, 4)) == {
        "x": (2, 3),
        "W": (3, 4),
        "B": (4,),
        "y": (2, 4),
    }
    assert program.shapes() == {}
    with pytest.raises(InputError, match="q is not an input of the program"):
        program.shapes(q=(1,))
    with pytest.raises(ShapeError):
        program.shapes(x=(2, 3), W=(4, 4))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        *(("0^0", 1.0), ("log(0)", -np.inf), ("1 / 0", np.inf), ("-2 / 0", -np.inf)),
        ("sqrt(-1)", np.nan),
        ("0 / 0", np.nan),
    ],
)
def test_arithmetic_is_that_of_ieee(expression: str, value: float) -> None:
    np.testing.assert_equal(float(Program(f"y = {expression}")()), value)
    point = {"a": 0.0} if "0" in expression else {}
    text = expression.replace("0", "a")
    np.testing.assert_equal(float(Program(f"y = {text}")(point)), value)


def test_outputs_that_are_inputs_or_numbers() -> None:
    assert Program("y[i] = x[i]")(x=[1.0, 2.0]).tolist() == [1, 2]
    assert Program("y = 2")() == 2
    assert Program("index i: unit < 3; y[i] = 2")().tolist() == [2, 2, 2]


# Showing.


def test_latex_is_that_of_the_statements() -> None:
    assert Program("y[i] = x[i] / 2").latex().startswith("\\begin{aligned}")


def test_source_runs_where_einprop_is_not_installed() -> None:
    program = Program(AFFINE).vjp()
    source = program.source(b=2, i=3, j=4)
    assert "einprop" not in source
    scope: dict = {}
    exec(compile(source, "source", "exec"), scope)  # noqa: S102
    tensors = {"x": np.ones((2, 3)), "W": np.ones((3, 4)), "y.grad": np.ones((2, 4))}
    arguments = {name.replace(".", "_"): value for name, value in tensors.items()}
    results = scope["run"](**arguments)
    expected = program({**tensors, "B": np.ones(4)})
    for name, value in expected.items():
        np.testing.assert_allclose(results[name], value)


@pytest.mark.parametrize(
    ("text", "logits"),
    [
        ("y = sum[k](exp(log_softmax[k](s[k])) w[k])", [1e4, -1e4, 0, 9999]),
        ("l[k] = log_softmax[k](s[k]); y = -sum[k](exp(l[k]) l[k] w[k])", [1e4, -1e4, 0, 9999]),
        ("y = -sum[k](w[k] log(softmax[k](s[k])))", [1e4, -1e4, 0, 9999]),
        ("y = exp(-logsumexp[k](s[k] + w[k]) / 10000)", [1e4, -1e4, 0, 9999]),
        ("y = sum[k](w[k] softmax[k](s[k]))", [np.finfo(np.float32).min] * 4),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exponentials_that_cancel_are_finite_with_their_gradients(
    text: str, logits: list[float], dtype: type
) -> None:
    weights = np.array([0.1, 0.2, 0.3, 0.4], dtype)
    value, gradients = Program(text).value_and_grad()(s=np.array(logits, dtype), w=weights)
    assert np.isfinite(value)
    assert all(np.all(np.isfinite(g)) for g in gradients.values())


def test_log_softmax_keeps_its_digits_under_a_common_offset() -> None:
    logits = np.array([1e6, 1e6 + 1, 1e6 + 2], np.float32)
    found = Program("y[k] = log_softmax[k](s[k])")(s=logits)
    np.testing.assert_allclose(found, [-2.4076059, -1.4076059, -0.4076059], rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "given", "value"),
    [
        ("y = 1e300 * (1e300 * x)", 1e-300, 1e300),
        ("y = x / 1e-300 / 1e-300", 1e-300, 1e300),
        ("y = x / 1e-320", 1e-320, 1.0),
        ("y = (1e200 x)^2", 1e-200, 1.0),
        ("y = 0 x", np.inf, np.nan),
        ("y = x - x", np.inf, np.nan),
        ("y = log(exp(x) / exp(2 x))", 800.0, -800.0),
    ],
)
def test_numbers_are_combined_only_where_nothing_is_lost(
    text: str, given: float, value: float
) -> None:
    np.testing.assert_allclose(Program(text)(x=given), value, rtol=1e-9)


@pytest.mark.parametrize(
    "text",
    [
        "h[i] = a[i]; z[i2,i] = u[i2] u[i]",
        "_1[i] = exp(a[i]); y[i] = sin(_1[i]) + tanh(c[i]); _2[i] = tanh(c[i])",
        "h[b] = a[b]^2 h.grad_[b]; y = sum[b](h[b])",
        "y[i,j] = [i + 1 == j] a[i] u[j]",
        "y = log(sum[k](softmax[k](a[k]) c[k]^2))",
    ],
)
def test_derived_text_runs_as_it_prints(text: str) -> None:
    rng = np.random.default_rng(0)
    program = Program(text)
    shapes = program.shapes({n: (3,) if n == "u" else (2,) for n in program.inputs})
    for derived in (program, program.vjp(), program.vjp().vjp()):
        tensors = {n: rng.uniform(0.5, 1, shapes[tensor_base(n)]) for n in derived.inputs}
        loops = reference.evaluate(derived, tensors)
        found = derived(tensors)
        found = found if isinstance(found, dict) else {derived.outputs[0]: found}
        again = Program(str(derived))(tensors)
        again = again if isinstance(again, dict) else {derived.outputs[0]: again}
        for name, value in found.items():
            np.testing.assert_allclose(value, loops[name], rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(again[name], loops[name], rtol=1e-9, atol=1e-12)


def test_what_a_gather_scatters_to_a_recurrence_with_a_base_arrives() -> None:
    program = Program("h[t] = h[t-1] x[t]; h[-1] = b; y[n] = h[at[n]] + h[clamp(n+1)]")
    tensors = {"x": [2.0, 3.0, 5.0], "b": 0.5, "at": [0, 2, 2], "y.grad": [1.0, 10.0, 100.0]}
    found, again = program.vjp()(tensors), Program(str(program.vjp()))(tensors)
    loops = reference.evaluate(program.vjp(), tensors)
    for name in ("x.grad", "b.grad"):
        np.testing.assert_allclose(found[name], loops[name])
        np.testing.assert_allclose(again[name], loops[name])


@pytest.mark.parametrize("mode", ["wrap", "clamp", "pad"])
def test_a_boundary_beside_a_recurrence_that_runs_down_to_a_base(mode: str) -> None:
    program = Program(f"h[t,s] = h[t+1,{mode}(s-1)] x[t,s]; h[end+1,s] = b[s]; y[s] = h[0,s]")
    assert gradcheck(program, {"x": np.arange(1.0, 7.0).reshape(2, 3), "b": [1.0, 2.0, 3.0]})


# Positions of extrema.


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_argmax_gives_the_first_position(dtype: str) -> None:
    program = Program("y[b] = argmax[k](x[b,k]); z[k] = argmin[b](-2 x[b,k])")
    x = np.array([[1, 3, 3, 0], [np.nan, 1, 7, np.nan], [3, 3, 3, 3]], dtype)
    results = program(x=x)
    slow = reference.evaluate(program, {"x": x})
    for name, expected in {"y": [1, 0, 0], "z": [1, 0, 1, 1]}.items():
        assert results[name].dtype == dtype
        np.testing.assert_array_equal(results[name], expected)
        np.testing.assert_array_equal(slow[name], expected)


@pytest.mark.parametrize("text", ["y[b] = argmax[k](x[b,k])", "input x[b,k]; y = argmax[k](1)"])
def test_nothing_has_no_first_position(text: str) -> None:
    program = Program(text)
    tensors = {"x": np.zeros((2, 0))}
    for result in (program(tensors), reference.evaluate(program, tensors)["y"]):
        assert np.isnan(result).all()
    assert np.all(program(x=np.ones((2, 3))) == 0)


def test_a_position_has_no_gradient() -> None:
    program = Program("y[b] = x[b,i] [argmax[k](x[b,k]) == i]")
    assert str(program.backward()) == "x.grad[b,i] += y.grad[b] [argmax[k](x[b,k]) == i]"
    only = Program("y = argmax[i](x[i])")
    assert str(only.grad(wrt="x")) == (
        "y = argmax[i](x[i])\ny.grad = 1\nx.grad[i] = 0\noutput x.grad[i]"
    )
    best = Program("m = argmax[i](x[i]); y = x[m[]]^2")
    tensors = {"x": [1.0, 3.0, 2.0], "x.dot": [1.0, 10.0, 100.0]}
    assert best.jvp()(tensors) == 60
    assert best.jacobian()(x=tensors["x"]).tolist() == [0, 6, 0]


def test_argmax_in_numpy_code() -> None:
    names: dict[str, object] = {}
    program = Program("y[b] = argmax[k](x[b,k]) / 2")
    exec(program.source(), names)  # noqa: S102
    x = np.array([[1.0, 5.0], [2.0, 0.0]])
    np.testing.assert_array_equal(names["run"](x), program(x=x))  # type: ignore[operator]


# A prelude, and tensors with the names of definitions.


def test_a_prelude_goes_with_the_program() -> None:
    program = Program(
        "y[i] = swish(x[i])", prelude="def swish(x) = x sigmoid(x); def half(x) = x / 2"
    )
    assert str(program) == "def swish(x) = x sigmoid(x)\ny[i] = swish(x[i])"
    assert Program(str(program)) == program
    gradient = program.vjp()
    assert Program(str(gradient)) == gradient
    assert "half" not in str(gradient)


def test_a_prelude_is_text() -> None:
    with pytest.raises(InputError) as error:
        Program("y = x", prelude=["def f(x) = x"])  # type: ignore[arg-type]
    assert str(error.value) == "a prelude is text, not ['def f(x) = x']\nas in 'def twice(x) = 2 x'"


@pytest.mark.parametrize(
    "text",
    [
        "mean[j] = sum[b](x[b,j]) / sum[b](1)\ny[b,j] = (x[b,j] - mean[j])^2",
        "softmax[k] = exp(s[k]) / sum[k](exp(s[k]))\ny = log(softmax[k]) t[k]",
        "def logsumexp[k](s) = max[k](s)\ny = logsumexp[k](s[k]) + log(sum[k](exp(s[k])))",
        "input mean[j]\ny[b,j] = x[b,j] mean[j]^2",
    ],
)
def test_what_is_derived_leaves_the_names_of_the_program_alone(text: str) -> None:
    program = Program(text)
    for derived in (program.backward(), program.vjp(), program.vjp().vjp()):
        assert Program(str(derived)) == derived


def test_a_range_from_the_start_leaves_a_recurrence_its_base_of_zeros() -> None:
    cumulated = Program("h[t] = 0.5 h[t-1] + x[t] where t in 0:4")
    np.testing.assert_allclose(cumulated(x=np.arange(4.0)), [0, 1, 2.5, 4.25])


def test_what_stands_in_a_subscript_on_the_left_tells_the_range() -> None:
    counts = Program("index k: bin < 3\noutput n[k]\nn[at[i]] += 1")
    np.testing.assert_array_equal(counts(at=[0, 1, 1]), [1, 2, 0])


def test_the_base_of_a_running_maximum_is_an_equation_like_any_other() -> None:
    best = Program("v[-1] = a\nv[t] max= x[t]\nv[t] max= v[t-1]")
    np.testing.assert_array_equal(best(a=1.0, x=[0.0, 3.0, 2.0]), [1, 3, 3])


def test_a_base_does_not_say_how_long_a_recurrence_is() -> None:
    with pytest.raises(ShapeError, match="the size of index t is unknown"):
        Program("F[t] = F[t-1] + 1; F[-1] = 1; y = F[end]")()


@pytest.mark.parametrize("mark", ["\ufeff", "\ufeff\r\n"])
def test_a_mark_of_byte_order_is_no_part_of_a_program(mark: str) -> None:
    assert Program(f"{mark}y = 2 x") == Program("y = 2 x")
    assert reference.evaluate(f"{mark}y = 2 x", {"x": 1.0})["y"] == 2.0
    with pytest.raises(EinpropError):
        Program("y = 2\ufeff x")


NOTHING = ("", "# nothing yet", "index i: pixel", "input x[i]", "def twice(x) = 2 x")


@pytest.mark.parametrize("text", NOTHING)
def test_a_program_without_equations_says_so_when_it_is_differentiated(text: str) -> None:
    program = Program(text)
    for derive in (
        "backward",
        "grad",
        "vjp",
        "jvp",
        "hvp",
        "jacobian",
        "hessian",
        "value_and_grad",
    ):
        with pytest.raises(DerivativeError, match="the program defines no tensor"):
            getattr(program, derive)()
    with pytest.raises(DerivativeError, match="the program defines no tensor"):
        program.derive_steps()


@pytest.mark.parametrize(
    ("text", "tensors", "values"),
    [
        # the i of the first sum steps aside, and not into the range of i'
        (
            "p[i] = a[i] / sum[i](a[i]) + sum[i'](b[i']) where i' in 0:2",
            {"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, 4.0]},
            [3 + 1 / 6, 3 + 2 / 6, 3 + 3 / 6],
        ),
        # both sums have the range of t'
        (
            "y = sum[t'](sum[t'](a[t']) b[t']) where t' in 1:2",
            {"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, 4.0]},
            4.0,
        ),
        # so has the index of the definition
        ("y[t'] = cumsum[t'](x[t']) where t' in 1:3", {"x": [1.0, 2.0, 3.0]}, [0.0, 2.0, 5.0]),
        (
            "y[t'] = cumsum[t'](x[t']) + sum[t](x[t]) where t' in 1:3, t in 0:1",
            {"x": [1.0, 2.0, 3.0]},
            [0.0, 3.0, 6.0],
        ),
        # i2 is a letter that other equations use
        (
            "index i2: other\ny = sum[i](x[i]) + sum[i](x[i+1])\nz[i2] = x[i2]\noutput y",
            {"x": [1.0, 2.0, 3.0]},
            11.0,
        ),
    ],
)
def test_ranges_hold_for_the_indices_that_they_name(
    text: str, tensors: dict, values: object
) -> None:
    program = Program(text)
    np.testing.assert_allclose(program(tensors), values)
    (found,) = (reference.evaluate(text, tensors)[name] for name in program.outputs)
    np.testing.assert_allclose(found, values)


def test_an_output_that_is_put_together_and_copied_is_returned_under_both_names() -> None:
    both = Program("y[2*g+h] += (k[h] + k[h]) (A[g] + k[1]); W[l] = y[l]", outputs="y W")
    found = both(k=[1.0, 2.0, 3.0], A=[1.0, 2.0])
    np.testing.assert_array_equal(found["y"], [6, 12, 26, 16, 24])
    np.testing.assert_array_equal(found["W"], found["y"])
    state = Program("W[g] = V[g] + (V[end] + D); W[-1] = M; L = sum[g](W[g]^2)")
    hessian = state.hessian()(V=[1.0, 1.0, 1.0], D=1.0, M=2.0)
    np.testing.assert_array_equal(hessian["L.hessian.V.V"], [[2, 0, 2], [0, 2, 2], [2, 2, 12]])
    np.testing.assert_array_equal(hessian["L.hessian.V.D"], [2, 2, 8])
    np.testing.assert_array_equal(hessian["L.hessian.D.V"], [2, 2, 8])


@pytest.mark.parametrize(
    ("text", "values"),
    [
        # zeros stand before the first position, however few there are
        ("h[t] = h[t-1] + x[t] where t in 0:1", [1.0]),
        ("h[t] = h[t+1] + x[t] where t in 0:1", [1.0]),
        ("h[t] = h[t-2] + x[t] where t in 0:2", [1.0, 2.0]),
        # its own past makes no tensor an intermediate one
        ("h[0] = 5; h[t] = h[t-1] + x[t] where t in 1:2", [5.0, 7.0]),
        ("h[t] = x[t] where t in 2:4; h[t] = h[t+2] x[t] where t in 0:2", [3.0, 8.0, 3.0, 4.0]),
    ],
)
def test_a_recurrence_may_stop_before_it_reads_what_it_wrote(text: str, values: list) -> None:
    program, x = Program(text), np.arange(1.0, len(values) + 1)
    np.testing.assert_array_equal(program(x=x), values)
    np.testing.assert_array_equal(reference.evaluate(text, {"x": x})["h"], values)
    np.testing.assert_array_equal(Program(str(program))(x=x), values)
