"""What a question may hold, and what is refused."""

from __future__ import annotations

import pytest

from einprop.errors import InputError
from einprop.playground.question import Question


def test_a_question_with_all_fields() -> None:
    given = {
        "text": "y = x",
        "of": "y",
        "wrt": "x",
        "sizes": {"i": 3},
        "panels": ["types"],
        "backward": False,
        "backend": "torch",
    }
    question = Question.from_json(given)
    assert question.panels == ("types",)
    assert {**vars_of(question), "panels": ["types"]} == given


def vars_of(question: Question) -> dict[str, object]:
    return {name: getattr(question, name) for name in Question.__dataclass_fields__}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "a question is a JSON object"),
        ([], "a question is a JSON object"),
        ({}, "a question has a text"),
        ({"text": 3}, "the field text holds something else"),
        ({"text": "", "wrt": None}, "the field wrt holds something else"),
        ({"text": "", "sizes": {"b": True}}, "the field sizes holds something else"),
        ({"text": "", "sizes": {"b": 2.0}}, "the field sizes holds something else"),
        ({"text": "", "sizes": []}, "the field sizes holds something else"),
        ({"text": "", "panels": "types"}, "the field panels holds something else"),
        ({"text": "", "panels": [1]}, "the field panels holds something else"),
        ({"text": "", "backward": 1}, "the field backward holds something else"),
        ({"text": "", "more": 1}, "a question has no field more"),
    ],
)
def test_what_is_no_question_is_refused(given: object, message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        Question.from_json(given)
    assert refused.value.hint
