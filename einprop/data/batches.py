"""Minibatches: one shuffled pass over arrays that go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from reprlib import repr as shortened
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from einprop.errors import InputError
from einprop.options import check_generator, flag, instance, integer

__all__ = ["count_examples", "minibatches"]


@overload
def minibatches(
    arrays: Mapping[str, NDArray[Any]],
    batch_size: int,
    rng: np.random.Generator,
    *,
    drop_last: bool = False,
) -> Iterator[dict[str, NDArray[Any]]]: ...
@overload
def minibatches(
    arrays: Sequence[NDArray[Any]],
    batch_size: int,
    rng: np.random.Generator,
    *,
    drop_last: bool = False,
) -> Iterator[tuple[NDArray[Any], ...]]: ...
def minibatches(
    arrays: Mapping[str, NDArray[Any]] | Sequence[NDArray[Any]],
    batch_size: int,
    rng: np.random.Generator,
    *,
    drop_last: bool = False,
) -> Iterator[Any]:
    """Every example once, in a new order at each call, ``batch_size`` at a time.

    Args:
        arrays: By name or in a row; examples lie along the first axis of each.
        batch_size: Examples in a batch.
        rng: Draws the order.
        drop_last: Leave out the last batch where it would be smaller.

    Returns:
        An iterator over batches: dicts by name for a mapping, else tuples. A batch holds copies of
        its rows, so arrays may be views, such as `windows` of a text.

    Raises:
        InputError: The arrays differ in their number of examples, or there is no batch to give.

    >>> x, t = np.arange(5.0), np.arange(5) % 2
    >>> batches = minibatches({"x": x, "t": t}, 2, np.random.default_rng(0))
    >>> [len(batch["x"]) for batch in batches]
    [2, 2, 1]
    >>> [len(x) for (x,) in minibatches([x], 2, np.random.default_rng(0), drop_last=True)]
    [2, 2]
    """
    named = isinstance(arrays, Mapping)
    by_name = dict(arrays) if isinstance(arrays, Mapping) else dict(_numbered(arrays))
    by_name = {name: rows_of(name, array) for name, array in by_name.items()}
    examples = count_examples(by_name)
    batch_size, drop_last = integer("batch_size", batch_size), flag("drop_last", drop_last)
    if drop_last and examples < batch_size:
        raise InputError(f"with drop_last, {examples} examples make no batch of {batch_size}")
    check_generator(rng)
    stop = examples - examples % batch_size if drop_last else examples
    # Drawn now, not at the first batch: passes that run side by side leave each other alone.
    order = rng.permutation(examples)[:stop]
    rows = (order[start : start + batch_size] for start in range(0, stop, batch_size))
    batches = ({name: array[chosen] for name, array in by_name.items()} for chosen in rows)
    return batches if named else (tuple(batch.values()) for batch in batches)


def _numbered(arrays: Sequence[NDArray[Any]]) -> Iterator[tuple[str, NDArray[Any]]]:
    instance("arrays", arrays, (list, tuple), "arrays by name, or a list or tuple of them")
    return ((f"array {number}", array) for number, array in enumerate(arrays))


def rows_of(name: str, given: Any) -> NDArray[Any]:
    """An array whose rows are examples.

    Raises:
        InputError: It is no array of numbers.
    """
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise InputError(f"{name} is no array: its rows differ in length") from error
    except Exception as error:  # an array-like of another library may raise anything
        raise InputError(f"{name} is no array: {str(error).partition('. ')[0]}") from error
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name} is {array.dtype}, not made of real numbers")
    return array


def count_examples(by_name: Mapping[str, NDArray[Any]]) -> int:
    """The number of examples that all arrays share."""
    if not isinstance(by_name, Mapping):
        raise InputError(
            f"data are arrays by input name, not {shortened(by_name)}",
            hint="as in {'x': x, 't': t}, examples along the first axis",
        )
    if not by_name:
        raise InputError("there are no arrays to take batches of")
    for name, array in by_name.items():
        if not np.ndim(array):
            raise InputError(f"{name} is a single number: it has no axis of examples")
    (first, examples), *others = ((name, len(array)) for name, array in by_name.items())
    for name, count in others:
        if count != examples:
            raise InputError(f"{first} has {examples} examples, but {name} has {count}")
    return examples
