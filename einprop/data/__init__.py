"""Data: handwritten digits, as the files hold them or ready to train on, and minibatches."""

from einprop.data.batches import minibatches
from einprop.data.dataset import Dataset, Split
from einprop.data.digits import load_digits, read_digits
from einprop.data.labels import one_hot
from einprop.data.mnist import load_mnist, read_idx, read_mnist

__all__ = [
    "Dataset",
    "Split",
    "load_digits",
    "load_mnist",
    "minibatches",
    "one_hot",
    "read_digits",
    "read_idx",
    "read_mnist",
]
