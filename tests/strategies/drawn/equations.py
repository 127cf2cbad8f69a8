"""Equations: every operator and every kind of left side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tests.strategies.drawn.anchors import unsaid
from tests.strategies.drawn.expressions import Expressions
from tests.strategies.drawn.model import (
    Affine,
    Apply,
    Equation,
    Expression,
    Joined,
    Letter,
    Number,
    Read,
    Tensor,
    at,
    equations,
    letters,
    spoken,
)


class Equations(Expressions):
    """Equations that define tensors, with the clauses that they need."""

    def say(self, target: Read, operator: str, expression: Expression) -> Equation:
        self.parts.append(self.said(target, operator, expression))
        assert isinstance(self.parts[-1], Equation)
        return self.parts[-1]

    def said(
        self, target: Read, operator: str, expression: Expression, always: Sequence[Letter] = ()
    ) -> Equation:
        """The equation with the clauses that it needs, and perhaps with more."""
        if operator in ("max=", "min="):
            expression = spoken(expression)  # There a sum is written.
        bare = Equation(target, operator, expression)
        known = frozenset(x.name for x in self.declared_letters)
        needing = unsaid(bare, self.tensors, known) | set(always)
        for x in letters(bare):
            if x not in needing and self.draw.chance(4):
                needing = unsaid(bare, self.tensors, known, frozenset({*needing, x}))
        return replace(bare, clauses=tuple(x for x in letters(bare) if x in needing))

    def finish(
        self,
        name: str,
        shape: Sequence[int],
        types: Sequence[str | None] = (),
        **more: object,
    ) -> None:
        kinds = tuple(types) or (None,) * len(shape)
        lines = [e for part in self.parts for e in equations(part) if e.target.name == name]
        late = any(e.clauses or not _plain(e.target) for e in lines)
        self.tensors[name] = Tensor(name, tuple(shape), kinds, late=late, **more)  # type: ignore[arg-type]
        if name not in self.defined:
            self.defined.append(name)

    def target(self, count: int | None = None, *, start: bool = True) -> tuple[Letter, ...]:
        count = self.draw.choose((0, 1, 1, 1, 2, 2)) if count is None else count
        return tuple(self.letter(start=start) for _ in range(count))

    def types(self, equation: Equation) -> list[str | None]:
        """The types of what an equation defines at plain subscripts."""
        found = []
        for s in equation.target.subscripts:
            plain = s.plain if isinstance(s, Affine) else None
            found.append(plain.type if plain and plain not in equation.clauses else None)
        return found

    def assignment(self) -> None:
        """``y[i,j] = …``, perhaps with more added to it."""
        self.used = []
        along = self.target()
        name = self.name("y")
        equation = self.say(at(name, along), "=", self.value(along, 2))
        whole = not equation.clauses
        shape = [x.stop for x in along]
        self.finish(name, shape, self.types(equation))
        while whole and self.draw.chance(25):
            self.add_to(name)

    def add_to(self, name: str) -> None:
        """``y[…] += …`` for some cells of a tensor whose axes are known."""
        self.used = []
        tensor = self.tensors.pop(name)
        along, places = [], []
        for size, kind in zip(tensor.shape, tensor.types, strict=True):
            x = replace(self.letter(), start=0, stop=size, type=kind)
            if x.name in {d.name for d in self.declared_letters} or "'" in x.name:
                x = replace(x, name=f"e{len(self.used)}")
            if size and self.draw.chance(20):
                x = replace(x, start=self.draw.number(0, size - 1))
            self.used[-1] = x
            along.append(x)
            places.append(Affine(((1, x),)))
        value = self.summands(tuple(along))
        always = [x for x in along if x.start]
        self.parts.append(self.said(Read(name, tuple(places)), "+=", value, always))
        self.tensors[name] = tensor

    def accumulation(self) -> None:
        """Lines of ``+=`` alone."""
        self.used = []
        along = self.target()
        name = self.name("y")
        equation = self.say(at(name, along), "+=", self.summands(along))
        shape = [x.stop for x in along]
        whole = not equation.clauses
        self.finish(name, shape, self.types(equation))
        while whole and self.draw.chance(40):
            self.add_to(name)

    def extremum(self) -> None:
        """``max=`` or ``min=``, of which an index that is not on the left may go over more than one."""
        self.used = []
        along = self.target(start=False)
        operator = self.draw.choose(("max=", "min="))
        name = self.name("y")
        inner = tuple(self.letter() for _ in range(self.draw.choose((0, 1, 1))))
        twice = Apply("*", (Number(2.0), self.new((*along, *inner))))
        equation = self.say(at(name, along), operator, twice if inner else self.value(along, 1))
        infinite = any(x.start or not x.size for x in (*along, *inner))
        shape = [x.stop for x in along]
        whole = not equation.clauses
        self.finish(name, shape, self.types(equation), infinite=infinite)
        if whole and self.draw.chance(40):
            tensor = self.tensors.pop(name)
            self.used = []
            again = tuple(
                Letter("ef"[axis], 0, size, kind)
                for axis, (size, kind) in enumerate(zip(tensor.shape, tensor.types, strict=True))
            )
            self.used += again
            self.say(at(name, again), operator, self.value(again, 1))
            self.tensors[name] = tensor

    def pieces(self) -> None:
        """``y[0,j] = …; y[i,j] = … where i in 1:3``."""
        self.used = []
        draw = self.draw
        size, name = draw.number(2, 3), self.name("y")
        rest = self.target(draw.choose((0, 1)), start=False)
        inner = tuple(Affine(((1, x),)) for x in rest)
        first = self.value(rest, 1)
        head = self.said(Read(name, (Affine(), *inner)), "=", first)
        saved = self.used
        self.used = []
        x = Letter("g", 1, size)
        again = tuple(replace(r, name=f"{'ef'[n]}") for n, r in enumerate(rest))
        self.used = [x, *again]
        value = self.value((x, *again), 1)
        tail = self.said(at(name, (x, *again)), "=", value, [x])
        self.used = saved
        lines = [head, tail]
        self.parts += draw.permuted(lines)
        types = [
            kind if kind == other else None
            for kind, other in zip(self.types(head), self.types(tail), strict=True)
        ]
        self.finish(name, (size, *(r.stop for r in rest)), types)

    def scattered(self) -> None:
        """Written where a tensor of positions says, or round an axis that a line declares."""
        self.used = []
        draw, name = self.draw, self.name("y")
        size = draw.number(1, 3)
        kind = f"cell{len(self.indices)}"
        letter = f"u{len(self.indices)}"
        along = self.target(draw.choose((1, 1, 2)))
        self.indices.append((letter, kind, size))
        self.declarations.append((draw.choose(("local", "output")), name, (letter,)))
        place: Affine | Read
        if draw.chance(50):
            place = self.positions(along, size)
        else:
            terms = tuple((draw.choose((1, 1, 2, -1)), x) for x in along)
            mode = draw.choose(("wrap", "clamp", "pad"))
            place = Affine(terms, draw.number(-1, 2), mode=mode)
        operator = draw.choose(("+=", "+=", "+=", "max=", "min="))
        value = self.value(along, 1)
        self.say(Read(name, (place,)), operator, value)
        self.finish(name, (size,), (kind,), infinite=operator != "+=")
        if any(d[0] == "output" for d in self.declarations):
            self.declarations = [
                ("local" if d[0] == "output" else d[0], *d[1:]) for d in self.declarations
            ]

    def computed(self) -> None:
        """Written at combinations of indices: strides, diagonals, groups, what overlaps."""
        self.used = []
        draw, name = self.draw, self.name("y")
        along = self.target(draw.choose((1, 2, 2)))
        kind = draw.choose(("shift", "stride", "diagonal", "group", "overlap"))
        operator = "+="
        if kind == "diagonal" and not along[0].start:
            x = along[0]
            places: tuple[Affine | Joined, ...] = (Affine(((1, x),)), Affine(((1, x),)))
            along, shape, operator = (x,), [x.stop, x.stop], "="
        elif kind == "group" and len(along) == 2 and not any(x.start for x in along):
            places, shape, operator = (Joined(along),), [along[0].stop * along[1].stop], "="
        else:
            factors = [draw.choose((1, 1, 2, 2, 3)) for _ in along]
            shift = draw.number(0, 2)
            terms = tuple(zip(factors, along, strict=True))
            if len(along) == 1 and draw.chance(50):
                operator = "="
            place = Affine(terms, shift)
            if place.plain is not None:
                place = replace(place, constant=1)
            places = (place,)
            ends = [f * (x.stop - 1) for f, x in terms]
            shape = [sum(ends) + place.constant + 1]
            if any(not x.size for x in along):
                return
        equation = self.say(Read(name, places), operator, self.value(along, 1))
        types = self.types(equation) if kind == "diagonal" else [None] * len(shape)
        self.finish(name, shape, types)


def _plain(target: Read) -> bool:
    return all(isinstance(s, Affine) and s.plain is not None for s in target.subscripts)
