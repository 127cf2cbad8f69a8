"""What users pass and get, made plain: names to tuples, keywords and mappings to one, tensors to arrays."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from reprlib import repr as shortened
from typing import Any

import numpy as np
from numpy.typing import NDArray

from einprop.analysis.sizes import as_size
from einprop.analysis.spelling import respelt
from einprop.errors import DerivativeError, EinpropError, InputError, ShapeError, UnsupportedError

__all__ = [
    "Names",
    "as_array",
    "as_arrays",
    "as_mapping",
    "as_names",
    "as_positions",
    "as_shape",
    "by_name",
    "cast",
    "check_axes",
    "has_dtype",
    "refuse_positions",
    "shape_of",
    "some_names",
]

_MOST_AXES = 64
_AS_ARRAY = ("__array__", "__array_interface__", "__array_struct__")

Names = str | Iterable[str] | None
"""Names of tensors: an iterable, or one string with spaces or commas between."""


def as_names(
    names: str | Iterable[str],
    what: str,
    error: type[EinpropError],
    known: Collection[str] = (),
) -> tuple[str, ...]:
    """The names in order, each once.

    Args:
        names: What a user passed.
        what: The argument, for the message.
        error: Raised for anything that is not names.
        known: Names that other spellings stand for.

    >>> as_names("W, B W", "wrt", InputError), as_names(["x"], "wrt", InputError)
    (('W', 'B'), ('x',))
    """
    if isinstance(names, str):
        return as_names(names.replace(",", " ").split(), what, error, known)
    found = tuple(names) if isinstance(names, Iterable) else (names,)
    if isinstance(names, bytes) or not all(isinstance(name, str) for name in found):
        raise error(
            f"{what} takes names of tensors, not {shortened(names)}",
            (),
            f"as in {what}='x' or {what}=['x', 'W']",
        )
    return tuple(dict.fromkeys(respelt(name, known) for name in found))


def some_names(
    names: str | Iterable[str], what: str, known: Collection[str] = ()
) -> tuple[str, ...]:
    """Names of what is differentiated or differentiated for: at least one.

    Args:
        names: What a user passed.
        what: The argument, for the message.
        known: As for `as_names`.

    Raises:
        DerivativeError: They are not names, or none.
    """
    found = as_names(names, what, DerivativeError, known)
    if not found:
        raise DerivativeError(
            f"{what} names no tensor: there is nothing to differentiate",
            (),
            f"leave {what} out for all",
        )
    return found


def as_mapping(
    given: Mapping[str, Any] | None,
    named: Mapping[str, Any],
    what: str,
    error: type[EinpropError] = InputError,
    known: Collection[str] = (),
) -> Mapping[str, Any]:
    """What is given as a mapping and what is given by keyword, together.

    Args:
        given: The mapping.
        named: The keywords.
        what: What is given, for the message.
        error: Raised for what is no mapping, or given twice.
        known: Names that other spellings stand for.

    >>> as_mapping({"x": 1}, {"W": 2}, "tensors")
    {'x': 1, 'W': 2}
    """
    if not isinstance(given, Mapping | None):
        raise error(
            f"{what} are given by name, not as {shortened(given)}",
            (),
            "pass a mapping, as in {'x': …}, or keywords, as in x=…",
        )
    found: dict[str, Any] = {}
    for name, value in (*(given or {}).items(), *named.items()):
        meant = respelt(name, known) if known and name not in known else name
        if meant in found:
            raise error(
                f"{meant} is given twice: in the mapping and by keyword", (), "give it once"
            )
        found[meant] = value
    return found


def refuse_positions(call: str, more: Sequence[object]) -> None:
    """Refuse tensors without names.

    Args:
        call: What is called, for the message.
        more: What was given by position where one mapping belongs.

    Raises:
        InputError: There is something.
    """
    if more:
        raise InputError(
            f"tensors are given by name, and here {len(more)} more by position",
            (),
            f"as in {call}(x=…, W=…), or {call}({{'x': …, 'W': …}})",
        )


def check_axes(name: str, axes: int) -> None:
    """Refuse what has more axes than an array of numpy can have.

    Raises:
        UnsupportedError: It has.
    """
    if axes > _MOST_AXES:
        raise UnsupportedError(
            f"{name} has {axes} axes; an array has at most {_MOST_AXES}",
            (),
            "take axes together, as in y[(a b),c]",
        )


def by_name(results: Any, outputs: Sequence[str]) -> dict[str, Any]:
    """What a call of a program returned, by name also where there is only one output.

    >>> by_name(3.0, ["y"]), by_name({"y": 3.0, "z": 1.0}, ["y", "z"])
    ({'y': 3.0}, {'y': 3.0, 'z': 1.0})
    """
    return results if isinstance(results, dict) else {outputs[0]: results}


def as_shape(name: str, shape: Any) -> tuple[int, ...]:
    """A shape as a tuple of sizes.

    Raises:
        ShapeError: It is no sequence of integers from 0 to 2**31 - 1.

    >>> as_shape("x", [2, np.int64(3)])
    (2, 3)
    """
    if isinstance(shape, str | bytes) or not isinstance(shape, Iterable):
        raise ShapeError(
            f"the shape of {name} cannot be {shortened(shape)}",
            (),
            "a shape is a tuple of integers, such as (2, 3); that of a scalar is ()",
        )
    return tuple([as_size(size, f"an axis of {name}") for size in shape])


def as_arrays(
    tensors: Mapping[str, Any], integers: Collection[str] = ()
) -> tuple[list[NDArray[Any]], str]:
    """The inputs as arrays of one floating dtype, and that dtype.

    Arrays, of whatever library, decide the dtype together; python numbers, lists and integer arrays
    follow them. Tensors of positions stay out of it: they are int64.

    Args:
        tensors: By name.
        integers: Those that stand in subscripts.

    Raises:
        InputError: One is not an array of real numbers, or one of positions not of integers.

    >>> as_arrays({"x": np.ones(2, np.float32), "a": 0.5})
    ([array([1., 1.], dtype=float32), array(0.5, dtype=float32)], 'float32')
    """
    arrays = {
        name: as_positions(name, value) if name in integers else as_array(name, value)
        for name, value in tensors.items()
    }
    floating = {
        array.dtype
        for array, value in zip(arrays.values(), tensors.values(), strict=True)
        if array.dtype.kind == "f" and has_dtype(value)
    }
    dtype = np.result_type(*floating) if floating else np.dtype(np.float64)
    return [
        a if name in integers or a.dtype == dtype else cast(a, dtype) for name, a in arrays.items()
    ], dtype.name


def as_positions(name: str, value: Any) -> NDArray[Any]:
    """A tensor that stands in subscripts, as int64.

    Raises:
        InputError: It does not hold integers.

    >>> as_positions("tok", [2, 0])
    array([2, 0])
    """
    array = as_array(name, value)
    if array.dtype.kind not in "iu" and array.size:
        raise InputError(
            f"{name} stands in a subscript, so it holds positions, not {array.dtype}",
            (),
            f"pass integers, as in {name}.astype(int)",
        )
    return array.astype(np.int64, copy=False)


def as_array(name: str, value: Any, dtype: np.dtype[Any] | None = None) -> NDArray[Any]:
    """A tensor as an array of real numbers.

    Args:
        name: The tensor's, for the message.
        value: Anything that `numpy.asarray` takes, or that hands its memory over by DLPack.
        dtype: Wanted; by default the array's own.

    Raises:
        InputError: It is not an array of real numbers, or some of it is masked.
    """
    try:
        array = _converted(value)
    except Exception as error:  # an array-like of another library may raise anything
        raise InputError(
            f"{name} is not an array: {str(error).partition('. ')[0]}",
            (),
            "pass an array of numbers, or lists in which all rows are equally long",
        ) from error
    if value is None:
        raise InputError(f"{name} is None", (), "pass an array or a number")
    if array.dtype.kind not in "fiub":
        raise InputError(
            f"{name} has dtype {array.dtype}, which is not of real numbers",
            (),
            "pass floats, integers or booleans",
        )
    # Only then: asking numpy for its masked arrays would load them.
    if isinstance(value, np.ndarray) and type(value) is not np.ndarray and np.ma.is_masked(value):
        raise InputError(
            f"{name} is masked in places", (), "fill it, as in x.filled(0), or multiply by a mask"
        )
    return array if dtype is None or array.dtype == dtype else cast(array, dtype)


def has_dtype(value: object) -> bool:
    """Whether numbers come with a dtype: python's and lists of them do not, and numpy makes them float64.

    >>> has_dtype(np.float32(1)), has_dtype([1.0])
    (True, False)
    """
    return type(value) not in (float, int, bool, list, tuple)


def shape_of(name: str, value: Any) -> tuple[int, ...]:
    """The shape of what is to be a tensor.

    >>> shape_of("x", [[1, 2]]), shape_of("x", 3.0)
    ((1, 2), ())
    """
    return value.shape if isinstance(value, np.ndarray) else as_array(name, value).shape


def _converted(value: Any) -> NDArray[Any]:
    if hasattr(value, "__dlpack__") and not any(hasattr(value, name) for name in _AS_ARRAY):
        return np.from_dlpack(value)
    return np.asarray(value)


def cast(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """A copy of another dtype; what is out of its range is inf, as everywhere.

    >>> cast(np.array([1, 1e6]), np.dtype(np.float16))
    array([ 1., inf], dtype=float16)
    """
    with np.errstate(all="ignore"):
        return array.astype(dtype)
