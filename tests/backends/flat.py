"""The meaning of flat programs as plain loops over cells, and ways to run them."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from einprop.analysis.recurrence import Loop, order
from einprop.backends.numpy import Plan
from einprop.backends.source import source
from einprop.execution.schedule import schedule
from einprop.execution.steps import index_size
from einprop.notation.parser import parse
from einprop.notation.tree import (
    Access,
    Add,
    Affine,
    Call,
    Divide,
    Equation,
    Expression,
    Index,
    IndexValue,
    Iverson,
    Multiply,
    Negate,
    Number,
    Power,
    Subscript,
    children,
)

Arrays = Mapping[str, NDArray[Any]]

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "tanh": np.tanh,
    "exp": np.exp,
    "sin": np.sin,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "relu": lambda x: np.maximum(x, 0),
    "maximum": np.maximum,
}
COMPARISONS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
START = {"=": 0.0, "+=": 0.0, "max=": -math.inf, "min=": math.inf}
COMBINE = {"=": operator.add, "+=": operator.add, "max=": max, "min=": min}


def letters(access: Access) -> list[str]:
    found: dict[str, None] = {}
    for subscript in access.subscripts:
        match subscript:
            case Index(name):
                found[name] = None
            case Affine(terms):
                found |= dict.fromkeys(name for _, name in terms)
            case Access():
                found |= dict.fromkeys(letters(subscript))
    return list(found)


class Meaning:
    """A flat program, cell by cell."""

    def __init__(self, equations: Sequence[Equation], sizes: Mapping[str, int]) -> None:
        self.equations = equations
        self.sizes = sizes
        self.tensors: dict[str, NDArray[Any]] = {}

    def place(self, subscript: Subscript, at: Mapping[str, int]) -> int:
        match subscript:
            case Index(name):
                return at[name]
            case Affine(terms, constant):
                return constant + sum(factor * at[name] for factor, name in terms)
            case Access():
                return int(self.read(subscript, at))
        raise TypeError(subscript)

    def read(self, access: Access, at: Mapping[str, int]) -> Any:
        cell = tuple(self.place(subscript, at) for subscript in access.subscripts)
        assert all(
            0 <= n < size for n, size in zip(cell, self.tensors[access.name].shape, strict=True)
        )
        return self.tensors[access.name][cell]

    def value(self, node: Expression, at: dict[str, int]) -> Any:
        match node:
            case Number(number):
                return float(number)
            case Access():
                return self.read(node, at)
            case IndexValue(name):
                return float(at[name])
            case Call("argmax" | "argmin" as name, (body,), (index,)):
                values = [self.value(body, {**at, index: n}) for n in range(self.size(index))]
                return float(getattr(np, name)(values))
            case Call(name, (body,), indices) if indices:
                values = [self.value(body, {**at, **inner}) for inner in self.positions(indices)]
                known = {"sum": sum, "prod": math.prod, "max": max, "min": min}
                return known[name](values)
        values = [self.value(child, at) for child in children(node)]
        match node:
            case Negate():
                return -values[0]
            case Add():
                return sum(values)
            case Multiply():
                return math.prod(values)
            case Divide():
                return values[0] / values[1]
            case Power():
                return values[0] ** values[1]
            case Iverson(_, comparison, _):
                return float(COMPARISONS[comparison](*values))
            case Call(name):
                return FUNCTIONS[name](*values)
        raise TypeError(node)

    def size(self, index: str) -> int:
        return index_size(self.sizes, index)

    def positions(self, indices: Sequence[str]) -> list[dict[str, int]]:
        ranges = [range(self.size(index)) for index in indices]
        return [dict(zip(indices, cell, strict=True)) for cell in itertools.product(*ranges)]

    def run(self, item: int | Loop, fixed: dict[int, dict[str, int]]) -> None:
        if isinstance(item, int):
            equation = self.equations[item]
            target = equation.target
            at = fixed.get(item, {})
            for inner in self.positions([i for i in letters(target) if i not in at]):
                here = {**at, **inner}
                cell = tuple(self.place(subscript, here) for subscript in target.subscripts)
                array = self.tensors[target.name]
                value = self.value(equation.expression, here)
                plain = equation.operator == "="
                array[cell] = value if plain else COMBINE[equation.operator](array[cell], value)
            return
        size = max(self.size(letter) for letter in item.letters.values())
        for n in range(size)[:: -1 if item.descending else 1]:
            now = {
                number: {**fixed.get(number, {}), letter: n}
                for number, letter in item.letters.items()
                if n < self.size(letter)
            }
            for inner in item.body:
                if not isinstance(inner, int) or inner in now:
                    self.run(inner, now)


def meaning(
    text: str | Sequence[Equation],
    sizes: Mapping[str, int],
    tensors: Arrays,
    axes: Mapping[str, tuple[str, ...]] | None = None,
) -> Arrays:
    """Every tensor of a flat program in float64, by loops over its cells."""
    equations = parse(text) if isinstance(text, str) else tuple(text)
    program = Meaning(equations, sizes)
    program.tensors = {name: np.asarray(array, float) for name, array in tensors.items()}
    for equation in equations:
        name = equation.target.name
        shape = [program.size(i) for i in (axes or {}).get(name) or letters(equation.target)]
        if equation.operator == "=" and name not in (axes or {}):
            plain = [s.name for s in equation.target.subscripts if isinstance(s, Index)]
            shape = [program.size(i) for i in plain]
        program.tensors.setdefault(name, np.full(shape, START[equation.operator]))
    for item in order(equations, program.size):
        program.run(item, {})
    return program.tensors


def compiled(
    text: str | Sequence[Equation],
    sizes: Mapping[str, int],
    tensors: Arrays,
    *outputs: str,
    axes: Mapping[str, tuple[str, ...]] | None = None,
    dtype: str = "float64",
) -> Plan:
    equations = parse(text) if isinstance(text, str) else tuple(text)
    shapes = {name: array.shape for name, array in tensors.items()}
    return Plan(schedule(equations, sizes, shapes, outputs, dtype, axes))


def check(
    text: str | Sequence[Equation],
    sizes: Mapping[str, int],
    tensors: Arrays,
    *outputs: str,
    axes: Mapping[str, tuple[str, ...]] | None = None,
) -> Plan:
    """Run a plan twice, its buffers poisoned between, against the meaning of the program."""
    expected = meaning(text, sizes, tensors, axes)
    plan = compiled(text, sizes, tensors, *outputs, axes=axes)
    given = [np.array(tensors[name]) for name in plan.schedule.inputs]
    for array in given:
        array.flags.writeable = False
    for _ in range(2):
        for name, result in zip(outputs, plan(*given), strict=True):
            assert result.shape == expected[name].shape
            np.testing.assert_allclose(result, expected[name], rtol=1e-9, atol=1e-12, err_msg=name)
            assert not any(np.shares_memory(result, array) for array in given)
        for buffers, _ in plan._idle:
            for buffer in buffers:
                buffer.fill(255)  # all bits set: nan
    for name, result in run_source(text, sizes, tensors, *outputs, axes=axes).items():
        assert np.shape(result) == expected[name].shape
        np.testing.assert_allclose(result, expected[name], rtol=1e-9, atol=1e-12, err_msg=name)
    return plan


def run_source(
    text: str | Sequence[Equation],
    sizes: Mapping[str, int],
    tensors: Arrays,
    *outputs: str,
    axes: Mapping[str, tuple[str, ...]] | None = None,
) -> Arrays:
    """What the standalone code gives, by name."""
    equations = parse(text) if isinstance(text, str) else tuple(text)
    shapes = {name: array.shape for name, array in tensors.items()}
    names: dict[str, Any] = {}
    code = source(equations, sizes, shapes, outputs, axes=axes)
    exec(code, names)  # noqa: S102
    found = names["run"](*(np.array(array) for array in tensors.values()))
    return found if len(outputs) > 1 else {outputs[0]: found}
