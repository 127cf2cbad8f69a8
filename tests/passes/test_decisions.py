"""Decisions are plain data, said in the names that the user knows."""

from __future__ import annotations

from einprop import Program
from einprop.notation.parser import parse
from einprop.passes.decisions import Decision, in_words

ISSUE = "y = A[a,b] X[d,c,a] E[e,b] Y[c,d,e]; z = A[a,b] X[c,d,a] E[e,b] Y[c,d,e]"


def test_a_shared_value_and_what_it_saves() -> None:
    explanation = Program(ISSUE).explain(dict.fromkeys("abcde", 10))
    assert explanation.decisions == (
        Decision("shared", "sum[b,e](A[a,b] E[e,b] Y[c,d,e])", 11_000, "multiply-adds"),
    )
    line = "shared: sum[b,e](A[a,b] E[e,b] Y[c,d,e]) saves 11,000 multiply-adds"
    assert str(explanation).splitlines()[-1] == line
    assert f"<li>{line}</li>" in explanation._repr_html_()


def test_an_operand_taken_out_and_what_it_saves() -> None:
    explanation = Program("y[i,k] = a[i,j] b[j,k] + a[i,j] c[j,k]").explain(i=5, j=6, k=7)
    assert [str(decision) for decision in explanation.decisions] == [
        "factored: sum[j](a[i,j] (b[j,k] + c[j,k])) saves 203 operations"
    ]


def test_nothing_decided_nothing_said() -> None:
    explanation = Program("y[i,k] = a[i,j] b[j,k]").explain(i=5, j=6, k=7)
    assert explanation.decisions == ()
    assert str(explanation).splitlines()[-1].startswith("arena")


def test_words_stay_short() -> None:
    lines = [*parse("; ".join(f"_{n + 1}[i] = _{n}[i] + {'x' * 9}[i]" for n in range(30)))]
    defined = {line.target.name: line for line in lines}
    text = in_words(lines[-1].expression, defined, set(defined))
    assert len(text) <= 100
