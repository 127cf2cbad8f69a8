"""Core programs evaluated by PyTorch, so that its autograd says what the gradients are."""

from __future__ import annotations

from functools import reduce

import torch

from einprop.analysis.indices import target_indices
from einprop.analysis.resolve import Resolved
from einprop.analysis.sizes import Sizes, bind_sizes
from einprop.notation.functions import FOLDS as LANGUAGE_FOLDS
from einprop.notation.tree import (
    Access,
    Add,
    Call,
    Divide,
    Index,
    IndexValue,
    Iverson,
    Multiply,
    Negate,
    Number,
    Power,
)

LEAVES = {
    "exp": torch.exp,
    "log": torch.log,
    "log1p": torch.log1p,
    "expm1": torch.expm1,
    "sqrt": torch.sqrt,
    "sin": torch.sin,
    "cos": torch.cos,
    "tan": torch.tan,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softplus": lambda x: torch.logaddexp(x, torch.zeros_like(x)),
    "erf": torch.erf,
    "abs": torch.abs,
    "sign": torch.sign,
    "relu": torch.relu,
    "leaky_relu": lambda x, slope: torch.where(x > 0, x, slope * x),
    "elu": lambda x, alpha: torch.where(x > 0, x, alpha * torch.expm1(x)),
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "where": lambda condition, x, y: torch.where(condition != 0, x, y),
    "clip": torch.clamp,
    "floor": torch.floor,
    "stop_gradient": torch.detach,
}
COMPARISONS = {
    "==": torch.eq,
    "!=": torch.ne,
    "<": torch.lt,
    "<=": torch.le,
    ">": torch.gt,
    ">=": torch.ge,
}
FOLDS = {
    "sum": torch.sum,
    "prod": torch.prod,
    "max": torch.amax,
    "min": torch.amin,
}


class _Evaluator:
    """Every sub-expression as a tensor with one axis for each index in scope, of size 1 if unused."""

    def __init__(self, sizes: Sizes, tensors: dict[str, torch.Tensor]) -> None:
        self.sizes = sizes
        self.tensors = tensors
        self.number = 0

    def size(self, index: str) -> int:
        return self.sizes.index(self.number, index)

    def value(self, expression, scope: tuple[str, ...]) -> torch.Tensor:
        def inner(node):
            return self.value(node, scope)

        match expression:
            case Number(number):
                return torch.full([1] * len(scope), float(number), dtype=torch.float64)
            case Access():
                return self.read(expression, scope)
            case IndexValue(name):
                positions = torch.arange(self.size(name), dtype=torch.float64)
                return positions.reshape([-1 if i == name else 1 for i in scope])
            case Negate(operand):
                return -inner(operand)
            case Add(terms):
                return reduce(torch.add, map(inner, terms))
            case Multiply(factors):
                return reduce(torch.mul, map(inner, factors))
            case Divide(numerator, denominator):
                return inner(numerator) / inner(denominator)
            case Power(base, exponent):
                return torch.pow(inner(base), inner(exponent))
            case Iverson(left, comparison, right):
                return COMPARISONS[comparison](inner(left), inner(right)).to(torch.float64)
            case Call(function, (body,), indices) if indices:
                return self.fold(function, body, indices, scope)
            case Call(function, arguments):
                return LEAVES[function](*torch.broadcast_tensors(*map(inner, arguments)))
        raise AssertionError(expression)

    def fold(self, function, body, indices, scope):
        value = self.value(body, (*scope, *indices))
        shape = [*value.shape[: len(scope)], *(self.size(i) for i in indices)]
        value = value.expand(shape)
        for _ in indices:
            if value.shape[-1]:
                value = FOLDS[function](value, dim=-1)
            else:  # PyTorch refuses the largest of nothing.
                value = value.new_full(value.shape[:-1], LANGUAGE_FOLDS[function].empty)
        return value

    def read(self, access: Access, scope: tuple[str, ...]) -> torch.Tensor:
        tensor = self.tensors[access.name]
        names = [s.name for s in access.subscripts if isinstance(s, Index)]
        for name in dict.fromkeys(n for n in names if names.count(n) > 1):
            while names.count(name) > 1:
                first = names.index(name)
                second = names.index(name, first + 1)
                tensor = torch.diagonal(tensor, dim1=first, dim2=second)
                names = [n for k, n in enumerate(names) if k not in (first, second)] + [name]
        order = [i for i in scope if i in names]
        tensor = tensor.permute([names.index(i) for i in order])
        shape = [self.size(i) if i in names else 1 for i in scope]
        return tensor.reshape(shape)

    def run(self, number: int, equation) -> None:
        self.number = number
        target = equation.target
        scope = target_indices(target)
        value = self.value(equation.expression, scope).expand([self.size(i) for i in scope])
        if len(scope) < len(target.subscripts):
            value = torch.diag_embed(value)
        earlier = self.tensors.get(target.name)
        self.tensors[target.name] = value if earlier is None else earlier + value


def evaluate(resolved: Resolved, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Every tensor that the program defines."""
    sizes = bind_sizes(resolved, {name: tuple(t.shape) for name, t in tensors.items()})
    evaluator = _Evaluator(sizes, dict(tensors))
    for number, equation in enumerate(resolved.equations):
        evaluator.run(number, equation)
    return {name: evaluator.tensors[name] for name in resolved.names.defined}


def gradients(resolved: Resolved, arrays, of: str) -> dict[str, torch.Tensor]:
    """The gradients of a scalar with respect to all inputs that it depends on."""
    leaves = {
        name: torch.tensor(value, dtype=torch.float64, requires_grad=True)
        for name, value in arrays.items()
    }
    value = evaluate(resolved, leaves)[of]
    if not value.requires_grad:
        return {}
    found = torch.autograd.grad(value, list(leaves.values()), allow_unused=True)
    return {n: g for n, g in zip(leaves, found, strict=True) if g is not None}
