"""Compiled: a program bound to a backend, with one plan for each set of shapes and dtypes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from operator import is_
from typing import Any, Never

import numpy as np
from numpy.typing import NDArray

from einprop.analysis.declare import axis_letters, declared_access
from einprop.analysis.dependence import live
from einprop.analysis.indices import equation_indices, unprimed
from einprop.analysis.resolve import Resolved
from einprop.analysis.sizes import Sizes, bind_letters, bind_sizes, check_inputs, unknown_letters
from einprop.arguments import as_arrays, as_mapping, cast, check_axes, refuse_positions
from einprop.backends import numpy as numpy_backend
from einprop.backends.calibration import machine
from einprop.backends.source import draft
from einprop.backends.source_code import Code
from einprop.calculus.derive import Derivation, Tangents
from einprop.choices import Choices
from einprop.donation import Donation
from einprop.errors import InputError, ShapeError
from einprop.execution.schedule import ITEM_BYTES, schedule
from einprop.execution.steps import Schedule
from einprop.explain import Explanation, explain_schedule
from einprop.notation.depth import deep
from einprop.notation.functions import renewals
from einprop.notation.printer import to_text
from einprop.notation.tree import Access, Equation, Number
from einprop.passes.builder import SIZE_SUFFIX
from einprop.passes.lower import lower, stages
from einprop.passes.recompute import recompute
from einprop.passes.sized import SizedProgram, attach_sizes

__all__ = ["Compiled", "Recipe"]

BACKENDS = ("numpy",)
_PLANS = 64

# Half precision is what arrays are stored in: a mean of ordinary numbers would overflow on the way.
_COMPUTED = {"float16": "float32"}

Array = NDArray[Any]


@dataclass(frozen=True)
class Recipe:
    """How a program came about: the program that was written, and what was derived from it in turn."""

    base: Resolved
    derivations: tuple[Derivation | Tangents, ...]


@dataclass(frozen=True)
class _Lowered:
    """A flat program with the inputs that it reads."""

    program: SizedProgram
    inputs: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class _Ready:
    """The plan of the last call, and what its arrays were like: others like them need no checks."""

    renewal: int
    kinds: Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]]
    used: tuple[str, ...]
    plan: numpy_backend.Plan

    def fits(self, given: Mapping[str, Any]) -> bool:
        """Whether the plan takes what is given as it is."""
        if len(given) != len(self.kinds) or self.renewal != renewals():
            return False
        for name, (dtype, shape) in self.kinds.items():
            array = given.get(name)
            if type(array) is not np.ndarray or array.dtype is not dtype or array.shape != shape:
                return False
        return True


class Compiled:
    """A callable bound to a backend.

    The first call for a set of shapes and dtypes plans and compiles; later ones look the plan up.
    The plans of the 64 sets that were used last are kept. Threads may share a callable.
    """

    def __init__(
        self,
        resolved: Resolved,
        recipe: Recipe,
        backend: str = "numpy",
        donation: Donation | None = None,
        choices: Choices | None = None,
    ) -> None:
        if not isinstance(backend, str) or backend not in BACKENDS:
            raise InputError(
                f"there is no backend {backend!r}", (), f"backends are {', '.join(BACKENDS)}"
            )
        self._resolved = resolved
        self._recipe = recipe
        self._backend = backend
        self._donation = donation or Donation()
        self._choices = choices or Choices()
        # Not a method: a plan's memory should go with the last reference to its callable.
        self._ready: _Ready | None = None
        self._plan = lru_cache(_PLANS)(
            partial(_plan, resolved, recipe, self._donation, self._choices)
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return Compiled, (
            self._resolved,
            self._recipe,
            self._backend,
            self._donation,
            self._choices,
        )

    def __call__(
        self, tensors: Mapping[str, Any] | None = None, /, *more: Never, **named: Any
    ) -> Any:
        """Run on tensors by name; see `Program.__call__`."""
        if more:
            refuse_positions("program", (tensors, *more))
        given = named if tensors is None else as_mapping(tensors, named, "tensors")
        ready = self._ready
        if ready is not None and ready.fits(given):
            self._donation.check_arrays(given)
            return self._results(given, ready.plan(*[given[name] for name in ready.used]))
        names = self._resolved.names
        if len(given) != len(names.inputs) or any(name not in given for name in names.inputs):
            given = as_mapping(given, {}, "tensors", known=names.inputs)
            check_inputs(self._resolved, given)
        tensors = {name: given[name] for name in names.inputs}
        self._donation.check_arrays(tensors)
        arrays, dtype = as_arrays(tensors, self._resolved.positions)
        computed = _COMPUTED.get(dtype, dtype)
        if computed != dtype:
            arrays = [a.astype(computed) if a.dtype.kind == "f" else a for a in arrays]
        used, numbers, plan = self._plan(renewals(), computed, *[array.shape for array in arrays])
        if all(map(is_, arrays, tensors.values())) and not numbers:
            kinds = {n: (a.dtype, a.shape) for n, a in tensors.items()}
            used_names = tuple([names.inputs[k] for k in used])
            self._ready = _Ready(renewals(), kinds, used_names, plan)
        for k in numbers:
            arrays[k] = arrays[k].astype(computed)
        found: Sequence[Array] = plan(*[arrays[k] for k in used])
        if computed != dtype:
            # The guard tells what was done, and would not if it overflowed afterwards.
            found = [
                array if name == self._donation.guard else cast(array, np.dtype(dtype))
                for name, array in zip(names.outputs, found, strict=True)
            ]
        return self._results(tensors, found)

    def _results(self, tensors: Mapping[str, Any], found: Sequence[Array]) -> Any:
        """What a call returns: arrays and numbers by name, or the only one."""
        names = self._resolved.names.outputs
        results = [array if array.ndim else array[()] for array in found]
        if self._donation.pairs:
            results = self._donation.written(tensors, dict(zip(names, results, strict=True)))
        return results[0] if len(results) == 1 else dict(zip(names, results, strict=True))

    def flat(self, sizes: Sizes) -> SizedProgram:
        """The flat program that runs at these sizes."""
        return self._planned(sizes)[0].program

    def stages(
        self, sizes: Sizes | Mapping[str, int] | None = None, /, **letters: int
    ) -> Iterator[tuple[str, SizedProgram]]:
        """The program after each pass on the way to the flat one; arguments as for `explain`."""
        start = _start(self._recipe, _bound(self._resolved, sizes, letters, "stages"))
        return stages(start, self._recipe.derivations, self._resolved.names.outputs)

    def weights(self, sizes: Sizes) -> Mapping[str, int]:
        """The sizes of the letters of code that is written at these sizes."""
        return _lower(self._resolved, self._recipe, sizes, generic=True).program.sizes

    def schedule(self, sizes: Sizes) -> Schedule:
        """The steps that a call takes at these sizes."""
        return self._planned(sizes)[1]

    def explain(
        self, sizes: Sizes | Mapping[str, int] | None = None, /, **letters: int
    ) -> Explanation:
        """What a call does at these sizes, in float64, as it was compiled: see `Program.explain`.

        Args:
            sizes: Sizes of index letters, or of everything as the compiler holds them.
            **letters: Sizes of index letters by keyword.

        Raises:
            ShapeError: A size is missing or not one, or two of them disagree.
            InputError: The intermediates cannot be had within the memory limit.

        >>> from einprop import Program
        >>> image = Program("y[b,i,f] = x[b,i+p,c] K[p,c,f]")
        >>> whole, blocked = (image.compile(in_blocks=choice) for choice in (False, True))
        >>> sizes = {"b": 8, "i": 20, "p": 3, "c": 4, "f": 6}
        >>> whole.explain(sizes).arena_bytes > blocked.explain(sizes).arena_bytes
        True
        """
        lowered, planned = self._planned(_bound(self._resolved, sizes, letters, "explain"))
        base, derivations = self._recipe.base, self._recipe.derivations
        needed = live(base.equations, derivations[0].of) if derivations else ()
        return explain_schedule(planned, lowered.program, {e.target.name for e in needed})

    def _planned(self, sizes: Sizes) -> tuple[_Lowered, Schedule]:
        lowered = _lower(self._resolved, self._recipe, sizes, self._donation)
        return _planned(lowered, self._donation, self._choices)

    def source(
        self,
        sizes: Sizes,
        backend: str,
        *,
        free: Collection[object] = (),
        check: bool = True,
    ) -> str:
        """Standalone code for a library, at these sizes; those to compute with are read off the inputs.

        Args:
            sizes: Of everything.
            backend: The library.
            free: The types whose sizes the code is not for alone.
            check: Whether the code checks the sizes of its arguments.
        """
        code = self.draft(sizes, backend, free=free, check=check)
        return code.text(code.lines, code.head(code.lines))

    def draft(
        self,
        sizes: Sizes,
        backend: str,
        *,
        free: Collection[object] = (),
        check: bool = True,
        more: Collection[str] = (),
        weights: Mapping[str, int] | None = None,
    ) -> Code:
        """The same before it is put together.

        Args:
            sizes: As for `source`.
            backend: As for `source`.
            free: As for `source`.
            check: As for `source`.
            more: Inputs that it takes whether it reads them or not.
            weights: Sizes by letter by which forms are chosen, if not by those that letters have.
        """
        names = self._resolved.names
        # A tensor of the user's with the name of a size would be taken for it.
        generic = not any(n.endswith(SIZE_SUFFIX) for n in (*names.inputs, *names.defined))
        lowered = _lower(self._resolved, self._recipe, sizes, generic=generic, weights=weights)
        program = lowered.program
        lengths, numbers = _lengths(self._resolved, self._recipe, sizes, lowered)
        inputs = {
            name: sizes.shape(name) or ()
            for name in names.inputs
            if name in lowered.inputs
            or name in more
            or any(name == holder for holder, _ in lengths.values())
        }
        named = (*names.inputs, *names.outputs)
        return draft(
            (*numbers, *program.equations),
            program.sizes,
            inputs,
            program.outputs,
            axes=program.axes,
            lengths=lengths,
            backend=backend,
            positions=self._resolved.positions,
            checked=_checked(sizes, names.inputs, free) if check else None,
            weights=weights,
            labels={name: to_text(declared_access(self._resolved, name)) for name in named},
        )


def _bound(
    resolved: Resolved,
    sizes: Sizes | Mapping[str, int] | None,
    letters: Mapping[str, int],
    call: str,
) -> Sizes:
    """The sizes of everything, by those of letters that are given to a method of that name."""
    if isinstance(sizes, Sizes):
        return sizes
    bound = bind_letters(resolved, as_mapping(sizes, letters, "sizes", ShapeError))
    missing = list(dict.fromkeys(unknown_letters(bound).values()))
    if missing:
        given = ", ".join(f"{letter}=8" for letter in missing)
        raise ShapeError(
            f"the size of {', '.join(missing)} is not given", (), f"as in {call}({given})"
        )
    return bound


def _schedule(
    lowered: _Lowered, donation: Donation, choices: Choices, dtype: str = "float64"
) -> Schedule:
    program = lowered.program
    return schedule(
        program.equations,
        program.sizes,
        lowered.inputs,
        program.outputs,
        dtype,
        axes=program.axes,
        donated=dict(donation.pairs),
        guard=donation.guard,
        in_blocks=choices.in_blocks,
        reuse_results=choices.reuse_results,
        machine=machine(),
    )


def _planned(
    lowered: _Lowered, donation: Donation, choices: Choices, dtype: str = "float64"
) -> tuple[_Lowered, Schedule]:
    """The flat program and its steps; with a limit to memory, as much as it takes is done for it.

    Products go in blocks if that is left open; what does not fit then is computed again.
    """
    planned = _schedule(lowered, donation, choices, dtype)
    limit = choices.memory_limit
    if limit is None or planned.arena_bytes <= limit:
        return lowered, planned
    if choices.in_blocks is None:
        blocked = replace(choices, in_blocks=True)
        if _schedule(lowered, donation, blocked, dtype).arena_bytes < planned.arena_bytes:
            choices = blocked

    def measure(program: SizedProgram) -> int:
        return _schedule(replace(lowered, program=program), donation, choices, dtype).arena_bytes

    program = recompute(lowered.program, limit, ITEM_BYTES[dtype], measure)
    lowered = replace(lowered, program=program)
    return lowered, _schedule(lowered, donation, choices, dtype)


@deep
def _plan(
    resolved: Resolved,
    recipe: Recipe,
    donation: Donation,
    choices: Choices,
    renewal: int,
    dtype: str,
    *shapes: tuple[int, ...],
) -> tuple[tuple[int, ...], tuple[int, ...], numpy_backend.Plan]:
    """The inputs that the plan reads, those positions that it takes as numbers, and the plan.

    It holds while no registered function is replaced, which counts as a ``renewal``.
    """
    names = resolved.names.inputs
    sizes = bind_sizes(resolved, dict(zip(names, shapes, strict=True)))
    lowered = _lower(resolved, recipe, sizes, donation)
    lowered, planned = _planned(lowered, donation, choices, dtype)
    for name, tensor in planned.tensors.items():
        check_axes(name, len(tensor.shape))
    plan = numpy_backend.Plan(planned)
    place = {name: n for n, name in enumerate(names)}
    used = tuple(place[name] for name in lowered.inputs)
    positions = resolved.positions.intersection(lowered.inputs)
    numbers = [place[name] for name in positions.difference(plan.schedule.integers)]
    return used, tuple(numbers), plan


def _lower(
    resolved: Resolved,
    recipe: Recipe,
    sizes: Sizes,
    donation: Donation | None = None,
    *,
    generic: bool = False,
    weights: Mapping[str, int] | None = None,
) -> _Lowered:
    given = donation or Donation()
    given.check_shapes(sizes)
    start = _start(recipe, sizes)
    program = lower(
        start, recipe.derivations, resolved.names.outputs, generic=generic, weights=weights
    )
    read = program.names - {e.target.name for e in program.equations}
    read.update(name for _, name in given.pairs)
    shapes = {name: sizes.shape(name) for name in resolved.names.inputs if name in read}
    return _Lowered(program, {name: s for name, s in shapes.items() if s is not None})


def _start(recipe: Recipe, sizes: Sizes) -> Sizes:
    """The sizes of the program that was written, for those of what was derived from it."""
    return sizes.on(recipe.base) if recipe.derivations else sizes


def _lengths(
    resolved: Resolved, recipe: Recipe, sizes: Sizes, lowered: _Lowered
) -> tuple[dict[str, tuple[str, int]], list[Equation]]:
    """Where the code finds each size that it computes with.

    Returns:
        By the size's name the input and the axis that has it, if one does, best one that is read
        anyway; and equations for the sizes that only a declaration or the user gives.
    """
    start = sizes.on(recipe.base)
    types = recipe.base.types
    read = lowered.program.names - {*resolved.names.inputs, *resolved.names.defined}
    inputs = sorted(resolved.names.inputs, key=lambda name: name not in lowered.inputs)
    axes = [(name, k) for name in inputs for k in range(types.rank(name))]
    lengths: dict[str, tuple[str, int]] = {}
    numbers = {}
    for letter, key in _letter_types(start).items():
        name = f"{letter}{SIZE_SUFFIX}"
        holder = next((axis for axis in axes if types.axis(*axis) == key), None)
        if name in read and holder is not None:
            lengths[name] = holder
        elif name in read:
            number = Number(lowered.program.sizes[letter])
            numbers[name] = Equation(Access(name), "=", number)
    return lengths, list(numbers.values())


def _checked(
    sizes: Sizes, inputs: Sequence[str], free: Collection[object]
) -> dict[str, list[tuple[str, int | None]]]:
    """The letters of inputs' axes, with the sizes of those types that are not free."""
    types = sizes.resolved.types
    found: dict[str, list[tuple[str, int | None]]] = {name: [] for name in inputs}
    for (name, axis), letter in axis_letters(sizes.resolved, inputs).items():
        size = None if types.axis(name, axis) in free else sizes.axis(name, axis)
        found[name].append((letter, size))
    return found


def _letter_types(sizes: Sizes) -> dict[str, object]:
    """The type of each letter under the name that it has program-wide."""
    resolved, found = sizes.resolved, dict[str, object]()
    renamed = attach_sizes(sizes).equations
    for number, equations in enumerate(zip(resolved.equations, renamed, strict=True)):
        for index, letter in zip(*map(equation_indices, equations), strict=True):
            found[unprimed(letter)] = resolved.types.letter(number, index)
    return found
