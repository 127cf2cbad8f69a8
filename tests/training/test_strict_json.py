"""JSON without trust: what is refused, and in which words."""

import pytest

from einprop.errors import InputError
from einprop.training.strict_json import parse_object, print_object

REFUSED = {
    "no JSON": ("{", "its JSON cannot be read: Expecting property name"),
    "no object": ("[1]", "its JSON is no object"),
    "a name twice": ('{"a": {"W": 1, "W": 2}}', "its JSON names 'W' twice"),
    "a name twice among many": (
        "{" + ",".join(f'"{n}":1' for n in range(100_000)) + ',"99999":2}',
        "its JSON names '99999' twice",
    ),
    "NaN": ('{"a": NaN}', "its JSON holds NaN, which is no number"),
    "infinity": ('{"a": -Infinity}', "its JSON holds -Infinity, which is no number"),
    "too large a number": ('{"a": 1e999}', "its JSON cannot be read: Out of range float"),
    "too long an integer": ('{"a": ' + "9" * 10_000 + "}", "its JSON cannot be read: Exceeds"),
    "nested too deeply": ('{"a":' + "[" * 100_000, "its JSON is nested too deeply"),
    "objects too deeply": ('{"a":' * 100_000, "its JSON is nested too deeply"),
    "half a character": (r'{"a": "\ud800"}', "its JSON cannot be read: 'utf-8' codec"),
    "half a character as a name": (r'{"\udc00": 1}', "its JSON cannot be read: 'utf-8' codec"),
    "more behind it": ("{} {}", "its JSON cannot be read: Extra data"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_object_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_object(text)
    assert str(caught.value).startswith(message)


def test_what_is_printed_parses() -> None:
    value = {"é\n": [1, 2.5, 1e-300, -0.1, None, True], "": {"a": "\u2028"}}
    assert parse_object(print_object(value)) == value
