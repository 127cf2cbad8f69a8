"""Donation: outputs that are written into the arrays given for inputs, as a step of training does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds
from numpy.typing import NDArray

from einprop.analysis.resolve import Resolved
from einprop.analysis.sizes import Sizes
from einprop.errors import InputError, ShapeError
from einprop.options import mapping, text

__all__ = ["Donation", "check_apart", "check_changeable", "donation_of"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Donation:
    """Which outputs go into the memory of which inputs.

    Attributes:
        pairs: Outputs with their inputs.
        guard: The scalar output without whose being finite nothing is written; None if none is.
    """

    pairs: tuple[tuple[str, str], ...] = ()
    guard: str | None = None

    def check_arrays(self, tensors: Mapping[str, Any]) -> None:
        """Refuse what cannot be written into.

        Raises:
            InputError: It says which input, and why.
        """
        if not self.pairs:
            return
        changed = [tensors[name] for _, name in self.pairs]
        for (_, name), array in zip(self.pairs, changed, strict=True):
            # Nearly always so: a call of its own for each array would double the time.
            if not (
                type(array) is np.ndarray and array.dtype.kind == "f" and array.flags.writeable
            ):
                check_changeable(name, array)
        check_apart([name for _, name in self.pairs], tensors)

    def check_shapes(self, sizes: Sizes) -> None:
        """Refuse an output that has another shape than the memory that it is to go to.

        Raises:
            ShapeError: It names both.
        """
        for output, name in self.pairs:
            shape, given = sizes.shape(output), sizes.shape(name)
            if shape != given:
                raise ShapeError(
                    f"{output} has shape {shape}, and {name}, in whose memory it is to be, {given}",
                    (),
                    "donate an input of the output's own shape",
                )

    def written(self, tensors: Mapping[str, Any], results: Mapping[str, Any]) -> list[Any]:
        """The results in order, those of donated inputs in the arrays that were given."""
        found = {**results, **{output: tensors[name] for output, name in self.pairs}}
        for output, _ in self.pairs:
            # A call computes in one dtype: an array of another was converted before.
            if results[output] is not found[output]:
                np.copyto(found[output], results[output])
        return list(found.values())


def check_apart(changed: Iterable[str], tensors: Mapping[str, Any]) -> None:
    """Refuse memory that is changed and that another tensor has too: it would be changed twice.

    Args:
        changed: The tensors that are changed in place.
        tensors: All of them, by name.

    Raises:
        InputError: It says which two.

    >>> w = np.ones((2, 2))
    >>> check_apart(["w"], {"w": w, "x": w.copy()})
    >>> check_apart(["w"], {"w": w, "v": w.T})
    Traceback (most recent call last):
    einprop.errors.InputError: w and v share memory; it cannot be changed in place
    pass a copy of it, or tie the two in the program, by one name or an equation
    """
    if _clearly_apart(tensors.values()):
        return
    arrays = {n: array for n, array in tensors.items() if isinstance(array, np.ndarray)}
    changed = frozenset(changed)
    for name in sorted(changed):
        array = arrays[name]
        if any(n > 1 and not step for n, step in zip(array.shape, array.strides, strict=True)):
            raise InputError(
                f"cells of {name} share memory; it cannot be changed in place",
                (),
                "pass a copy of it",
            )
    for name, other in _meeting(arrays):
        if name in changed or other in changed:
            first, second = (name, other) if name in changed else (other, name)
            if _overlap(arrays[first], arrays[second]):
                said = "are one array" if arrays[first] is arrays[second] else "share memory"
                raise InputError(
                    f"{first} and {second} {said}; it cannot be changed in place",
                    (),
                    "pass a copy of it, or tie the two in the program, by one name or an equation",
                )


def _meeting(arrays: Mapping[str, Array]) -> Iterator[tuple[str, str]]:
    """The pairs of arrays of whose memory one begins before the other's ends."""
    bounds = {n: byte_bounds(array) for n, array in arrays.items() if array.size}
    open_ones: list[str] = []
    for name in sorted(bounds, key=lambda n: bounds[n][0]):
        start, _ = bounds[name]
        open_ones = [other for other in open_ones if bounds[other][1] > start]
        yield from ((other, name) for other in open_ones)
        open_ones.append(name)


def _clearly_apart(tensors: Iterable[Any]) -> bool:
    """Whether no two arrays can share memory, seen from who owns it; cheap enough for every call."""
    owners = set()
    arrays = [array for array in tensors if isinstance(array, np.ndarray)]
    for array in arrays:
        # A view of a view has the owner itself for its base, unless that is another library's.
        owner = array if array.base is None else array.base
        if type(owner) is not np.ndarray or owner.base is not None or 0 in array.strides:
            return False
        owners.add(id(owner))
    return len(owners) == len(arrays)


def _overlap(one: Array, other: Array) -> bool:
    """Whether two arrays share a cell; those of which that takes long to say are taken to."""
    try:
        # Its types know two values of max_work; it takes any.
        return np.shares_memory(one, other, max_work=10_000)  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True


def check_changeable(name: str, array: Any) -> None:
    """Refuse what is no array of floats that can be changed in place.

    Raises:
        InputError: It says why.
    """
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
        kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise InputError(
            f"{name} is {kind}; it cannot be changed in place",
            (),
            "what changes in place is a numpy array of floats",
        )
    if not array.flags.writeable:
        raise InputError(
            f"{name} is read-only; it cannot be changed in place", (), "pass a copy of it"
        )


def donation_of(
    resolved: Resolved, donate: Mapping[str, str] | None, guard: str | None
) -> Donation:
    """The donation that a user asks for.

    Raises:
        InputError: A name is not that of an output or an input, or comes twice.
    """
    hint = "as in donate={'w.new': 'w'}, inputs by output"
    donate = {} if donate is None else mapping("donated outputs", donate, hint)
    pairs = tuple((output, text("a donated input", name)) for output, name in donate.items())
    names = resolved.names
    _check_known([output for output, _ in pairs], names.outputs, "output")
    _check_known([name for _, name in pairs], names.inputs, "input")
    inputs = [name for _, name in pairs]
    twice = next((name for name in inputs if inputs.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{twice} is donated to two outputs", (), "one output fits into an array")
    whole = next((name for name in inputs if name in resolved.positions), None)
    if whole is not None:
        raise InputError(f"{whole} holds positions; no output fits into it")
    if guard is not None:
        text("guard", guard)
        _check_known([guard], [n for n in names.outputs if n not in dict(pairs)], "output")
        if resolved.types.rank(guard):
            raise InputError(f"{guard} is no scalar, so it cannot guard what is written")
    return Donation(pairs, guard)


def _check_known(given: Sequence[str], known: Sequence[str], kind: str) -> None:
    for name in given:
        if name not in known:
            raise InputError(
                f"{name} is not an {kind} of the program that can be donated",
                (),
                f"its {kind}s are {', '.join(known) or 'none'}",
            )
