"""From text to meaning: expanded, summed, typed and named in one go."""

from __future__ import annotations

import pytest
from hypothesis import given

from einprop.analysis.resolve import resolve
from einprop.errors import IndexScopeError
from einprop.notation.parser import parse
from einprop.notation.printer import program_text, to_text
from tests.strategies.programs import Case, cases


def core(text: str) -> list[str]:
    return [to_text(equation) for equation in resolve(parse(text)).equations]


def test_a_network_in_core_form() -> None:
    text = """
        index b: batch, i: pixel, j: feature, k: label
        input x[b,i], t[b,k]
        param W0[i,j], B0[j], W1[j,k], B1[k]
        h[b,j] = relu(x[b,i] W0[i,j] + B0[j])
        s[b,k] = h[b,j] W1[j,k] + B1[k]
        loss   = -mean[b](sum[k](t[b,k] log_softmax[k](s[b,k])))
    """
    assert core(text) == [
        "h[b,j] = relu(sum[i](x[b,i] W0[i,j]) + B0[j])",
        "s[b,k] = sum[j](h[b,j] W1[j,k]) + B1[k]",
        "loss = -sum[b](sum[k](t[b,k] (s[b,k] - log(sum[k'](exp(s[b,k'])))))) / sum[b](1)",
    ]
    names = resolve(parse(text)).names
    assert names.parameters == ("W0", "B0", "W1", "B1")
    assert names.outputs == ("loss",)


def test_a_bound_index_never_has_the_name_of_a_free_or_an_enclosing_one() -> None:
    assert core("y[k] = x[k] sum[k](s[k])") == ["y[k] = x[k] sum[k'](s[k'])"]
    assert core("y = sum[i](x[i] sum[i](z[i]))") == ["y = sum[i](x[i] sum[i'](z[i']))"]


def test_the_lecture_spelling_of_a_value_is_the_tensor() -> None:
    assert core("y.value[b] = x.value[b,i]w.value[i]") == core("y[b] = x[b,i] w[i]")


@pytest.mark.parametrize(
    "text",
    [
        # the range of j on the left comes from elsewhere
        "y[b,j] = x[b,j]; y[b,j] += B[j] c",
        "y[b,j] = x[b,j]; y[b,j] += c",
        "index j: unit < 3; y[b,j] = x[b]",
        "index j: unit < 3; y[j,j'] = x",
        "loss = sum[i](x[i]); x.grad[i] += loss.grad",
        "input x[i]; x.grad[i] = 2 z",
        "output n[k]; n[at[i]] += 1",
        "input h[t,i]; h[-1,i] = 1; y[t,i] = h[t-1,i]",
    ],
)
def test_an_index_on_the_left_alone_has_its_range_from_elsewhere(text: str) -> None:
    resolve(parse(text))


@pytest.mark.parametrize(
    "text",
    [
        "y[b,j] += B[j] c",
        "y[b,j] = x[b]",
        "x.grad[i] += loss.grad",
        "input x[i]; y[i] = z",
        "h[-1,i] = 1; y[t,i] = h[t-1,i]",
    ],
)
def test_or_it_is_refused(text: str) -> None:
    with pytest.raises(IndexScopeError, match="on the left"):
        resolve(parse(text))


@given(case=cases())
def test_a_core_program_means_itself(case: Case) -> None:
    resolved = resolve(parse(case.text))
    again = resolve(parse(program_text((*resolved.declarations, *resolved.equations))))
    assert again.equations == resolved.equations
    assert again.names == resolved.names


def test_sums_over_a_shifted_index_have_ranges_of_their_own() -> None:
    assert core("y = sum[i](x[i]) + sum[i](x[i+1] - x[i])") == [
        "y = sum[i](x[i]) + sum[i2](x[i2+1] - x[i2+0])"
    ]


def test_a_sum_that_only_counts_has_the_range_of_the_other() -> None:
    assert core("y = sum[i](x[i+1]) / sum[i](1)") == ["y = sum[i](x[i+1]) / sum[i](1)"]


def test_a_bound_index_has_a_range_of_its_own_where_the_outer_one_is_shifted() -> None:
    assert core("y[i] = x[i+1] / sum[i](x[i])") == ["y[i] = x[i+1] / sum[i2](x[i2])"]


def test_primed_indices_meet_shifted_ones_too() -> None:
    assert core("y[i] = x[i+1] softmax[i](x[i])") == [
        "y[i] = x[i+1] (exp(x[i+0]) / sum[i'](exp(x[i'+0])))"
    ]


def test_a_definition_binds_its_index_once() -> None:
    assert core("y[i] = mean[p](x[i+p]) where p in 0:2") == [
        "y[i] = sum[p](x[i+p]) / sum[p](1) where p in 0:2"
    ]
    assert core("y = mean[i](x[i+1]) + mean[i](x[i+1] - x[i])") == [
        "y = sum[i](x[i+1]) / sum[i](1) + sum[i2](x[i2+1] - x[i2+0]) / sum[i2](1)"
    ]
    assert core("y = sum[i](x[i]) + sum[i](softmax[i](x[i+1]) w[i])") == [
        "y = sum[i](x[i]) + sum[i2](exp(x[i2+1]) / sum[i2'](exp(x[i2'+1])) * w[i2])"
    ]
