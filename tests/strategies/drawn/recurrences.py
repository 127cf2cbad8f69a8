"""Recurrences: up and down, with a base, from a start, by lags, by ``max=``."""

from __future__ import annotations

from dataclasses import replace

from tests.strategies.drawn.equations import Equations
from tests.strategies.drawn.model import (
    Affine,
    Apply,
    Equation,
    Expression,
    Joined,
    Letter,
    Loop,
    Number,
    Over,
    Read,
    at,
)


class Recurrences(Equations):
    """Tensors that read themselves at other positions."""

    def recurrence(self) -> None:
        """``h[t,j] = … h[t-1,k] …`` up or down, with or without a base, or from a start."""
        draw, name = self.draw, self.name("h")
        manner = draw.choose(("zero", "base", "base", "start", "lag", "max"))
        descending = manner in ("zero", "base") and draw.chance(35)
        start = manner == "start"
        size = draw.number(1, 3) + start
        row = (Letter("j", 0, draw.number(1, 3)),) if draw.chance(60) else ()
        t = Letter("t", int(start), size)
        margin = {"start": (0, 0), "lag": (2, 0)}.get(manner, (0, 1) if descending else (1, 0))
        shape = (size, *(x.stop for x in row))
        value = self.step(name, manner, t, row, 1 if descending else -1)
        before = self.bases(name, manner, row, descending)
        # Its own size is what the line is about to say.
        operator = "max=" if manner == "max" else "="
        main = self.said(at(name, (t, *row)), operator, value, [t] if start else [])
        if descending and t in main.clauses:
            before = ()  # Beside a range, a base at end+1 is refused still.
        self.parts.append(Loop(before, (main,), t, descending))
        self.finish(name, shape, self.types(main), margin=margin)

    def step(
        self, name: str, manner: str, t: Letter, row: tuple[Letter, ...], step: int
    ) -> Expression:
        """What a position takes from the one before, and what comes to it."""
        draw = self.draw
        self.used = [t, *row]
        inner = at(name, row).subscripts

        def state(places: tuple[Affine | Joined | Read, ...] = inner, back: int = 1) -> Read:
            return Read(name, (Affine(((1, t),), step * back), *places))

        previous: Expression = state()
        if row and draw.chance(50):
            k = replace(row[0], name="k")
            self.used.append(k)
            mixed = (state((Affine(((1, k),)),)), self.new((k, row[0])))
            silent = manner != "max" and draw.chance(60)
            previous = Over("sum", (k,), Apply("*", mixed), silent=silent)
        if manner == "lag":
            previous = Apply("+", (previous, Apply("*", (Number(0.5), state(back=2)))))
        body: Expression = Apply("+", (previous, self.new((t, *row), plain=draw.chance(70))))
        if draw.chance(60):
            body = Apply(draw.choose(("tanh", "sin")), (body,))
        return Apply("+", (body, self.value((t, *row), 1))) if draw.chance(40) else body

    def bases(
        self, name: str, manner: str, row: tuple[Letter, ...], descending: bool
    ) -> tuple[Equation, ...]:
        """The cells before the first position, or the first cell itself."""
        places = {
            "zero": (),
            "start": (Affine(),),
            "lag": (Affine((), -1), Affine((), -2)),
        }.get(manner, (Affine((), 1, 1) if descending else Affine((), -1),))
        lines = []
        for place in places:
            self.used = [*row]
            target = Read(name, (place, *at(name, row).subscripts))
            lines.append(self.said(target, "=", self.value(row, 1)))
        return tuple(lines)
