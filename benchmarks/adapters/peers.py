"""The peers by name: how each is loaded, what its forms are, and whose package it is."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.harness.workload import Form, Sizes, Workload

__all__ = ["PEERS", "REUSED", "Peer"]

REUSED = ", results reused"
"""How the names of einprop's forms end that write their results again, as numpy by hand does."""


@dataclass(frozen=True)
class Peer:
    """One column of the table.

    Attributes:
        module: The module of its adapter; it imports the library.
        package: The library.
        compiles_long: Whether its first call takes so long that it is made as seldom as possible: what
            it computes is then compared in float32 only (its losses are those of another peer, which
            is compared in float64 too).
    """

    module: str
    package: str
    compiles_long: bool = False

    def load(self) -> None:
        """Import the library."""
        importlib.import_module(f"benchmarks.adapters.{self.module}")

    def is_installed(self) -> bool:
        """Whether the library can be imported."""
        return importlib.util.find_spec(self.package) is not None

    def forms(self, workload: Workload, sizes: Sizes) -> Mapping[str, Form]:
        """By form a function from tensors to a step."""
        adapter = importlib.import_module(f"benchmarks.adapters.{self.module}")
        found: Mapping[str, Form] = adapter.forms(workload, sizes)
        return found

    def form_names(self, workload: Workload) -> list[str]:
        """The forms that it has of a workload; nothing is imported for this."""
        if self.module == "einprop_adapter":
            return [f"{n}{end}" for n in workload.einprop(workload.sizes) for end in ("", REUSED)]
        found = getattr(workload, self.package)
        return [name for name, form in found.items() if self.suits(form)]

    def suits(self, form: Any) -> bool:
        """Whether its users would write the form."""
        return not self.compiles_long or getattr(form, "compiles", True)


PEERS = {
    "einprop": Peer("einprop_adapter", "einprop"),
    "numpy": Peer("numpy_adapter", "numpy"),
    "torch": Peer("torch_adapter", "torch"),
    "torch.compile": Peer("torch_compile_adapter", "torch", compiles_long=True),
    "jax": Peer("jax_adapter", "jax"),
    "autograd": Peer("autograd_adapter", "autograd"),
}
