"""Model files: what is loaded computes what was saved, with no code of the user's; damage is named."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import einprop as ep
from einprop.errors import EinpropError, InputError, UnsupportedError
from einprop.layers import Affine, BatchNorm, Model, Tanh, losses
from einprop.layers.noise import bernoulli, gaussian
from einprop.program import Program
from einprop.training import model_file
from einprop.training.model_file import load_model, save_model
from einprop.training.safetensors import read_safetensors, write_safetensors

Array = NDArray[Any]

NETWORK = Affine(4) >> Tanh() >> Affine(3) >> losses.CrossEntropy()

# A model with all that a model can have.
FULL = Model(
    Program(
        "y[b,j] = (x[b,i] W[i,j]) mask[b,j] / keep + noise[j] - centre[j]\n"
        "loss = mean[b](sum[j]((y[b,j] - t[b,j])^2))\n"
        "next_centre[j] = 0.9 centre[j] + 0.1 mean[b](y[b,j])",
        params="W",
        outputs="loss next_centre",
    ),
    Program(
        "y[b,j] = x[b,i] W[i,j] - centre[j]\nloss = mean[b](sum[j]((y[b,j] - t[b,j])^2))",
        params="W",
    ),
    Program("y[b,j] = x[b,i] W[i,j] - centre[j]", params="W"),
    state={"centre": "next_centre", "keep": "keep"},
    noise={"mask": bernoulli(1 / 3), "noise": gaussian(0.1)},
    dotted={"W": "0.W", "centre": "0.centre"},
)
FULL_PARAMETERS = {"W": np.ones((2, 3)), "centre": np.zeros(3), "keep": np.array(0.5)}


def rewritten(path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """A file of the full model whose description someone has changed."""
    save_model(path, FULL, FULL_PARAMETERS)
    arrays, metadata = read_safetensors(path)
    description = json.loads(metadata["einprop.model"])
    change(description)
    write_safetensors(path, arrays, {"einprop.model": json.dumps(description)})
    return path


def test_a_network_comes_back(tmp_path: Path) -> None:
    parameters = NETWORK.init(np.random.default_rng(0), x=(5, 2), dtype=np.float32)
    save_model(tmp_path / "a", NETWORK, parameters)
    model, read = load_model(tmp_path / "a")
    assert model.program == NETWORK.program
    assert model.predictor == NETWORK.predictor.program
    assert list(read) == list(parameters)
    assert all(np.array_equal(read[name], parameters[name]) for name in parameters)
    assert all(read[name].dtype == np.float32 for name in parameters)
    x = np.random.default_rng(1).normal(size=(5, 2))
    assert model.predictor is not None
    assert np.array_equal(model.predictor({**read, "x": x}), NETWORK.predictor(parameters, x=x))


def test_a_model_is_stored_in_half_the_bytes(tmp_path: Path) -> None:
    network = Affine(100)
    parameters = network.init(np.random.default_rng(0), x=(5, 100), dtype=np.float32)
    x = np.random.default_rng(1).normal(size=(5, 100)).astype(np.float32)
    save_model(tmp_path / "whole", network, parameters)
    for floats in ("BF16", "F16"):
        save_model(tmp_path / floats, network, parameters, floats=floats)
        model, read = load_model(tmp_path / floats)
        assert model.program == network.program
        whole, half = ((tmp_path / name).stat().st_size for name in ("whole", floats))
        assert half < 0.55 * whole
        np.testing.assert_allclose(network(read, x=x), network(parameters, x=x), atol=0.05)


def test_other_software_reads_dotted_names(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    network = Affine(4) >> BatchNorm() >> Tanh() >> Affine(3)
    parameters = network.init(np.random.default_rng(0), x=(5, 2))
    save_model(tmp_path / "a", network, parameters)
    found, wanted = library.load_file(tmp_path / "a"), network.state_dict(parameters)
    assert set(found) == set(wanted)
    assert {"0.W", "1.running_mean", "3.B"} < set(found)
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)
    read = load_model(tmp_path / "a")[1]
    assert all(np.array_equal(read[name], parameters[name]) for name in parameters)


def test_a_whole_model_comes_back(tmp_path: Path) -> None:
    save_model(tmp_path / "a", FULL, FULL_PARAMETERS)
    model, parameters = load_model(tmp_path / "a")
    assert model == FULL
    assert model.program.outputs == FULL.program.outputs
    assert model.program.params == FULL.program.params
    assert {name: array.shape for name, array in parameters.items()} == {
        "W": (2, 3), "centre": (3,), "keep": ()}  # fmt: skip
    assert set(read_safetensors(tmp_path / "a")[0]) == {"0.W", "0.centre", "keep"}


def test_a_file_runs_where_its_author_is_not(tmp_path: Path) -> None:
    """Definitions of a prelude travel in the text; another process runs the file."""
    program = Program(
        "y[b] = twice(x[b,i] w[i])", params="w", prelude="def twice(x) = 2 x; def half(x) = x / 2"
    )
    save_model(tmp_path / "a", program, {"w": np.array([1.0, 10.0])})
    run = (
        "import sys, einprop as ep; from einprop.training import load_model;"
        "model, parameters = load_model(sys.argv[1]);"
        "print(model.program({**parameters, 'x': [[1.0, 2.0]]}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", run, str(tmp_path / "a")],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("[42.]\n", "")


def test_a_registered_function_is_asked_for(tmp_path: Path) -> None:
    with ep.register_function("arctan", np.arctan, "1 / (1 + x^2)"):
        program = Program("def f(x) = arctan(x)\nloss = sum[i](f(w[i]))", params="w")
        save_model(tmp_path / "a", program, {"w": np.ones(2)})
        assert load_model(tmp_path / "a")[0].program == program
    with pytest.raises(UnsupportedError) as caught:
        load_model(tmp_path / "a")
    assert str(caught.value) == (
        "the model calls arctan, a function that was registered where the file was written\n"
        "register it here before: einprop.register_function('arctan', function, ['1 / (1 + x^2)'])"
    )


def test_a_definition_is_no_registered_function(tmp_path: Path) -> None:
    with ep.register_function("arctan", np.arctan, "1 / (1 + x^2)"):
        program = Program("def arctan(x) = 2 x\nloss = sum[i](arctan(w[i]))", params="w")
        save_model(tmp_path / "a", program, {"w": np.ones(2)})
    assert load_model(tmp_path / "a")[0].program == program


def test_arrays_alone_are_no_model(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "a", {"W": np.ones(2)})
    with pytest.raises(InputError) as caught:
        load_model(tmp_path / "a")
    assert str(caught.value) == (
        f"{tmp_path / 'a'} holds arrays, but no model\n"
        "read them by einprop.training.read_safetensors"
    )


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"W": np.ones((2, 3))}, "there is no array for centre, keep\nthe parameters are W, centre, keep"),
        (
            FULL_PARAMETERS | {"V": np.ones(1)},
            "V is no input of the model\nthe model reads W, x, mask, keep, noise, centre, t",
        ),
        (
            FULL_PARAMETERS | {"W": np.ones((2, 3), int)},
            "parameter W is int64\nparameters are arrays of floats",
        ),
        (
            FULL_PARAMETERS | {"centre": np.ones(4)},
            "index j has size 3 in W[i,j] but size 4 in centre[j]",
        ),
    ],
)  # fmt: skip
def test_other_parameters_are_refused(
    tmp_path: Path, parameters: Mapping[str, Array], message: str
) -> None:
    with pytest.raises(EinpropError) as caught:
        save_model(tmp_path / "a", FULL, parameters)
    assert str(caught.value).startswith(message)
    assert not (tmp_path / "a").exists()


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        save_model(tmp_path / "a", "y = 2 x", {})  # type: ignore[arg-type]
    assert str(caught.value) == "a str cannot be trained\npass a Network, a Program or a Model"


def test_a_text_has_a_longest_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_model(tmp_path / "a", FULL, FULL_PARAMETERS)
    monkeypatch.setattr(model_file, "_LONGEST_TEXT", 20)
    message = r"a program of \d+ characters is too long for a file\nat most 20 are read"
    with pytest.raises(InputError, match=message):
        load_model(tmp_path / "a")
    with pytest.raises(InputError, match=message):
        save_model(tmp_path / "a", FULL, FULL_PARAMETERS)


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "another layout": ({"layout": 2}, "its layout is 2, and this version reads 1\n"),
    "no program": ({"program": None}, "its program is no text"),
    "a program of numbers": ({"program": 3}, "its program is no text"),
    "no equation": ({"program": "import os"}, ""),
    "a sum of nothing": ({"evaluation": "y[b] = x[b,i]"}, "index i in x[b,i] is not on the left"),
    "another program": ({"program": "loss = v[i] v[i]"}, "state names centre, which is no input"),
    "a list of state": ({"state": []}, "its state is not a str by name"),
    "state of numbers": ({"state": {"centre": 1}}, "its state is not a str by name"),
    "state that nothing computes": (
        {"state": {"centre": "W", "keep": "keep"}},
        "the new value of centre should be W, which is no output",
    ),
    "noise of nobody": ({"noise": {"z": ["gaussian", 1]}}, "noise names z, which is no input"),
    "no distribution": ({"noise": {"mask": ["cauchy", 1]}}, "cauchy(1) is no noise"),
    "an impossible one": ({"noise": {"mask": ["bernoulli", 2]}}, "bernoulli(2) is no noise"),
    "noise by halves": ({"noise": {"mask": ["gaussian"]}}, "its noise mask is no distribution"),
    "a true deviation": ({"noise": {"mask": ["gaussian", True]}}, "its noise mask is no distr"),
    "dotted names of nobody": ({"dotted": {"z": "0.z"}}, "dotted names z, which is no input"),
    "one name for two": ({"dotted": {"W": "a", "centre": "a"}}, "two of the dotted names a, x,"),
    "other dotted names": ({"dotted": {}}, "0.W is no input of the model"),
    "functions of nothing": ({"functions": {"f": 1}}, "its functions is not a dict by name"),
}


@pytest.mark.parametrize(("change", "message"), CHANGES.values(), ids=CHANGES)
def test_a_changed_description_is_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = rewritten(tmp_path / "a", lambda description: description.update(change))
    with pytest.raises(InputError) as caught:
        load_model(path)
    assert str(caught.value).startswith(f"the model in {path} is damaged: {message}")


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    save_model(tmp_path / "a", FULL, FULL_PARAMETERS)
    arrays, metadata = read_safetensors(tmp_path / "a")
    del arrays["0.W"]
    write_safetensors(tmp_path / "a", arrays, metadata)
    with pytest.raises(InputError, match="is damaged: there is no array for W\n"):
        load_model(tmp_path / "a")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["y = 2 x", "W", "loss", "centre", "gaussian", "exec('1')", ""]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["W", "centre", "mask", "layout", "f"]), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@given(st.dictionaries(
    st.sampled_from(["program", "evaluation", "predictor", "state", "noise", "dotted", "functions"]),
    VALUES, min_size=1, max_size=3,
))  # fmt: skip
def test_any_description_loads_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, change: dict[str, Any]
) -> None:
    path = rewritten(tmp_path_factory.getbasetemp() / "drawn", lambda d: d.update(change))
    try:
        model, _ = load_model(path)
    except EinpropError:
        return
    assert isinstance(model, Model)
