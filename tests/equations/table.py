"""The table: every entry of every field."""

from __future__ import annotations

from tests.equations import (
    attention,
    convolution,
    elsewhere,
    gates_and_features,
    graphs_and_clusters,
    losses,
    normalisation,
    physics,
    pooling_and_sampling,
    recurrent,
    sequences,
    tensor_networks,
)

__all__ = ["TABLE"]

FIELDS = (
    convolution,
    pooling_and_sampling,
    attention,
    recurrent,
    sequences,
    normalisation,
    gates_and_features,
    tensor_networks,
    graphs_and_clusters,
    losses,
    physics,
    elsewhere,
)

TABLE = tuple(entry for field in FIELDS for entry in field.EQUATIONS)
