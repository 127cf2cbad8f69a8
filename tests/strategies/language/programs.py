"""Random programs over the whole language: what each is, its inputs, and what it must be understood as."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from einprop.notation.printer import program_text
from einprop.notation.tree import (
    Access,
    Add,
    Call,
    Definition,
    Divide,
    Equation,
    Expression,
    Index,
    IndexDeclaration,
    IndexGroup,
    Multiply,
    Number,
    Power,
    Size,
    Statement,
    TensorDeclaration,
    reads,
)
from tests.strategies.language.equations import Draft, equation
from tests.strategies.language.recurrences import recurrence
from tests.strategies.language.tensors import Draw, Letter, Store, Tensor
from tests.strategies.language.values import PRELUDE, SMOOTH


@dataclass(frozen=True)
class Case:
    """A program's text, inputs for it, and the shapes of what it defines."""

    text: str
    tensors: dict[str, np.ndarray]
    shapes: dict[str, tuple[int, ...]]

    def __repr__(self) -> str:
        shapes = ", ".join(f"{n}: {v.tolist()}" for n, v in self.tensors.items())
        return f"Case('''\n{self.text}\n''', {{{shapes}}})"


def program(source: random.Random) -> Case:
    """A program of one or two tensors and a scalar that depends on all of them."""
    draw = Draw(source)
    draft = Draft(Store(draw))
    definitions = list(_definitions(draft)) if draw.chance(25) else []
    if draw.chance(35):
        _declare(draft)
    for _ in range(draw.choose((1, 1, 1, 1, 2, 2))):
        (recurrence if draw.chance(25) else equation)(draft)
    loss = _loss(draft)
    lines = [*draft.equations, *loss]
    read = {a.name for e in lines for a in reads(e)}
    declarations = [*_declarations(draft), *_tensor_declarations(draft, read)]
    rng = np.random.default_rng(source.randrange(2**32))
    tensors = {}
    for tensor in draft.store.inputs():
        if tensor.bound is None:
            tensors[tensor.name] = rng.uniform(-1.5, 1.5, tensor.shape)
        else:
            tensors[tensor.name] = rng.integers(0, tensor.bound, tensor.shape)
    tensors = {name: value for name, value in tensors.items() if name in read}
    shapes = {t.name: t.shape for t in draft.store.tensors.values() if t.defined}
    return Case(program_text((*declarations, *definitions, *lines)), tensors, shapes)


@st.composite
def programs(draw: st.DrawFn) -> Case:
    """`program` with choices that hypothesis makes, and makes smaller."""
    return program(draw(st.randoms(use_true_random=False)))


# Declarations


def _declare(draft: Draft) -> None:
    """Declared letters: a type with a size, and one whose size follows from it."""
    draw = draft.draw
    size = draw.number(1, 3)
    draft.sizes["alpha"] = size
    draft.declared += [Letter(n, 0, size, "alpha", known=True) for n in ("a", "c")]
    if draw.chance(50):
        draft.sizes["beta"] = size + 1
        draft.declared.append(Letter("b", 0, size + 1, "beta", known=True))
    if draw.chance(40):
        draft.declared.append(Letter("d", 0, draw.number(1, 3), "delta"))


def _declarations(draft: Draft) -> list[Statement]:
    by_type: dict[str, list[Letter]] = {}
    for letter in draft.declared:
        by_type.setdefault(letter.type or "", []).append(letter)
    groups = []
    for name, letters in by_type.items():
        size: Size | None = (letters[0].stop,) if letters[0].known else None
        if name == "beta":
            size = ("alpha", 1)
        groups.append(IndexGroup(tuple(x.name for x in letters), name, size))
    return [IndexDeclaration(tuple(groups))] if groups else []


def _tensor_declarations(draft: Draft, read: set[str]) -> list[Statement]:
    """Locals where an axis has no size otherwise; sometimes inputs, parameters and outputs."""
    found: list[Statement] = []
    if draft.spaces:
        found.append(TensorDeclaration("local", tuple(draft.spaces.values())))
    inputs = [t for t in draft.store.inputs() if t.bound is None and t.name in read]
    if inputs and draft.draw.chance(20):
        kind = draft.draw.choose(("input", "param"))
        some = inputs[: draft.draw.number(1, len(inputs))]
        found.append(TensorDeclaration(kind, tuple(map(_declared, some))))
    if draft.draw.chance(10):
        defined = [t for t in draft.store.tensors.values() if t.defined]
        some = [t for t in defined if t.name not in draft.spaces][:1]
        found.append(TensorDeclaration("output", (*map(_declared, some), Access("loss"))))
    return found


def _declared(tensor: Tensor) -> Access:
    return Access(tensor.name, tuple(Index(f"p{axis}") for axis in range(len(tensor.shape))))


def _definitions(draft: Draft) -> Iterator[Statement]:
    """Definitions with and without indices; their own letters are names that programs use too."""
    draw = draft.draw
    x, y = Access("x"), Access("y")
    leaf = lambda e: Call(draw.choose((*SMOOTH[1:7], *PRELUDE)), (e,))  # noqa: E731
    rows: list[tuple[str, tuple[str, ...], tuple[str, ...], Expression, str]] = [
        ("swirl", (), ("x",), Multiply((leaf(x), Add((x, Number(0.5))))), ""),
        ("blend", (), ("x", "y"), Add((leaf(x), Multiply((Number(0.3), leaf(y), x)))), ""),
        ("spread", ("i",), ("x",), Call("sum", (Power(leaf(x), Number(2)),), ("i",)), "binds"),
        (
            "centred",
            ("i",),
            ("x",),
            Add((x, Multiply((Number(0.5), Call("mean", (leaf(x),), ("i",)))))),
            "keeps",
        ),
        (
            "shares",
            ("k",),
            ("x",),
            Divide(Call("exp", (x,)), Add((Number(1), Call("sum", (Call("exp", (x,)),), ("k",))))),
            "keeps",
        ),
    ]
    for name, indices, parameters, body, kind in draw.permuted(rows)[: draw.number(1, 3)]:
        draft.definitions[name] = (len(parameters), kind)
        yield Definition(name, indices, parameters, body)


# The loss


def _loss(draft: Draft) -> list[Equation]:
    """A scalar that depends on what the program defines."""
    read = {a.name for e in draft.equations for a in reads(e) if a.name != e.target.name}
    defined = [t for t in draft.store.tensors.values() if t.defined]
    terms = []
    for tensor in defined:
        if tensor.name in read and tensor is not defined[-1] and draft.draw.chance(50):
            continue
        letters = [f"{letter}{len(terms)}" for letter in "ijk"[: len(tensor.shape)]]
        access = Access(tensor.name, tuple(map(Index, letters)))
        function = "tanh" if tensor.name in draft.store.hidden else "sin"
        body = Call(function, (access,))
        terms.append(Call("sum", (body,), tuple(letters)) if letters else body)
    expression = terms[0] if len(terms) == 1 else Add(tuple(terms))
    return [Equation(Access("loss"), "=", expression)]
