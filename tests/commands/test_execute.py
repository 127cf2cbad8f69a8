"""`run`: arrays in, results out, printed and in files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from einprop.__main__ import main
from einprop.training.safetensors import read_safetensors, write_safetensors

AFFINE = "y[b,j] = x[b,i] W[i,j] + B[j]"


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {"x": rng.normal(size=(2, 3)), "W": rng.normal(size=(3, 4)), "B": rng.normal(size=4)}


@pytest.mark.parametrize("ending", ["npz", "safetensors"])
def test_files_in_and_out(ending: str, arrays, tmp_path: Path, capsys) -> None:
    given, results = str(tmp_path / f"in.{ending}"), str(tmp_path / f"out.{ending}")
    np.savez(given, **arrays) if ending == "npz" else write_safetensors(given, arrays)
    assert main(["run", AFFINE, given, "--output", results]) == 0
    found = dict(np.load(results)) if ending == "npz" else read_safetensors(results)[0]
    np.testing.assert_allclose(found["y"], arrays["x"] @ arrays["W"] + arrays["B"])
    assert capsys.readouterr().out.startswith("y = [[")


def test_gradients_of_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "y = a x^2", "a=2", "x=3", "--grad"]) == 0
    assert capsys.readouterr().out == "a.grad = 9.\nx.grad = 12.\n"
    assert main(["run", "y = log(x)", "x=0", "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain == {"y": {"shape": [], "dtype": "float64", "value": "-inf"}}


def test_large_results_are_summed_up(tmp_path: Path, capsys) -> None:
    np.save(tmp_path / "x.npy", np.arange(100.0))
    assert main(["run", "y[i] = 2 x[i]", f"x={tmp_path / 'x.npy'}"]) == 0
    assert capsys.readouterr().out == "y: float64 of shape (100,), 0 to 198\n"


def test_what_the_program_does_not_read_is_left_alone(arrays, tmp_path: Path, capsys) -> None:
    np.savez(tmp_path / "in.npz", **arrays)
    assert main(["run", "s = sum[j](B[j])", str(tmp_path / "in.npz")]) == 0
    assert capsys.readouterr().out.startswith("s = ")


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        (["nowhere.npz"], "'nowhere.npz' cannot be read"),
        (["x=nowhere.npy"], "'nowhere.npy' cannot be read"),
        (["x=1", "x=2"], "x is given twice"),
        ([], "input is missing: x"),
        (["one.npy"], "one.npy holds one array without a name"),
        (["x=several.npz"], "several.npz holds several arrays"),
        (["pickled.npz"], "'pickled.npz' cannot be read"),
        (["text.npz"], "'text.npz' cannot be read"),
        (["cut.npz"], "'cut.npz' cannot be read"),
    ],
)
def test_inputs_that_are_none(
    inputs: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("one.npy", np.ones(3))
    np.savez("several.npz", x=np.ones(3))
    np.savez("pickled.npz", x=np.array([object()]))
    Path("text.npz").write_text("x", encoding="utf-8")
    Path("cut.npz").write_bytes(Path("several.npz").read_bytes()[:-30])
    assert main(["run", "y = 2 x", *inputs]) == 1
    assert said in capsys.readouterr().err


def test_results_have_a_file_of_a_known_kind(tmp_path: Path, capsys) -> None:
    assert main(["run", "y = 2 x", "x=1", "--output", str(tmp_path / "y.csv")]) == 1
    assert "end it in .npz or .safetensors" in capsys.readouterr().err
    assert main(["run", "y = 2 x", "x=1", "--output", str(tmp_path / "no" / "y.npz")]) == 1
    assert not list(tmp_path.iterdir())
