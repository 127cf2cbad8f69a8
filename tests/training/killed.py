"""A training that goes on from its checkpoint wherever it was killed: ``killed.py folder epochs``."""

import sys
from pathlib import Path

import numpy as np

from einprop.layers import Model
from einprop.layers.noise import bernoulli
from einprop.program import Program
from einprop.training import Adam, EarlyStopping, SaveCheckpoint, fit, save_model

EQUATIONS = (
    "index j: feature < 16\n"
    "h[b,j] = relu(x[b,i] W[i,j] - centre[j])MASK\n"
    "y[b,k] = h[b,j] V[j,k]\n"
    "loss = mean[b](sum[k]((y[b,k] - t[b,k])^2))\n"
)
MODEL = Model(
    Program(
        EQUATIONS.replace("MASK", " mask[b,j] / 0.8")
        + "next[j] = 0.99 centre[j] + 0.01 mean[b](h[b,j])",
        params="W V",
        outputs="loss next",
    ),
    Program(EQUATIONS.replace("MASK", ""), params="W V"),
    state={"centre": "next"},
    noise={"mask": bernoulli(0.8)},
)


def main(folder: Path, epochs: int) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(150, 5)).astype(np.float32)
    data = {"x": x, "t": np.sin(x[:, :3])}
    parameters = {
        "W": rng.normal(size=(5, 16)).astype(np.float32),
        "V": rng.normal(size=(16, 3)).astype(np.float32),
        "centre": np.zeros(16, np.float32),
    }
    path = folder / "checkpoint"
    fit(
        MODEL,
        parameters,
        data,
        Adam(0.01),
        epochs=epochs,
        batch_size=8,
        rng=rng,
        validation=data,
        callbacks=[
            EarlyStopping(patience=5),
            SaveCheckpoint(path, every_steps=3),
        ],
        verbose=False,
        resume=path if path.exists() else None,
    )
    save_model(folder / "done", MODEL, parameters)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
