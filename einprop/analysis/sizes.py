"""Sizes bound when arrays arrive: every axis of a type has one size, and size 1 is no exception."""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from reprlib import repr as shortened

from einprop.analysis.disagreements import (
    Seen,
    every_access,
    refuse_declared,
    refuse_rank,
    refuse_sizes,
)
from einprop.analysis.indices import equation_indices, subscript_indices, unprimed
from einprop.analysis.outside import refuse_unknown
from einprop.analysis.ranges import Solver, Span
from einprop.analysis.resolve import Resolved
from einprop.analysis.spelling import did_you_mean, keyword, respelt
from einprop.analysis.types import Axis
from einprop.errors import InputError, Place, ShapeError
from einprop.notation.operands import CONSTANTS
from einprop.notation.tree import Index, accesses

__all__ = [
    "Sizes",
    "as_size",
    "bind_letters",
    "bind_sizes",
    "check_inputs",
    "longer_inputs",
    "unknown_letters",
]

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
class Sizes:
    """The sizes of a program's axes and indices for given shapes of its inputs."""

    resolved: Resolved
    known: Mapping[object, int]

    @cached_property
    def _solver(self) -> Solver:
        return Solver(self.resolved, dict(self.known))

    def index(self, equation: int, index: str) -> int:
        """The number of positions of an index in the equation of that number.

        Raises:
            ShapeError: No array and no declaration gives it.
        """
        return self.span(equation, index).size

    def span(self, equation: int, index: str) -> Span:
        """The positions of an index in the equation of that number.

        Raises:
            ShapeError: No array, no declaration and no subscript gives them.
        """
        span = self._solver.span(equation, index)
        if span is not None:
            return span
        raise refuse_unknown(self._solver, equation, index)

    def axis(self, tensor: str, position: int) -> int:
        """The size of an axis.

        Raises:
            ShapeError: Nothing gives it.
        """
        key = self.resolved.types.axis(tensor, position)
        if key in self.known:
            return self.known[key]
        for number, equation in enumerate(self.resolved.equations):
            for access in accesses(equation):
                subscripts = access.subscripts if access.name == tensor else ()
                for index in (i for s in subscripts[position:][:1] for i in subscript_indices(s)):
                    self.span(number, index)
        places = [a.place for a in every_access(self.resolved) if a.name == tensor]
        raise ShapeError(
            f"the size of axis {position} of {tensor} is unknown",
            places[:1],
            f"declare it, as in: {_declaration(self.resolved, tensor, position)}",
        )

    def shape(self, tensor: str) -> tuple[int, ...] | None:
        """The shape of a tensor; None where a size is not known."""
        types = self.resolved.types
        rank = types.rank(tensor)
        sizes = [self.known.get(types.axis(tensor, position)) for position in range(rank)]
        found = [size for size in sizes if size is not None]
        return tuple(found) if len(found) == rank else None

    def completed(self, more: Mapping[object, int]) -> Sizes:
        """These sizes, more of them by type, and what follows, axes of inputs too."""
        return _solved(self.resolved, {**self.known, **more}, inputs=True)

    def on(self, other: Resolved) -> Sizes:
        """The same sizes for a program whose tensors this one has too."""
        theirs, ours = other.types, self.resolved.types
        known: dict[object, int] = {}
        for name, rank in theirs.ranks.items():
            for position in range(rank):
                size = self.known.get(ours.axis(name, position))
                if size is not None:
                    known[theirs.axis(name, position)] = size
        return _solved(other, known)


def _declaration(resolved: Resolved, tensor: str, position: int) -> str:
    """Lines that give an axis of a defined tensor a size."""
    target = next(e.target for e in resolved.equations if e.target.name == tensor)
    used = {unprimed(i) for e in resolved.equations for i in equation_indices(e)}
    free = [i for i in "klmnpqrsuvwz" if i not in used]
    letters = [
        s.name if isinstance(s, Index) else free.pop(0) if free else f"axis{n}"
        for n, s in enumerate(target.subscripts)
    ]
    kind = "output" if resolved.names.outputs == (tensor,) else "local"
    return f"index {letters[position]}: name < 8; {kind} {tensor}[{','.join(letters)}]"


