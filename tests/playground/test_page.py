"""The page in a real browser: what is typed is answered, marked, linked and fits the window."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from einprop.playground.examples import EXAMPLES
from einprop.playground.server import Playground
from einprop.program import Program
from tests.browser import Browser, browser
from tests.playground.served import served

WITHIN = ("about:", "chrome:", "data:")  # Addresses that lead nowhere outside of the browser.
NEWLINE = "\ue006"  # The protocol's name for the return key.


@pytest.fixture(scope="module")
def server() -> Iterator[Playground]:
    with served() as running:
        running.workers.warm()
        yield running


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture
def page(window: Browser, server: Playground) -> Iterator[Browser]:
    """The page, just opened; in the end nothing has gone wrong, and nobody else was asked."""
    window.resize(1280, 900)
    window.open("about:blank")
    window.open(server.address)
    settle(window)
    yield window
    assert window.log() == []
    asked = {address for address in window.requests() if not address.startswith(WITHIN)}
    assert asked
    assert all(address.startswith(server.address) for address in asked)


def settle(page: Browser) -> None:
    """Wait until what is shown belongs to what was typed."""
    page.wait(
        lambda: page.run("return document.querySelector('#panels').ariaBusy === 'false'"),
        "answered",
        60,
    )


def write(page: Browser, text: str) -> None:
    """Type a program in place of the one that is there."""
    page.clear("#text")
    page.type("#text", text.replace("\n", NEWLINE))
    settle(page)


def paste(page: Browser, text: str) -> None:
    """Put a program in place of the one that is there, at once."""
    page.run(
        "const area = document.querySelector('#text'); area.value = arguments[0];"
        "area.dispatchEvent(new Event('input'))",
        text,
    )


def choose(page: Browser, selector: str, value: str) -> None:
    page.run(
        "const chosen = document.querySelector(arguments[0]); chosen.value = arguments[1];"
        "chosen.dispatchEvent(new Event('change'))",
        selector,
        value,
    )
    settle(page)


def panel(page: Browser, name: str) -> str:
    return page.text(f"#panel-{name} .text")


def marked(page: Browser) -> list[list[object]]:
    """Of each mark its text, and where it begins: line and column by pixels, and by letters."""
    return page.run("""
        const area = document.querySelector("#text");
        const style = getComputedStyle(area);
        const box = area.getBoundingClientRect();
        const pen = document.createElement("canvas").getContext("2d");
        pen.font = style.font;
        const wide = pen.measureText("0").width;
        const high = parseFloat(style.lineHeight);
        return [...document.querySelectorAll("mark")].map((mark) => {
          const at = mark.getClientRects()[0];
          const line = (at.top - box.top - parseFloat(style.paddingTop)) / high;
          const column = (at.left - box.left - parseFloat(style.paddingLeft)) / wide;
          let before = "";
          for (let node = mark.previousSibling; node; node = node.previousSibling) {
            before = node.textContent + before;
          }
          return [mark.textContent, Math.round(line), Math.round(column), before.length];
        });
    """)


def pointed_at(page: Browser) -> list[str]:
    """What stands above the carets of the message."""
    lines = page.run("return [...document.querySelectorAll('#error span')].map(s => s.textContent)")
    pairs = zip(lines[::2], lines[1::2], strict=True)
    return [
        code[m.start() : m.end()] for code, carets in pairs for m in re.finditer(r"\^+", carets)
    ]


def overflows(page: Browser) -> list[str]:
    """The elements that reach out of the window to the right."""
    return page.run("""
        const wide = document.documentElement.clientWidth;
        if (document.documentElement.scrollWidth <= wide) return [];
        return [...document.querySelectorAll("*")]
          .filter((each) => each.getBoundingClientRect().right > wide)
          .map((each) => each.tagName + "." + each.className + "#" + each.id);
    """)


def open_all(page: Browser) -> None:
    page.run("for (const each of document.querySelectorAll('details')) each.open = true")
    page.wait(lambda: panel(page, "graph"), "the last panel is filled")
    settle(page)


def test_it_starts_with_an_example(page: Browser) -> None:
    assert page.run("return document.querySelector('#text').value") == EXAMPLES[0].text
    assert panel(page, "backward") == str(Program(EXAMPLES[0].text).backward())
    assert page.text("#status") == "inputs x, W, B; outputs y"


def test_what_is_typed_is_answered(page: Browser) -> None:
    text = "y[b] = tanh(x[b,i] w[i])"
    write(page, text)
    assert panel(page, "backward") == str(Program(text).backward())
    assert panel(page, "sums") == "y[b] = tanh(sum[i](x[b,i] w[i]))"
    page.type("#text", f"{NEWLINE}loss = sum[b](y[b]^2)")
    settle(page)
    assert "y.grad[b] += 2 loss.grad y[b]" in panel(page, "backward")
    page.type("#wrt", "w")
    settle(page)
    assert "x.grad" not in panel(page, "backward")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("y[b] = exp(x[b,i])", [["i", 0, 15, 15]]),
        ("h[b] = x[b]\n\n  y[b] = h[b,b]", [["h[b]", 0, 0, 0], ["h[b,b]", 2, 9, 22]]),
        ("ŷ[b,j] = x[b,i] W[i,jj]", [["j", 0, 4, 4], ["jj", 0, 20, 20]]),
        ("y = (x", [["(", 0, 4, 4]]),
        ("y =", [["", 0, 3, 3]]),
    ],
)
def test_a_mistake_is_marked_where_it_stands(page: Browser, text: str, found: list) -> None:
    write(page, text)
    assert marked(page) == found
    layer = page.text("#marks").removesuffix("\u200b")
    assert layer == page.run("return document.querySelector('#text').value")
    assert page.run("return document.querySelector('#text').ariaInvalid") == "true"
    assert sorted(map(str, pointed_at(page))) == sorted(str(mark[0]) for mark in found)
    write(page, "y = x")
    assert marked(page) == []
    assert page.run("return document.querySelector('#error').hidden")


def test_a_tab_and_letters_of_two_units_move_no_mark(page: Browser) -> None:
    # Keys of such letters cannot be pressed, and a tab leaves the field.
    paste(page, "\ty\u0302[b] =\t\U0001d4b3[b,k]")
    settle(page)
    ((text, line, _, before),) = marked(page)
    assert (text, line, before) == ("k", 0, 14)


def test_what_was_right_stays_while_something_is_wrong(page: Browser) -> None:
    before = panel(page, "backward")
    page.type("#text", "y = (")
    settle(page)
    assert panel(page, "backward") == before
    assert page.run("return document.querySelector('#panels').classList.contains('stale')")


def test_an_answer_to_what_is_no_longer_there_is_not_shown(page: Browser) -> None:
    page.run("""
        const real = window.fetch;
        window.fetch = async (...given) => {
          const found = await real(...given);
          await new Promise((after) => setTimeout(after, 600));
          window.answers = (window.answers ?? 0) + 1;
          return found;
        };
        window.seen = [];
        const box = document.querySelector("#panel-backward .text");
        new MutationObserver(() => window.seen.push(box.textContent))
          .observe(box, { childList: true, characterData: true, subtree: true });
    """)
    paste(page, "y = a b")
    page.run("return new Promise((after) => setTimeout(after, 300))")  # The question is on its way.
    page.type("#text", " c")
    settle(page)
    assert page.run("return window.answers") >= 2
    assert page.run("return window.seen").count(str(Program("y = a b").backward())) == 0
    assert panel(page, "backward") == str(Program("y = a b c").backward())


HEIGHTS = (
    "return [...document.querySelectorAll('mtr')].map((row) => row.getBoundingClientRect().height)"
)


def test_an_example_by_example(page: Browser) -> None:
    for example in EXAMPLES[:-1]:
        choose(page, "#example", example.title)
        open_all(page)
        program = Program(example.text)
        wrt = example.wrt or None
        assert panel(page, "backward") == str(program.backward(wrt=wrt))
        assert panel(page, "sums")
        assert "total" in panel(page, "cost")
        assert r"\begin{aligned}" in panel(page, "latex")
        drawn = page.run(HEIGHTS)
        assert len(drawn) == len(program.statements) + len(program.backward(wrt=wrt).statements)
        assert min(drawn) > 10
        assert "input" in panel(page, "graph")
        for name in example.opens:
            assert panel(page, name) == str(getattr(program, name)(wrt=wrt))
    choose(page, "#example", EXAMPLES[-1].title)
    assert [mark[0] for mark in marked(page)] == ["k"]
    assert "is it to be summed?" in page.text("#error")


def test_sizes_are_shown_and_changed(page: Browser) -> None:
    open_all(page)
    write(page, "y[b,j] = x[b,i] W[i,j]")
    letters = "return [...document.querySelectorAll('#sizes input')].map((each) => each.name)"
    assert page.run(letters) == ["b", "i", "j"]
    page.clear("[name=i]")
    page.type("[name=i]", "784")
    settle(page)
    assert "784 x" in panel(page, "types")
    assert page.run("return document.activeElement.name") == "i"
    choose(page, "#pass", "forward")
    (size,) = [line for line in panel(page, "cost").splitlines() if line.startswith("y[b,j]")]
    sizes = page.run(
        "return Object.fromEntries([...document.querySelectorAll('#sizes input')]"
        ".map((each) => [each.name, Number(each.value)]))"
    )
    assert f"{sizes['b'] * 784 * sizes['j']:,}" in size


def test_a_link_carries_the_program(page: Browser, server: Playground) -> None:
    text = "# 100% of ŷ & β + é\nŷ[i] = β[i] x[i]\nloss = sum[i](ŷ[i]^2)"
    write(page, text)
    page.type("#wrt", "x")
    settle(page)
    page.click("#link")
    address = page.run("return location.href")
    assert address.startswith(f"{server.address}#p=")
    assert address.isascii()
    backward = panel(page, "backward")
    page.open("about:blank")
    page.open(address)
    settle(page)
    assert page.run("return document.querySelector('#text').value") == text
    assert panel(page, "backward") == backward == str(Program(text).backward(wrt="x"))


@pytest.mark.parametrize("fragment", ["p=%", "p=%ff%00", "nothing", "p=", "q=1&p=y+%3D+x"])
def test_a_broken_link_breaks_nothing(page: Browser, server: Playground, fragment: str) -> None:
    page.open("about:blank")
    page.open(f"{server.address}#{fragment}")
    settle(page)
    write(page, "y = 2 x")
    assert panel(page, "backward") == "x.grad += 2 y.grad"


def test_nothing_reaches_out_of_the_window(page: Browser) -> None:
    page.run("for (const each of document.querySelectorAll('details')) each.open = true")
    for example in EXAMPLES:
        choose(page, "#example", example.title)
        for width in (400, 1280):
            page.resize(width, 900)
            assert overflows(page) == []


def test_a_dark_scheme_is_dark(page: Browser) -> None:
    def shades() -> list[float]:
        colours = page.run("""
            const style = getComputedStyle(document.body);
            return [style.backgroundColor, style.color];
        """)
        return [sum(map(float, c.split("(")[1].rstrip(")").split(",")[:3])) / 765 for c in colours]

    ground, text = shades()
    assert ground > 0.9
    assert text < 0.2
    page.resize(1280, 900, dark=True)
    ground, text = shades()
    assert ground < 0.2
    assert text > 0.8


def test_everything_is_reached_by_keys_and_has_a_name(page: Browser) -> None:
    unnamed = page.run("""
        return [...document.querySelectorAll("input, select, textarea, button, [tabindex]")]
          .filter((each) => !(each.labels?.length || each.ariaLabel || each.textContent.trim()))
          .map((each) => each.outerHTML);
    """)
    assert unnamed == []
    page.run("document.querySelector('#example').focus()")
    seen = set()
    for _ in range(40):
        page.call("POST", "/actions", {"actions": [tab()]})
        seen.add(page.run("const e = document.activeElement; return e.id || e.tagName"))
    assert {"link", "text", "of", "wrt", "pass", "backend", "SUMMARY", "BUTTON"} <= seen


def tab() -> dict[str, object]:
    """The tab key, pressed and let go."""
    keys = [{"type": kind, "value": "\ue004"} for kind in ("keyDown", "keyUp")]
    return {"type": "key", "id": "keyboard", "actions": keys}


def test_a_server_that_is_gone_is_told(window: Browser) -> None:
    with served() as gone:
        window.open(gone.address)
        settle(window)
    write(window, "y = x")
    assert "is it still running?" in window.text("#error")
    assert any("ERR_CONNECTION_REFUSED" in line for line in window.log())
    window.requests()
