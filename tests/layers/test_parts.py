"""The text of a layer: sorted by kind, held to the contract of names."""

import pytest

from einprop.errors import InputError
from einprop.layers.parts import Names, Text, at_some_index, check_names
from einprop.notation.parser import parse
from einprop.notation.printer import to_text

NAMES = Names("Made", "y", params=("W",), state=("s",), noise=("e",))


def text(program: str) -> Text:
    return Text.of(parse(program))


def test_a_text_is_sorted_by_kind() -> None:
    found = text(
        "index i: row < 3\ndef f(a) = 2 a\ninput x[b,i]\ny[b,i] = f(x[b,i])\n"
        "backward x.grad[b,i] += 2 y.grad[b,i]"
    )
    assert [group.type for group in found.groups] == ["row"]
    assert [definition.name for definition in found.definitions] == ["f"]
    assert [to_text(access) for access in found.entries] == ["x[b,i]", "x[b,i]"]
    assert len(found.equations) == len(found.lines) == len(found.tensors) == 1
    assert found.letters == ("b", "i")
    assert found.names == {"x", "y", "x.grad"}


def test_a_tensor_that_stands_in_a_subscript_is_read() -> None:
    found = text("y[b,d] = E[x[b],d]")
    assert [to_text(access) for access in found.entries] == ["x[b]"]
    assert not found.pointwise


@pytest.mark.parametrize(
    ("program", "pointwise", "identity"),
    [
        ("y = tanh(x)", True, False),
        ("y = x", True, True),
        ("y = x e", True, False),
        ("y[b] = x[b]", False, False),
        ("y = x\nbackward x.grad += y.grad", True, False),
        ("y += x", True, False),
    ],
)
def test_what_kind_of_layer_it_is(program: str, pointwise: bool, identity: bool) -> None:
    assert text(program).pointwise is pointwise
    assert text(program).identity is identity


REFUSED = [
    ("z = x W s e", False, "the last equation of Made must define y"),
    ("y = x W s e; z = 2 x", False, "the last equation of Made must define y"),
    ("W = 2; y = x W s e", False, "W enters Made, so no equation of it may define W"),
    ("s = 2; y = x W s e", False, "s enters Made, so no equation of it may define s"),
    ("y = x s e", False, "no equation of Made reads W"),
    ("y = x W s", False, "no equation of Made reads e"),
    ("y = W s", True, "no equation of Made reads x"),
    ("y = x e", True, "Made reads e in evaluation mode, where no noise is drawn"),
    ("next_s = x; y = x", True, "Made defines next_s in evaluation mode, where state stays"),
]


@pytest.mark.parametrize(("program", "evaluation", "message"), REFUSED)
def test_texts_that_break_the_contract(program: str, evaluation: bool, message: str) -> None:
    with pytest.raises(InputError) as caught:
        check_names(program, NAMES, evaluation=evaluation)
    assert str(caught.value).splitlines()[0] == message


def test_new_state_may_stand_behind_what_leaves() -> None:
    assert len(check_names("y = x W s e; next_s = s + 1", NAMES)) == 2
    assert len(check_names("y = x", NAMES, evaluation=True)) == 1


def test_a_layer_without_subscripts_is_tried_on_one_axis() -> None:
    statements = at_some_index(parse("y = tanh(x)\nbackward x.grad += (1 - y^2) y.grad"))
    assert [to_text(s) for s in statements] == [
        "y[i] = tanh(x[i])",
        "backward x.grad[i] += (1 - y[i]^2) y.grad[i]",
    ]