def _solved(resolved: Resolved, known: dict[object, int], *, inputs: bool = False) -> Sizes:
    """The sizes with all that follows from them."""
    solver = Solver(resolved, known)
    solver.solve(inputs=inputs)
    solver.check()
    return Sizes(resolved, known)


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
    seen: dict[object, Seen] = {}
    checked: set[str] = set()
    for access in every_access(resolved):
        shape = shapes.get(access.name)
        if shape is None or (access.name in checked and access.name not in resolved.names.inputs):
            continue
        if len(shape) != len(access.subscripts):
            raise refuse_rank(access, shape)
        for position, subscript in enumerate(access.subscripts):
            key = types.find(Axis(types.base(access.name), position))
            found = Seen(shape[position], access, subscript, position)
            earlier = seen.setdefault(key, found)
            if earlier.size != found.size:
                raise refuse_sizes(resolved, earlier, found, types.name(key))
    known = {key: found.size for key, found in seen.items()}
    solver = Solver(resolved, known)
    for key, declared in types.sizes.items():
        size, first = solver.size(declared), seen.get(types.find(key))
        if size is not None and first is not None and size != first.size:
            raise refuse_declared(first, types.name(key), size)
    return _solved(resolved, known)


def bind_letters(resolved: Resolved, letters: Mapping[str, int]) -> Sizes:
    """Give types the sizes that are given for index letters, wherever an equation has the letter.

    Args:
        resolved: The program.
        letters: Sizes by letter; inputs are as long as what is read of them.

    Raises:
        ShapeError: A letter is unknown, a size is not one, or two sizes meet at one type.

    >>> from einprop.analysis.resolve import resolve
    >>> from einprop.notation.parser import parse
    >>> affine = resolve(parse("y[b,j] = x[b,i] W[i,j] + B[j]"))
    >>> bind_letters(affine, {"b": 8, "i": 3, "j": 5}).shape("W")
    (3, 5)
    """
    types = resolved.types
    known: dict[object, int] = {}
    solver = Solver(resolved, known)
    solver.declared()
    shown: dict[object, str] = {}
    numbered = [(n, set(equation_indices(e))) for n, e in enumerate(resolved.equations)]
    every = {i for _, found in numbered for i in found}
    for spelt, given in letters.items():
        letter = respelt(spelt, every)
        keys = {
            types.letter(n, index)
            for n, indices in numbered
            for index in indices
            if index == letter or (letter not in indices and unprimed(index) == letter)
        }
        if not keys:
            indices = dict.fromkeys(unprimed(i) for _, found in numbered for i in sorted(found))
            raise ShapeError(
                f"no equation has an index {letter}",
                (),
                f"the program's indices are {', '.join(indices) or 'none'}",
            )
        size = as_size(given, f"index {letter}")
        for key in keys:
            if known.setdefault(key, size) != size:
                other = shown.get(key, "its declaration")
                raise ShapeError(
                    f"index {letter} is given size {size}, but by {other} it has size {known[key]}",
                    (),
                    "one type has one size: give it once",
                )
            shown.setdefault(key, f"index {letter}")
    return _solved(resolved, known, inputs=True)


def unknown_letters(sizes: Sizes) -> dict[object, str]:
    """The types without a size, each with a letter that ranges over it."""
    resolved = sizes.resolved
    found: dict[object, str] = {}
    solver = Solver(resolved, dict(sizes.known))
    for number, equation in enumerate(resolved.equations):
        for index in equation_indices(equation):
            key = resolved.types.letter(number, index)
            if solver.span(number, index) is None:
                found.setdefault(key, unprimed(index))
    return found


