"""The words of PyTorch: code that follows its inputs' dtype and device, and that autograd goes through."""

from __future__ import annotations

from collections.abc import Sequence

from einprop.backends.numpy_functions import CALL
from einprop.backends.numpy_views import tuple_text
from einprop.backends.source_dialect import Dialect, Expression, Word, quoted

__all__ = ["Torch"]

_LEAKY_RELU = '''\
def leaky_relu(x, slope):
    """Give x where it is positive, else slope * x."""
    return torch.where(x > 0, x, slope * x)'''

_ELU = '''\
def elu(x, alpha):
    """Give x where it is positive, else alpha * (exp(x) - 1)."""
    return torch.where(x > 0, x, alpha * torch.expm1(x.clamp(max=0)))'''

_SUMS_BEFORE = '''\
def sums_before(tensor, dim):
    """Sum of what stands before each position of a dimension."""
    rows = tensor.movedim(dim, 0)
    sums = torch.cat([torch.zeros_like(rows[:1]), rows[:-1].cumsum(0)])
    return sums.movedim(0, dim)'''

_FOLD_AT = '''\
def fold_at(tensor, places, values, fold):
    """Fold values into the cells at some places, which may be named more than once."""
    places = torch.broadcast_tensors(*places)
    flat = torch.zeros_like(places[0])
    for place, size in zip(places, tensor.shape):
        flat = flat * size + place
    values = values.broadcast_to(flat.shape).reshape(-1)
    cells = tensor.reshape(-1).scatter_reduce(0, flat.reshape(-1), values, fold)
    return cells.reshape(tensor.shape)'''


