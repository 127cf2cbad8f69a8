"""Code for numpy, PyTorch and JAX gives what programs give, reads as formatted, and stands alone."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import einprop as ep
from einprop import Program
from einprop.errors import (
    DerivativeError,
    EinpropError,
    IndexScopeError,
    InputError,
    ShapeError,
    UnsupportedError,
)
from einprop.reference import evaluate
from tests.backends import sources
from tests.backends.sources import BACKENDS, MLP, TEXTS, UPDATE, agrees, code, function_of, inputs
from tests.strategies.language.programs import Case as Drawn
from tests.strategies.language.programs import programs
from tests.strategies.programs import Case, cases

WITHOUT_GRADIENT = {"scattered maximum", "running maximum", "numbers"}


@cache
def derived(name: str) -> list[tuple[Program, dict[str, np.ndarray]]]:
    """The program and what is derived from it, with inputs."""
    text, shapes = TEXTS[name]
    program, tensors = Program(text), inputs(shapes)
    found = [(program, tensors)]
    if name not in WITHOUT_GRADIENT:
        found.append((program.vjp(), sources.with_cotangents(program.vjp(), tensors)))
    if name == "logistic":
        found.append((program.hessian(wrt="w"), tensors))
    return [(p, {n: t[n] for n in p.inputs}) for p, t in found]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", TEXTS)
def test_code_agrees_with_the_program(name: str, backend: str) -> None:
    for program, tensors in derived(name):
        agrees(program, tensors, backend)


@pytest.mark.parametrize("name", TEXTS)
def test_programs_agree_with_the_meaning(name: str) -> None:
    program, tensors = derived(name)[0]
    expected = evaluate(program, tensors)
    for output, found in sources.by_name(program, program(tensors)).items():
        np.testing.assert_allclose(found, expected[output], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_code_is_formatted(backend: str, tmp_path: Path) -> None:
    if importlib.util.find_spec("ruff") is None:
        pytest.skip("ruff is not installed")
    for name in TEXTS:
        for number, (program, tensors) in enumerate(derived(name)):
            file = tmp_path / f"{name.replace(' ', '_')}_{number}.py"
            file.write_text(code(program, tensors, backend), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--isolated", "--diff", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@settings(max_examples=15, deadline=None)
@given(cases(), st.sampled_from(("torch", "jax")), st.integers(0, 1))
def test_generated_programs_and_their_code_agree(case: Case, backend: str, order: int) -> None:
    sources.converter(backend)
    try:
        program = Program(case.text)
        tensors = dict(case.tensors)
        for _ in range(order):
            program = program.vjp()
            tensors = sources.with_cotangents(program, tensors)
    except (IndexScopeError, DerivativeError, ShapeError):
        return
    try:
        with np.errstate(all="ignore"):
            program({name: tensors[name] for name in program.inputs})
    except ShapeError:
        return
    agrees(program, {name: tensors[name] for name in program.inputs}, backend)


@settings(max_examples=30, deadline=None)
@given(programs(), st.sampled_from(("numpy", "torch")))
def test_the_whole_language_and_its_code_agree(drawn: Drawn, backend: str) -> None:
    sources.converter(backend)
    try:
        program = Program(drawn.text)
        tensors = {name: drawn.tensors[name] for name in program.inputs}
        with np.errstate(all="ignore"):
            program(tensors)
    except EinpropError:
        return
    agrees(program, tensors, backend)


# Inside of the libraries' transformations.


@pytest.mark.parametrize(
    "name", ["network", "attention", "convolution", "rnn", "lstm", "embedding"]
)
def test_autograd_goes_through_the_code(name: str) -> None:
    """PyTorch's gradient of the forward code is the one that is derived."""
    torch = pytest.importorskip("torch")
    (program, tensors), (vjp, given) = derived(name)[:2]
    function = function_of(code(program, tensors, "torch"))
    leaves = {
        n: torch.tensor(array, requires_grad=array.dtype.kind == "f")
        for n, array in tensors.items()
    }
    value = function(*sources.arguments(function, leaves))
    seed = next((array for n, array in given.items() if n not in tensors), np.ones(()))
    value.backward(torch.tensor(seed))
    for output, expected in sources.by_name(vjp, vjp(given)).items():
        found = leaves[output.removesuffix(".grad")].grad
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9, err_msg=output)


@pytest.mark.parametrize("name", ["grid", "lagged", "pooling", "strided convolution"])
def test_autograd_goes_through_cells_that_are_written(name: str) -> None:
    torch = pytest.importorskip("torch")
    program, tensors = derived(name)[0]
    function = function_of(code(program, tensors, "torch"))
    given = [torch.tensor(a, requires_grad=True) for a in sources.arguments(function, tensors)]
    assert torch.autograd.gradcheck(function, given)


