"""What the project wants of itself, checked against a table: each goal with its figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from benchmarks.adapters.peers import REUSED
from benchmarks.harness.results import Row, Table

__all__ = ["GOALS", "Check", "checks", "summary"]

FRAMEWORKS = ("torch", "torch.compile", "jax")
# By workload: einprop's time over that of the best of PyTorch eager, torch.compile and jax.jit.
AGAINST_FRAMEWORKS = {
    "mlp_tiny": 0.5,
    "hessian_logistic": 0.5,
    "hessian_factorisation": 0.5,
    "hessian_mlp": 0.5,
    "mlp_small": 1.1,
    "batch_norm": 1.1,
    "rnn": 1.0,
    "mlp_wide": 1.3,
    "attention": 2.0,
    "lstm": 2.0,
    "cnn": 2.5,
}
FLOOR = 4.0
# Bytes by which two measurements of the same memory differ.
NOISE = 100_000


@dataclass(frozen=True)
class Check:
    """One goal on one workload.

    Attributes:
        goal: Its name.
        workload: The row.
        met: Whether the table shows it.
        figures: The numbers behind that.
    """

    goal: str
    workload: str
    met: bool
    figures: str


def against_numpy(row: Row) -> Iterator[Check]:
    """No slower than what a person writes."""
    ours, theirs = row.seconds("einprop"), row.seconds("numpy")
    if ours and theirs:
        ratio = ours / theirs
        yield Check("numpy by hand <= 1.1", row.name, ratio <= 1.1, f"{ratio:.2f}")


def against_frameworks(row: Row) -> Iterator[Check]:
    """By workload, relative to the best of them."""
    found = {peer: seconds for peer in FRAMEWORKS if (seconds := row.seconds(peer))}
    ours, limit = row.seconds("einprop"), AGAINST_FRAMEWORKS.get(row.name)
    if ours and found and limit:
        best = min(found, key=lambda peer: found[peer])
        ratio = ours / found[best]
        figures = f"{ratio:.2f} of {best}, wanted <= {limit}"
        yield Check("best of torch, torch.compile, jax", row.name, ratio <= limit, figures)


def factorisation(row: Row) -> Iterator[Check]:
    """The Hessian that is mostly zero."""
    theirs = row.seconds("jax")
    if row.name != "hessian_factorisation" or not theirs:
        return
    for form, wanted in (("program", 300), ("structured", 10_000)):
        both = (row.seconds_of("einprop", name) for name in (form, f"{form}{REUSED}"))
        ours = min((seconds for seconds in both if seconds), default=None)
        if ours:
            times = theirs / ours
            figures = f"{times:,.0f} times, {form}; wanted {wanted:,}"
            yield Check("jax.hessian of the factorisation", row.name, times >= wanted, figures)


def against_contract(row: Row) -> Iterator[Check]:
    """What einsum's users do by default."""
    ours, theirs = row.seconds("einprop"), row.seconds_of("autograd", "opt_einsum.contract")
    if ours and theirs:
        times = theirs / ours
        figures = f"{times:.1f} times, wanted 5"
        yield Check("opt_einsum.contract and autograd", row.name, times >= 5, figures)


def first_calls(row: Row) -> Iterator[Check]:
    """From text to first gradients."""
    ours = row.first("einprop")
    for peer, wanted in (("jax", 10), ("torch.compile", 100)):
        theirs = row.first(peer)
        if ours and theirs:
            times = theirs / ours
            figures = f"{times:.0f} times sooner, wanted {wanted}"
            yield Check(f"first call, {peer}", row.name, times >= wanted, figures)


def memory(row: Row) -> Iterator[Check]:
    """Activations, workspace and results."""
    ours, theirs = row.peak("einprop"), row.peak("torch")
    if ours is not None and theirs is not None:
        figures = f"{ours / 1e6:.2f} MB, torch {theirs / 1e6:.2f} MB"
        yield Check("peak memory below torch's", row.name, ours <= theirs + NOISE, figures)


def floor(row: Row) -> Iterator[Check]:
    """Nothing to reach, but above it a reason is owed."""
    ours = row.seconds("einprop")
    if ours:
        ratio = ours / row.floor
        yield Check(f"floor: above {FLOOR:g} a reason", row.name, ratio <= FLOOR, f"{ratio:.1f}")


GOALS: tuple[Callable[[Row], Iterator[Check]], ...] = (
    against_numpy,
    against_frameworks,
    factorisation,
    against_contract,
    first_calls,
    memory,
    floor,
)


def checks(table: Table) -> list[Check]:
    """All goals on all rows that have the figures for it."""
    return [check for goal in GOALS for row in table.rows for check in goal(row)]


def summary(found: list[Check]) -> Mapping[str, tuple[int, int]]:
    """By goal how many rows meet it, and how many there are."""
    names = dict.fromkeys(check.goal for check in found)
    return {
        name: (
            sum(check.met for check in found if check.goal == name),
            sum(check.goal == name for check in found),
        )
        for name in names
    }
