"""All peers must agree before anything is timed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmarks.harness.workload import Array

__all__ = ["TOLERANCES", "DisagreementError", "check_agreement", "largest_difference"]

# Relative to the largest entry. In float32 sums of thousands of terms in different orders stand
# between two peers, in float64 nothing but an error does.
TOLERANCES = {"float64": 1e-8, "float32": 1e-3}


class DisagreementError(Exception):
    """Two peers computed different things."""


def largest_difference(found: Mapping[str, Array], expected: Mapping[str, Array]) -> float:
    """The largest difference of any entry, relative to the largest entry of its tensor.

    Raises:
        DisagreementError: The names or shapes differ, or something is not finite.
    """
    if set(found) != set(expected):
        raise DisagreementError(f"{sorted(found)} instead of {sorted(expected)}")
    worst = 0.0
    for name, tensor in expected.items():
        other = found[name]
        if other.shape != tensor.shape:
            raise DisagreementError(f"{name} has shape {other.shape} instead of {tensor.shape}")
        if not (np.isfinite(other).all() and np.isfinite(tensor).all()):
            raise DisagreementError(f"{name} is not finite everywhere")
        difference = np.abs(other.astype(float) - tensor).max(initial=0)
        worst = max(worst, float(difference / (np.abs(tensor).max(initial=0) or 1.0)))
    return worst


def check_agreement(
    who: str, found: Mapping[str, Array], expected: Mapping[str, Array], dtype: str
) -> float:
    """The largest relative difference.

    Raises:
        DisagreementError: It is larger than the number type allows.
    """
    try:
        worst = largest_difference(found, expected)
    except DisagreementError as error:
        raise DisagreementError(f"{who}: {error}") from None
    if worst > TOLERANCES[dtype]:
        raise DisagreementError(f"{who} differs by {worst:.1e} in {dtype}")
    return worst
