"""Layers, their composition by ``>>``, initialisers and losses."""

from einprop.layers import init, losses
from einprop.layers.activations import Relu, Sigmoid, Softmax, Tanh
from einprop.layers.affine import Affine
from einprop.layers.layer import Layer, Loss, Network

__all__ = [
    "Affine",
    "Layer",
    "Loss",
    "Network",
    "Relu",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "init",
    "losses",
]
