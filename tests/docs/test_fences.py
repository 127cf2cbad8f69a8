"""Every fence of the documentation runs; and the runner itself refuses what it should."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.docs.fences import ROOT, fences, run

PAGES = [
    page
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md")))
    if page.exists()
]

# Pages whose fences need what is installed as an extra.
NEEDED = {"pictures.md": "matplotlib"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if page.name in NEEDED:
        pytest.importorskip(NEEDED[page.name], reason=f"{NEEDED[page.name]} is not installed")
    monkeypatch.chdir(tmp_path)
    run_page(page)


def run_page(page: Path) -> dict[str, Any]:
    """Run a page from top to bottom in one namespace; skip at its end what could not run."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    absent: dict[str, None] = {}
    for fence in fences(page):
        if fence.absent:
            absent.update(dict.fromkeys(fence.absent))
        else:
            run(fence, namespace)
    if absent:
        pytest.skip(f"all fences ran but those that need {', '.join(absent)}: not installed")
    return namespace


def written(folder: Path, text: str) -> Path:
    """A page that holds ``text``, in which ``'''`` stands for a fence's marks."""
    page = folder / "page.md"
    page.write_text(text.replace("'''", "```"), encoding="utf-8")
    return page


def test_fences_of_a_page_share_a_namespace(tmp_path: Path) -> None:
    text = "'''python\na = 1\n'''\n'''python\n>>> b = a + 1\n>>> b\n2\n'''\n"
    text += "- item\n\n  '''python\n  if b:\n      c = b + 1\n  '''\n"
    assert run_page(written(tmp_path, text))["c"] == 3


def test_fence_knows_its_line(tmp_path: Path) -> None:
    page = written(tmp_path, "one\n\n'''python\nx\n'''\n~~~~text\n'''\n~~~~\n")
    assert [(f.line, f.language, f.text) for f in fences(page)] == [
        (4, "python", "x\n"),
        (7, "text", "```\n"),
    ]


def test_fence_runs_where_what_it_needs_is_installed(tmp_path: Path) -> None:
    page = written(tmp_path, "'''python needs=numpy,json\na = 1\n'''\n")
    assert run_page(page)["a"] == 1


def test_fence_that_lacks_something_is_left_out_and_the_page_says_so(tmp_path: Path) -> None:
    text = "'''python needs=json,no_such_package\n1 / 0\n'''\n'''python\nimport json\n'''\n"
    with pytest.raises(pytest.skip.Exception, match="need no_such_package: not installed"):
        run_page(written(tmp_path, text))


def test_what_fails_beside_a_fence_that_is_left_out_fails(tmp_path: Path) -> None:
    text = "'''python needs=no_such_package\n'''\n'''python\n1 / 0\n'''\n"
    with pytest.raises(ZeroDivisionError):
        run_page(written(tmp_path, text))


def test_commands_run_and_show_what_they_print(tmp_path: Path) -> None:
    command = "$ python -m einprop.errors\n"  # a module that prints nothing
    run_page(written(tmp_path, f"'''console\n{command}'''\n'''sh\n# a comment\n{command[2:]}'''\n"))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("'''rust\n'''", r"page\.md:2: a fence is one of python, .*, not rust"),
        ("'''\n'''", "not unnamed"),
        ("'''python wants=torch\n'''", r"page\.md:2: behind a fence's language stands needs=…"),
        ("'''python\n", r"page\.md:1: this fence is never closed"),
        ("'''python\n>>> 1 + 1\n3\n'''", r"page\.md:2(.|\n)*Expected:\n +3\nGot:\n +2"),
        ("'''sh\nrm -r x\n'''", "mark the fence `text`: no test runs 'rm -r x'"),
        ("'''sh\npython -m einprop.nowhere\n'''", "einprop.nowhere exits 1"),
        ("'''console\n$ python -m einprop.errors\n7\n'''", "shown:\n7\nprinted:\n\n"),
    ],
)
def test_runner_refuses(tmp_path: Path, text: str, complaint: str) -> None:
    page = written(tmp_path, text)
    with pytest.raises(AssertionError, match=complaint):
        run_page(page)


def test_error_in_a_fence_names_page_and_line(tmp_path: Path) -> None:
    page = written(tmp_path, "words\n'''python\n\n1 / 0\n'''\n")
    with pytest.raises(ZeroDivisionError) as error:
        run_page(page)
    place = error.traceback[-1]
    assert (place.path.name, place.lineno + 1) == ("page.md", 4)
