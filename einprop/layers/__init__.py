"""Layers, their composition by ``>>``, initialisers and losses."""

from einprop.layers import init, losses
from einprop.layers.activations import (
    ELU,
    GELU,
    Dropout,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from einprop.layers.affine import Affine, Bias, Scale
from einprop.layers.attention import Attention
from einprop.layers.bilinear import Bilinear
from einprop.layers.convolution import Conv1d, Conv2d, Conv3d
from einprop.layers.embedding import Embedding, LearnedPositions, SinusoidalPositions
from einprop.layers.factored import LowRankAffine, TensorTrainAffine
from einprop.layers.layer import Layer, Loss
from einprop.layers.model import Model
from einprop.layers.modules import Criterion, Module, modules
from einprop.layers.network import Network
from einprop.layers.normalization import BatchNorm, GroupNorm, LayerNorm, RMSNorm
from einprop.layers.pooling import (
    AvgPool1d,
    AvgPool2d,
    Flatten,
    GlobalPool,
    MaxPool1d,
    MaxPool2d,
)
from einprop.layers.recurrent import GRU, LSTM, RNN
from einprop.layers.residual import Residual
from einprop.layers.transposed import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "RNN",
    "Affine",
    "Attention",
    "AvgPool1d",
    "AvgPool2d",
    "BatchNorm",
    "Bias",
    "Bilinear",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "Criterion",
    "Dropout",
    "Embedding",
    "Flatten",
    "GlobalPool",
    "GroupNorm",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "LearnedPositions",
    "LogSoftmax",
    "Loss",
    "LowRankAffine",
    "MaxPool1d",
    "MaxPool2d",
    "Model",
    "Module",
    "Network",
    "RMSNorm",
    "ReLU",
    "Residual",
    "Scale",
    "SiLU",
    "Sigmoid",
    "SinusoidalPositions",
    "Softmax",
    "Softplus",
    "Tanh",
    "TensorTrainAffine",
    "init",
    "losses",
    "modules",
]
