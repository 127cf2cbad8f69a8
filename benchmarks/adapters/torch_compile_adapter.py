"""PyTorch's forms through torch.compile."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from benchmarks.adapters.torch_adapter import forms_by
from benchmarks.harness.workload import Form, Sizes, Workload

__all__ = ["forms"]


def forms(workload: Workload, _: Sizes) -> Mapping[str, Form]:
    """By form a function from tensors to a step."""
    return forms_by(workload, torch.compile)
