"""Flat programs drawn at random: windows, gathers and contributions at any subscripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from einprop.notation.printer import to_text
from einprop.notation.tree import (
    Access,
    Affine,
    Call,
    Equation,
    Expression,
    Index,
    Multiply,
    Number,
    Subscript,
)

LETTERS = "ijklm"


@dataclass(frozen=True)
class FlatCase:
    """A flat program at given sizes, with inputs."""

    equations: tuple[Equation, ...]
    sizes: dict[str, int]
    tensors: dict[str, NDArray[Any]]
    outputs: tuple[str, ...]
    axes: dict[str, tuple[str, ...]]

    def __repr__(self) -> str:
        text = "; ".join(to_text(e) for e in self.equations)
        shapes = {name: array.shape for name, array in self.tensors.items()}
        return f"FlatCase({text!r}, {self.sizes}, {shapes}, {self.outputs}, {self.axes})"


def access(name: str, letters: str | tuple[str, ...]) -> Access:
    return Access(name, tuple(Index(letter) for letter in letters))


@st.composite
def sized(draw: st.DrawFn) -> dict[str, int]:
    least = 0 if draw(st.integers(0, 15)) == 0 else 1
    return {letter: draw(st.integers(least, 4)) for letter in LETTERS}


@st.composite
def affine(draw: st.DrawFn, sizes: dict[str, int], slack: int) -> tuple[Subscript, int]:
    """A subscript with the size of an axis that it stays inside."""
    letters = draw(st.lists(st.sampled_from(LETTERS), max_size=2, unique=True))
    terms = tuple((draw(st.sampled_from([1, 1, 1, 2, 3, -1, -2])), i) for i in letters)
    spans = [factor * max(sizes[i] - 1, 0) for factor, i in terms]
    low, high = sum(min(s, 0) for s in spans), sum(max(s, 0) for s in spans)
    first = draw(st.integers(0, slack))
    size = first - low + high + 1 + draw(st.integers(0, slack))
    if len(terms) == 1 and terms[0][0] == 1 and first == 0 and size == sizes[letters[0]]:
        return Index(letters[0]), size
    return Affine(terms, first - low), size


@st.composite
def subscripts(
    draw: st.DrawFn, sizes: dict[str, int], rank: int
) -> tuple[tuple[Subscript, ...], tuple[int, ...]]:
    pairs = [draw(affine(sizes, draw(st.integers(0, 2)))) for _ in range(rank)]
    return tuple(s for s, _ in pairs), tuple(size for _, size in pairs)


def used(places: tuple[Subscript, ...]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for place in places:
        match place:
            case Index(name):
                found[name] = None
            case Affine(terms):
                found |= dict.fromkeys(i for _, i in terms)
            case Access(_, inner):
                found |= dict.fromkeys(used(inner))
    return tuple(found)


@st.composite
def windows(draw: st.DrawFn) -> FlatCase:
    """A window on an input or on what is computed, copied, reduced, multiplied and added."""
    sizes = draw(sized())
    places, shape = draw(subscripts(sizes, draw(st.integers(1, 3))))
    letters = tuple(draw(st.permutations(used(places))))
    kept = tuple(i for i in letters if draw(st.booleans()))
    kernel = tuple(draw(st.permutations([i for i in LETTERS if draw(st.booleans())])))
    axes = {f"a{n}": size for n, size in enumerate(shape)}
    source = draw(st.sampled_from(["x", "e"]))
    equations = [
        Equation(access("e", tuple(axes)), "=", Call("tanh", (access("x", tuple(axes)),))),
        Equation(access("w", letters), "=", Access(source, places)),
        Equation(access("s", letters), "=", Call("exp", (access("w", letters),))),
    ]
    summed = tuple(i for i in letters if i not in kept)
    # The most of nothing has a test of its own.
    reductions = {"r": "sum"} if 0 in sizes.values() else {"r": "sum", "m": "max"}
    for name, function in reductions.items():
        body = access("w", letters)
        reduced: Expression = Call(function, (body,), summed) if summed else body
        equations.append(Equation(access(name, kept), "=", reduced))
    factors = Multiply((access("w", letters), access("K", kernel)))
    both = {*letters, *kernel}
    target = tuple(draw(st.permutations([i for i in sorted(both) if draw(st.booleans())])))
    gone = tuple(sorted(both - set(target)))
    product: Expression = Call("sum", (factors,), gone) if gone else factors
    equations.append(Equation(access("p", target), "=", product))
    outputs = tuple(draw(st.lists(st.sampled_from("wsrmp"), min_size=1, max_size=3, unique=True)))
    if "m" not in reductions:
        outputs = tuple("r" if name == "m" else name for name in outputs)
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    tensors = {"x": rng.normal(size=shape), "K": rng.normal(size=[sizes[i] for i in kernel])}
    return FlatCase(tuple(equations), {**sizes, **axes}, tensors, tuple(dict.fromkeys(outputs)), {})


@st.composite
def assemblies(draw: st.DrawFn) -> FlatCase:
    """A tensor put together from contributions at affine and looked-up subscripts, then read."""
    sizes = draw(sized())
    rank = draw(st.integers(1, 3))
    operator = draw(st.sampled_from(["+=", "+=", "+=", "max=", "min="]))
    drawn = [draw(subscripts(sizes, rank)) for _ in range(draw(st.integers(1, 3)))]
    shape = tuple(max(sizes) for sizes in zip(*(s for _, s in drawn), strict=True))
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    axes = {f"a{n}": size for n, size in enumerate(shape)}
    tensors: dict[str, NDArray[Any]] = {}
    equations = []
    for number, (places, _) in enumerate(drawn):
        looked = list(places)
        if draw(st.booleans()) and draw(st.booleans()):
            axis = draw(st.integers(0, rank - 1))
            held = tuple(draw(st.lists(st.sampled_from(LETTERS), max_size=2, unique=True)))
            tensors[f"n{number}"] = rng.integers(0, shape[axis], [sizes[i] for i in held])
            looked[axis] = access(f"n{number}", held)
        letters = used(tuple(looked))
        some = tuple(draw(st.permutations([i for i in letters if draw(st.integers(0, 3))])))
        value, made, given = draw(values(number, some))
        equations += made
        for name, held in given.items():
            tensors[name] = rng.normal(size=[(sizes | {"z": 2})[i] for i in held])
        equations.append(Equation(Access("X", tuple(looked)), operator, value))
    return draw(read_back(tuple(equations), {**sizes, **axes, "z": 2}, tensors, tuple(axes)))


@st.composite
def values(
    draw: st.DrawFn, number: int, letters: tuple[str, ...]
) -> tuple[Expression, list[Equation], dict[str, tuple[str, ...]]]:
    """What is contributed: a number, an input, what is computed of one, or a product of two."""
    if not draw(st.integers(0, 4)):
        return Number(draw(st.integers(0, 3))), [], {}
    kind = draw(st.sampled_from(["given", "computed", "product"]))
    given = {f"v{number}": letters}
    if kind == "product":
        left = tuple(i for i in letters if draw(st.booleans()))
        right = tuple(i for i in letters if i not in left or draw(st.booleans()))
        given = {f"v{number}": (*left, "z"), f"k{number}": ("z", *right)}
    operands = tuple(access(name, held) for name, held in given.items())
    if kind == "given":
        return operands[0], [], given
    product = Call("sum", (Multiply(operands),), ("z",))
    computed = Call("tanh", operands) if kind == "computed" else product
    target = access(f"e{number}", letters)
    return target, [Equation(target, "=", computed)], given


@st.composite
def read_back(
    draw: st.DrawFn,
    contributions: tuple[Equation, ...],
    sizes: dict[str, int],
    tensors: dict[str, NDArray[Any]],
    axes: tuple[str, ...],
) -> FlatCase:
    """Contributions to X with readers of it, in any order."""
    equations = list(contributions)
    whole = access("X", axes)
    equations.append(Equation(access("y", axes), "=", Call("tanh", (whole,))))
    outputs = draw(st.sampled_from([("X",), ("y",), ("X", "y"), ("y", "X")]))
    read = [e.target.name for e in equations if e.target.name.startswith("e")]
    if read and draw(st.booleans()):
        extra = equations[[e.target.name for e in equations].index(read[0])].target
        equations.append(Equation(Access("z", extra.subscripts), "=", Multiply((extra, extra))))
        outputs = (*outputs, "z")
    order = draw(st.permutations(equations)) if draw(st.booleans()) else equations
    return FlatCase(tuple(order), sizes, tensors, tuple(outputs), {"X": axes})


@st.composite
def gatherings(draw: st.DrawFn) -> FlatCase:
    """Cells looked up in an input, in what is computed, or through several tensors at once."""
    sizes = draw(sized())
    rank = draw(st.integers(1, 3))
    places, shape = draw(subscripts(sizes, rank))
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    looked, tensors = list(places), {"x": rng.normal(size=shape)}
    for axis in draw(st.lists(st.integers(0, rank - 1), min_size=1, unique=True)):
        held = tuple(draw(st.lists(st.sampled_from(LETTERS), max_size=2, unique=True)))
        looked[axis] = access(f"n{axis}", held)
        tensors[f"n{axis}"] = rng.integers(0, shape[axis], [sizes[i] for i in held])
    axes = {f"a{n}": size for n, size in enumerate(shape)}
    letters = tuple(draw(st.permutations(used(tuple(looked)))))
    source = draw(st.sampled_from(["x", "e", "t"]))
    turned = tuple(axes)[::-1]
    if source == "t":
        looked.reverse()
    equations = (
        Equation(access("e", tuple(axes)), "=", Call("tanh", (access("x", tuple(axes)),))),
        Equation(access("t", turned), "=", Call("exp", (access("x", tuple(axes)),))),
        Equation(access("y", letters), "=", Access(source, tuple(looked))),
        Equation(access("z", letters), "=", Call("exp", (access("y", letters),))),
    )
    outputs = draw(st.sampled_from([("y",), ("z",), ("y", "z")]))
    return FlatCase(equations, {**sizes, **axes}, tensors, outputs, {})
