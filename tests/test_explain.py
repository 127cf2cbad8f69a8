"""The table of what a call does, in text and HTML, and what it counts."""

from __future__ import annotations

import json

import numpy as np
import pytest

from einprop import Program
from einprop.analysis.sizes import bind_sizes
from einprop.errors import ShapeError

MLP = """
h[b,j] = tanh(x[b,i] W0[i,j] + B0[j])
s[b,k] = h[b,j] W1[j,k] + B1[k]
loss = mean[b](logsumexp[k](s[b,k]) - sum[k](t[b,k] s[b,k]))
"""
SIZES = {"b": 32, "i": 64, "j": 20, "k": 10}


def test_a_product_is_counted_and_named() -> None:
    explanation = Program("y[b,j] = x[b,i] W[i,j]").explain(b=2, i=3, j=4)
    (step,) = explanation.steps
    assert (step.equation, step.call) == ("y[b,j] = sum[i](x[b,i] W[i,j])", "matmul")
    assert (step.multiply_adds, step.operations) == (24, 0)
    assert step.bytes == 8 * (6 + 12 + 8)
    assert explanation.multiply_adds == 24
    assert explanation.bytes == step.bytes


def test_the_table_in_text() -> None:
    text = str(Program("y[b] = tanh(x[b,i] w[i])").explain(b=1000, i=20))
    lines = text.splitlines()
    assert lines[0].split() == [
        *("equation", "call", "multiply-adds", "other", "operations", "bytes", "FLOPs/byte"),
    ]
    assert set(lines[1]) == set(lines[-3]) == {"-"}
    assert lines[2].startswith("_1[b] = sum[i](x[b,i] w[i])")
    assert " 20,000 " in lines[2]
    assert lines[3].startswith("y[b] = tanh(_1[b])")
    assert lines[-2].startswith("total")
    assert "2 steps" in lines[-2]
    assert lines[-1].startswith("arena: ")
    assert len({len(line) for line in lines[:-1]}) == 1


def test_the_table_in_html_is_escaped() -> None:
    html = Program("y[i] = [x[i] < 2]").explain(i=3)._repr_html_()
    assert html.startswith("<table><thead><tr><th")
    assert "FLOPs/byte" in html
    assert "x[i] &lt; 2" in html
    assert html.count("<tr>") == html.count("</tr>")


def test_an_mlp_runs_on_matrix_products_alone() -> None:
    explanation = Program(MLP, params="W0 B0 W1 B1").value_and_grad().program.explain(**SIZES)
    calls = [step.call for step in explanation.steps]
    assert "einsum" not in calls
    contractions = [s.call for s in explanation.steps if s.multiply_adds]
    assert set(contractions) <= {"matmul", "dot", "batched dot"}
    # two products forward, three backward: the inputs' gradient is not asked for
    big = [s for s in explanation.steps if s.multiply_adds >= 32 * 20 * 10]
    assert [s.call for s in big] == ["matmul"] * 5


def test_forward_and_backward_share() -> None:
    explanation = Program(MLP, params="W0 B0 W1 B1").value_and_grad().program.explain(**SIZES)
    calls = [step.call for step in explanation.steps]
    assert calls.count("tanh") == 1
    assert calls.count("exp") == 1
    assert calls.count("max") == 1


@pytest.mark.parametrize("length", [2, 4, 12])
def test_the_backward_pass_of_a_chain_costs_twice_the_forward_pass(length: int) -> None:
    factors = " ".join(f"M{k}[a{k},a{k + 1}]" for k in range(length))
    chain = f"y[a0,a{length}] = {factors}"
    sizes = {f"a{k}": 8 for k in range(length + 1)}
    forward = Program(chain).explain(**sizes).multiply_adds
    assert forward == (length - 1) * 8**3
    loss = Program(f"{chain}; loss = T[a0,a{length}] y[a0,a{length}]")
    wrt = [f"M{k}" for k in range(length)]
    both = loss.value_and_grad(wrt=wrt).program.explain(**sizes).multiply_adds
    assert both - loss.explain(**sizes).multiply_adds == 2 * forward


def test_declared_sizes_need_not_be_given() -> None:
    program = Program("index i: pixel < 5; y = x[i] w[i]")
    assert program.explain().multiply_adds == 5


def test_sizes_that_are_missing_or_wrong() -> None:
    program = Program("y[b,j] = x[b,i] W[i,j]")
    with pytest.raises(ShapeError, match="the size of j is not given"):
        program.explain(b=2, i=3)
    with pytest.raises(ShapeError, match="no equation has an index q"):
        program.explain(b=2, i=3, j=4, q=5)


