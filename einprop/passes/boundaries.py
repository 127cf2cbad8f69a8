"""What lies outside of an axis made explicit: a larger tensor that holds the cells which are read there.

After this pass every position is inside of its axis. ``x[pad(i+p-1)]`` becomes a read of a tensor with
zeros around x, ``x[wrap(i+1)]`` of one that goes on with x's other end; a padded write adds to a larger
tensor of which x is the middle; and a recurrence with a base ``h[-1]`` runs on a tensor that starts
with the base.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import partial

from einprop.analysis.core import Extents, map_access, map_accesses
from einprop.analysis.indices import is_plain, numbered, subscript_indices, unprimed
from einprop.notation.functions import COMBINED
from einprop.notation.tree import (
    Access,
    Affine,
    Boundary,
    Call,
    Equation,
    Index,
    Subscript,
    accesses,
    reads,
)
from einprop.passes.margins import Margin, Piece, clamped, combinations, reach, wrapped
from einprop.passes.sized import SizedProgram, distinct, plain_position

__all__ = ["boundaries"]


def boundaries(program: SizedProgram, extents: Extents) -> SizedProgram:
    """The program with every position inside of its axis.

    Args:
        program: Sized core equations.
        extents: The cells that tensors have outside of their axes.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> lines = parse("y[i] = sum[p](x[pad(i+p-1)] K[p])")
    >>> axes = {"x": ("n",), "y": ("i",), "K": ("p",)}
    >>> program = SizedProgram(lines, {"i": 4, "n": 4, "p": 3}, ("y",), axes)
    >>> for equation in boundaries(program, {}).equations:
    ...     print(to_text(equation))
    _x1[n+1] += x[n]
    y[i] = sum[p](_x1[i+p] K[p])
    """
    computed = any(not is_plain(a) for e in program.equations for a in accesses(e))
    return _Boundaries(program, extents).run() if computed else program


class _Boundaries:
    def __init__(self, program: SizedProgram, extents: Extents) -> None:
        self.program = program
        self.extents = extents
        self.sizes = dict(program.sizes)
        self.axes = dict(program.axes)
        self.taken = program.names
        self.outputs = dict.fromkeys(program.outputs)
        self.created: dict[str, None] = {}
        # By larger tensor and axis: the pieces in which that axis is written.
        self.cells: dict[tuple[str, int], list[Subscript]] = {}

    def run(self) -> SizedProgram:
        equations = self.based(list(self.program.equations))
        for mode in ("pad", "wrap", "clamp"):
            equations = self.read_outside(equations, mode)
            equations = self.written_outside(equations, mode)
        return replace(
            self.program,
            equations=tuple(equations),
            sizes=self.sizes,
            axes=self.axes,
            temporaries=self.program.temporaries | frozenset(self.created),
        )

    # Names

    def larger(self, name: str, margins: dict[int, Margin]) -> str:
        """A new tensor like ``name`` with margins around some axes."""
        count = len(self.created) + 1
        while f"_x{count}" in self.taken or f"_x{count}" in self.created:
            count += 1
        new = f"_x{count}"
        self.created[new] = None
        axes = []
        for axis, letter in enumerate(self.axes[name]):
            margin = margins.get(axis, Margin())
            extra = margin.before + margin.after
            size = self.sizes[unprimed(letter)] + extra
            axes.append(self.letter(unprimed(letter), size) if extra else letter)
        self.axes[new] = distinct(axes)
        return new

    def letter(self, like: str, size: int) -> str:
        """A letter of a size that has a name like another's."""
        own = numbered(like, lambda i: i == like or self.sizes.get(i, size) != size)
        self.sizes[own] = size
        return own

    def whole(self, name: str, offsets: dict[int, int] | None = None) -> Access:
        """A tensor over its own axes, some of them shifted."""
        return Access(name, self.at(self.axes[name], offsets or {}))

    @staticmethod
    def at(letters: tuple[str, ...], offsets: dict[int, int]) -> tuple[Subscript, ...]:
        return tuple(
            Affine(((1, letter),), offsets[axis]) if axis in offsets else Index(letter)
            for axis, letter in enumerate(letters)
        )

    def shifted(self, access: Access, new: str, margins: dict[int, Margin]) -> Access:
        """An access to a tensor as one to a larger tensor that has it in its middle."""

        def position(axis: int, subscript: Subscript) -> Subscript:
            if axis not in margins:
                return subscript
            inner = subscript.subscript if isinstance(subscript, Boundary) else subscript
            size = self.sizes[unprimed(self.axes[new][axis])]
            match inner:
                case Index(name):
                    moved = Affine(((1, name),), margins[axis].before)
                case Affine(terms, constant):
                    moved = Affine(terms, constant + margins[axis].before)
                case _:
                    return subscript
            return plain_position(moved, size, self.sizes)

        positions = [position(axis, s) for axis, s in enumerate(access.subscripts)]
        return Access(new, tuple(positions))

    # Bases of recurrences

    def based(self, equations: list[Equation]) -> list[Equation]:
        """Tensors with cells outside of their axes, on larger ones that hold those cells too."""
        names = dict.fromkeys(a.name for e in equations for a in accesses(e))
        for name in names:
            margins = {
                axis: Margin(*self.extents[name, axis])
                for axis in range(len(self.axes[name]))
                if (name, axis) in self.extents
            }
            if not margins:
                continue
            found = [a for e in equations for a in accesses(e) if a.name == name]
            if any(self.leaves(a, axis) for a in found for axis in margins):
                equations = self.moved(equations, name, margins)
        return equations

    def leaves(self, access: Access, axis: int) -> bool:
        subscript = access.subscripts[axis]
        size = self.sizes[unprimed(self.axes[access.name][axis])]
        return isinstance(subscript, Affine) and reach(subscript, size, self.sizes) != Margin()

    def moved(
        self, equations: list[Equation], name: str, margins: dict[int, Margin]
    ) -> list[Equation]:
        new = self.larger(name, margins)
        offsets = {axis: margin.before for axis, margin in margins.items()}
        for axis, margin in margins.items():
            letter = self.axes[name][axis]
            size = self.sizes[unprimed(letter)]
            outside = [
                *range(margin.before),
                *range(margin.before + size, margin.before + size + margin.after),
            ]
            middle_cells: Subscript = Affine(((1, letter),), margin.before)
            self.cells[new, axis] = [middle_cells, *(Affine((), p) for p in outside)]
        middle = Access(new, self.at(self.axes[name], offsets))
        targets = [e.target for e in equations if e.target.name == name]

        def anywhere(access: Access) -> bool:
            # What is read by a boundary's rule or by a gather is read of the axis itself.
            return any(isinstance(access.subscripts[n], Boundary | Access) for n in margins)

        def move(access: Access) -> Access:
            moves = access.name == name and not anywhere(access)
            return self.shifted(access, new, margins) if moves else access

        equations = self.collected(equations, name, middle, anywhere)
        moved = [map_accesses(e, move) for e in equations]
        moved = [_adding(e) if e.target.name == new else e for e in moved]
        if all(self.is_base(target, margins) for target in targets):
            # The cells inside come from an input.
            return [Equation(middle, "+=", self.whole(name)), *moved]
        return [*moved, Equation(self.whole(name), "=", middle)]

    def collected(
        self,
        equations: list[Equation],
        name: str,
        middle: Access,
        anywhere: Callable[[Access], bool],
    ) -> list[Equation]:
        """What is written to the axes themselves, in a tensor of its own that adds to the middle."""
        scattered = [e for e in equations if e.target.name == name and anywhere(e.target)]
        if not scattered:
            return equations
        part = self.larger(name, {})
        operator = scattered[0].operator
        added = Equation(middle, operator, self.whole(part))
        return self.placed(
            [
                replace(e, target=replace(e.target, name=part)) if e in scattered else e
                for e in equations
            ],
            [added],
        )

    def is_base(self, target: Access, axes: Collection[int]) -> bool:
        """Whether all that is written lies outside."""
        return any(
            self.leaves(target, axis) and not subscript_indices(target.subscripts[axis])
            for axis in axes
        )

    # Reads and writes outside

    def read_outside(self, equations: list[Equation], mode: str) -> list[Equation]:
        wanted: dict[_Sides, dict[int, Margin]] = {}
        for access in (a for e in equations for a in reads(e)):
            self.note(access, mode, wanted)
        added: dict[_Sides, tuple[str, dict[int, Margin]]] = {}
        first: list[Equation] = []
        for (name, axes), margins in wanted.items():
            new = self.larger(name, margins)
            added[name, axes] = new, margins
            self.inherit(name, new, margins, mode)
            first += self.surrounded(name, new, margins, mode)

        def read(access: Access) -> Access:
            found = added.get(_sides(access, mode))
            return access if found is None else self.shifted(access, *found)

        changed = []
        for equation in equations:
            whole = map_accesses(equation, read)
            # The target itself is no read, but what stands in its subscripts is.
            target = replace(
                equation.target,
                subscripts=tuple(
                    map_access(s, read) if isinstance(s, Access) else s
                    for s in equation.target.subscripts
                ),
            )
            changed.append(replace(whole, target=target))
        return self.placed(changed, first)

    def inherit(self, name: str, new: str, margins: dict[int, Margin], mode: str) -> None:
        """Note in which pieces a larger tensor is written, for tensors that are larger still."""
        for axis, letter in enumerate(self.axes[name]):
            if axis not in margins and (name, axis) in self.cells:
                self.cells[new, axis] = self.cells[name, axis]
            elif axis in margins and mode == "pad":
                self.cells[new, axis] = [Affine(((1, letter),), margins[axis].before)]

    @staticmethod
    def placed(equations: list[Equation], added: list[Equation]) -> list[Equation]:
        """Each added equation behind the last one that defines what it reads."""
        last = {e.target.name: n for n, e in enumerate(equations)}
        behind: dict[int, list[Equation]] = {}
        for equation in added:
            sources = [last.get(a.name, -1) for a in reads(equation)]
            behind.setdefault(max(sources, default=-1), []).append(equation)
        result = list(behind.get(-1, ()))
        for number, equation in enumerate(equations):
            result += [equation, *behind.get(number, ())]
        return result

    def note(self, access: Access, mode: str, into: dict[_Sides, dict[int, Margin]]) -> None:
        for axis, subscript in enumerate(access.subscripts):
            if isinstance(subscript, Boundary) and subscript.mode == mode:
                size = self.sizes[unprimed(self.axes[access.name][axis])]
                margins = into.setdefault(_sides(access, mode), {})
                found = reach(subscript.subscript, size, self.sizes)
                margins[axis] = margins.get(axis, Margin()).joined(found)

    def surrounded(
        self, name: str, new: str, margins: dict[int, Margin], mode: str
    ) -> Iterator[Equation]:
        """The equations that put a tensor into the middle of a larger one, and its margins around it."""
        pieces = [
            self.pieces(name, axis, margins.get(axis), mode) for axis in range(len(self.axes[name]))
        ]
        for combination in combinations(pieces):
            target = Access(new, tuple(piece.there for piece in combination))
            source = Access(name, tuple(piece.here for piece in combination))
            yield Equation(target, "+=", source)

    def pieces(self, name: str, axis: int, margin: Margin | None, mode: str) -> list[Piece]:
        """The runs of cells along an axis of the larger tensor, and what each is a copy of."""
        letter = self.axes[name][axis]
        if margin is None:
            # A recurrence must not wait for cells that its base gives: they are copied apart.
            return [Piece(s, s) for s in self.cells.get((name, axis), [Index(letter)])]
        size, before = self.sizes[unprimed(letter)], margin.before
        total = before + size + margin.after
        here = plain_position(Affine(((1, letter),), before), total, self.sizes)
        middle = Piece(Index(letter), here)
        run = partial(self.run_letter, letter)
        match mode:
            case "wrap":
                return [middle, *wrapped(size, margin, run, self.sizes)]
            case "clamp":
                return [middle, *clamped(size, margin, run)]
            case _:
                return [middle]

    def run_letter(self, like: str, length: int) -> str:
        """A letter for a run of cells, with the primes of its axis: two axes have two letters."""
        base = unprimed(like)
        return self.letter(f"{base}r", length) + like[len(base) :]

    def written_outside(self, equations: list[Equation], mode: str) -> list[Equation]:
        """Writes outside of an axis go to a larger tensor; what it holds inside is added to the target."""
        wanted: dict[_Sides, dict[int, Margin]] = {}
        for equation in equations:
            self.note(equation.target, mode, wanted)
        for (name, axes), margins in wanted.items():
            new = self.larger(name, margins)
            self.inherit(name, new, margins, mode)
            outside = [_sides(e.target, mode) == (name, axes) for e in equations]
            changed = [
                _adding(replace(e, target=self.shifted(e.target, new, margins))) if moves else e
                for e, moves in zip(equations, outside, strict=True)
            ]
            operator = changed[outside.index(True)].operator
            back = [self.returned(e, operator) for e in self.surrounded(name, new, margins, mode)]
            equations = self.placed(changed, back)
        return equations

    @staticmethod
    def returned(equation: Equation, operator: str) -> Equation:
        """The adjoint of a copy: what was written to the copy goes to its source."""
        assert isinstance(equation.expression, Access)
        target, source = equation.expression, equation.target
        left = {i for s in target.subscripts for i in subscript_indices(s)}
        lone = tuple(i for s in source.subscripts for i in subscript_indices(s) if i not in left)
        body = Call(COMBINED[operator], (source,), lone) if lone else source
        return Equation(target, operator, body)


def _adding(equation: Equation) -> Equation:
    return replace(equation, operator="+=") if equation.operator == "=" else equation


_Sides = tuple[str, tuple[int, ...]]
"""A tensor, and the axes along which it is read or written outside: each such set has a larger tensor."""


def _sides(access: Access, mode: str) -> _Sides:
    outside = (isinstance(s, Boundary) and s.mode == mode for s in access.subscripts)
    return access.name, tuple(axis for axis, is_outside in enumerate(outside) if is_outside)
