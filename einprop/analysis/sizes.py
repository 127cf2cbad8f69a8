"""Sizes bound when arrays arrive: every axis of a type has one size, and size 1 is no exception."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from reprlib import repr as shortened

from einprop.analysis.indices import equation_indices, unprimed
from einprop.analysis.resolve import Resolved
from einprop.analysis.types import Axis, tensor_base
from einprop.errors import InputError, ShapeError
from einprop.notation.printer import to_text
from einprop.notation.tree import Access, Index, accesses

__all__ = ["Sizes", "as_size", "bind_letters", "bind_sizes", "check_inputs", "unknown_letters"]

_LARGEST = 2**31 - 1


def as_size(size: object, what: str) -> int:
    """A size that a user gives as a number.

    Raises:
        ShapeError: It is no integer, negative, or more than an axis can have.

    >>> as_size(3, "index b")
    3
    """
    try:
        number = -1 if isinstance(size, bool) else operator.index(size)  # type: ignore[arg-type]
    except TypeError:
        number = -1
    if not 0 <= number <= _LARGEST:
        raise ShapeError(
            f"{what} cannot have size {shortened(size)}",
            (),
            f"a size is an integer, 0 to {_LARGEST}",
        )
    return number


@dataclass(frozen=True)
class _Seen:
    """Where a size was seen first."""

    size: int
    access: Access
    index: Index


@dataclass(frozen=True)
class Sizes:
    """The sizes of a program's axes and indices for given shapes of its inputs."""

    resolved: Resolved
    known: Mapping[object, int]

    def index(self, equation: int, index: str) -> int:
        """The size of an index in the equation of that number.

        Raises:
            ShapeError: No array and no declaration gives it.
        """
        types = self.resolved.types
        key = types.letter(equation, index)
        if key in self.known:
            return self.known[key]
        place = self.resolved.equations[equation].place
        raise ShapeError(
            f"the size of index {index} is unknown: no array has an axis of its type",
            [place],
            f"declare it, as in: index {index}: name < 8, or input x[{index}]",
        )

    def shape(self, tensor: str) -> tuple[int, ...] | None:
        """The shape of a tensor; None where a size is not known."""
        types = self.resolved.types
        rank = types.ranks.get(tensor_base(tensor), 0)
        sizes = [self.known.get(types.axis(tensor, position)) for position in range(rank)]
        found = [size for size in sizes if size is not None]
        return tuple(found) if len(found) == rank else None

    def on(self, other: Resolved) -> Sizes:
        """The same sizes for a program whose tensors this one has too."""
        theirs, ours = other.types, self.resolved.types
        known: dict[object, int] = {theirs.find(key): size for key, size in theirs.sizes.items()}
        for name, rank in theirs.ranks.items():
            for position in range(rank):
                size = self.known.get(ours.axis(name, position))
                if size is not None:
                    known[theirs.axis(name, position)] = size
        return Sizes(other, known)


def _every_access(resolved: Resolved) -> Iterator[Access]:
    """The accesses of the equations as written, then those of the declarations."""
    for equation in resolved.equations:
        target, *others = accesses(equation)
        yield from (*others, target)
    for declaration in resolved.declarations:
        yield from declaration.tensors


def bind_sizes(resolved: Resolved, shapes: Mapping[str, tuple[int, ...]]) -> Sizes:
    """Give every type the size that the shapes of the inputs give it.

    Args:
        resolved: The program.
        shapes: Shapes by tensor name; some inputs may be left out.

    Raises:
        ShapeError: An array has the wrong number of axes, or two sizes meet at one type.

    >>> from einprop.analysis.resolve import resolve
    >>> from einprop.notation.parser import parse
    >>> affine = resolve(parse("y[b,j] = x[b,i] W[i,j] + B[j]"))
    >>> bind_sizes(affine, {"x": (8, 3), "W": (3, 5)}).shape("B")
    (5,)
    """
    types = resolved.types
    seen: dict[object, _Seen] = {}
    checked: set[str] = set()
    for access in _every_access(resolved):
        shape = shapes.get(access.name)
        if shape is None or (access.name in checked and access.name not in resolved.names.inputs):
            continue
        if len(shape) != len(access.subscripts):
            raise _refuse_rank(access, shape)
        for position, subscript in enumerate(access.subscripts):
            assert isinstance(subscript, Index)
            key = types.find(Axis(tensor_base(access.name), position))
            found = _Seen(shape[position], access, subscript)
            earlier = seen.setdefault(key, found)
            declared = types.declared_size(key)
            if declared is not None and declared != found.size:
                raise _refuse_declared(found, types.name(key), declared)
            if earlier.size != found.size:
                raise _refuse_sizes(earlier, found, types.name(key))
    known = {key: found.size for key, found in seen.items()}
    known |= {types.find(key): size for key, size in types.sizes.items()}
    return Sizes(resolved, known)


