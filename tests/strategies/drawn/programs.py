"""Programs drawn at random, every clause in every place."""

from __future__ import annotations

import random

from tests.strategies.drawn.model import (
    DEFINITIONS,
    Affine,
    Apply,
    Expression,
    Letter,
    Number,
    Over,
    Program,
    Read,
    Tensor,
    walk,
)
from tests.strategies.drawn.recurrences import Recurrences
from tests.strategies.language.tensors import Draw


def drawn(source: random.Random) -> Program:
    """A program with a scalar ``L`` that depends on all its tensors."""
    return _Programs(Draw(source)).program()


class _Programs(Recurrences):
    def program(self) -> Program:
        draw = self.draw
        if draw.chance(35):
            self.declare()
        for _ in range(draw.choose((1, 1, 2, 2, 3))):
            kinds = (
                *(self.assignment,) * 5,
                *(self.accumulation,) * 3,
                *(self.extremum,) * 2,
                *(self.pieces, self.scattered, self.scattered, self.computed, self.computed),
                *(self.recurrence,) * 3,
            )
            draw.choose(kinds)()
        self.loss()
        self.declare_tensors()
        functions = {n.function for p in self.parts for n in walk(p) if isinstance(n, Apply | Over)}
        definitions = tuple(name for name in DEFINITIONS if name in functions)
        return Program(
            tuple(self.indices),
            dict(self.tensors),
            tuple(self.declarations),
            definitions,
            tuple(self.parts),
        )

    def declare(self) -> None:
        """Letters of declared types, the size declared or that of an input."""
        draw = self.draw
        for names, kind in ((("a", "c"), "row"), (("d",), "column")):
            if kind == "column" and draw.chance(50):
                continue
            size = self.size()
            known = draw.chance(60)
            if not known:
                name = self.name("v")
                self.tensors[name] = Tensor(name, (size,), (kind,))
                self.declarations.append((draw.choose(("input", "param")), name, (names[0],)))
            for name in names:
                self.indices.append((name, kind, size if known else None))
                self.declared_letters.append(Letter(name, 0, size, kind))

    def declare_tensors(self) -> None:
        """Sometimes lines for inputs and outputs, which say nothing new."""
        draw = self.draw
        named = {name for _, name, _ in self.declarations}
        read = {n.name for p in self.parts for n in walk(p) if isinstance(n, Read)}
        for name, tensor in self.tensors.items():
            given = name not in self.defined and name in read and tensor.positions is None
            if given and name not in named and draw.chance(12):
                # A letter of its own for each axis: of the declared type, if it has one.
                places = [
                    next((x.name for x in self.declared_letters if x.type == kind), f"w{axis}")
                    if kind
                    else f"w{axis}"
                    for axis, kind in enumerate(tensor.types)
                ]
                if len(set(places)) == len(places) and "cell" not in tensor.types:
                    self.declarations.append((draw.choose(("input", "param")), name, tuple(places)))
        if draw.chance(25):
            outputs = [n for n in self.defined if n not in named and n != "L" and draw.chance(50)]
            for name in (*outputs, "L"):
                places = tuple(f"w{axis}" for axis in range(len(self.tensors[name].shape)))
                if not any(self.tensors[name].types):
                    self.declarations.append(("output", name, places))

    def loss(self) -> None:
        """A scalar made of every tensor whose cells are finite."""
        self.used = []
        terms: list[Expression] = []
        for name in self.defined:
            tensor = self.tensors[name]
            if tensor.infinite:
                continue
            along = tuple(
                Letter(f"p{len(terms)}{axis}", 0, size, kind)
                for axis, (size, kind) in enumerate(zip(tensor.shape, tensor.types, strict=True))
            )
            read = Read(name, tuple(Affine(((1, x),)) for x in along))
            cell = Apply(self.draw.choose(("tanh", "sin")), (read,))
            weight = self.new(along) if self.draw.chance(40) else Number(0.5)
            term: Expression = Apply("*", (weight, cell))
            terms.append(Over("sum", along, term) if along else term)
        total = terms[0] if len(terms) == 1 else Apply("+", tuple(terms)) if terms else Number(1.0)
        self.say(Read("L"), "=", total)
        self.finish("L", ())
