"""Cells in columns that line up, as text and as HTML."""

from html.parser import HTMLParser

import pytest

from einprop.tables import aligned, html_table, html_text

ROWS = [("a", "bb", "c"), ("aaa", "b", "10"), ("", "", "")]


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (0, ["  a  bb   c", "aaa   b  10", ""]),
        (1, ["a    bb   c", "aaa   b  10", ""]),
        (2, ["a    bb   c", "aaa  b   10", ""]),
        (3, ["a    bb  c", "aaa  b   10", ""]),
    ],
)
def test_the_first_columns_stand_left_and_the_others_right(left, expected) -> None:
    assert aligned(ROWS, left) == expected


def test_no_rows_are_no_lines() -> None:
    assert aligned([]) == []


class Cells(HTMLParser):
    """The cells of a table, each with its tag, its style and whether it is bold."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[tuple[str, str, str, bool]]] = []
        self.open: list[str] = []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attributes) -> None:
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append((tag, dict(attributes)["style"], "", False))

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        tag, style, text, _ = self.rows[-1].pop()
        self.rows[-1].append((tag, style, text + data, "b" in self.open))


def test_html_has_the_cells_and_their_sides() -> None:
    rows = [("equation", "call", "bytes"), ("y = [x < 2] & <b>", "less", "1,000"), ("a", "b", "2")]
    found = Cells(html_table(rows, left=2, strong=[-1])).rows
    assert [[text for _, _, text, _ in row] for row in found] == [list(row) for row in rows]
    assert [[tag for tag, *_ in row] for row in found] == [["th"] * 3, ["td"] * 3, ["td"] * 3]
    for row in found:
        sides = [style.partition(";")[0] for _, style, _, _ in row]
        assert sides == ["text-align:left", "text-align:left", "text-align:right"]
    assert [row[0][3] for row in found] == [False, False, True]


def test_html_of_no_rows_is_an_empty_table() -> None:
    assert html_table([]) == "<table></table>"


def test_html_of_text_is_escaped() -> None:
    assert html_text("a < b\n'&'") == "<pre>a &lt; b\n&#x27;&amp;&#x27;</pre>"
