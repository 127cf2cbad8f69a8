"""What a drawn program computes, by PyTorch, which differentiates it: no code of the package.

A value has an axis for every letter of its equation, of length 1 where it does not depend on it.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.strategies.drawn.model import (
    KEPT,
    Affine,
    Apply,
    Compare,
    Equation,
    Expression,
    Joined,
    Letter,
    Loop,
    Number,
    Over,
    Program,
    Read,
    letters,
)

Value = Any
"""A tensor of PyTorch, which need not be installed."""


def torch_values(program: Program, inputs: Mapping[str, Value]) -> dict[str, Value]:
    """Every tensor of the program, without the cells outside of its axes."""
    torch = importlib.import_module("torch")
    state = _State(torch, program, dict(inputs))
    for part in program.parts:
        if isinstance(part, Loop):
            state.loop(part)
        else:
            state.equation(part)
    return {name: state.inside(name) for name in program.defined}


@dataclass
class _State:
    torch: Any
    program: Program
    tensors: dict[str, Value]

    def inside(self, name: str) -> Value:
        value, (before, after) = self.tensors[name], self.program.tensors[name].margin
        return value[before : value.shape[0] - after] if before or after else value

    def loop(self, loop: Loop) -> None:
        for equation in loop.body:
            self.allocate(equation)
        for equation in loop.before:
            self.equation(equation)
        places = range(loop.letter.start, loop.letter.stop)
        for place in reversed(places) if loop.descending else places:
            for equation in loop.body:
                self.equation(equation, {loop.letter.name: place})

    def allocate(self, equation: Equation) -> None:
        tensor = self.program.tensors[equation.target.name]
        if tensor.name in self.tensors:
            return
        shape = list(tensor.shape)
        if shape:
            shape[0] += sum(tensor.margin)
        empty = {"max=": -math.inf, "min=": math.inf}.get(equation.operator, 0.0)
        self.tensors[tensor.name] = self.torch.full(shape, empty, dtype=self.torch.float64)

    def equation(self, equation: Equation, fixed: Mapping[str, int] | None = None) -> None:
        """Write what an equation says, at fixed positions of some of its letters."""
        self.allocate(equation)
        order = tuple(dict.fromkeys(letters(equation)))
        reading = _Reading(self, order, fixed or {})
        name, value = equation.target.name, reading.of(equation.expression)
        old = self.tensors[name]
        places, valid = reading.places(equation.target)
        shape = [1] * len(order)
        for place in (*places, value):
            shape = [
                max(a, b) if 0 not in (a, b) else 0 for a, b in zip(shape, place.shape, strict=True)
            ]
        value = value.expand(shape)
        if valid is not None:
            empty = {"max=": -math.inf, "min=": math.inf}.get(equation.operator, 0.0)
            value = self.torch.where(valid, value, self.torch.full_like(value, empty))
        if equation.operator in ("max=", "min="):
            new = self.extremum(old, [p.expand(shape) for p in places], value, equation.operator)
        elif not places:
            new = value.sum() if equation.operator == "=" else old + value.sum()
        else:
            at = tuple(p.expand(shape) for p in places)
            new = old.index_put(at, value, accumulate=equation.operator == "+=")
        self.tensors[name] = new

    def extremum(self, old: Value, places: list[Value], value: Value, operator: str) -> Value:
        """The extremum of what arrives in each cell: ties share evenly."""
        torch, candidates = self.torch, {}
        flat, cells = value.reshape(-1), [p.reshape(-1).tolist() for p in places]
        for number in range(flat.shape[0]):
            candidates.setdefault(tuple(c[number] for c in cells), []).append(flat[number])
        fold = torch.amax if operator == "max=" else torch.amin
        for cell, arrived in candidates.items():
            best = fold(torch.stack([old[cell], *arrived]), dim=0)
            at = tuple(torch.tensor(c) for c in cell)
            old = old.index_put(at, best) if at else best
        return old


@dataclass(frozen=True)
class _Reading:
    """Values with an axis for each letter of ``order``, at fixed positions of some of them."""

    state: _State
    order: tuple[Letter, ...]
    fixed: Mapping[str, int]

    @property
    def torch(self) -> Any:
        return self.state.torch

    def position(self, letter: Letter) -> Value:
        """The positions of a letter along its axis."""
        shape = [1] * len(self.order)
        if letter.name in self.fixed:
            return self.torch.full(shape, self.fixed[letter.name])
        shape[self.order.index(letter)] = letter.size
        return self.torch.arange(letter.start, letter.start + letter.size).reshape(shape)

    def affine(self, affine: Affine, size: int = 0) -> Value:
        value = self.torch.full([1] * len(self.order), affine.constant + affine.end * (size - 1))
        for factor, letter in affine.terms:
            value = value + factor * self.position(letter)
        return value

    def places(self, read: Read) -> tuple[list[Value], Value | None]:
        """The cells of an access, and which of them are on the tensor (None: all)."""
        tensor = self.state.program.tensors[read.name]
        found, valid = [], None
        for axis, (subscript, size) in enumerate(zip(read.subscripts, tensor.shape, strict=True)):
            before = tensor.margin[0] if axis == 0 else 0
            match subscript:
                case Joined(inner):
                    place = self.affine(Affine())
                    for letter in inner:
                        place = place * letter.size + self.position(letter)
                case Read():
                    place = self.of(subscript).long()
                case Affine():
                    place = self.affine(subscript, size)
                    if subscript.mode == "wrap":
                        place = place % max(size, 1)
                    elif subscript.mode == "clamp":
                        place = place.clamp(0, size - 1)
                    elif subscript.mode == "pad":
                        on = (place >= 0) & (place < size)
                        valid = on if valid is None else valid & on
                        place = place.clamp(0, max(size - 1, 0))
            found.append(place + before)
        return found, valid

    def of(self, node: Expression) -> Value:
        """The value of an expression."""
        torch = self.torch
        match node:
            case Number(value):
                return torch.full([1] * len(self.order), value, dtype=torch.float64)
            case Read():
                return self.read(node)
            case Compare(left, operator, right):
                sides = [
                    self.affine(s) if isinstance(s, Affine) else self.of(s) for s in (left, right)
                ]
                return _COMPARE[operator](torch)(*sides).double()
            case Over(function, along, body):
                return self.over(function, along, self.of(body))
            case Apply(function, arguments):
                return _CELLS[function](torch, *map(self.of, arguments))
        raise AssertionError(node)

    def read(self, read: Read) -> Value:
        value = self.state.tensors[read.name]
        places, valid = self.places(read)
        if not places:
            return value.reshape([1] * len(self.order))
        shape = self.torch.broadcast_shapes(*(p.shape for p in places))
        if valid is not None and 0 in value.shape:
            return self.torch.zeros(shape, dtype=self.torch.float64)
        found = value[tuple(p.expand(shape) for p in places)]
        if valid is not None:
            found = self.torch.where(valid, found, self.torch.zeros_like(found))
        return found

    def over(self, function: str, along: tuple[Letter, ...], body: Value) -> Value:
        """A reduction or a definition over some axes, to which the body is stretched."""
        axes = [self.order.index(letter) for letter in along]
        shape = list(body.shape)
        for axis, letter in zip(axes, along, strict=True):
            shape[axis] = letter.size
        body = body.expand(shape)
        if function in ("cumsum", "cumprod", "later"):
            return _ALONG[function](self.torch, body, axes[0])
        count = math.prod(letter.size for letter in along)
        # The axes as one, the last.
        moved = body.movedim(axes, list(range(-len(axes), 0)))
        kept = moved.shape[: len(shape) - len(axes)]
        value = _ROWS[function](self.torch, moved.reshape(*kept, count))
        if function in KEPT:
            return value.reshape(moved.shape).movedim(list(range(-len(axes), 0)), axes)
        for axis in sorted(axes):
            value = value.unsqueeze(axis)
        return value


_Cells = Callable[..., Value]


def _sum(torch: Any, *terms: Value) -> Value:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _product(torch: Any, *factors: Value) -> Value:
    total = factors[0]
    for factor in factors[1:]:
        total = total * factor
    return total


_CELLS: dict[str, _Cells] = {
    "+": _sum,
    "*": _product,
    "/": lambda torch, x, y: x / y,
    "^": lambda torch, x, y: x**y,
    "-": lambda torch, x: -x,
    "exp": lambda torch, x: torch.exp(x),
    "log": lambda torch, x: torch.log(x),
    "sqrt": lambda torch, x: torch.sqrt(x),
    "sin": lambda torch, x: torch.sin(x),
    "cos": lambda torch, x: torch.cos(x),
    "tanh": lambda torch, x: torch.tanh(x),
    "sigmoid": lambda torch, x: torch.sigmoid(x),
    "softplus": lambda torch, x: torch.logaddexp(x, torch.zeros_like(x)),
    "erf": lambda torch, x: torch.erf(x),
    "relu": lambda torch, x: torch.relu(x),
    "abs": lambda torch, x: torch.abs(x),
    "maximum": lambda torch, x, y: torch.maximum(*torch.broadcast_tensors(x, y)),
    "minimum": lambda torch, x, y: torch.minimum(*torch.broadcast_tensors(x, y)),
    "where": lambda torch, c, x, y: torch.where(c != 0, *torch.broadcast_tensors(x, y)),
    "silu": lambda torch, x: x * torch.sigmoid(x),
    "gelu": lambda torch, x: 0.5 * x * (1 + torch.erf(x * math.sqrt(0.5))),
    "softsign": lambda torch, x: x / (1 + torch.abs(x)),
    "swirl": lambda torch, x: x * torch.tanh(x) + 0.3 * x,
    "blend": lambda torch, x, y: torch.sin(x) + 0.5 * y * x,
}

_COMPARE = {
    "<": lambda torch: torch.lt,
    "<=": lambda torch: torch.le,
    ">": lambda torch: torch.gt,
    ">=": lambda torch: torch.ge,
    "==": lambda torch: torch.eq,
    "!=": lambda torch: torch.ne,
}


def _extreme(sign: float) -> _Cells:
    def fold(torch: Any, rows: Value) -> Value:
        if not rows.shape[-1]:
            return torch.full(rows.shape[:-1], -sign * math.inf, dtype=torch.float64)
        return rows.amax(-1) if sign > 0 else rows.amin(-1)

    return fold


def _mean(torch: Any, rows: Value) -> Value:
    return rows.sum(-1) / rows.shape[-1] if rows.shape[-1] else rows.sum(-1) / 0


def _var(torch: Any, rows: Value) -> Value:
    return _mean(torch, (rows - _mean(torch, rows).unsqueeze(-1)) ** 2)


_ROWS: dict[str, _Cells] = {
    "sum": lambda torch, rows: rows.sum(-1),
    "prod": lambda torch, rows: (
        _product(torch, *rows.unbind(-1))
        if rows.shape[-1]
        else torch.ones(rows.shape[:-1], dtype=torch.float64)
    ),
    "max": _extreme(1),
    "min": _extreme(-1),
    "mean": _mean,
    "var": _var,
    "rms": lambda torch, rows: torch.sqrt(_mean(torch, rows**2)),
    "norm": lambda torch, rows: torch.sqrt((rows**2).sum(-1)),
    "logsumexp": lambda torch, rows: (
        torch.logsumexp(rows, -1)
        if rows.shape[-1]
        else torch.full(rows.shape[:-1], -math.inf, dtype=torch.float64)
    ),
    "spread": lambda torch, rows: (rows**2).sum(-1) + rows.sum(-1) ** 2 / 4,
    "softmax": lambda torch, rows: torch.softmax(rows, -1),
    "log_softmax": lambda torch, rows: torch.log_softmax(rows, -1),
}


def _later(torch: Any, body: Value, axis: int) -> Value:
    waves = torch.sin(body)
    return waves.sum(axis, keepdim=True) - torch.cumsum(waves, axis) + body


_ALONG: dict[str, _Cells] = {
    "cumsum": lambda torch, body, axis: torch.cumsum(body, axis),
    "cumprod": lambda torch, body, axis: torch.cumprod(body, axis),
    "later": _later,
}
