"""Each cell of docs/comparison.md that speaks of einprop is shown to be true, and nothing else is shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

# Imported for the cases that they register.
from tests.docs import shown_derivatives, shown_notation, shown_running  # noqa: F401
from tests.docs.fences import ROOT
from tests.docs.shown import ANSWERS, CASES, Case, cells

PAGE = ROOT / "docs" / "comparison.md"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.feature.replace(" ", "-"))
def test_the_cell_is_true(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    case.show()


def test_every_row_is_shown_and_every_case_has_a_row() -> None:
    said = {cell.feature: cell.answer for cell in cells(PAGE)}
    assert said == {case.feature: case.answer for case in CASES}
    assert set(said.values()) <= set(ANSWERS)


def test_no_feature_stands_twice() -> None:
    features = [cell.feature for cell in cells(PAGE)]
    assert sorted(features) == sorted(set(features))
    assert len(CASES) == len({case.feature for case in CASES})


def test_every_row_has_a_cell_for_each_library() -> None:
    tables = re.findall(r"(?:^\|.*\n)+", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    for table in tables:
        widths = {len(re.findall(r"\|", line)) for line in table.splitlines()}
        assert len(widths) == 1, table


def test_every_link_of_the_page_has_an_address_and_every_address_is_used() -> None:
    text = PAGE.read_text(encoding="utf-8")
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    addresses = set(re.findall(r"^\[([^\]]+)\]: https://\S+$", prose, re.MULTILINE))
    used = set(re.findall(r"\[[^\]]+\]\[([^\]]+)\]", prose))
    assert used == addresses


def test_a_page_whose_rows_differ_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "| feature | einprop | other |\n| --- | --- | --- |\n"
        "| One [thing](x) | yes, always | no |\n| Two | [no][two] | n/d |\n\n"
        "| a table | without us |\n| --- | --- |\n| Three | yes |\n",
        encoding="utf-8",
    )
    found = [(cell.feature, cell.answer, cell.line) for cell in cells(page)]
    assert found == [("One thing", "yes", 3), ("Two", "no", 4)]
