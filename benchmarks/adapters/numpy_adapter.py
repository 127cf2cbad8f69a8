"""numpy's forms: what a person wrote, each its own step."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from benchmarks.harness.workload import Form, Handwritten, Sizes, Step, Tensors, Workload

__all__ = ["forms"]


def forms(workload: Workload, _: Sizes) -> Mapping[str, Form]:
    """By form a function from tensors to a step."""
    return {name: partial(_step, written) for name, written in workload.numpy.items()}


def _step(written: Handwritten, tensors: Tensors) -> Step:
    run = written(tensors)
    return Step(run, run)
