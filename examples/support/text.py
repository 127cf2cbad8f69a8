"""What the models of characters share: the text, a loop over steps, nats per character, samples."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

import einprop as ep
from einprop.data import Characters, Vocabulary, minibatches, windows
from einprop.layers import Network
from einprop.training import Adam, ClipNorm, CosineDecay, PerStep, Step

CHUNK = 50


def add_arguments(parser: argparse.ArgumentParser, **defaults: float) -> None:
    """The flags that both models have."""
    text = Path(os.environ.get("EINPROP_DATA", ".")) / "tinyshakespeare" / "input.txt"
    flags = {
        "text": (Path, text, "the file to learn from; its last tenth is held out"),
        "length": (int, 64, "characters in a window"),
        "batch-size": (int, 32, "windows in a minibatch"),
        "steps": (int, 1500, "minibatches to learn from"),
        "learning-rate": (float, 2e-3, "of Adam at the start; it falls to 0 as a cosine does"),
        "every": (int, 250, "steps between two looks at the held-out text"),
        "sample": (int, 400, "characters to draw in the end"),
        "temperature": (float, 0.8, "below 1 the likely characters become likelier"),
        "seed": (int, 0, "of all that is drawn"),
    }
    for name, (kind, usual, help_text) in flags.items():
        default = defaults.get(name.replace("-", "_"), usual)
        parser.add_argument(
            f"--{name}", type=kind, default=default, help=f"{help_text} ({default})"
        )


def read(options: argparse.Namespace) -> Characters:
    """The text as codes."""
    characters = ep.data.load_text(options.text)
    train, held_out, vocabulary = characters
    print(f"{len(train)} characters of {len(vocabulary)} kinds, {len(held_out)} held out\n")
    return characters


def train(
    model: Network, characters: Characters, options: argparse.Namespace
) -> dict[str, np.ndarray]:
    """Learn from windows that start anywhere; returns the parameters."""
    rng = np.random.default_rng(options.seed)
    pairs = windows(characters.train, options.length, stride=1)
    parameters = model.init(rng, x=pairs["x"][:1], dtype=np.float32)
    size = sum(array.size for array in parameters.values())
    print(f"{model.program}\n\n{size} parameters")
    rate = PerStep(CosineDecay(options.learning_rate, options.steps))
    step = Step(model, Adam(rate), clip=ClipNorm(1.0))
    state, losses, start = step.start(parameters), [], time.perf_counter()
    batches = minibatches(pairs, options.batch_size, rng, drop_last=True)
    for number, batch in zip(range(1, options.steps + 1), batches, strict=False):
        losses.append(step(parameters, state, batch, rng))
        if number % options.every == 0 or number == options.steps:
            nats = judge(model, parameters, characters.held_out, options.length)
            seconds = time.perf_counter() - start
            mean = np.mean(losses)
            print(
                f"step {number}  training {mean:.4f}  held out {nats:.4f}  {seconds:.0f} s",
                flush=True,
            )
            losses.clear()
    return parameters


def judge(
    model: Network, parameters: Mapping[str, np.ndarray], codes: np.ndarray, length: int
) -> float:
    """Nats per character of a text, each window read without what stands before it."""
    pairs = windows(codes, length)
    losses, sizes = [], []
    for first in range(0, len(pairs["x"]), CHUNK):
        chunk = {name: array[first : first + CHUNK] for name, array in pairs.items()}
        losses.append(float(model(parameters, **chunk)))
        sizes.append(len(chunk["x"]))
    return float(np.average(losses, weights=sizes))


def sample(
    model: Network,
    parameters: Mapping[str, np.ndarray],
    vocabulary: Vocabulary,
    options: argparse.Namespace,
) -> str:
    """Text drawn from the model a character at a time, from the start of a line on."""
    rng, predictor = np.random.default_rng(options.seed), model.predictor
    codes = [max(vocabulary.characters.find("\n"), 0)]
    for _ in range(options.sample):
        known = codes[-options.length :]
        # What stands behind the last character does not matter to a model that reads forwards, so the
        # window keeps its length, and the program is compiled once.
        window = np.array([known + [0] * (options.length - len(known))])
        logits = predictor(parameters, x=window)[0, len(known) - 1] / options.temperature
        chances = np.exp(logits - logits.max(), dtype=np.float64)
        codes.append(int(rng.choice(len(vocabulary), p=chances / chances.sum())))
    return vocabulary.decode(codes)
