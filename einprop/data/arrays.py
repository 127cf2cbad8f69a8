"""Arrays that users hold already, as tensors; and parts of any data, to learn from and to judge by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from einprop.data.batches import count_examples, rows_of
from einprop.data.dataset import Dataset
from einprop.data.labels import one_hot
from einprop.errors import InputError
from einprop.options import check_generator, dtype_of, plain

__all__ = ["Parts", "from_arrays", "split"]

Data = TypeVar("Data")


class Parts(NamedTuple, Generic[Data]):
    """What to learn from, what to choose by, and what to judge by in the end."""

    train: Data
    development: Data
    test: Data


def from_arrays(
    x: ArrayLike,
    t: ArrayLike,
    *,
    classes: int | None = None,
    dtype: DTypeLike = np.float32,
) -> dict[str, NDArray[Any]]:
    """Inputs and targets under the names that equations give them.

    Args:
        x: Numbers, examples along the first axis.
        t: Numbers or labels, an example a row.
        classes: Where ``t`` holds integer labels that are to become one-hot: how many there are.
        dtype: The floating-point type of the result. Integer labels that stay stay integers, and so
            does an integer ``x``, as the numbers of words do.

    Returns:
        ``x`` and ``t``; arrays that have their type already are not copied.

    Raises:
        InputError: The numbers of examples differ, or something is not made of real numbers, or a
            label names no class.

    >>> tensors = from_arrays([[0.5, 1.0], [2.0, 0.0]], [2, 0], classes=3)
    >>> tensors["x"].dtype, tensors["t"].tolist()
    (dtype('float32'), [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    """
    tensors = {"x": _real("x", x, dtype), "t": _real("t", t, dtype)}
    count_examples(tensors)
    if classes is not None:
        tensors["t"] = one_hot(tensors["t"], classes, dtype)
    return tensors


@overload
def split(
    data: Dataset,
    *,
    rng: np.random.Generator,
    development: float = 0.1,
    test: float = 0.1,
) -> Parts[Dataset]: ...
@overload
def split(
    data: Mapping[str, NDArray[Any]],
    *,
    rng: np.random.Generator,
    development: float = 0.1,
    test: float = 0.1,
) -> Parts[dict[str, NDArray[Any]]]: ...
def split(
    data: Dataset | Mapping[str, NDArray[Any]],
    *,
    rng: np.random.Generator,
    development: float = 0.1,
    test: float = 0.1,
) -> Parts[Any]:
    """Three parts of a data set, drawn at random; the same ones from a generator of the same seed.

    Args:
        data: Images and labels, or arrays by name with examples along the first axis.
        rng: Draws which example goes where.
        development: How many examples, as an integer, or which part of all, below 1.
        test: As for ``development``.

    Returns:
        ``train``, ``development`` and ``test``: copies, each in random order. A part below 1 is
        rounded to whole examples.

    Raises:
        InputError: The parts are negative or more than there is, or nothing is left to learn from.

    >>> data = {"x": np.arange(20.0).reshape(10, 2), "t": np.arange(10)}
    >>> parts = split(data, rng=np.random.default_rng(0), development=0.2, test=1)
    >>> [len(part["t"]) for part in parts]
    [7, 2, 1]
    """
    check_generator(rng)
    examples = len(data) if isinstance(data, Dataset) else count_examples(data)
    held_out = [
        _count("development", development, examples),
        _count("test", test, examples),
    ]
    train = examples - sum(held_out)
    if train < 1:
        raise InputError(
            f"development {held_out[0]} and test {held_out[1]} of {examples} examples leave none "
            "to learn from"
        )
    rows = np.split(rng.permutation(examples), [train, train + held_out[0]])
    if isinstance(data, Dataset):
        return Parts(*(data.take(chosen) for chosen in rows))
    return Parts(
        *({name: np.asarray(array)[chosen] for name, array in data.items()} for chosen in rows)
    )


def _real(name: str, values: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    array = rows_of(name, values)
    return array if array.dtype.kind in "iu" else array.astype(dtype_of(dtype), copy=False)


def _count(name: str, part: float, examples: int) -> int:
    part = plain(part)  # type: ignore[assignment]
    whole = isinstance(part, int) and not isinstance(part, bool)
    if not (whole or isinstance(part, float)) or not 0 <= part < (np.inf if whole else 1):
        raise InputError(
            f"{name} is {part}", hint="it is a number of examples, or a part below 1 of them"
        )
    return int(part if whole else round(part * examples))
