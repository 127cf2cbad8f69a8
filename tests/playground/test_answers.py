"""Any text has an answer, and what a panel shows is what `Program` gives."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einprop.errors import EinpropError, InputError
from einprop.notation.mathml import to_mathml
from einprop.playground.answers import answer, described, start
from einprop.playground.examples import EXAMPLES
from einprop.playground.panels import PANELS
from einprop.playground.question import Question
from einprop.program import Program
from tests.strategies.language.programs import Case, programs
from tests.test_fuzz import VOCABULARY, slips

ALL = tuple(PANELS)
CHEAP = ("backward", "types", "sums", "latex", "graph")


def check(question: Question) -> dict:
    """An answer of the form that the page knows."""
    found = answer(question)
    assert json.loads(json.dumps(found))
    if found["error"]:
        check_error(found["error"], question.text)
    else:
        assert tuple(found["panels"]) == question.panels
        for panel in found["panels"].values():
            assert ("text" in panel) != ("error" in panel)
            if "error" in panel:
                check_error(panel["error"], question.text)
    return found


def check_error(error: dict, typed: str) -> None:
    assert error["text"]
    assert "Traceback" not in error["text"]
    length = len(typed.encode("utf-16-le", "surrogatepass")) // 2
    assert error["marks"] == sorted(error["marks"])
    assert all(0 <= first <= last <= length for first, last in error["marks"])


@given(st.text(max_size=60))
def test_any_text_has_an_answer(text: str) -> None:
    check(Question(text, panels=CHEAP))


@given(st.lists(st.sampled_from([*VOCABULARY, " ", "\n", "ŷ", "\t"]), max_size=30))
def test_any_words_have_an_answer(words: list[str]) -> None:
    found = check(Question(" ".join(words), panels=CHEAP))
    if found["error"] and found["error"]["kind"] == "EquationSyntaxError":
        assert found["error"]["marks"]


@given(slips(), st.sampled_from(["", "x", "y", "W x", "nothing"]), st.sampled_from([0, 1, 3]))
def test_a_slip_has_an_answer(text: str, names: str, size: int) -> None:
    sizes = dict.fromkeys("ijk", size)
    check(Question(text, of=names, wrt=names, sizes=sizes, panels=(*CHEAP, "cost")))


@settings(max_examples=20)
@given(programs())
def test_the_panels_are_what_a_program_gives(case: Case) -> None:
    program = Program(case.text)
    found = check(Question(case.text, panels=CHEAP))
    assert found["error"] is None
    assert list(found["inputs"]) == list(program.inputs)
    try:
        expected = {"text": str(program.backward())}
    except EinpropError as error:
        expected = {"error": described(error, case.text)}
    assert found["panels"]["backward"] == expected


@pytest.mark.parametrize("example", EXAMPLES[:-1], ids=lambda example: example.title)
def test_an_example(example) -> None:
    found = check(Question(example.text, wrt=example.wrt, panels=ALL))
    program, wrt = Program(example.text), example.wrt or None
    text = {name: panel.get("text") for name, panel in found["panels"].items()}
    assert text["backward"] == str(program.backward(wrt=wrt))
    assert text["jacobian"] == str(program.jacobian(wrt=wrt))
    assert text["cost"] == str(program.vjp(wrt=wrt).explain(found["sizes"]))
    whole = [program, program.backward(wrt=wrt)]
    assert found["panels"]["latex"]["formulae"] == [to_mathml(p.statements) for p in whole]
    assert text["latex"] == f"{program.latex()}\n\n{program.backward(wrt=wrt).latex()}"
    for name in example.opens:
        assert text[name] == str(getattr(program, name)(wrt=wrt))


def test_the_last_example_is_a_mistake() -> None:
    example = EXAMPLES[-1]
    found = check(Question(example.text, panels=ALL))
    ((first, last),) = found["error"]["marks"]
    assert example.text[first:last] == "k"


def panel(text: str, name: str, **options) -> str:
    found = answer(Question(text, panels=(name,), **options))["panels"][name]
    return found["text"] if "text" in found else found["error"]["text"]


def test_sums_are_explicit() -> None:
    assert panel("y[b,j] = x[b,i] W[i,j] + B[j]", "sums") == "y[b,j] = sum[i](x[b,i] W[i,j]) + B[j]"


def test_the_pass_decides_what_is_costed_and_printed() -> None:
    text = "y[b,j] = x[b,i] W[i,j]"
    assert "W.grad" not in panel(text, "cost", backward=False)
    assert panel(text, "source", backward=False) == Program(text).source()
    assert panel(text, "source", wrt="W") == Program(text).vjp(wrt="W").source()
    assert panel(text, "latex", backward=False) == Program(text).latex()
    assert panel("y[n] = argmax[k](s[n,k])", "graph", backward=False).startswith("s[n,k]  input")


def test_source_that_depends_on_sizes_takes_them() -> None:
    text = "y[i] = x[1-i] + z[i]"
    assert panel(text, "source", sizes={"i": 2}, backward=False) == Program(text).source(i=2)


def test_a_panel_without_an_answer_says_why() -> None:
    assert "hessian differentiates one scalar, not y" in panel("y[i] = x[i]", "hessian")
    assert "nothing" in panel("y = x", "backward", of="nothing")
    assert "there is no backend 'basic'" in panel("y = x", "source", backend="basic")


def test_a_panel_that_is_too_long_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("einprop.playground.answers._LONGEST", 10)
    assert panel("y = x", "sums") == "y = x"
    assert panel("y = 2 x + 3 z", "sums") == "y = 2 x + \n... 3 more characters"


def test_an_unknown_panel_is_refused() -> None:
    with pytest.raises(InputError, match="there is no panel walls") as refused:
        answer(Question("y = x", panels=("walls",)))
    assert "backward" in str(refused.value.hint)


def test_the_backends_offered_write_source() -> None:
    backends = start()["backends"]
    assert "numpy" in backends
    for backend in backends:
        assert "def run(" in panel("y = x", "source", backend=backend)