class Torch(Dialect):
    """PyTorch: no cell that a gradient needs is written in place."""

    name = "torch"
    prefix = "torch"
    axis = "dim"
    keeps_rows = True
    downwards = False
    takes_numbers = False
    einsums = True
    checks_positions = False
    words = {
        "relu": Word("torch.relu({0})"),
        "maximum": Word("torch.maximum({0}, {1})", numbered="{0}.clamp(min={1})"),
        "minimum": Word("torch.minimum({0}, {1})", numbered="{0}.clamp(max={1})"),
        "sigmoid": Word("torch.sigmoid({0})"),
        # Beyond 20, PyTorch's threshold, float64 still sees exp(-x).
        "softplus": Word("F.softplus({0}, threshold=40)"),
        "erf": Word("torch.erf({0})"),
        "leaky_relu": Word(
            "leaky_relu({0}, {1})", helper=_LEAKY_RELU, numbered="F.leaky_relu({0}, {1})"
        ),
        "elu": Word("elu({0}, {1})", helper=_ELU),
    }
    helpers = {"sums_before": _SUMS_BEFORE, "fold_at": _FOLD_AT}

    def imports(self, text: str) -> list[str]:
        """The lines that import what a text names."""
        functional = ["import torch.nn.functional as F"] if "F." in text else []
        return ["import torch", *functional]

    @property
    def number_type(self) -> str:
        """The type of numbers."""
        if self.like is None or self.like.counts:
            return f"torch.{self.dtype}"
        return f"{self.like.name}.dtype"

    def _options(self, dtype: str | None = None) -> str:
        """The keywords that put a new tensor where the inputs are."""
        device = "" if self.like is None else f", device={self.like.name}.device"
        return f", dtype={dtype}{device}" if dtype else device

    def _new(self, call: str, arguments: str, dtype: str = "") -> str:
        """A new tensor beside the inputs: by a method of one of them, if that has its dtype."""
        if self.like is None or self.like.counts:
            return f"torch.{call}({arguments}{self._options(dtype or self.number_type)})"
        return f"{self.like.name}.new_{call}({arguments}{f', dtype={dtype}' if dtype else ''})"

    def full(self, shape: Sequence[object], value: str) -> str:
        """A new tensor of one value."""
        if value in ("0", "1"):
            return self._new("zeros" if value == "0" else "ones", tuple_text(shape))
        return self._new("full", f"{tuple_text(shape)}, {value}")

    def empty(self, shape: Sequence[object], dtype: str) -> str:
        """A new tensor whose cells are to be written."""
        return self._new(
            "empty", tuple_text(shape), "" if dtype == self.dtype else f"torch.{dtype}"
        )

    def scalar(self, text: str) -> str:
        """A number of Python's as a tensor."""
        return self._new("tensor", text)

    def as_number(self, expression: Expression) -> Expression:
        """Integers or truth values as numbers."""
        return quoted(expression, CALL, lambda x: f"{x}.to({self.number_type})")

    def positions(self, size: int, *, numbers: bool = False) -> str:
        """0, 1, 2, …: to look something up, or as numbers to compute with."""
        return f"torch.arange({size}{self._options(self.number_type if numbers else None)})"

    def shape_of(self, text: str) -> str:
        """The shape of an argument, which may be a number."""
        return f'getattr({text}, "shape", ())'

    def permuted(self, text: str, permutation: tuple[int, ...]) -> str:
        """A tensor with its dimensions permuted."""
        count = len(permutation)
        if permutation == tuple(range(count)):
            return text
        if permutation == (1, 0):
            return f"{text}.T"
        if permutation == (*range(count - 2), count - 1, count - 2):
            return f"{text}.mT"
        return f"{text}.permute({', '.join(map(str, permutation))})"

    def turned(self, text: str, turned: Sequence[bool]) -> str:
        """A tensor with some dimensions the other way round."""
        axes = [str(axis) for axis, backwards in enumerate(turned) if backwards]
        return f"{text}.flip({', '.join(axes)})" if axes else text

    def copied(self, expression: Expression) -> Expression:
        """A tensor of its own."""
        return quoted(expression, CALL, lambda x: f"{x}.clone()")

    def windows(self, text: str, axes: Sequence[tuple[int, int, int, int]]) -> str:
        """Windows along dimensions; they are the last dimensions."""
        return text + "".join(f".unfold({axis}, {size}, {step})" for axis, _, size, step in axes)

    def reduced(self, function: str, text: str, axes: Sequence[int] | None) -> str:
        """A sum, product, extremum or the position of one, over some dimensions or all."""
        if function == "prod" and axes is not None:
            # It takes one dimension at a time.
            return text + "".join(f".prod(dim={axis})" for axis in sorted(axes, reverse=True))
        named = {"max": "amax", "min": "amin"}.get(function, function)
        return super().reduced(named, text, axes)

    def flipped(self, text: str, axis: int) -> str:
        """A tensor with one dimension the other way round."""
        return f"{text}.flip({axis})"

    def place(self, text: str, size: int, *, whole: bool) -> str:
        """A tensor of positions as integers."""
        del size
        return text if whole else f"{text}.long()"

    def keeps_whole(self, looked: Sequence[int], function: str) -> bool:
        """Whether whole dimensions may stand beside positions: behind them alone, and to add."""
        return function == "add" and list(looked) == [0]

    def one_place(self, text: str) -> str:
        """One position among tensors of positions."""
        return f"torch.tensor({text}{self._options()})"

    def assigned(self, array: str, index: str, function: str, value: str) -> str:
        """The statement that contributes to cells that differ from each other."""
        if function == "add" and not index:
            return f"{array} = {array} + {value}"
        cells = f"{array}[{index or '...'}]"
        if function in ("maximum", "minimum"):
            return f"{cells} = torch.{function}({cells}.clone(), {value})"
        return super().assigned(array, index, function, value)

    def scattered(self, array: str, index: Sequence[str], function: str, value: str) -> str:
        """The statement that contributes to cells at positions, some perhaps named twice."""
        places = tuple_text(index)
        if function == "add":
            return f"{array} = {array}.index_put({places}, {value}, accumulate=True)"
        fold = {"maximum": "amax", "minimum": "amin"}[function]
        return f'{array} = fold_at({array}, {places}, {value}, "{fold}")'

    def rows(self, text: str, axis: int) -> str:
        """A tensor as a list along a dimension."""
        return f"list({text})" if axis == 0 else f"list({text}.unbind({axis}))"

    def stacked(self, text: str, axis: int) -> str:
        """A list as a tensor again."""
        return f"torch.stack({text})" if axis == 0 else f"torch.stack({text}, dim={axis})"
