"""Digits as in the RWTH exercise: modules with fprop and bprop, a criterion, and the loop as printed.

python examples/rwth_mnist.py --data path/to/mnist
python examples/rwth_mnist.py --data path/to/mnist --hidden 200 --epochs 20 --learning-rate 0.1 --decay 1

The first, 784-10, makes about 750 errors; the second, 784-200-tanh-10, about 250.
Without the files of MNIST it trains on the bundled digits.
"""

import argparse
import os
from pathlib import Path

import numpy as np

import einprop as ep
from einprop.layers import Affine, Criterion, Tanh, losses, modules

parser = argparse.ArgumentParser()
parser.add_argument(
    "--data", type=Path, default=Path(os.environ.get("EINPROP_DATA", ".")) / "mnist"
)
parser.add_argument("--hidden", type=int, default=0, help="tanh units; 0 for none")
parser.add_argument("--epochs", type=int, default=30)
parser.add_argument("--learning-rate", type=float, default=0.5)
parser.add_argument("--decay", type=float, default=0.9, help="of the learning rate, each epoch")
parser.add_argument("--batch-size", type=int, default=100)
parser.add_argument("--seed", type=int, default=0)
options = parser.parse_args()

# Pixels are divided by 255. t holds one-hot rows; the criterion also takes the numbers of classes.
train, test = (
    ep.data.load_mnist(options.data) if options.data.is_dir() else ep.data.load_digits(np.float32)
)
rng = np.random.default_rng(options.seed)

# Weights are drawn from N(0, 2 / (M + N)), that is with standard deviation sqrt(2 / (M + N)).
network = Affine(options.hidden) >> Tanh() >> Affine(10) if options.hidden else Affine(10)
net = modules(network, rng, x=train["x"])
l = Criterion(losses.CrossEntropy())  # noqa: E741  (the exercise's name)

# The derivatives are right: rows by bprop agree with columns by finite differences.
checked = modules(network, rng, x=(1, train["x"].shape[1]))
z = rng.normal(size=(1, train["x"].shape[1]))
for module in checked:
    print(module, ep.compare_jacobians(module.fprop, module.bprop, z, check=True).difference)
    z = module.fprop(z)


def predict(x: np.ndarray) -> np.ndarray:
    """What the network says."""
    for module in net:
        x = module.fprop(x)
    return x


learning_rate = options.learning_rate
for epoch in range(options.epochs):
    total = 0.0
    for batch in ep.data.minibatches(train, options.batch_size, rng):
        N = len(batch["x"])
        # Forward
        z = batch["x"]
        for module in net:
            z = module.fprop(z)
        total += float(l.fprop(z, batch["t"]).sum())
        # Backward
        dz = l.bprop([1 / N] * N)
        for module in reversed(net):
            dz = module.bprop(dz)
        # Update
        for module in net:
            for parameter, gradient in zip(module.params(), module.grads(), strict=True):
                parameter -= learning_rate * gradient  # noqa: PLW2901  (in place)
    learning_rate *= options.decay
    errors = ep.training.count_errors(predict(test["x"]), test["t"])
    print(
        f"epoch {epoch + 1}: loss {total / len(train['x']):.4f}, "
        f"{errors} errors of {len(test['x'])}",
        flush=True,
    )
