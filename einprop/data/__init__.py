"""Data: images and texts, from files and from the net, as they are or ready to train on; minibatches."""

from einprop.cache import cache_folder
from einprop.data.arrays import Parts, from_arrays, split
from einprop.data.batches import minibatches
from einprop.data.cifar import CIFAR10_CLASSES, load_cifar10, read_cifar10
from einprop.data.dataset import Dataset, Split
from einprop.data.digits import load_digits, read_digits
from einprop.data.idx import read_idx
from einprop.data.labels import one_hot
from einprop.data.mnist import load_mnist, read_labelled_images, read_mnist
from einprop.data.remote import Remote, check_digest, download, fetch
from einprop.data.text import Characters, Vocabulary, load_text, read_text, windows

__all__ = [
    "CIFAR10_CLASSES",
    "Characters",
    "Dataset",
    "Parts",
    "Remote",
    "Split",
    "Vocabulary",
    "cache_folder",
    "check_digest",
    "download",
    "fetch",
    "from_arrays",
    "load_cifar10",
    "load_digits",
    "load_mnist",
    "load_text",
    "minibatches",
    "one_hot",
    "read_cifar10",
    "read_digits",
    "read_idx",
    "read_labelled_images",
    "read_mnist",
    "read_text",
    "split",
    "windows",
]
