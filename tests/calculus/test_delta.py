"""Delta elimination on core equations: where a Jacobian is not zero, and what it is there."""

from __future__ import annotations

import pytest

from einprop.analysis.resolve import resolve
from einprop.calculus.delta import Elimination
from einprop.calculus.letters import Lettered, with_one_meaning
from einprop.calculus.reading import readable
from einprop.notation.parser import parse
from einprop.notation.printer import to_text


def name(tensor: str, kind: str) -> str:
    return f"{tensor}.{kind}.x"


def eliminated(lettered: Lettered) -> list[str]:
    found = Elimination(lettered, "x", name, (), {})
    found.jacobian("y", "y.jacobian.x")
    shown = readable(lettered.resolved, found.equations)
    return [to_text(e).replace("y.jacobian.x", "J") for e in shown]


def lines(text: str) -> list[str]:
    return eliminated(with_one_meaning(resolve(parse(text))))


BLOCKS = {
    "y[i] = x[i]": ["J[i,i] += 1"],
    "y[b,j] = x[b,i] W[i,j]": ["J[b,j,b,i] += W[i,j]"],
    "y[i] = tanh(x[i])": ["J[i,i] += 1 - y[i]^2"],
    # a diagonal, read and written
    "y[i] = x[i,i]": ["J[i,i,i] += 1"],
    "y[i,i] = x[i]": ["J[i,i,i] += 1"],
    "C[i,i] = x[i]; y[a] = C[a,b] v[b]": ["J[a,a] += v[a]"],
    # a delta of the program's own is taken into the sum
    "y[i] = sum[j]([i == j] x[j] a[j])": ["J[i,i] += a[i]"],
    # what is not zero at the same places is added up first
    "h[i] = x[i]^2; y[i] = h[i] + 3 h[i]": ["J[i,i] += 8 x[i]"],
    # what is summed is a tensor of its own once it is read again
    "h[j] = x[i] W[i,j]; k[l] = h[j] V[j,l]; y[m] = k[l] U[l,m]": [
        "k.factor.x[l,i] = V[j,l] W[i,j]",
        "J[m,i] = U[l,m] k.factor.x[l,i]",
    ],
    "input x[i], z[b]; y[b] = z[b]": ["J[b,i] = 0"],
}


@pytest.mark.parametrize("text", BLOCKS)
def test_blocks(text: str) -> None:
    assert lines(text) == BLOCKS[text]


def computed(text: str) -> list[str]:
    """The same for equations that are core as they are parsed."""
    equations = tuple(parse(text))
    resolved = resolve(parse("y[i] = x[i]; h[i] = x[i]"))
    return eliminated(Lettered(equations, {}, resolved))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y[i] += x[2*i+p] K[p]", ["J[i,2*i+p] += K[p]"]),
        ("h[i] = x[i]^2; y[i] += h[i+1] a[i]", ["J[i,i+1] += 2 a[i] x[i+1]"]),
        ("y[i] = x[pad(i-1)]", ["J[i,pad(i-1)] += 1"]),
        ("y[i] = x[tok[i]]", ["J[i,tok[i]] += 1"]),
        ("y[i] = x[i] where i in 0:3", ["J[i,i] += 1 where i in 0:3"]),
    ],
)
def test_computed_reads_are_written_on_the_left(text: str, expected: list[str]) -> None:
    assert computed(text) == expected


def test_what_no_subscript_can_say_is_stored_whole() -> None:
    assert computed("h[2*i] = x[i]; y[i] = h[i] a[i]") == [
        "h.jacobian.x[2*i,i] += 1",
        "J[i,cell] = a[i] h.jacobian.x[i,cell]",
    ]


def test_shared_letters_of_two_types_are_told_apart() -> None:
    assert lines("h[i] = W[i,j] x[j]; y[j] = U[j,i] h[i]") == ["J[j2,j] = U[j2,i] W[i,j]"]


def test_terms_do_not_double_from_layer_to_layer() -> None:
    text = "h0[i] = x[i]; " + "; ".join(
        f"h{n + 1}[i] = h{n}[i] + tanh(h{n}[j] W[j,i])" for n in range(12)
    )
    assert len(lines(f"{text}; y[i] = h12[i]")) < 80


def test_letters_are_renamed_where_they_only_bound() -> None:
    text = "input x[a]; x.grad[i+1] += s.grad; x.grad[i+0] += -s.grad where x[i+1]"
    renamed = with_one_meaning(resolve(parse(text))).equations
    assert [to_text(e) for e in renamed] == [
        "x.grad[i+1] += s.grad",
        "x.grad[i2+0] += -s.grad where x[i2+1]",
    ]
