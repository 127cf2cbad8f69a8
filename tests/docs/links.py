"""Where links lead: those of built pages, and those between Markdown files as GitHub shows them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_FENCE = re.compile(r"^\s*(`{3,}|~{3,}).*?^\s*\1[`~]*\s*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(r"\]\(<?([^()\s<>]*)>?\)")
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$", re.MULTILINE)
_ELSEWHERE = ("data", "mailto", "javascript")


@dataclass
class Page(HTMLParser):
    """What a built page links to, fetches and can be linked at."""

    anchors: set[str] = field(default_factory=set)
    targets: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.targets.append(given["href"])
        elif tag == "link" and given.get("rel") in ("stylesheet", "icon"):
            self.fetched.append(given["href"])
        elif "src" in given:
            self.fetched.append(given["src"])


@cache
def read_page(path: Path) -> Page:
    """A built page."""
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def broken_links(pages: Iterable[Path]) -> Iterator[str]:
    """What is wrong with the links of built pages."""
    for path in pages:
        page = read_page(path)
        for target in page.fetched:
            if urlsplit(target).scheme not in ("", "data") or urlsplit(target).netloc:
                yield f"{path}: fetches {target}"
        for target in (*page.targets, *page.fetched):
            parts = urlsplit(target)
            if parts.scheme in ("http", "https"):
                if parts.scheme == "http":
                    yield f"{path}: {target} is not https"
            elif parts.scheme not in _ELSEWHERE and not _leads_somewhere(path, target):
                yield f"{path}: {target} leads nowhere"


def _leads_somewhere(path: Path, target: str) -> bool:
    parts = urlsplit(target)
    file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not file.is_file():
        return False
    fragment = unquote(parts.fragment)
    return not fragment or file.suffix != ".html" or fragment in read_page(file).anchors


def broken_markdown_links(pages: Iterable[Path]) -> Iterator[str]:
    """What is wrong with the relative links of Markdown files, read where they lie."""
    for path in pages:
        for target in _LINK.findall(_prose(path.read_text(encoding="utf-8"))):
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not file.exists():
                yield f"{path}: {target}: there is no such file"
            elif parts.fragment and file.suffix == ".md" and parts.fragment not in slugs(file):
                yield f"{path}: {target}: there is no such heading"


def slugs(path: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a Markdown file."""
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))
    seen: Counter[str] = Counter()
    found = set()
    for heading in _HEADING.findall(text):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def _prose(text: str) -> str:
    """The text without code: index notation is full of brackets."""
    return _CODE.sub("", _FENCE.sub("", text))
