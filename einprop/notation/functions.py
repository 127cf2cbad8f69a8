"""The table of leaf functions: parameters and derivatives, written in the language."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import TypeVar

from einprop.errors import UnsupportedError

__all__ = [
    "COMBINED",
    "DERIVATIVE_SUFFIX",
    "EXTREMA",
    "FOLDS",
    "FUNCTIONS",
    "HIDDEN",
    "IS_WRITTEN",
    "OWN_PREFIX",
    "REDUCTIONS",
    "REDUCTIONS_ELSEWHERE",
    "SINGLE_INDEX",
    "Fold",
    "Function",
    "Signature",
    "Table",
    "closest_name",
    "decided",
    "is_derivative",
    "keeps_extremum",
    "leaf_signatures",
    "renew",
    "renewals",
    "signature",
]

T = TypeVar("T")

OWN_PREFIX = "leaf_"
"""Goes before the name of a user's function where names of the house's own stand beside it."""


@dataclass(frozen=True)
class Function:
    """A leaf of the calculus.

    Attributes:
        name: How it is called.
        parameters: Names of the arguments.
        derivatives: For each parameter the partial derivative, as text in terms of the parameters.
        defaults: Values of the trailing parameters, used where a call leaves them out.
        own: Whether a user registered it.

    >>> FUNCTIONS["log"].derivatives
    ('1 / x',)
    """

    name: str
    parameters: tuple[str, ...]
    derivatives: tuple[str, ...]
    defaults: tuple[float, ...] = ()
    own: bool = False


class Table(dict[str, T]):
    """What is known of each leaf function by name."""

    def __missing__(self, name: str) -> T:
        raise UnsupportedError(
            f"the function {name.removeprefix(OWN_PREFIX)} is not registered here",
            (),
            "register it, by einprop.register_function, as where the program was written",
        )


_X = ("x",)
_XY = ("x", "y")

_ROWS = (
    Function("exp", _X, ("exp(x)",)),
    Function("log", _X, ("1 / x",)),
    Function("log1p", _X, ("1 / (1 + x)",)),
    Function("expm1", _X, ("exp(x)",)),
    Function("sqrt", _X, ("0.5 / sqrt(x)",)),
    Function("sin", _X, ("cos(x)",)),
    Function("cos", _X, ("-sin(x)",)),
    Function("tan", _X, ("1 + tan(x)^2",)),
    Function("sinh", _X, ("cosh(x)",)),
    Function("cosh", _X, ("sinh(x)",)),
    Function("tanh", _X, ("1 - tanh(x)^2",)),
    Function("sigmoid", _X, ("sigmoid(x) (1 - sigmoid(x))",)),
    Function("softplus", _X, ("sigmoid(x)",)),
    # Two infinities of one sign are no distance apart.
    Function(
        "logaddexp",
        _XY,
        tuple(
            f"sigmoid(where([abs(x) == 1 / 0] [x == y], 0, {difference}))"
            for difference in ("x - y", "y - x")
        ),
    ),
    Function("erf", _X, ("1.1283791670955126 exp(-x^2)",)),
    Function("abs", _X, ("sign(x)",)),
    Function("sign", _X, ("0",)),
    Function("relu", _X, ("[relu(x) > 0]",)),
    Function(
        "leaky_relu", ("x", "slope"), ("[x > 0] + slope * [x <= 0]", "minimum(x, 0)"), (0.01,)
    ),
    Function(
        "elu",
        ("x", "alpha"),
        ("where([x > 0], 1, alpha exp(minimum(x, 0)))", "expm1(minimum(x, 0))"),
        (1,),
    ),
    # A tie shares the cotangent evenly.
    Function("maximum", _XY, ("[x >= y] / (1 + [x == y])", "[y >= x] / (1 + [x == y])")),
    Function("minimum", _XY, ("[x <= y] / (1 + [x == y])", "[y <= x] / (1 + [x == y])")),
    Function("where", ("c", "x", "y"), ("0", "[c != 0]", "[c == 0]")),
    Function(
        "clip",
        ("x", "lower", "upper"),
        # Where the bounds are the wrong way round the upper one counts.
        (
            "[x >= lower] [x <= upper]",
            "[x < lower] [lower <= upper]",
            "[maximum(x, lower) > upper]",
        ),
    ),
    Function("floor", _X, ("0",)),
    Function("stop_gradient", _X, ("0",)),
)

FUNCTIONS: Table[Function] = Table((function.name, function) for function in _ROWS)
"""The leaves by name; a row added here is a function of the language from then on."""

HIDDEN = "hidden from derivatives"
"""A function that programs cannot name: its argument, with no derivative.

