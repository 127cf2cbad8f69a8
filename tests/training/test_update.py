"""Update equations: what an optimiser's text may say, and how it is written for parameters."""

import pytest

from einprop.errors import EquationSyntaxError, InputError
from einprop.notation.parser import parse
from einprop.notation.printer import program_text
from einprop.notation.tree import Access, Equation
from einprop.training.update import Target, Update


def targets(*texts: str) -> list[Target]:
    found = []
    for text in texts:
        (equation,) = parse(f"{text} = 0")
        assert isinstance(equation, Equation)
        found.append(Target(equation.target, f"{equation.target.name}.grad"))
    return found


def test_numbers_stand_once_and_the_rest_for_each_parameter() -> None:
    update = Update(
        """
        rate = learning_rate / step
        half = rate / 2
        g = w.grad + half * w
        m.new = m + g
        w.new = w - rate * m.new
        """,
        ("m",),
        ("learning_rate", "unused"),
    )
    assert update.read == ("learning_rate", "step")
    expected = """
my.rate = my.learning_rate / my.step
my.half = my.rate / 2
W.g[i,j] = W.grad[i,j] + my.half W[i,j]
W.m.new[i,j] = W.m[i,j] + W.g[i,j]
W.new[i,j] = W[i,j] - my.rate W.m.new[i,j]
c.g = c.grad + my.half c
c.m.new = c.m + c.g
c.new = c - my.rate c.m.new
"""
    written = update.equations("my", targets("W[i,j]", "c"))
    assert program_text(written) == expected.strip()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("w.new[i] = w[i]", "written without subscripts"),
        ("w.new = w - rat * w.grad", "cannot read rat"),
        ("w.new = w - m.new; m.new = w.grad", "cannot read m.new"),
        ("w.new = w - rate * w.grad", "does not define m.new"),
        ("m.new = m", "does not define w.new"),
        ("w = w - w.grad; w.new = w; m.new = m", "w is there already"),
        ("m.new = m; m.new = w; w.new = w", "m.new is there already"),
        ("m.new = m + w.grad; w.new = m.new", "no equation of the update reads w"),
        ("m.new = w.grad; w.new = w - m.new", "no equation of the update reads m"),
        ("m.new = m; w.new = w - m.new", "no equation of the update reads w.grad"),
        ("m.new += w; w.new = w", "m.new is there already"),
        ("rate = 2; m.new = m; w.new = rate * w", "rate is there already"),
        ("def f(x) = 2 x; m.new = m; w.new = w", "has equations only"),
    ],
)
def test_what_is_no_update_is_refused(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words.replace(".", r"\.")):
        Update(text, ("m",), ("rate",))


def test_the_place_of_an_error_is_shown() -> None:
    with pytest.raises(InputError) as caught:
        Update("w.new = w - rat * w.grad", (), ("rate",))
    assert "w.new = w - rat * w.grad\n                ^^^\n" in str(caught.value)
    with pytest.raises(EquationSyntaxError):
        Update("w.new = w -", (), ())


def test_other_names_for_gradients() -> None:
    update = Update("w.new = w - w.grad", (), ())
    (equation,) = update.equations("my", [Target(Access("W"), "W.clipped")])
    assert program_text([equation]) == "W.new = W - W.clipped"
