"""Letters and reads: subscripts of every kind, of tensors that there are or that come with them."""

from __future__ import annotations

from dataclasses import replace

from tests.strategies.drawn.model import (
    Affine,
    Equation,
    Expression,
    Joined,
    Letter,
    Loop,
    Number,
    Read,
    Tensor,
    free,
    letters,
)
from tests.strategies.language.tensors import Draw

NUMBERS = (0.5, 2.0, 1.5, 0.25, 3.0, 1.0)


class Reads:
    """The program so far, and the letters of the equation that is drawn."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.tensors: dict[str, Tensor] = {}
        self.indices: list[tuple[str, str, int | None]] = []
        self.declared_letters: list[Letter] = []
        self.declarations: list[tuple[str, str, tuple[str, ...]]] = []
        self.parts: list[Equation | Loop] = []
        self.defined: list[str] = []
        self.used: list[Letter] = []

    def name(self, stem: str) -> str:
        return f"{stem}{len(self.tensors)}"

    def size(self) -> int:
        return self.draw.choose((1, 2, 2, 3, 3, 3, 0) if self.draw.chance(25) else (1, 2, 2, 3, 3))

    def letter(self, *, start: bool = True) -> Letter:
        """A letter that the equation does not have, often with a range of its own."""
        draw = self.draw
        taken = {x.name for x in self.used}
        open_ = [x for x in self.declared_letters if x.name not in taken]
        if open_ and draw.chance(35):
            chosen = draw.choose(open_)
            if chosen.stop and draw.chance(15):
                chosen = replace(chosen, start=draw.number(0, chosen.stop - 1))
            self.used.append(chosen)
            return chosen
        name = draw.choose([n for n in "ijklmn" if n not in taken])
        kind: str | None = None
        if self.used and draw.chance(30):
            root = draw.choose(self.used)
            name, kind = root.root + "'", None
            while name in taken:
                name += "'"
            if draw.chance(60):
                found = replace(root, name=name)
                self.used.append(found)
                return found
        axes = [
            (size, kind_)
            for t in self.tensors.values()
            for size, kind_ in zip(t.shape, t.types, strict=True)
            if t.positions is None
        ]
        if axes and draw.chance(60):
            size, kind = draw.choose(axes)
        else:
            size = self.size()
        first = draw.number(0, max(size - 1, 0)) if start and draw.chance(15) else 0
        found = Letter(name, first, size, kind)
        self.used.append(found)
        return found

    def read(self, along: tuple[Letter, ...], *, must: bool) -> Expression:
        """A tensor at subscripts that hold some letters."""
        draw = self.draw
        readable = [t for t in self.tensors.values() if t.positions is None and not t.infinite]
        if readable and draw.chance(55):
            tensor = draw.choose(readable)
            found = self.read_old(tensor, along)
            if found is not None and (not must or all(x in free(found) for x in along)):
                return found
        if must or draw.chance(80):
            return self.new(along)
        return Number(draw.choose(NUMBERS))

    def read_old(self, tensor: Tensor, along: tuple[Letter, ...]) -> Read | None:
        draw, left = self.draw, list(self.draw.permuted(along))
        places = []
        for size, kind in zip(tensor.shape, tensor.types, strict=True):
            fitting = [x for x in left if x.stop == size and x.type == kind]
            if fitting and draw.chance(65):
                x = fitting[0]
                left.remove(x)
                places.append(Affine(((1, x),)))
                continue
            some = tuple(left[: draw.choose((0, 1, 1, 2))])
            place = self.inside(some, size) or self.inside((), size)
            if place is None:
                if not left:
                    return None
                some = (left[0],)
                place = Affine(((1, left[0]),), draw.number(-1, 1), mode="pad")
            for x in letters(place):
                if x in left:
                    left.remove(x)
            places.append(place)
        return Read(tensor.name, tuple(places))

    def inside(self, along: tuple[Letter, ...], size: int) -> Affine | Joined | Read | None:
        """A subscript for an axis of a known size, of exactly these letters."""
        draw = self.draw
        if not size:
            return None
        if along and draw.chance(6):
            return self.positions(along, size)
        if along and draw.chance(15):
            terms = tuple((draw.choose((1, 1, 2, -1)), x) for x in along)
            mode = draw.choose(("pad", "wrap", "clamp"))
            return Affine(terms, draw.number(-2, 2), mode=mode)
        if any(not x.size for x in along):
            return None
        factors = [draw.choose((1, 1, 1, 2, -1)) for _ in along]
        terms = tuple(zip(factors, along, strict=True))
        low = sum(min(f * x.start, f * (x.stop - 1)) for f, x in terms)
        high = sum(max(f * x.start, f * (x.stop - 1)) for f, x in terms)
        if high - low >= size:
            return None
        constant = draw.number(-low, size - 1 - high)
        if draw.chance(20):
            return Affine(terms, constant - size + 1, 1)
        return Affine(terms, constant)

    def positions(self, along: tuple[Letter, ...], size: int) -> Read:
        """A tensor of positions below a size, read at plain letters."""
        name = self.name("k")
        shape = tuple(x.stop for x in along)
        self.tensors[name] = Tensor(name, shape, tuple(x.type for x in along), positions=size)
        return Read(name, tuple(Affine(((1, x),)) for x in along))

    def new(self, along: tuple[Letter, ...], *, plain: bool = False) -> Read:
        """A new input at subscripts that hold these letters, mostly plain ones."""
        draw = self.draw
        places: list[Affine | Joined | Read] = []
        axes: list[tuple[int, str | None]] = []
        left = list(draw.permuted(along))
        while left:
            some: tuple[Letter, ...] = (left.pop(0),)
            if not plain and not draw.chance(60):
                some += (left.pop(0),) if left and draw.chance(40) else ()
                place, size = self.placed(some)
                if place is not None:
                    places.append(place)
                    axes.append((size, None))
                    continue
            for x in some:
                # The axis may be longer than the range.
                longer = draw.chance(12) and not plain
                places.append(Affine(((1, x),)))
                axes.append((x.stop + 1, None) if longer else (x.stop, x.type))
        if draw.chance(6):
            size = draw.number(1, 3)
            places.append(self.inside((), size) or Affine())
            axes.append((size, None))
        name = self.name("x")
        self.tensors[name] = Tensor(name, tuple(n for n, _ in axes), tuple(t for _, t in axes))
        return Read(name, tuple(places))

    def placed(self, some: tuple[Letter, ...]) -> tuple[Affine | Joined | Read | None, int]:
        """A computed subscript of these letters, and an axis that it stays inside of."""
        draw = self.draw
        if len(some) == 2 and draw.chance(20) and not any(x.start for x in some):
            return Joined(some), some[0].stop * some[1].stop
        first = draw.number(1, 5)
        tried = ((self.inside(some, size), size) for size in range(first, 13))
        return next(((place, size) for place, size in tried if place is not None), (None, 0))
