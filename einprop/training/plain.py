"""Optimisers, schedules and the like as plain values: the class's name and the fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from einprop.errors import EinpropError, InputError
from einprop.training import clipping, groups, optimizers, schedules, training

__all__ = ["describe", "name_of", "rebuild"]

_CLASSES: Mapping[str, type] = {
    found.__name__: found
    for module in (clipping, groups, optimizers, schedules, training)
    for found in vars(module).values()
    if isinstance(found, type) and is_dataclass(found) and found.__module__ == module.__name__
}


def describe(value: Any) -> Any:
    """A dataclass of numbers, text and other dataclasses as values of JSON.

    What is something else, such as a function, is named, and cannot be rebuilt.

    >>> from einprop.training import SGD
    >>> describe(SGD(0.1))["class"]
    'SGD'
    >>> describe(len)
    {'missing': 'len'}
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            # JSON has no word for infinity.
            return {"float": value.hex()}
        case list() | tuple():
            return [describe(inner) for inner in value]
        case Mapping() if all(isinstance(name, str) for name in value):
            return {"mapping": {name: describe(inner) for name, inner in value.items()}}
        case _ if is_dataclass(value) and not isinstance(value, type):
            held = {field.name: describe(getattr(value, field.name)) for field in fields(value)}
            return {"class": type(value).__name__, "fields": held}
        case _:
            return {"missing": str(getattr(value, "__name__", type(value).__name__))}


def rebuild(described: Any, classes: Iterable[type] = ()) -> Any:
    """The value that was described.

    Args:
        described: What `describe` gave.
        classes: Dataclasses of the user's that it may be made of, besides those of the house.

    Raises:
        InputError: It is made of a class that is neither, or the fields do not fit.

    >>> from einprop.training import SGD, StepDecay
    >>> rebuild(describe(SGD(StepDecay(0.1, every=5)))).learning_rate
    StepDecay(initial=0.1, every=5, factor=0.1)
    """
    known = {**_CLASSES, **{given.__name__: given for given in classes}}
    return _rebuilt(described, known)


def name_of(described: Any) -> str:
    """The name of the class that was described.

    >>> from einprop.training import SGD
    >>> name_of(describe(SGD(0.1)))
    'SGD'
    """
    match described:
        case {"class": str(name)} | {"missing": str(name)}:
            return name
        case _:
            return repr(described)[:80]


def _rebuilt(described: Any, known: Mapping[str, type]) -> Any:
    match described:
        case None | bool() | int() | str():
            return described
        case list():
            return tuple(_rebuilt(inner, known) for inner in described)
        case {"float": str(text)}:
            try:
                return float.fromhex(text)
            except (ValueError, OverflowError):
                raise InputError(f"{text[:80]!r} is no number") from None
        case {"mapping": dict(values)}:
            return {name: _rebuilt(inner, known) for name, inner in values.items()}
        case {"class": str(name), "fields": dict(values)}:
            return _instance(name, {n: _rebuilt(v, known) for n, v in values.items()}, known)
        case {"missing": str(name)}:
            raise InputError(
                f"{name[:80]} is written by its name alone: a file holds no functions",
                hint="schedules in a file are those of einprop.training, or dataclasses",
            )
        case _:
            raise InputError(f"{repr(described)[:80]} describes nothing")


def _instance(name: str, values: Mapping[str, Any], known: Mapping[str, type]) -> Any:
    if name not in known:
        raise InputError(
            f"the class {name[:80]} is not known here",
            hint=f"known are {', '.join(sorted(known))}; pass one of yours in classes=[…]",
        )
    try:
        return known[name](**values)
    except EinpropError:
        raise
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"{name} cannot be made of what the file says: {error}") from None