def test_forward_and_backward_have_totals_of_their_own() -> None:
    program = Program(MLP, params="W0 B0 W1 B1")
    explanation = program.value_and_grad().program.explain(**SIZES)
    forward, backward = (explanation.phase(name) for name in ("forward", "backward"))
    assert forward.multiply_adds == program.explain(**SIZES).multiply_adds
    assert forward.flops + backward.flops == explanation.flops
    assert explanation.ratio == backward.flops / forward.flops
    assert {s.phase for s in explanation.steps} == {"forward", "backward"}
    assert f"backward: {explanation.ratio:.2f} times the forward FLOPs" in str(explanation)


def test_what_is_not_derived_has_no_phases() -> None:
    explanation = Program(MLP).explain(**SIZES)
    assert explanation.ratio is None
    assert {s.phase for s in explanation.steps} == {""}
    assert "backward" not in str(explanation)


def test_a_step_says_how_much_it_computes_for_what_it_moves() -> None:
    (step,) = Program("y[b,j] = x[b,i] W[i,j]").explain(b=2, i=3, j=4).steps
    assert step.flops == 48
    assert step.intensity == 48 / step.bytes


def test_memory_is_the_arena_and_the_results() -> None:
    explanation = Program("h[i] = exp(x[i]); y[i] = h[i] x[i]; z = sum[i](h[i])").explain(i=100)
    assert explanation.result_bytes == 8 * 101
    assert explanation.peak_bytes == explanation.arena_bytes + 8 * 101


def test_orders_of_products_before_and_after() -> None:
    chain = Program("y[a,e] = A[a,b] B[b,c] C[c,d] v[d,e]")
    (path,) = chain.explain(a=50, b=40, c=30, d=20, e=1).paths
    assert path.product == "sum[b,c,d](A[a,b] B[b,c] C[c,d] v[d,e])"
    assert path.order == "A (B (C v))"
    assert path.multiply_adds == 30 * 20 + 40 * 30 + 50 * 40
    assert path.left_to_right == 50 * 40 * 30 + 50 * 30 * 20 + 50 * 20
    assert path.at_once == 3 * 50 * 40 * 30 * 20
    assert not Program("y[a,c] = A[a,b] B[b,c]").explain(a=2, b=2, c=2).paths


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("y[i] = log(1 + exp(x[i]))", "stabilised: log(1 + exp(x[i])) as softplus(x[i])"),
        ("y[i] = exp(x[i]) - 1", "stabilised: exp(x[i]) + (-1) as expm1(x[i])"),
        (
            "y[i] = softmax[i](x[i])",
            "stabilised: exp(x[i]) with its maximum over i taken out",
        ),
        ("y[i] = log(1 + exp(x[i]))", "simplified: each operation once, none unread saves 2"),
    ],
)
def test_what_was_stabilised_and_simplified(text: str, said: str) -> None:
    assert said in str(Program(text).explain(i=3))


@pytest.mark.parametrize(
    "text",
    [
        "y[k] = log_softmax[k](x[pad(k-1)]) where k in 0:4",
        "y[i] = 2 x[i+0] where i in 0:1; y[i] = softmax[i](x[pad(i-1)]) where i in 1:4",
        "index s: state < 2; h[t] = logsumexp[s]([s == 1] h[t-1] + x[t])",
    ],
)
def test_stable_forms_of_what_is_put_together_from_parts(text: str) -> None:
    # What is read outside of its axis lies in a larger tensor, which no one equation defines.
    program = Program(text)
    x = [0.5, -1.0, 2.0]
    assert np.isfinite(program(x=x)).all()
    explained = program.compile().explain(bind_sizes(program.resolved, {"x": (3,)}))
    assert any(decision.kind == "stabilised" for decision in explained.decisions)


def test_steps_that_write_over_an_operand_say_so() -> None:
    explanation = Program("y[i] = exp(tanh(x[i]) z[i]) + x[i]").explain(i=3)
    assert [s.in_place for s in explanation.steps] == [False, True, True, True]
    assert "multiply in place" in str(explanation)


def test_as_plain_data() -> None:
    explanation = Program(MLP, params="W0 B0 W1 B1").value_and_grad().program.explain(**SIZES)
    found = json.loads(json.dumps(explanation.as_dict()))
    assert len(found["steps"]) == len(explanation.steps)
    assert found["total"]["flops"] == explanation.flops
    assert found["forward"]["flops"] + found["backward"]["flops"] == explanation.flops
    assert found["ratio"] == explanation.ratio
