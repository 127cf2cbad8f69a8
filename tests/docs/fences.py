"""Extracts the fenced blocks of a Markdown page and runs each as its language says."""

from __future__ import annotations

import doctest
import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

ROOT = Path(__file__).parents[2]

_OPENING = re.compile(r"^\s*(?P<marks>`{3,}|~{3,})\s*(?P<language>[^\s`]*)(?P<rest>[^`]*)$")
_NEEDS = "needs="
_COMMAND = re.compile(r"^(\.venv/bin/)?python3? (-m einprop|examples/)")
# The two commands of README.md that make an environment: .ci/run runs them, and one runs this test.
_SETTING_UP = "python3 -m venv"


@dataclass(frozen=True, slots=True)
class Fence:
    """One fenced block: its language, its text, and the line on which the text begins.

    One that opens as ``python needs=torch,safetensors`` runs where these are installed.
    """

    page: Path
    line: int
    language: str
    text: str
    needs: tuple[str, ...] = ()

    @property
    def absent(self) -> tuple[str, ...]:
        """What it needs and is not installed."""
        return tuple(name for name in self.needs if importlib.util.find_spec(name) is None)

    def refuse(self, why: str) -> None:
        """Fail the test, naming page and line."""
        raise AssertionError(f"{self.page.name}:{self.line}: {why}\n{self.text}")


def fences(page: Path) -> Iterator[Fence]:
    """The fenced blocks of a page, in order."""
    lines = page.read_text(encoding="utf-8").splitlines()
    start, marks, language, rest = 0, "", "", ""
    for number, line in enumerate(lines, 1):
        if not marks and (opening := _OPENING.match(line)):
            start, (marks, language, rest) = number, opening.group("marks", "language", "rest")
        elif marks and line.strip().startswith(marks) and not line.strip().strip(marks[0]):
            text = dedent("".join(f"{row}\n" for row in lines[start : number - 1]))
            needs = tuple(rest.strip().removeprefix(_NEEDS).split(",")) if rest.strip() else ()
            fence = Fence(page, start + 1, language, text, needs)
            if needs and not rest.strip().startswith(_NEEDS):
                fence.refuse(f"behind a fence's language stands {_NEEDS}…, not {rest.strip()}")
            yield fence
            marks = ""
    if marks:
        raise AssertionError(f"{page.name}:{start}: this fence is never closed")


def run(fence: Fence, namespace: dict[str, Any]) -> None:
    """Run one fence; Python fences of a page share ``namespace``."""
    if fence.language not in _RUNNERS:
        fence.refuse(f"a fence is one of {', '.join(_RUNNERS)}, not {fence.language or 'unnamed'}")
    _RUNNERS[fence.language](fence, namespace)


def _run_python(fence: Fence, namespace: dict[str, Any]) -> None:
    if fence.text.lstrip().startswith(">>>"):
        return _run_doctest(fence, namespace)
    code = compile("\n" * (fence.line - 1) + fence.text, str(fence.page), "exec")
    exec(code, namespace)  # noqa: S102  (running our own documentation is the point)
    return None


def _run_doctest(fence: Fence, namespace: dict[str, Any]) -> None:
    test = doctest.DocTestParser().get_doctest(
        fence.text, namespace, fence.page.name, str(fence.page), fence.line - 1
    )
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(test, out=report.append, clear_globs=False)
    namespace.update(test.globs)
    if runner.failures:
        fence.refuse("".join(report))


def _run_commands(fence: Fence, namespace: dict[str, Any]) -> None:
    """Run the commands and compare what they print, where the fence shows it."""
    del namespace
    text = fence.text.replace("\\\n", "")
    prompted = text.startswith("$ ")
    blocks = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:] if prompted else text.splitlines()
    for block in blocks:
        command, _, shown = block.partition("\n")
        if not command.strip() or command.startswith(("#", _SETTING_UP)):
            continue
        if not _COMMAND.match(command):
            fence.refuse(f"mark the fence `text`: no test runs {command!r}")
        printed = _printed(fence, command)
        if shown.strip():
            _compare(fence, shown, printed)


def _printed(fence: Fence, command: str) -> str:
    """What a command prints; it fails the test where the command fails."""
    arguments = [a.replace("examples/", f"{ROOT}/examples/") for a in shlex.split(command)[1:]]
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "80", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )
    if done.returncode != 0:
        fence.refuse(f"{command} exits {done.returncode}:\n{done.stderr}")
    return done.stdout


def _compare(fence: Fence, shown: str, printed: str) -> None:
    wanted, got = (f"{text.rstrip()}\n" for text in (shown, printed))
    if not doctest.OutputChecker().check_output(wanted, got, doctest.ELLIPSIS):
        fence.refuse(f"shown:\n{wanted}printed:\n{got}")


def _parse_program(fence: Fence, namespace: dict[str, Any]) -> None:
    del namespace
    import einprop  # noqa: PLC0415  (the runner's own tests need no package)

    einprop.Program(fence.text)


def _leave(fence: Fence, namespace: dict[str, Any]) -> None:
    """A text fence is for reading only."""


_RUNNERS: dict[str, Callable[[Fence, dict[str, Any]], None]] = {
    "python": _run_python,
    "pycon": _run_doctest,
    "console": _run_commands,
    "sh": _run_commands,
    "einprop": _parse_program,
    "text": _leave,
}