def longer_inputs(
    sizes: Sizes, letters: Collection[str]
) -> Iterator[tuple[tuple[str, int], Sizes]]:
    """Axes of inputs that may be longer than what is read of them, the indices being the same.

    Args:
        sizes: As `bind_letters` gives them.
        letters: Those that it was given sizes for.

    Yields:
        Tensor and axis, and the sizes with that axis longer by one.

    >>> from einprop.analysis.resolve import resolve
    >>> from einprop.notation.parser import parse
    >>> for text in ("y[i] = x[i+1]", "y[i] = x[2*i]"):
    ...     sizes = bind_letters(resolve(parse(text)), {"i": 3})
    ...     print([axis for axis, _ in longer_inputs(sizes, "i")])
    []
    [('x', 0)]
    """
    resolved, types = sizes.resolved, sizes.resolved.types
    told = {
        types.letter(number, index)
        for number, equation in enumerate(resolved.equations)
        for index in equation_indices(equation)
        if index in letters
    }
    shapes = {name: sizes.shape(name) for name in resolved.names.inputs}
    known = {name: shape for name, shape in shapes.items() if shape is not None}
    guessed = {
        types.axis(name, axis): (name, axis) for name in known for axis in range(len(known[name]))
    }
    for key, place in guessed.items():
        if key not in told:
            other = {
                name: tuple(n + (types.axis(name, axis) == key) for axis, n in enumerate(shape))
                for name, shape in known.items()
            }
            longer = {**sizes.known, key: sizes.known[key] + 1}
            try:
                found = bind_sizes(resolved, other).known
            except ShapeError:
                continue
            if all(longer.get(each, size) == size for each, size in found.items()):
                yield place, Sizes(resolved, longer)


def check_inputs(resolved: Resolved, given: Mapping[str, object]) -> None:
    """Refuse missing and unknown inputs.

    Raises:
        InputError: An input is missing, or a tensor is passed that is none.
    """
    inputs = resolved.names.inputs
    missing = [name for name in inputs if name not in given]
    slips = [n for n in given if n not in inputs and did_you_mean(n, missing)]
    if missing and not slips:
        reads = [a for a in every_access(resolved) if a.name == missing[0]]
        raise InputError(
            f"{_plural('input', missing)} missing: {', '.join(missing)}",
            [access.place for access in reads[:1]],
            f"the program's inputs are {', '.join(inputs) or 'none'}"
            + _slip(resolved, missing[0], [access.place for access in reads]),
        )
    unknown = [name for name in given if name not in inputs]
    if unknown:
        computed = [name for name in unknown if name in resolved.names.defined]
        raise InputError(
            f"{_plural('tensor', unknown)} not an input of the program: "
            f"{', '.join(map(str, unknown))}",
            (),
            f"the program's inputs are {', '.join(inputs) or 'none'}"
            + (f"; it computes {', '.join(computed)} itself" if computed else "")
            + _meant(unknown[0], [n for n in inputs if n not in given]),
        )


_NUMBERS = {"e": "exp(1)", "inf": "1 / 0", "infinity": "1 / 0", "nan": "0 / 0"}
"""How numbers are written that have a name elsewhere."""


def _meant(name: str, inputs: list[str]) -> str:
    """What may have been meant by a tensor that is passed and is no input."""
    if name in CONSTANTS:
        return f"; {name} is the number, unless the text declares it: input {name}"
    return did_you_mean(name, inputs)


def _slip(resolved: Resolved, name: str, places: list[Place | None]) -> str:
    """What may have been meant by the name of an input that nobody passes."""
    if any(name in equation_indices(equation) for equation in resolved.equations):
        return f"; the position of index {name} is no number, but can be compared: [{name} == 0]"
    if keyword(name) != name:
        return f"; pass a mapping, {{{name!r}: …}}: as a keyword it is {keyword(name)}"
    if name in _NUMBERS:
        return f"; {name} is no constant: for the number write {_NUMBERS[name]}"
    if name.endswith(".T"):
        return f"; a transpose is written by its indices: {name[:-2]}[i,j] where {name}[j,i] stands"
    if any(place and place.text.startswith("(", place.end) for place in places):
        return f"; the language has no function {name}: {name}(…) is a product"
    return ""


def _plural(word: str, names: list[str]) -> str:
    return f"{word} is" if len(names) == 1 else f"{word}s are"
