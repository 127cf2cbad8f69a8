"""The demonstration: a network's equations, its derived backward, its training on digits."""

from __future__ import annotations

import sys
from os import PathLike
from pathlib import Path
from typing import TextIO

import numpy as np

from einprop.data import load_digits
from einprop.errors import InputError
from einprop.layers import Affine, Tanh
from einprop.layers.losses import CrossEntropy
from einprop.options import integer
from einprop.training.fit import fit
from einprop.training.history import History
from einprop.training.metrics import accuracy
from einprop.training.optimizers import SGD

__all__ = ["run"]


def run(
    output: str | PathLike[str] = "learning_curve.png",
    *,
    epochs: int = 30,
    seed: int = 0,
    verbose: bool | int = True,
    stream: TextIO | None = None,
) -> History:
    """Print a network and its derivative, train it on the bundled digits, write its learning curve.

    Args:
        output: Where the curve goes; without matplotlib it is text, under the suffix ``.txt``.
        epochs: Passes over the training digits.
        seed: Of everything that is drawn: the parameters and the orders of the digits.
        verbose: How `fit` reports on the standard error stream.
        stream: Where the text goes; by default the standard output.

    Returns:
        The history of the training.
    """
    out = sys.stdout if stream is None else stream
    epochs, seed = integer("epochs", epochs), integer("seed", seed, 0)
    folder = Path(output).parent
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder} for the learning curve")
    network = Affine(64) >> Tanh() >> Affine(10)
    model = network >> CrossEntropy()
    print(f"A network: {network}\n\n{model.program}\n", file=out)
    print(
        f"Its backward, derived from it:\n\n{model.program.backward(wrt=model.program.params)}\n",
        file=out,
    )
    train, held_out = load_digits()
    rng = np.random.default_rng(seed)
    parameters = model.init(rng, x=train["x"])
    sizes = f"{len(train['x'])} handwritten digits, {len(held_out['x'])} held out"
    print(f"Training on {sizes}:", file=out, flush=True)
    history = fit(
        model,
        parameters,
        train,
        SGD(0.3, momentum=0.9),
        epochs=epochs,
        batch_size=50,
        rng=rng,
        validation=held_out,
        metrics=[accuracy],
        verbose=verbose,
    )
    right = history.last.metrics["accuracy"]
    seconds = sum(record.seconds for record in history.records)
    print(f"\nHeld-out accuracy {right:.1%} after {epochs} epochs, {seconds:.1f} s", file=out)
    print(f"Learning curve written to {history.plot(output)}", file=out)
    return history
