"""All workloads by name, in the order of the table."""

from __future__ import annotations

from benchmarks.harness.workload import Workload
from benchmarks.workloads import (
    attention,
    batch_norm,
    cnn,
    hessians,
    lstm,
    mlp,
    rnn,
    tensor_network,
)

__all__ = ["WORKLOADS"]

_MODULES = (mlp, batch_norm, cnn, attention, hessians, lstm, rnn, tensor_network)
WORKLOADS: dict[str, Workload] = {
    workload.name: workload for module in _MODULES for workload in module.WORKLOADS
}
