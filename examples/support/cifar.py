"""What the examples on CIFAR-10 share: the data, a loop over steps, accuracy and curves."""

from __future__ import annotations

import argparse
import io
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

import einprop as ep
from einprop.data import Dataset, Split
from einprop.layers import Network
from einprop.training import Optimizer, Step, accuracy

try:
    from PIL import Image
except ImportError:
    Image = None
try:
    from matplotlib.figure import Figure
except ImportError:
    Figure = None

Tensors = dict[str, np.ndarray]
JPEG = "cifar10_jpeg.npz"
CHUNK = 200


def add_arguments(parser: argparse.ArgumentParser, **defaults: object) -> None:
    """The flags of the practical, under its names (with underscores) and under ours."""
    data = Path(os.environ.get("EINPROP_DATA", ".")) / "cifar10"
    flags = {
        "learning_rate": (float, 2e-3, "of the optimiser"),
        "max_steps": (int, 1500, "minibatches to learn from"),
        "batch_size": (int, 200, "images in a minibatch"),
        "eval_freq": (int, 100, "steps between two looks at the test images"),
        "optimizer": (str, "SGD", "SGD, Adam, AdamW, RMSProp or AdaGrad"),
        "weight_decay": (float, 0.0, "for those optimisers that have one"),
        "data_dir": (Path, data, "the archive of CIFAR-10, or its folder"),
        "seed": (int, 0, "of the first weights and of the order of the images"),
        "test_images": (int, 10_000, "judge by the first so many, and by all at the end"),
        "curves": (Path, None, "write accuracy and loss over the steps here: .png, .svg or .txt"),
    }
    for name, (kind, usual, help_text) in flags.items():
        spellings = {f"--{name}", f"--{name.replace('_', '-')}"}
        default = defaults.get(name, usual)
        shown = "" if default is None else f" (default: {default})"
        parser.add_argument(*sorted(spellings), type=kind, default=default, help=help_text + shown)


def read(path: Path) -> tuple[Split, str]:
    """Training and test images, and how to call them."""
    if (path / JPEG).is_file():
        return _read_jpeg(path / JPEG), "CIFAR-10, JPEG copy"
    return ep.data.read_cifar10(path), "CIFAR-10"


def _read_jpeg(path: Path) -> Split:
    """A copy whose images went through JPEG: labels and order are the original's, pixels are near."""
    if Image is None:
        raise SystemExit(f"{path} holds JPEG images: pip install pillow")
    parts = []
    with np.load(path, allow_pickle=False) as arrays:
        for part in ("train", "test"):
            content, offset = arrays[f"{part}_jpeg"].tobytes(), arrays[f"{part}_offset"]
            streams = (content[a:b] for a, b in pairwise(offset))
            images = np.stack([np.asarray(Image.open(io.BytesIO(s))) for s in streams])
            parts.append(Dataset(images, arrays[f"{part}_label"].astype(np.uint8), brightest=255))
    return Split(*parts)


def optimizer_of(options: argparse.Namespace) -> Optimizer:
    """The optimiser that the flags name."""
    kind = getattr(ep.training, options.optimizer)
    decay = {"weight_decay": options.weight_decay} if options.weight_decay else {}
    return kind(options.learning_rate, **decay)


@dataclass
class Look:
    """What is known after so many steps."""

    step: int
    train_loss: float
    test_loss: float
    accuracy: float
    seconds: float

    def __str__(self) -> str:
        losses = f"loss {self.train_loss:.4f}  test loss {self.test_loss:.4f}"
        return f"step {self.step}  {losses}  accuracy {self.accuracy:.4f}  {self.seconds:.0f} s"


class Images:
    """Images as bytes, made tensors a minibatch at a time: the whole as floats would fill the memory."""

    def __init__(self, split: Split, test_images: int, **how: object) -> None:
        self.train, self.test, self.test_images = split.train, split.test, test_images
        self.how = {"mean": split.train.mean_image(), **how}

    def tensors(self, data: Dataset) -> Tensors:
        """The inputs of a network: pixels less the mean image of the training images."""
        return data.tensors(np.float32, **self.how)

    def batches(self, size: int, rng: np.random.Generator) -> Iterator[Tensors]:
        """Minibatches without end: one shuffled pass after the other."""
        while True:
            for (rows,) in ep.data.minibatches(
                [np.arange(len(self.train))], size, rng, drop_last=True
            ):
                yield self.tensors(self.train.take(rows))

    def judged(self, number: int, options: argparse.Namespace) -> Dataset:
        """The test images of one look: all of them after the last step."""
        last = number == options.max_steps
        return self.test if last else self.test.take(slice(self.test_images))

    def chunks(self, data: Dataset) -> Iterator[Tensors]:
        """Images a few at a time."""
        for start in range(0, len(data), CHUNK):
            yield self.tensors(data.take(slice(start, start + CHUNK)))


def train(
    model: Network,
    parameters: Tensors,
    images: Images,
    optimizer: Optimizer,
    options: argparse.Namespace,
    rng: np.random.Generator,
) -> list[Look]:
    """Learn for so many steps and look at the test images now and then."""
    step = Step(model, optimizer)
    state, looks, losses, start = step.start(parameters), [], [], time.perf_counter()
    batches = images.batches(options.batch_size, rng)
    for number in range(1, options.max_steps + 1):
        losses.append(step(parameters, state, next(batches), rng))
        if number % options.eval_freq == 0 or number == options.max_steps:
            seen = images.judged(number, options)
            test_loss, right = judge(model, parameters, images.chunks(seen))
            seconds = time.perf_counter() - start
            looks.append(Look(number, float(np.mean(losses)), test_loss, right, seconds))
            losses.clear()
            print(looks[-1], flush=True)
    return looks


def judge(
    model: Network, parameters: Mapping[str, np.ndarray], chunks: Iterator[Tensors]
) -> tuple[float, float]:
    """Loss and accuracy on images, in evaluation mode."""
    predictor = model.predictor  # once, so that it is compiled once
    losses, right, sizes = [], [], []
    for chunk in chunks:
        losses.append(float(model(parameters, **chunk)))
        right.append(accuracy(predictor(parameters, x=chunk["x"]), chunk["t"]))
        sizes.append(len(chunk["x"]))
    return float(np.average(losses, weights=sizes)), float(np.average(right, weights=sizes))


def write_curves(looks: list[Look], path: Path, title: str) -> None:
    """Accuracy and loss over the steps: an image where matplotlib is installed, else text."""
    if Figure is None or path.suffix == ".txt":
        path = path.with_suffix(".txt")
        lines = [title, "", "accuracy on the test images"]
        lines += [f"{k.step:6}  {k.accuracy:6.1%}  {'#' * round(60 * k.accuracy)}" for k in looks]
        lines += ["", "loss on the training images"]
        lines += [
            f"{k.step:6}  {k.train_loss:6.3f}  {'#' * round(20 * k.train_loss)}" for k in looks
        ]
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    else:
        figure = Figure(figsize=(6, 6), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True)
        steps = [look.step for look in looks]
        above.plot(steps, [look.accuracy for look in looks], label="test")
        below.plot(steps, [look.train_loss for look in looks], label="training")
        below.plot(steps, [look.test_loss for look in looks], label="test")
        above.set(ylabel="accuracy", title=title)
        below.set(ylabel="loss", xlabel="step")
        below.legend()
        figure.savefig(path)
    print(f"curves written to {path}")
