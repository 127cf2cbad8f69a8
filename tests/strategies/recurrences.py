"""Flat recurrences drawn at random: lags, directions, axis orders, several tensors, readers outside."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from einprop.notation.tree import (
    Access,
    Add,
    Affine,
    Call,
    Equation,
    Expression,
    Index,
    Multiply,
    Subscript,
)
from tests.strategies.subscripts import FlatCase


class Recurrence:
    """A program while it is being drawn.

    Every tensor keeps an axis order of its own; every equation may call the loop's letter t or s.
    """

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.lag = draw(st.integers(1, 3))
        self.descending = draw(st.booleans())
        steps = draw(st.integers(0 if draw(st.integers(0, 9)) == 0 else 1, 4))
        width = draw(st.integers(1, 3))
        self.sizes = {"t": steps, "s": steps, "T": steps + self.lag, "l": self.lag}
        self.sizes |= {"b": draw(st.integers(1, 3)), "j": width, "k": width}
        self.orders: dict[str, tuple[str, ...]] = {}
        self.equations: list[Equation] = []
        self.tensors: dict[str, NDArray[Any]] = {}
        self.rng = np.random.default_rng(draw(st.integers(0, 9)))

    def tensor(self, name: str, **places: Subscript | str) -> Access:
        """A tensor at subscripts by the name of the axis, in its own order."""
        if name not in self.orders:
            self.orders[name] = tuple(self.draw(st.permutations(sorted(places))))
        found = [places[axis] for axis in self.orders[name]]
        return Access(name, tuple(Index(p) if isinstance(p, str) else p for p in found))

    def given(self, name: str, **places: str) -> Access:
        """An input."""
        access = self.tensor(name, **places)
        letters = [s.name for s in access.subscripts if isinstance(s, Index)]
        self.tensors.setdefault(name, self.rng.normal(size=[self.sizes[i] for i in letters]))
        return access

    def define(self, target: Access, value: Expression, operator: str = "=") -> None:
        """An equation, its loop letter t or s."""
        equation = Equation(target, operator, value)
        self.equations.append(_renamed(equation) if self.draw(st.booleans()) else equation)

    def before(self, back: int) -> Affine:
        """The place in the whole sequence that is ``back`` positions before the one at hand."""
        return Affine(((1, "t"),), back if self.descending else self.lag - back)

    def cell(self, name: str, inside: Expression) -> None:
        """One tensor of the cycle: what it is computed from, and where it goes."""
        self.define(self.tensor(name, t="t", b="b", j="j"), Call("tanh", (inside,)))
        here = self.tensor(name, t="t", b="b", j="j")
        self.define(self.tensor(name.upper(), T=self.before(0), b="b", j="j"), here, "+=")
        if self.draw(st.booleans()):
            first = self.sizes["t"] if self.descending else 0
            base = Affine(((1, "l"),), first)
            start = self.given(f"{name}0", l="l", b="b", j="j")
            self.define(self.tensor(name.upper(), T=base, b="b", j="j"), start, "+=")

    def past(self, name: str, number: int, letter: str) -> Access:
        """What stood in the sequence some positions before."""
        back = self.draw(st.integers(1, self.lag))
        made = f"r{number}"
        whole = self.tensor(name.upper(), T=self.before(back), b="b", j=letter)
        self.define(self.tensor(made, t="t", b="b", j=letter), whole)
        return self.tensor(made, t="t", b="b", j=letter)

    def average(self, name: str, number: int) -> Access:
        """All that is still in reach, weighted."""
        place = Affine(((1, "t"), (1, "l")), 1 if self.descending else 0)
        window = self.tensor(f"w{number}", t="t", l="l", b="b", j="j")
        self.define(window, self.tensor(name.upper(), T=place, b="b", j="j"))
        product = Multiply((window, self.given("a", l="l")))
        made = self.tensor(f"p{number}", t="t", b="b", j="j")
        self.define(made, Call("sum", (product,), ("l",)))
        return made


def _renamed(equation: Equation) -> Equation:
    """The equation with s for t."""

    def access(node: Access) -> Access:
        return Access(node.name, tuple(map(subscript, node.subscripts)))

    def subscript(node: Subscript) -> Subscript:
        match node:
            case Index("t"):
                return Index("s")
            case Affine(terms, constant):
                return Affine(tuple((c, "s" if i == "t" else i) for c, i in terms), constant)
            case Access():
                return access(node)
        return node

    def rename(node: Expression) -> Expression:
        match node:
            case Access():
                return access(node)
            case Add(terms):
                return Add(tuple(map(rename, terms)))
            case Multiply(factors):
                return Multiply(tuple(map(rename, factors)))
            case Call(function, arguments, indices):
                letters = tuple("s" if i == "t" else i for i in indices)
                return Call(function, tuple(map(rename, arguments)), letters)
        return node

    return Equation(access(equation.target), equation.operator, rename(equation.expression))


@st.composite
def recurrences(draw: st.DrawFn) -> FlatCase:
    """One or two tensors that need each other's past, and readers of them outside of the loop."""
    r = Recurrence(draw)
    names = draw(st.sampled_from([("h",), ("h", "c")]))
    for number, name in enumerate(names):
        other = draw(st.sampled_from(names))
        past = r.past(other, number, "k")
        mixed = r.tensor(f"m{number}", t="t", b="b", j="j")
        r.define(mixed, Call("sum", (Multiply((past, r.given("U", k="k", j="j"))),), ("k",)))
        terms = [mixed]
        if draw(st.booleans()):
            terms.append(r.given(f"x{number}", t="t", b="b", j="j"))
        if draw(st.booleans()):
            terms.append(r.average(draw(st.sampled_from(names)), number))
        if number and draw(st.booleans()):
            terms.append(r.tensor("h", t="t", b="b", j="j"))
        if draw(st.booleans()):
            scaled = r.tensor(f"q{number}", t="t", b="b", j="j")
            r.define(scaled, Multiply((mixed, r.given("g", t="t"))))
            terms.append(scaled)
        r.cell(name, Add(tuple(terms)) if len(terms) > 1 else terms[0])
    readers(r)
    outputs = draw(
        st.lists(st.sampled_from(["H", "h", "y", "v", "z", "r0", "m0"]), min_size=1, unique=True)
    )
    known = {equation.target.name for equation in r.equations}
    order = draw(st.permutations(r.equations)) if draw(st.booleans()) else r.equations
    axes = {name: tuple(axis for axis in r.orders[name]) for name in ("H", "C") if name in r.orders}
    return FlatCase(tuple(order), r.sizes, r.tensors, tuple(o for o in outputs if o in known), axes)


def readers(r: Recurrence) -> None:
    """Equations outside of the loop: the last position, everything at once, a whole contraction."""
    last = 0 if r.descending else r.sizes["T"] - 1
    r.define(r.tensor("y", b="b", j="j"), r.tensor("H", T=Affine((), last), b="b", j="j"))
    whole = r.tensor("h", t="t", b="b", j="j")
    r.define(r.tensor("v", b="b", t="t", j="j"), Call("exp", (whole,)))
    product = Multiply((r.tensor("r0", t="t", b="b", j="k"), whole))
    r.define(r.tensor("z", k="k", j="j"), Call("sum", (product,), ("t", "b")))