def bind_letters(resolved: Resolved, letters: Mapping[str, int]) -> Sizes:
    """Give types the sizes that are given for index letters, wherever an equation has the letter.

    Raises:
        ShapeError: A letter is unknown, a size is not one, or two sizes meet at one type.

    >>> from einprop.analysis.resolve import resolve
    >>> from einprop.notation.parser import parse
    >>> affine = resolve(parse("y[b,j] = x[b,i] W[i,j] + B[j]"))
    >>> bind_letters(affine, {"b": 8, "i": 3, "j": 5}).shape("W")
    (3, 5)
    """
    types = resolved.types
    known: dict[object, int] = {types.find(key): size for key, size in types.sizes.items()}
    shown: dict[object, str] = {}
    numbered = [(n, set(equation_indices(e))) for n, e in enumerate(resolved.equations)]
    for letter, given in letters.items():
        keys = {types.letter(n, letter) for n, indices in numbered if letter in indices}
        if not keys:
            raise ShapeError(f"no equation has an index {letter}")
        size = as_size(given, f"index {letter}")
        for key in keys:
            if known.setdefault(key, size) != size:
                other = shown.get(key, "its declaration")
                raise ShapeError(
                    f"index {letter} is given size {size}, but by {other} it has size {known[key]}"
                )
            shown.setdefault(key, f"index {letter}")
    return Sizes(resolved, known)


def unknown_letters(sizes: Sizes) -> dict[object, str]:
    """The types without a size, each with a letter that ranges over it."""
    resolved = sizes.resolved
    found: dict[object, str] = {}
    for number, equation in enumerate(resolved.equations):
        for index in equation_indices(equation):
            key = resolved.types.letter(number, index)
            if key not in sizes.known:
                found.setdefault(key, unprimed(index))
    return found


def check_inputs(resolved: Resolved, given: Mapping[str, object]) -> None:
    """Refuse missing and unknown inputs.

    Raises:
        InputError: An input is missing, or a tensor is passed that is none.
    """
    inputs = resolved.names.inputs
    missing = [name for name in inputs if name not in given]
    if missing:
        reads = [a for a in _every_access(resolved) if a.name == missing[0]]
        raise InputError(
            f"{_plural('input', missing)} missing: {', '.join(missing)}",
            [access.place for access in reads[:1]],
            f"the program's inputs are {', '.join(inputs) or 'none'}",
        )
    unknown = [name for name in given if name not in inputs]
    if unknown:
        raise InputError(
            f"{_plural('tensor', unknown)} not an input of the program: "
            f"{', '.join(map(str, unknown))}",
            (),
            f"the program's inputs are {', '.join(inputs) or 'none'}",
        )


def _plural(word: str, names: list[str]) -> str:
    return f"{word} is" if len(names) == 1 else f"{word}s are"


def _refuse_rank(access: Access, shape: tuple[int, ...]) -> ShapeError:
    axes = len(access.subscripts)
    if axes == 0:
        return ShapeError(
            f"{access.name} is a scalar, but the array passed has {len(shape)} "
            f"{'axis' if len(shape) == 1 else 'axes'}: shape {shape}",
            [access.place],
            f"pass one number, or give {access.name} indices, as in {access.name}[i]",
        )
    return ShapeError(
        f"{access.name} has {axes} {'axis' if axes == 1 else 'axes'} in "
        f"{to_text(access)}, but the array passed has {len(shape)}: shape {shape}",
        [access.place],
        f"pass an array with one axis for each index of {to_text(access)}",
    )


def _typed(type_name: str | None) -> str:
    return f" (type {type_name})" if type_name else ""


def _refuse_declared(found: _Seen, type_name: str | None, size: int) -> ShapeError:
    return ShapeError(
        f"index {found.index.name}{_typed(type_name)} has size {found.size} in "
        f"{to_text(found.access)}, but is declared with size {size}",
        [found.index.place],
        "pass an array of the declared size, or change the declaration",
    )


def _refuse_sizes(earlier: _Seen, found: _Seen, type_name: str | None) -> ShapeError:
    same = earlier.index.name == found.index.name
    other = "size" if same else f"as index {found.index.name} size"
    hint = "sizes must agree exactly; size 1 does not broadcast"
    return ShapeError(
        f"index {earlier.index.name}{_typed(type_name)} has size {earlier.size} in "
        f"{to_text(earlier.access)} but {other} {found.size} in {to_text(found.access)}",
        [earlier.index.place, found.index.place],
        hint if 1 in (earlier.size, found.size) else None,
    )