It stands where a declared gradient says what would otherwise be derived."""

_renewals = 0


def renew() -> None:
    """Say that a name stands for another function than before: what was compiled with it is stale."""
    global _renewals  # noqa: PLW0603
    _renewals += 1


def renewals() -> int:
    """How often a name came to stand for another function."""
    return _renewals


REDUCTIONS = ("sum", "prod", "max", "min", "argmax", "argmin")
"""What runs over indices and is no definition of the prelude."""

SINGLE_INDEX = ("argmax", "argmin")
"""The reductions over exactly one index: what they give is its position."""


@dataclass(frozen=True)
class Fold:
    """How a reduction takes in its values, one after the other.

    Attributes:
        pair: What brings two values together.
        empty: The value over no positions at all.
    """

    pair: str
    empty: float


FOLDS = {
    "sum": Fold("add", 0.0),
    "prod": Fold("multiply", 1.0),
    "max": Fold("maximum", -math.inf),
    "min": Fold("minimum", math.inf),
}
"""The reductions that give a value of the kind that they are given."""

EXTREMA = ("max", "min")
"""The reductions that give one of their values."""


def decided(function: str, positions: int, *, varies: bool) -> float | None:
    """The value of a reduction that its body has no say in; None where it has.

    Args:
        function: A reduction.
        positions: How many it runs over.
        varies: Whether the body varies along its indices.

    >>> decided("max", 0, varies=True), decided("argmax", 3, varies=False)
    (-inf, 0.0)
    >>> decided("sum", 3, varies=False)
    """
    if function in FOLDS:
        return None if positions else FOLDS[function].empty
    if varies:
        return None
    return 0.0 if positions else math.nan  # All are tied, and the first one counts.


COMBINED = {"=": "sum", "+=": "sum", "max=": "max", "min=": "min"}
"""By an equation's operator, the reduction of all that is written to a cell."""


def keeps_extremum(operator: str) -> bool:
    """Whether an equation's operator keeps one of the values that are written to a cell.

    >>> [operator for operator in COMBINED if keeps_extremum(operator)]
    ['max=', 'min=']
    """
    return COMBINED[operator] in EXTREMA


@dataclass(frozen=True)
class Signature:
    """What a call must look like: a function, a reduction or a definition.

    One index parameter stands for a list of one or more indices, unless it is ``single``; several
    stand for one each.
    """

    kind: str
    parameters: tuple[str, ...]
    indices: tuple[str, ...] = ()
    defaults: tuple[float, ...] = ()
    single: bool = False
    own: bool = False


def signature(row: Function) -> Signature:
    """What a call of a leaf must look like."""
    return Signature("function", row.parameters, (), row.defaults, own=row.own)


def leaf_signatures() -> dict[str, Signature]:
    """What the language knows before any definition, as the tables stand now."""
    known = {
        row.name: signature(row)
        # A copy: another thread may register a function meanwhile.
        for row in FUNCTIONS.copy().values()
    }
    known["pow"] = Signature("function", _XY)
    known.update(
        (name, Signature("reduction", _X, ("i",), single=name in SINGLE_INDEX))
        for name in REDUCTIONS
    )
    return known


DERIVATIVE_SUFFIX = r"\.(?:grad|dot|seed|ties)\d*"
"""The end of a derivative's name, as a pattern."""


def is_derivative(name: str) -> bool:
    """Whether a name is that of a derivative.

    >>> is_derivative("y.grad2"), is_derivative("np.exp")
    (True, False)
    """
    return re.search(rf"{DERIVATIVE_SUFFIX}$", name) is not None


IS_WRITTEN = {
    "tr": "a trace is written A[i,i]",
    "trace": "a trace is written A[i,i]",
    "dot": "an inner product is written x[i] y[i]",
    "matmul": "a product of matrices is written A[i,j] B[j,k]",
    "transpose": "a transpose is written by its indices, A[j,i]",
}
"""What other languages have a function for and index notation has not."""

REDUCTIONS_ELSEWHERE = (
    *("all", "amax", "amin", "any", "argsort", "count", "diff", "entropy", "fft", "flip", "median"),
    *("nanmax", "nanmean", "nanmin", "nansum", "quantile", "roll", "sort", "topk", "trace"),
)
"""Functions over an axis that other libraries have and the language has not."""

_NICKNAMES = {
    "ln": "log",
    "average": "mean",
    "avg": "mean",
    "sgn": "sign",
    "logistic": "sigmoid",
    "fabs": "abs",
    "σ": "sigmoid",
}
_MODULES = ("np", "numpy", "math", "jnp", "jax", "torch")
_CLOSENESS = 0.76


@lru_cache(maxsize=1024)
def _closest(name: str, known: tuple[str, ...]) -> str | None:
    if len(name) > 40:
        return None
    module, last = name.partition(".")[0], name.rpartition(".")[2]
    if module in _MODULES and last in known:
        return last
    if name in _NICKNAMES:
        return _NICKNAMES[name]
    if len(name) < 3:
        return None
    return next(iter(get_close_matches(name.casefold(), known, 1, _CLOSENESS)), None)


def closest_name(name: str, known: Collection[str]) -> str | None:
    """The known name that ``name`` looks like a misspelling of, or that it adds a module to.

    >>> closest_name("sigmod", FUNCTIONS), closest_name("np.exp", FUNCTIONS)
    ('sigmoid', 'exp')
    >>> closest_name("W", FUNCTIONS)
    """
    return _closest(name, tuple(known))
