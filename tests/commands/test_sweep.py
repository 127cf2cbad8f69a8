"""The command line under any arguments: a result, or an error in words; never a traceback."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from einprop.__main__ import main
from einprop.backends.calibration import Machine, machine
from einprop.commands.given import read_arrays, write_arrays

PROGRAMS = [
    "y[b,j] = x[b,i] W[i,j]",
    "y = f(x",
    "",
    "=",
    "-",
    ".",
    "nowhere.txt",
    "a=b/net.txt",
    "net.txt",
    "binary",
    "\0 = x",
    "y = " + "(" * 300 + "x" + ")" * 300,
    "y = 日本 x",
    "y[i] = x[i+p]",
    "=" * 5000,
]
OPTIONS = {
    "derive": [
        [],
        ["--wrt", "q"],
        ["--wrt", ""],
        ["--of", "y"],
        ["--hessian"],
        ["--latex"],
        ["--steps"],
        ["--steps", "--latex"],
        ["--source", "numpy"],
        ["--source", "torch", "--sizes", "i=3,j=0"],
        ["--source", "cobol"],
        ["--explain", "i=3"],
        ["--sizes", "i=3,i=4"],
        ["--explain", "b=2,i=3,j=4"],
        ["--json"],
    ],
    "check": [[], ["--json"], ["--nothing"]],
    "explain": [
        [],
        ["--sizes", "b=2,i=3,j=4"],
        ["--sizes", "b=2,i=3,j=-1"],
        ["--sizes", "b=2,i=3,j=" + "9" * 5000],
        ["--sizes", "i"],
        ["--sizes", ""],
        ["--sizes", "q=1"],
        ["--after", "nothing"],
        ["--after", "simplify", "--sizes", "b=2,i=3,j=4", "--grad", "--json"],
    ],
    "run": [
        [],
        ["x=1"],
        ["x=1", "W=2", "--grad"],
        ["x="],
        ["=1"],
        ["x=nowhere.npy"],
        ["binary"],
        ["empty.npz"],
        ["pickled.npy"],
        ["x=pickled.npy"],
        ["net.txt"],
        ["."],
        ["good.npz"],
        ["good.npz", "--output", "results"],
        ["good.npz", "--output", "nowhere/results.npz"],
        ["good.npz", "--output", "results.npz", "--json"],
        ["x=1e999", "W=nan"],
    ],
}
OTHERS = [
    [],
    ["nothing"],
    ["demo", "--epochs", "0"],
    ["demo", "--epochs", "x"],
    ["demo", "--seed", "-1"],
    ["demo", "--output", "nowhere/curve.png", "--epochs", "1"],
    ["playground", "--port", "99999999"],
    ["playground", "--port", "-1"],
    ["calibrate", "--nothing"],
]
COMMANDS = [
    [command, program, *options]
    for command, several in OPTIONS.items()
    for program, options in product(PROGRAMS, several)
    if program in PROGRAMS[:4] or options in several[:2]
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a=b").mkdir()
    for name in ("net.txt", "a=b/net.txt"):
        Path(name).write_text("y[b,j] = x[b,i] W[i,j]\n", encoding="utf-8-sig")
    Path("binary").write_bytes(bytes(range(256)))
    Path("empty.npz").write_bytes(b"PK\x05\x06" + bytes(18))
    np.save("pickled.npy", np.array([None, print], object), allow_pickle=True)
    np.savez("good.npz", x=np.ones((2, 3)), W=np.ones((3, 4)))


def outcome(arguments: list[str]) -> int:
    try:
        return main(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)


def test_no_command_line_ends_in_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raised = []
    for arguments in (*COMMANDS, *OTHERS):
        monkeypatch.setattr(sys, "stdin", io.StringIO("y = x"))
        try:
            code = outcome(arguments)
        except Exception as error:  # noqa: BLE001 - all of them are looked for
            raised.append(f"{arguments}: {type(error).__name__}: {error}"[:200])
            continue
        said = capsys.readouterr()
        assert code in (0, 1, 2)
        assert (code == 0) == (not said.err) or "--json" in arguments
        assert "Traceback" not in said.err
    assert not raised, "\n" + "\n".join(raised)


@pytest.mark.parametrize("stream", [None, io.TextIOWrapper(io.BytesIO(b"\xff\xfe=\x00"), "utf-8")])
def test_without_standard_input(
    stream: io.TextIOBase | None, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setattr(sys, "stdin", stream)
    assert main(["derive", "-"]) == 1
    assert "InputError: the standard input cannot be read: " in capsys.readouterr().err


def test_a_file_with_an_equals_sign_in_its_path(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", "a=b/net.txt"]) == 0
    assert capsys.readouterr().out.startswith("x.grad[b,i] += ")


def test_tensors_of_any_name_are_written() -> None:
    names = ("file", "allow_pickle", "args", "kwds", "y.grad", "x")
    arrays = {name: np.full((2, 2), float(n)) for n, name in enumerate(names)}
    write_arrays("all.npz", arrays)
    found = read_arrays(["all.npz"])
    assert list(found) == list(names)
    for name in names:
        np.testing.assert_array_equal(found[name], arrays[name])


def test_hints_name_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "y[b] = x[b,i]  w[i]", "--sizes", "b=2"]) == 1
    assert "as in --sizes i=8" in capsys.readouterr().err
    assert outcome(["explain", "y[i] = x[i]", "--sizes", "i=3,i=4"]) == 2
    assert "gives i twice" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["[" * 100_000, "{", "[]", '{"call": "a"}', "\ud800"])
def test_a_damaged_calibration_counts_as_none(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EINPROP_CACHE", str(tmp_path))
    (tmp_path / "machine.json").write_text(text, encoding="utf-8", errors="surrogatepass")
    machine.cache_clear()
    try:
        assert machine() == Machine()
    finally:
        machine.cache_clear()


def command(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "-c", code],
        env={**os.environ, "PY": sys.executable, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
def test_pipes_and_terminals() -> None:
    equation = "'y[β] = x[β,i] W[i]'"
    found = command(f"$PY -m einprop check --json {equation} | head -1")
    assert (found.stdout, found.stderr) == ("{\n", "")
    found = command(f"$PY -m einprop derive {equation}", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert found.returncode == 0
    assert found.stdout.startswith(r"x.grad[\u03b2,i] += ")
    found = command("$PY -m einprop derive - <&-")
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith("InputError: the standard input cannot be read")
