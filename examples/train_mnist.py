"""Train on MNIST: softmax regression, or a tanh network with ``--hidden 200``.

python examples/train_mnist.py --data path/to/mnist --hidden 200
"""

import argparse
import os
from pathlib import Path

import numpy as np

import einprop as ep
from einprop.layers import Affine, Tanh, losses
from einprop.training import SGD, count_errors, exponential_decay, fit

parser = argparse.ArgumentParser()
parser.add_argument(
    "--data", type=Path, default=Path(os.environ.get("EINPROP_DATA", ".")) / "mnist"
)
parser.add_argument("--hidden", type=int, default=0, help="tanh units; 0 for softmax regression")
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--learning-rate", type=float, default=0.5)
parser.add_argument("--decay", type=float, default=0.9, help="of the learning rate, each epoch")
parser.add_argument("--examples", type=int, default=60_000, help="train on the first so many")
options = parser.parse_args()

train, test = ep.data.load_mnist(options.data)
train = {name: array[: options.examples] for name, array in train.items()}
hidden = Affine(options.hidden) >> Tanh() if options.hidden else None
network = hidden >> Affine(10) if hidden else Affine(10)
model = network >> losses.CrossEntropy()
print(model.program)

rng = np.random.default_rng(0)
parameters = model.init(rng, x=train["x"])
history = fit(
    model,
    parameters,
    train,
    SGD(exponential_decay(options.learning_rate, options.decay)),
    epochs=options.epochs,
    batch_size=100,
    rng=rng,
    validation=test,
    metrics=[count_errors],
)
print(history)
