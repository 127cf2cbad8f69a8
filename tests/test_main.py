"""The command line: equations in, equations, LaTeX, code or a table out; errors on their own stream."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from einprop import Program
from einprop.__main__ import main
from einprop.commands.parser import NOTATION

AFFINE = "y[b,j] = x[b,i] W[i,j] + B[j]"
BACKWARD = """\
x.grad[b,i] += y.grad[b,j] W[i,j]
W.grad[i,j] += y.grad[b,j] x[b,i]
B.grad[j] += y.grad[b,j]
"""
TWO = "h[b] = x[b]^2; y = sum[b](h[b]); z = w^2"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    """Runs the command line; gives exit code, output and errors."""

    def command(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


def test_derive_prints_the_lecture_lines(run) -> None:
    assert run("derive", AFFINE) == (0, BACKWARD, "")
    lecture = "y.value[b,j] = x.value[b,i]W.value[i,j]; y.value[b,j] += B.value[j]"
    assert run("derive", lecture) == (0, BACKWARD, "")


def test_derive_reads_files(run, tmp_path: Path) -> None:
    file = tmp_path / "affine.ein"
    file.write_text(f"# the lecture\n{AFFINE}\n", encoding="utf-8")
    assert run("derive", str(file)) == (0, BACKWARD, "")


def test_derive_reads_standard_input(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{AFFINE}\n"))
    assert run("derive", "-") == (0, BACKWARD, "")


def test_of_and_wrt(run) -> None:
    assert run("derive", AFFINE, "--wrt", "B") == (0, "B.grad[j] += y.grad[b,j]\n", "")
    assert run("derive", AFFINE, "--wrt", "x,B")[1].count("\n") == 2
    assert run("derive", AFFINE, "--wrt", "x B")[1].count("\n") == 2
    assert run("derive", TWO, "--of", "z") == (0, "w.grad += 2 z.grad w\n", "")


def test_latex(run) -> None:
    code, out, err = run("derive", AFFINE, "--latex")
    assert (code, err) == (0, "")
    assert out == Program(AFFINE).backward().latex() + "\n"
    assert out.startswith("\\begin{aligned}")


def test_source_is_a_program_of_its_own(run) -> None:
    code, out, err = run("derive", AFFINE, "--source", "numpy", "--sizes", "b=2,i=3,j=4")
    assert (code, err) == (0, "")
    assert out.startswith("import numpy as np\n")
    assert out.endswith("\n")
    assert not out.endswith("\n\n")
    scope: dict = {}
    exec(compile(out, "source", "exec"), scope)  # noqa: S102
    assert callable(scope["run"])


def test_explain_prints_a_table(run) -> None:
    code, out, err = run("derive", AFFINE, "--explain", "b=32,i=784,j=10")
    assert (code, err) == (0, "")
    assert out.startswith("equation ")
    assert "matmul" in out
    assert "total " in out


ERRORS = {
    "y[b = x[b]": """\
EquationSyntaxError: [ is never closed
    y[b = x[b]
     ^
close it with ]
""",
    "y[b] = x[b,i]": """\
IndexScopeError: index i in x[b,i] is not on the left and occurs once: is it to be summed?
    y[b] = x[b,i]
               ^
write sum[i](x[b,i]) or y[b] += x[b,i]
""",
    "y[b] = 2 x[b] + x": """\
IndexTypeError: x has no indices in x, but 1 index in x[b]
    y[b] = 2 x[b] + x
             ^^^^   ^
write all indices of x, as in x[b]
""",
    "y = 2": "DerivativeError: y depends on no input: there is no derivative\n"
    "comparisons, sign, floor, argmax and stop_gradient are constants to a derivative\n",
}


@pytest.mark.parametrize("text", ERRORS)
def test_errors_go_to_their_own_stream_under_their_name(run, text: str) -> None:
    assert run("derive", text) == (1, "", ERRORS[text])


def test_the_slide_with_a_missing_index(run) -> None:
    text = "y[b,j] = x[b,i] W[i,j]; W.grad[i,j] += y.grad[b,j]x.value[i]"
    code, out, err = run("derive", text)
    assert (code, out) == (1, "")
    assert err.startswith("IndexTypeError: x has 1 index in x[i], but 2 indices in x[b,i]\n")
    assert err.splitlines()[2].split() == ["^^^^^^", "^^^^^^^^^^"]


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        (
            ("--wrt", "V"),
            "DerivativeError: cannot differentiate with respect to V: it is no tensor",
        ),
        (("--of", "z"), "DerivativeError: cannot differentiate z: the program does not define it"),
        (("--explain", "q=3"), "ShapeError: no equation has an index q"),
        (("--explain", "b=3"), "ShapeError: the size of j, i is not given"),
        (("--source", "numpy", "--sizes", "q=3"), "ShapeError: no equation has an index q"),
    ],
)
def test_options_that_do_not_fit_the_program(run, arguments: tuple[str, ...], start: str) -> None:
    code, out, err = run("derive", AFFINE, *arguments)
    assert (code, out) == (1, "")
    assert err.startswith(start)


def test_a_file_that_is_not_there(run, tmp_path: Path) -> None:
    code, out, err = run("derive", str(tmp_path / "none.ein"))
    assert (code, out) == (1, "")
    assert err.startswith(f"InputError: '{tmp_path / 'none.ein'}' is neither an equation nor a")


def test_a_file_that_is_no_text(run, tmp_path: Path) -> None:
    file = tmp_path / "bytes.ein"
    file.write_bytes(b"\xff\xfe\x00")
    assert run("derive", str(file))[0] == 1
    assert run("derive", str(tmp_path))[0] == 1
    assert run("derive", "\x00")[0] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("integrate", AFFINE),
        ("derive",),
        ("derive", AFFINE, "--latex", "--source", "numpy"),
        ("derive", AFFINE, "--source", "fortran"),
        ("derive", AFFINE, "--explain", "b"),
        ("derive", AFFINE, "--explain", "b=two"),
        ("derive", AFFINE, "--explain", "b=2=3"),
    ],
)
def test_a_command_line_that_is_none_exits_with_two(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as error:
        main(arguments)
    assert error.value.code == 2
    assert capsys.readouterr().err.startswith("usage: python -m einprop")


def test_errors_as_json(run) -> None:
    code, out, err = run("derive", "y[b] = x[b,i]", "--json")
    assert (code, err) == (1, "")
    error = json.loads(out)["error"]
    assert error["type"] == "IndexScopeError"
    (place,) = error["places"]
    assert place["text"][place["start"] : place["end"]] == "i"


@pytest.mark.parametrize("command", ["derive", "check"])
def test_help_teaches_the_notation_on_one_screen(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) <= 45
    for line in NOTATION.splitlines()[1:-1]:
        text = line.split("   ")[0].strip()
        if text.startswith(("y[b,j] +=", "backward", "index", "def")):
            continue
        assert main([command, text]) == 0, text


@pytest.mark.parametrize("arguments", [("--help",), ("derive", "--help"), ("demo", "--help")])
def test_help(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        main(arguments)
    assert error.value.code == 0
    assert capsys.readouterr().out.startswith("usage: python -m einprop")


def test_python_runs_the_package() -> None:
    command = [sys.executable, "-m", "einprop", "derive"]
    good = subprocess.run([*command, AFFINE], capture_output=True, text=True, check=False)
    assert (good.returncode, good.stdout, good.stderr) == (0, BACKWARD, "")
    bad = subprocess.run([*command, "y = "], capture_output=True, text=True, check=False)
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr.startswith("EquationSyntaxError: ")
