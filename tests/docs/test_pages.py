"""Every page of the site in a real browser: it fits the window, and fetches nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import Browser, browser
from tests.docs.served import served
from tests.docs.site import Site

WIDTHS = (400, 1280)

# What is wider than the window, though nothing around it scrolls.
OVERFLOWING = """
const width = document.documentElement.clientWidth;
if (document.documentElement.scrollWidth <= width) return [];
const wide = [...document.querySelectorAll("body *")].filter(
    (element) => element.getBoundingClientRect().right > width + 1);
return ["page is " + document.documentElement.scrollWidth + " wide",
    ...wide.slice(-3).map((element) => element.outerHTML.slice(0, 100))];
"""

# Formulas that take no room, or that nothing drew.
UNDRAWN = """
return [...document.querySelectorAll(".math")].filter((element) => {
    const drawn = element.querySelector("math");
    return !drawn || drawn.getBoundingClientRect().height < 4;
}).map((element) => element.outerHTML.slice(0, 100));
"""


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as one:
        yield one


def test_pages_fit_and_stay_at_home(window: Browser, site: Site, pages: list[Path]) -> None:
    problems = []
    with served(site.html) as home:
        for page in pages:
            name = page.relative_to(site.html).as_posix()
            window.open(home + name)
            for width in WIDTHS:
                window.resize(width, 800)
                problems += [f"{name}, {width}: {each}" for each in window.run(OVERFLOWING)]
            problems += [f"{name}: not drawn: {each}" for each in window.run(UNDRAWN)]
            problems += [f"{name}: {each}" for each in window.complaints()]
            elsewhere = [r for r in window.requests() if not r.startswith((home, "data:"))]
            problems += [f"{name}: asks {each}" for each in elsewhere]
    assert problems == []


def test_formulas_are_drawn(window: Browser, formulas: Site) -> None:
    with served(formulas.html) as home:
        window.open(f"{home}index.html")
        assert window.run("return document.querySelectorAll('.math math').length") == 2
        assert window.run(UNDRAWN) == []
        window.screenshot(formulas.html / "formulas.png")


def test_problems_are_seen(window: Browser, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        '<link rel="icon" href="data:,"><div style="width: 3000px">wide</div>'
        '<span class="math">x</span><script>console.error("wrong")</script>'
        '<img src="http://localhost:9/elsewhere.png">'
    )
    with served(tmp_path) as home:
        window.resize(400, 800)
        window.open(f"{home}page.html")
        assert "page is" in window.run(OVERFLOWING)[0]
        assert window.run(UNDRAWN) == ['<span class="math">x</span>']
        assert any("wrong" in each for each in window.complaints())
        assert "http://localhost:9/elsewhere.png" in window.requests()
