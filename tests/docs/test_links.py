"""Links between pages lead to files and headings that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.fences import ROOT
from tests.docs.test_fences import PAGES

_FENCE = re.compile(r"^ *(```+|~~~+).*?^ *\1\s*$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\]\((?!https?:|mailto:)(?P<path>[^)#\s]*)(?:#(?P<heading>[^)\s]*))?\)")


def prose(page: Path) -> str:
    """The page without its code, in which brackets are no links."""
    return _CODE.sub("", _FENCE.sub("", page.read_text(encoding="utf-8")))


def anchors(page: Path) -> set[str]:
    """What GitHub calls the headings of a page."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken(page: Path) -> list[str]:
    """The links of a page that lead nowhere."""
    found = []
    for link in _LINK.finditer(prose(page)):
        target = (page.parent / link["path"]).resolve() if link["path"] else page
        heading = link["heading"]
        if not target.exists() or (heading and heading not in anchors(target)):
            found.append(link[0].removeprefix("]"))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# One, `x`: and two\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](other.md) [b](other.md#one-x-and-two) [c](none.md) [d](other.md#two) [e](#f)\n"
        "`x[i](j)` [g](https://example.org/none)\n```text\n[h](none)\n```\n"
    )
    assert broken(page) == ["(none.md)", "(other.md#two)", "(#f)"]
