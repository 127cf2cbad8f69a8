"""Arguments of the wrong kind: each in turn, in a call that is right otherwise, of everything public."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import einprop as ep
from einprop import data, layers, training
from einprop.layers import Layer, Loss, init, losses
from einprop.training.safetensors import read_safetensors, write_safetensors

X, T = np.arange(12.0).reshape(6, 2) / 10, np.arange(6.0).reshape(6, 1)
PAIR = {"x": X, "t": T}
LABELS = np.array([0, 1, 2, 0, 1, 2])
NETWORK = layers.Affine(1) >> losses.SquaredError()
PROGRAM = ep.Program("y[b,j] = x[b,i] W[i,j]; loss = mean[b](sum[j](y[b,j]^2))", params="W")
SIZES = {"b": 2, "i": 3, "j": 4}
ARRAYS = {"x": X, "W": np.ones((2, 1))}


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def parameters() -> dict[str, Any]:
    return NETWORK.init(rng(), x=X)


def in_order(call: Callable[..., Any]) -> Callable[..., Any]:
    """A call whose arguments have no names, given by name."""
    return lambda **given: call(*given.values())


def fixed(**given: Any) -> Callable[[], dict[str, Any]]:
    return lambda: dict(given)


def step() -> training.Step:
    return training.Step(NETWORK, training.SGD(0.1))


class Object:
    """Something that is nothing in particular."""


WRONG: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "text": lambda: "2",
    "bytes": lambda: b"2",
    "a fraction": lambda: 1.5,
    "less than nothing": lambda: -1,
    "nothing": lambda: 0,
    "nan": lambda: float("nan"),
    "infinity": lambda: float("inf"),
    "too much": lambda: 10**400,
    "True": lambda: True,
    "a complex number": lambda: 1j,
    "a list": lambda: [1],
    "a list of text": lambda: ["a"],
    "a list of lists": lambda: [[1], [2, 3]],
    "a pair": lambda: (X, T),
    "an empty dict": dict,
    "a dict": lambda: {1: 2},
    "a set": lambda: {1},
    "an array": lambda: np.ones(2),
    "an array of objects": lambda: np.array([None, "a"], object),
    "a function": lambda: len,
    "a class": lambda: Object,
    "an object": Object,
    "a generator": lambda: (n for n in range(2)),
}

# What the annotation of a parameter says that it is -> what is none.
REFUSED_BY: dict[str, tuple[str, ...]] = {
    "int": ("text", "bytes", "a fraction", "nan", "True", "a list", "a dict", "an object"),
    "float": ("text", "bytes", "a complex number", "a list", "a dict", "an object", "a function"),
    "np.random.Generator": tuple(WRONG),
    "Mapping": ("text", "bytes", "a fraction", "a list", "a pair", "a set", "an object"),
    "Optimizer": tuple(WRONG),
}


Call = tuple[str, Callable[..., Any], Callable[[], dict[str, Any]]]
"""A name, a callable, and arguments that are right, made anew each time."""


def _of_training() -> Iterator[Call]:  # noqa: PLR0915 - a table
    yield "fit", training.fit, lambda: {
        "model": NETWORK, "parameters": parameters(), "data": PAIR, "optimizer": training.SGD(0.1),
        "epochs": 1, "batch_size": 4, "rng": rng(), "validation": PAIR, "metrics": (),
        "training_metrics": False, "callbacks": (), "verbose": 0,
        "clip": None, "l2": 0.0, "micro_batch": None, "resume": None,
    }  # fmt: skip
    yield "evaluate", training.evaluate, lambda: {
        "model": NETWORK, "parameters": parameters(), "data": PAIR, "metrics": (),
        "batch_size": 4}  # fmt: skip
    yield "predict", training.predict, lambda: {
        "model": NETWORK, "parameters": parameters(), "data": PAIR, "batch_size": 4}  # fmt: skip
    yield "diagnose", training.diagnose, lambda: {
        "model": NETWORK, "parameters": parameters(), "data": PAIR, "rng": rng()}  # fmt: skip
    yield "Step", training.Step, fixed(
        model=NETWORK, optimizer=training.SGD(0.1), parameters=None, clip=None, l2=0.1, examples=4,
        micro_batch=2)  # fmt: skip
    yield "a step", step(), lambda: {
        "parameters": parameters(), "state": step().start(parameters()), "batch": PAIR,
        "rng": rng(), "epoch": 0}  # fmt: skip
    yield "Step.start", lambda **given: step().start(**given), lambda: {"parameters": parameters()}
    yield "SGD.step", training.SGD(0.1).step, lambda: {
        "parameters": parameters(), "gradients": parameters(), "state": {}, "epoch": 0}  # fmt: skip
    for name in ("SGD", "Adam", "AdamW", "RMSProp", "AdaGrad"):
        yield name, getattr(training, name), _defaults(getattr(training, name), learning_rate=0.1)
    yield "Groups", training.Groups, fixed(
        others=training.SGD(0.1), patterns={"B*": training.SGD(0.2)})  # fmt: skip
    yield "ClipNorm", training.ClipNorm, fixed(limit=1.0)
    yield "ClipValue", training.ClipValue, fixed(limit=1.0)
    yield "exponential_decay", training.exponential_decay, fixed(initial=0.5, factor=0.9)
    yield "ExponentialDecay", training.ExponentialDecay, fixed(initial=0.5, factor=0.9)
    yield "StepDecay", training.StepDecay, fixed(initial=0.5, every=2, factor=0.1)
    yield "CosineDecay", training.CosineDecay, fixed(initial=0.5, length=2, final=0.0)
    yield "WarmUp", training.WarmUp, fixed(length=2, then=0.1)
    yield "PerStep", training.PerStep, fixed(schedule=training.StepDecay(0.5, every=2))
    yield "EarlyStopping", training.EarlyStopping, _defaults(training.EarlyStopping)
    yield "ReduceLearningRate", training.ReduceLearningRate, _defaults(training.ReduceLearningRate)
    yield "StopAfter", training.StopAfter, fixed(steps=2)
    yield "SaveCheckpoint", training.SaveCheckpoint, fixed(
        path="a", every_steps=1, every_epochs=1)  # fmt: skip
    yield "SaveBest", training.SaveBest, _defaults(training.SaveBest, path="a")
    for metric in (training.accuracy, training.error_rate, training.count_errors):
        yield metric.__name__, metric, fixed(scores=np.eye(3)[LABELS], targets=LABELS)
    yield "confusion_matrix", training.confusion_matrix, fixed(
        scores=np.eye(3)[LABELS], targets=LABELS)  # fmt: skip
    for likelihood in (training.negative_log_likelihood, training.perplexity):
        yield likelihood.__name__, likelihood, fixed(logits=np.eye(3)[LABELS], targets=LABELS)
    yield "save_model", training.save_model, lambda: {
        "path": "m", "model": NETWORK.with_axes(2).model, "parameters": parameters()}  # fmt: skip
    yield "load_model", training.load_model, fixed(path="m")
    yield "load_checkpoint", training.load_checkpoint, fixed(path="c", classes=())
    yield "read_safetensors", read_safetensors, fixed(path="m")
    yield "write_safetensors", write_safetensors, lambda: {
        "path": "s", "arrays": parameters(), "metadata": {}, "floats": None}  # fmt: skip


def _of_data() -> Iterator[Call]:
    yield "one_hot", data.one_hot, fixed(labels=LABELS, classes=3, dtype=np.float32)
    yield "from_arrays", data.from_arrays, fixed(x=X, t=LABELS, classes=3, dtype=np.float32)
    yield "split", data.split, lambda: {
        "data": PAIR, "rng": rng(), "development": 0.2, "test": 1}  # fmt: skip
    yield "minibatches", lambda **given: list(data.minibatches(**given)), lambda: {
        "arrays": PAIR, "batch_size": 4, "rng": rng(), "drop_last": False}  # fmt: skip
    yield "windows", data.windows, fixed(codes=np.arange(8), length=3, stride=1)
    yield "load_text", data.load_text, fixed(path="text", held_out=0.1, encoding="utf-8")
    yield "read_text", data.read_text, fixed(path="text", encoding="utf-8")
    yield "Vocabulary.of", data.Vocabulary.of, fixed(text="to be")
    yield "encode", data.Vocabulary.of("to be").encode, fixed(text="to")
    yield "decode", data.Vocabulary.of("to be").decode, fixed(codes=np.array([0, 1]))
    images = np.zeros((3, 2, 2), np.uint8)
    yield "Dataset", data.Dataset, fixed(
        images=images, labels=np.array([0, 1, 2]), brightest=255, classes=3)  # fmt: skip
    found = data.Dataset(images, np.array([0, 1, 2]), 255, 3)
    yield "tensors", found.tensors, fixed(
        dtype=np.float32, flat=True, raw=False, mean=0.5, integer_labels=False)  # fmt: skip
    yield "take", found.take, fixed(rows=[0, 1])


def _of_programs() -> Iterator[Call]:
    yield "Program", ep.Program, fixed(text="y = x w", params="w", outputs="y")
    yield "a call", in_order(PROGRAM), lambda: {"tensors": dict(ARRAYS)}
    yield "a tensor", lambda x: PROGRAM(x=x, W=ARRAYS["W"]), fixed(x=X)
    yield "compile", PROGRAM.compile, fixed(
        backend="numpy", donate=None, guard=None, memory_limit=10**9, in_blocks=None,
        reuse_results=False)  # fmt: skip
    yield "shapes", in_order(PROGRAM.shapes), fixed(known={"x": (2, 3)})
    yield "explain", in_order(PROGRAM.explain), fixed(sizes=SIZES)
    yield "stages", in_order(PROGRAM.stages), fixed(sizes=SIZES)
    yield (
        "after",
        in_order(PROGRAM.after),
        fixed(stage="simplify", sizes=SIZES),
    )
    yield (
        "source",
        in_order(PROGRAM.source),
        fixed(backend="numpy", sizes=SIZES),
    )
    for method in ("backward", "vjp", "grad", "value_and_grad", "derive_steps", "jacobian"):
        yield method, getattr(PROGRAM, method), fixed(of="loss", wrt="W")
    for method in ("jvp", "hvp", "hessian"):
        yield method, getattr(PROGRAM, method), _defaults(getattr(PROGRAM, method))
    yield "batched", PROGRAM.batched, fixed(index="n", type="batch", over="x")
    yield "followed_by", PROGRAM.followed_by, fixed(equations=[], outputs="loss")
    yield "gradcheck", ep.gradcheck, lambda: {
        "program": PROGRAM, "tensors": dict(ARRAYS), "wrt": "W", "of": "loss", "orders": (1,),
        "tolerance": 1e-5, "rng": rng(), "check": True, "step": 1e-5}  # fmt: skip
    yield "reference", ep.reference.evaluate, lambda: {
        "program": PROGRAM, "tensors": dict(ARRAYS)}  # fmt: skip
    yield "register_function", ep.register_function, fixed(
        name="f", function=np.sin, derivatives="cos(x)", parameters="x", defaults=None,
        scalar=None, replace=True)  # fmt: skip
    yield "unregister_function", _unregistered, fixed(name="f")
    yield (
        "inspect",
        lambda model, tensors, of: ep.inspect(model, tensors, of=of),
        lambda: {"model": PROGRAM, "tensors": dict(ARRAYS), "of": "loss"},
    )


def _of_layers() -> Iterator[Call]:
    sized = {"Affine": {"j": 2}, "Bilinear": {"k": 2}, "LowRankAffine": {"r": 1, "j": 2}}
    built = {
        "TensorTrainAffine": {"inputs": (2, 2), "outputs": (2, 2), "rank": 2},
        "Residual": {"network": layers.Tanh()}, "Conv1d": {"outputs": 2, "kernel": 3},
        "Conv2d": {"outputs": 2, "kernel": 3}, "Conv3d": {"outputs": 2, "kernel": 3},
        "ConvTranspose1d": {"outputs": 2, "kernel": 3}, "MaxPool2d": {"kernel": 2},
        "ConvTranspose2d": {"outputs": 2, "kernel": 3}, "MaxPool1d": {"kernel": 2},
        "ConvTranspose3d": {"outputs": 2, "kernel": 3}, "AvgPool1d": {"kernel": 2},
        "AvgPool2d": {"kernel": 2},
    }  # fmt: skip
    for name in layers.__all__:
        kind = getattr(layers, name)
        if name in sized:
            yield (
                name,
                kind,
                fixed(j=2)
                if name == "Affine"
                else fixed(k=2)
                if name == "Bilinear"
                else fixed(r=1, j=2),
            )
        elif isinstance(kind, type) and issubclass(kind, Layer) and kind not in (Layer, Loss):
            yield name, kind, _defaults(kind, **built.get(name, {}))
    for name in losses.__all__:
        yield name, getattr(losses, name), _defaults(getattr(losses, name))
    yield "Network.init", NETWORK.init, lambda: {"rng": rng(), "x": X, "dtype": np.float32}
    yield (
        "a network",
        lambda parameters, x, t: NETWORK(parameters, x=x, t=t),
        lambda: {"parameters": parameters(), "x": X, "t": T},
    )
    yield "with_axes", NETWORK.with_axes, fixed(axes=2)
    yield "tied", (layers.Affine(2) >> layers.Affine(2)).tied, fixed(equations="W2[i,j] = W1[j,i]")
    for name in init.__all__:
        maker = getattr(init, name)
        if inspect.isfunction(maker) and name != "rows":
            yield f"init.{name}", maker, _defaults(maker, text="he_normal")


def _unregistered(name: Any) -> None:
    ep.register_function("f", np.sin, "cos(x)", replace=True)
    ep.unregister_function(name)


def _defaults(kind: Callable[..., Any], **given: Any) -> Callable[[], dict[str, Any]]:
    """What stands in the signature, with what has no default given."""

    def made() -> dict[str, Any]:
        found = {}
        for name, parameter in inspect.signature(kind).parameters.items():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            default = parameter.default
            found[name] = given.get(name, 1 if default is parameter.empty else default)
        return found

    return made


CALLS = {
    name: (call, made)
    for table in (_of_training, _of_data, _of_programs, _of_layers)
    for name, call, made in table()
}


def wrong(name: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for parameter in CALLS[name][1]():
        for kind, make in WRONG.items():
            yield parameter, kind, {**CALLS[name][1](), parameter: make()}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "text").write_text("to be or not to be")
    training.save_model(folder / "m", NETWORK.with_axes(2).model, parameters())
    training.fit(
        NETWORK, parameters(), PAIR, training.SGD(0.1), epochs=1, batch_size=4, rng=rng(),
        callbacks=[training.SaveCheckpoint(folder / "c")], verbose=0,
    )  # fmt: skip
    return folder


@pytest.fixture(autouse=True)
def folder(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files)


@pytest.fixture(autouse=True)
def functions() -> Iterator[None]:
    yield
    with contextlib.suppress(ep.EinpropError):
        ep.unregister_function("f")


@pytest.mark.parametrize("name", CALLS)
def test_a_call_that_is_right_is_taken(name: str) -> None:
    call, made = CALLS[name]
    call(**made())


@pytest.mark.parametrize("name", CALLS)
def test_no_other_error_than_ours(name: str) -> None:
    call, _ = CALLS[name]
    others = []
    for parameter, kind, given in wrong(name):
        try:
            call(**given)
        except ep.EinpropError:
            continue
        except Exception as error:  # noqa: BLE001 - all of them are looked for
            others.append(f"{parameter} = {kind}: {type(error).__name__}: {error}"[:160])
    assert not others, "\n" + "\n".join(others)


def _annotated() -> Iterator[tuple[str, str, str]]:
    for name, (call, made) in CALLS.items():
        for parameter in made():
            found = inspect.signature(call).parameters.get(parameter)
            annotation = str(found.annotation) if found is not None else ""
            for kind in REFUSED_BY:
                if annotation == kind or annotation.startswith(f"{kind}["):
                    yield name, parameter, kind


@pytest.mark.parametrize(("name", "parameter", "kind"), list(_annotated()))
def test_what_the_annotation_excludes_is_refused(name: str, parameter: str, kind: str) -> None:
    call, made = CALLS[name]
    taken = []
    for wrong_kind in REFUSED_BY[kind]:
        try:
            call(**{**made(), parameter: WRONG[wrong_kind]()})
        except ep.EinpropError:
            continue
        taken.append(wrong_kind)
    assert not taken
