"""Digits as in EDF (TTIC 31230): a graph of components, its loss, forward, backward and SGD.

python examples/edf_mnist.py --data path/to/mnist
python examples/edf_mnist.py --data path/to/mnist --batch-size 0 --epochs 200 --learning-rate 1
python examples/edf_mnist.py --data path/to/mnist --hidden 100

The first is stochastic, the second total gradient descent (a batch is all of the training data); the
third is the network of the slides instead of multiclass logistic regression. Without the files of
MNIST it trains on the bundled digits. What the weights of each class look like is printed, and written
as an image where matplotlib is installed.
"""

import argparse
import math
import os
from pathlib import Path

import numpy as np

import einprop as ep
from einprop import layers
from einprop.components import (
    SGD,
    Affine,
    CrossEntropy,
    Input,
    LogLoss,
    Package,
    Relu,
    Sigmoid,
    Softmax,
)

parser = argparse.ArgumentParser()
parser.add_argument(
    "--data", type=Path, default=Path(os.environ.get("EINPROP_DATA", ".")) / "mnist"
)
parser.add_argument("--hidden", type=int, default=0, help="units; 0 for logistic regression")
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--batch-size", type=int, default=100, help="0 for all examples")
parser.add_argument("--learning-rate", type=float, default=0.5)
parser.add_argument("--decay", type=float, default=0.9, help="of the learning rate, each epoch")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--image", type=Path, default=Path("weights.png"))
options = parser.parse_args()


def draw(weights: np.ndarray) -> str:
    """The weights of ten classes as text: # and + speak for the class, = and - against it."""
    side = math.isqrt(weights.shape[0])
    images = weights.T.reshape(10, side, side)
    scale = np.abs(images).max(axis=(1, 2), keepdims=True)
    # A character is twice as high as wide: two rows in one, or every column twice.
    small = side < 20
    images = images.repeat(2, 2) if small else images.reshape(10, side // 2, 2, side).mean(axis=2)
    levels = np.digitize(images / scale, [-0.4, -0.12, 0.12, 0.4])
    rows = [["".join("=- +#"[level] for level in line) for line in image] for image in levels]
    lines = []
    for start in range(0, 10, 5 if small else 3):
        group = rows[start : start + (5 if small else 3)]
        titles = [f"class {start + k}".ljust(len(group[0][0])) for k in range(len(group))]
        lines += ["  ".join(titles), *("  ".join(parts) for parts in zip(*group, strict=True)), ""]
    return "\n".join(lines)


def write_image(weights: np.ndarray, path: Path) -> bool:
    """The same as an image, red for and blue against; says whether matplotlib is there."""
    side = math.isqrt(weights.shape[0])
    try:
        ep.plots.weight_images(weights, (side, side), titles=list("0123456789"), path=path)
    except ep.UnsupportedError:
        return False
    return True


# Train, development and test: the second chooses, the third is looked at once.
given = ep.data.read_mnist(options.data) if options.data.is_dir() else ep.data.read_digits()
held_out = len(given.train) // 6
everything = {**given.train.tensors(), "y": given.train.labels.astype(int)}
train = {name: array[:-held_out] for name, array in everything.items()}
development = {name: array[-held_out:] for name, array in everything.items()}
test = {**given.test.tensors(), "y": given.test.labels.astype(int)}

rng = np.random.default_rng(options.seed)
x, y = Input(name="x"), Input(name="y")
pixels = train["x"].shape[1]
if options.hidden:
    Phi1 = Package.of(layers.Affine(options.hidden), rng, x=(1, pixels), dtype=np.float32)
    Phi2 = Package.of(layers.Affine(10), rng, x=(1, options.hidden), dtype=np.float32)
    L1 = Relu(Affine(Phi1, x))
    Q = Softmax(Sigmoid(Affine(Phi2, L1)))
    ell = LogLoss(Q, y)
else:
    Phi = Package.of(layers.Affine(10), rng, x=(1, pixels), dtype=np.float32)
    Q = Affine(Phi, x)
    ell = CrossEntropy(Q, y)


def judge(part: dict[str, np.ndarray]) -> tuple[float, float]:
    """Loss and error rate, which are two things: the one is minimised, the other is wanted."""
    x.value, y.value = part["x"], part["y"]
    loss = float(ell.forward().mean())
    return loss, ep.training.error_rate(Q.value, y.value)


batch_size = options.batch_size or len(train["x"])
learning_rate = options.learning_rate
for epoch in range(options.epochs):
    for batch in ep.data.minibatches(train, batch_size, rng):  # one shuffled pass
        x.value, y.value = batch["x"], batch["y"]
        ell.forward()
        ell.backward()  # seeded with 1/nBatch
        SGD(ell, learning_rate)
    learning_rate *= options.decay
    if (epoch + 1) % max(options.epochs // 20, 1) == 0:
        print(
            f"epoch {epoch + 1}: "
            + "; ".join(
                f"{name} loss {loss:.4f}, error rate {rate:.2%}"
                for name, (loss, rate) in (
                    ("train", judge(train)),
                    ("development", judge(development)),
                )
            ),
            flush=True,
        )
print(ell.program)
loss, rate = judge(test)
errors = round(rate * len(test["y"]))
print(f"test loss {loss:.4f}, error rate {rate:.2%}: {errors} errors of {len(test['y'])}\n")
if not options.hidden:
    print(draw(Phi["W"].value))
    if write_image(Phi["W"].value, options.image):
        print(f"weights drawn in {options.image}")