@pytest.mark.parametrize("name", ["logistic", "rnn"])
def test_jax_differentiates_the_code(name: str) -> None:
    jax = pytest.importorskip("jax")
    convert = sources.converter("jax")
    (program, tensors), (vjp, given) = derived(name)[:2]
    function = function_of(code(program, tensors, "jax"))
    value, pull = jax.vjp(
        lambda leaves: function(*sources.arguments(function, leaves)),
        {n: convert(array) for n, array in tensors.items()},
    )
    seed = next((array for n, array in given.items() if n not in tensors), np.ones(value.shape))
    (found,) = pull(convert(seed))
    for output, expected in sources.by_name(vjp, vjp(given)).items():
        result = found[output.removesuffix(".grad")]
        np.testing.assert_allclose(result, expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", ["network", "attention", "rnn", "functions", "masks"])
@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_numbers_follow_the_inputs(name: str, backend: str) -> None:
    convert = sources.converter(backend)
    for program, tensors in derived(name):
        function = function_of(code(program, tensors, backend))
        given = [convert(a.astype("float32")) for a in sources.arguments(function, tensors)]
        for found in sources.by_name(program, function(*given)).values():
            assert str(found.dtype).endswith("float32")


# Where it cannot be.


def test_an_unknown_backend_is_named_with_those_there_are() -> None:
    for backend in ("fortran", 3, None):
        with pytest.raises(InputError) as error:
            Program("y = x").source(backend)  # type: ignore[arg-type]
        assert str(error.value) == (
            f"there is no backend {backend!r}\nsource is written for numpy, torch, jax"
        )


def softclip(x: Any) -> Any:
    return np.clip(x, -1, 1)


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_a_registered_function_needs_a_text_of_the_library(backend: str) -> None:
    x = np.linspace(-0.5, 0.5, 3)
    with ep.register_function("arctan", np.arctan, "1 / (1 + x^2)"):
        agrees(Program("y[i] = arctan(x[i])").vjp(), {"x": x, "y.grad": x}, backend)
    with ep.register_function("softclip", softclip, "[abs(x) < 1]"):
        program = Program("y[i] = softclip(x[i])")
        with pytest.raises(UnsupportedError) as error:
            program.source(backend)
    assert str(error.value) == (
        f"the function behind softclip is written for numpy, not for {backend}\n"
        'source("numpy") brings it along; a definition, as in def softclip(x) = …, is written for '
        "every backend"
    )


# Where einprop is not installed.

CHILD = """
import sys
sys.path[:0] = {paths!r}
try:
    import einprop
except ImportError:
    pass
else:
    sys.exit(3)
import importlib.util
import numpy as np
{setup}
for name in {names!r}:
    spec = importlib.util.spec_from_file_location(name, {folder!r} + "/" + name + ".py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with np.load({folder!r} + "/" + name + "_in.npz") as given:
        found = module.run(*[{convert}(given[key]) for key in given])
    found = found if isinstance(found, dict) else {{"result": found}}
    np.savez({folder!r} + "/" + name + "_out.npz", **{{k: np.asarray(v) for k, v in found.items()}})
assert not any(module.startswith("einprop") for module in sys.modules)
"""
SETUP = {
    "numpy": ("", "np.asarray"),
    "torch": ("import torch", "torch.from_numpy"),
    "jax": ("import jax; jax.config.update('jax_enable_x64', True)", "jax.numpy.asarray"),
}


def training_step() -> Program:
    gradient = Program(MLP).grad(wrt=Program(MLP).params)
    return gradient.followed_by(
        Program(UPDATE).statements, ["loss", "W0.new", "B0.new", "W1.new", "B1.new"]
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_code_runs_where_einprop_is_not_installed(backend: str, tmp_path: Path) -> None:
    if not sources.present(backend):
        pytest.skip(f"{backend} is not installed")
    tensors = inputs(TEXTS["network"][1])
    logistic = Program(TEXTS["logistic"][0])
    programs = {
        "forward": (Program(MLP), tensors),
        "backward": (Program(MLP).grad(), tensors),
        "hessian": (logistic.hessian(wrt="w"), inputs(TEXTS["logistic"][1])),
        "step": (training_step(), tensors),
    }
    for name, (program, arrays) in programs.items():
        text = program.source(backend)  # for all sizes
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        ordered = sources.arguments(
            function_of(text) if backend == "numpy" else _head(text), arrays
        )
        np.savez(tmp_path / f"{name}_in.npz", *ordered)
    places = {str(Path(_file(module)).parents[1]) for module in ("numpy", backend)}
    setup, convert = SETUP[backend]
    child = CHILD.format(
        paths=sorted(places),
        setup=setup,
        names=list(programs),
        folder=str(tmp_path),
        convert=convert,
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", child],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 3:
        pytest.skip("einprop is installed in the folder that numpy is in")
    assert done.returncode == 0, done.stderr
    for name, (program, arrays) in programs.items():
        results = program({n: arrays[n] for n in program.inputs})
        expected = results if isinstance(results, dict) else {"result": results}
        with np.load(tmp_path / f"{name}_out.npz") as found:
            assert set(found) == set(expected)
            for key, value in expected.items():
                np.testing.assert_allclose(found[key], value, rtol=1e-9, atol=1e-12)


def _file(module: str) -> str:
    found = importlib.util.find_spec(module)
    assert found is not None
    assert found.origin is not None
    return found.origin


def _head(text: str) -> Any:
    """A function with the arguments that code takes, to be run by nobody here."""
    head = text[text.index("def run(") :].partition("):")[0]
    return function_of(f"{head}): pass")


def test_writing_code_imports_no_library() -> None:
    program = (
        "import sys, einprop as ep; p = ep.Program('y = x[i] x[i]').vjp(); "
        "p.source('torch'); p.source('jax'); print({'torch', 'jax'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("name", ["rnn", "embedding", "convolution", "grid"])
def test_code_runs_over_a_stack_of_inputs(name: str) -> None:
    """Torch.func.vmap adds an axis to code whose inputs all have it."""
    torch = pytest.importorskip("torch")
    program, tensors = derived(name)[0]
    function = function_of(code(program, tensors, "torch"))
    given = [np.stack([a, a[..., ::-1]]) for a in sources.arguments(function, tensors)]
    found = torch.func.vmap(function)(*map(torch.tensor, given))
    for n in range(2):
        alone = function(*[torch.tensor(array[n]) for array in given])
        np.testing.assert_allclose(found[n], alone, rtol=1e-9, atol=1e-12)
