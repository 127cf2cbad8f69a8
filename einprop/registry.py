"""Functions that a user adds to the language: a name, an array function, and derivatives as text."""

from __future__ import annotations

import inspect
import math
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from reprlib import repr as shortened
from types import TracebackType
from typing import Any, Self

import numpy as np

from einprop.backends import numpy_functions
from einprop.errors import DerivativeError, EinpropError, InputError
from einprop.notation.functions import FUNCTIONS, Function, leaf_signatures, renew
from einprop.notation.lexer import normalise, tokenise
from einprop.notation.parser import parse_expression
from einprop.notation.prelude import prelude
from einprop.notation.printer import to_text
from einprop.notation.tree import Access, Call, IndexValue, walk
from einprop.options import flag
from einprop.reference import SCALAR_FUNCTIONS

__all__ = ["RegisteredFunction", "register_function", "unregister_function"]


_LOCK = threading.RLock()


@dataclass(frozen=True)
class RegisteredFunction:
    """A function of the language that a user registered; as a context manager it goes at the end.

    Attributes:
        name: How programs call it.
    """

    name: str

    def unregister(self) -> None:
        """Take the function out of the language."""
        unregister_function(self.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.name in FUNCTIONS:
            self.unregister()


def register_function(
    name: str,
    function: Callable[..., Any],
    derivatives: str | Sequence[str],
    parameters: str | Iterable[str] | None = None,
    defaults: Sequence[float] | None = None,
    *,
    scalar: Callable[..., float] | None = None,
    replace: bool = False,
) -> RegisteredFunction:
    """Add a leaf function to the language.

    Its derivatives are expressions of the language in terms of its parameters; they may call the
    function itself, leaf functions, and definitions of the prelude without index parameters. So
    programs that call it are differentiated to any order, print, and parse back.

    Programs that already exist are not affected. With ``replace`` they call the new function from
    then on; derivatives that were taken before are to be taken again.

    Args:
        name: How programs call it. A program that gives the name another meaning has that one.
        function: Takes an array for each parameter (they broadcast; some may have no axes) and
            returns a new array, cell by cell.
        derivatives: For each parameter the partial derivative, as text; one text for one parameter.
        parameters: Their names; by default those of the Python function, or x, y, z.
        defaults: Values of the trailing parameters, used where a call leaves them out; by default
            those of the Python function.
        scalar: The same function of numbers, for `einprop.reference`; by default ``function``
            itself, one cell at a time.
        replace: Whether a function that you registered under this name before goes.

    Returns:
        The registration: ``with register_function(...):`` takes it back at the end.

    Raises:
        InputError: The name cannot be a function's or is taken, or the parameters do not fit.
        EquationSyntaxError: A derivative is no expression.
        DerivativeError: A derivative reads something else than the parameters.

    >>> import einprop as ep
    >>> with ep.register_function("arctan", np.arctan, "1 / (1 + x^2)"):
    ...     program = ep.Program("y[i] = arctan(x[i])")
    ...     print(program.backward())
    ...     print(program(x=[0.0, 1.0]))
    x.grad[i] += y.grad[i] / (1 + x[i]^2)
    [0.         0.78539816]
    """
    _check_name(name, replace=flag("replace", replace))
    if not callable(function) or not (scalar is None or callable(scalar)):
        raise InputError(
            f"{name} needs a function of arrays, not {shortened(function)}",
            (),
            "as in numpy.arctan",
        )
    if not isinstance(derivatives, str | Sequence):
        raise InputError(
            f"the derivatives of {name} are text in the language, not {shortened(derivatives)}",
            (),
            "as in '1 / x', with one for each parameter",
        )
    for what, given in (("parameters", parameters), ("defaults", defaults)):
        if given is not None and not isinstance(given, str | Sequence):
            raise InputError(f"{what} of {name} are {shortened(given)}", (), "give a list")
    texts = (derivatives,) if isinstance(derivatives, str) else tuple(derivatives)
    row = Function(name, *_signature(name, function, texts, parameters, defaults), own=True)
    for parameter, text in zip(row.parameters, row.derivatives, strict=True):
        _check_derivative(row, parameter, text)
    with _LOCK:
        _check_name(name, replace=replace)
        before = FUNCTIONS.get(name)
        numpy_functions.register(name, function, len(row.parameters))
        SCALAR_FUNCTIONS[name] = scalar or _cell_by_cell(function)
        # Programs of other threads find the name once all that it needs is there.
        FUNCTIONS[name] = row
        if before is not None:
            renew()
    return RegisteredFunction(name)


def unregister_function(name: str) -> None:
    """Take a registered function out of the language.

    What was compiled before goes on working; other uses of the function say that it is missing.

    Raises:
        InputError: No function is registered under this name.
    """
    with _LOCK:
        if not isinstance(name, str) or name not in FUNCTIONS or not FUNCTIONS[name].own:
            raise InputError(f"no function is registered under the name {shortened(name)}")
        del FUNCTIONS[name], SCALAR_FUNCTIONS[name]
        numpy_functions.unregister(name)


def _check_name(name: str, *, replace: bool) -> None:
    if not isinstance(name, str) or not _is_name(name):
        raise InputError(
            f"{shortened(name)} cannot name a function",
            (),
            "a name is letters, digits and _, and starts with none of the digits",
        )
    if name in FUNCTIONS and FUNCTIONS[name].own:
        if not replace:
            raise InputError(
                f"a function {name} is registered already",
                (),
                "pass replace=True to replace it, or unregister it before",
            )
    elif name in leaf_signatures() or name == "end":
        raise InputError(f"{name} belongs to the language", (), "choose another name")
    elif name in prelude():
        raise InputError(f"{name} is a definition of the prelude", (), "choose another name")


def _is_name(name: str) -> bool:
    try:
        token, end = tokenise(normalise(name))
    except (EinpropError, ValueError):
        return False
    plain = not set(".'") & set(token.text)
    return token.kind == "name" and end.kind == "end" and plain and token.text == name


def _signature(
    name: str,
    function: Callable[..., Any],
    derivatives: tuple[str, ...],
    parameters: str | Iterable[str] | None,
    defaults: Sequence[float] | None,
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[float, ...]]:
    """Names of the parameters, derivatives and defaults, once it is known that they fit."""
    own, own_defaults = _python_signature(function, len(derivatives))
    if isinstance(parameters, str):
        parameters = parameters.replace(",", " ").split()
    names = tuple(parameters) if parameters is not None else own or tuple("xyz"[: len(derivatives)])
    if not derivatives or len(names) != len(derivatives):
        raise InputError(
            f"{name} has {len(derivatives)} derivatives for {len(names)} parameters",
            (),
            "give one derivative, as text, for each parameter",
        )
    if len(set(names)) < len(names) or not all(map(_is_free_name, names)):
        raise InputError(
            f"{', '.join(map(str, names))} cannot be the parameters of {name}",
            (),
            "parameters have distinct names, none of them the name of a function",
        )
    values = tuple(own_defaults if defaults is None else defaults)
    values = tuple(int(v) if _is_finite(v) and v == int(v) else v for v in values)
    if len(values) >= len(names) or not all(map(_is_finite, values)):
        raise InputError(
            f"the defaults of {name} cannot be {shortened(values)}",
            (),
            "defaults are numbers for trailing parameters; the first parameter has none",
        )
    return names, derivatives, values


def _python_signature(
    function: Callable[..., Any], count: int
) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """The positional parameters of a Python function and their defaults, if it shows ``count``."""
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a ufunc, or a function in C
        return (), ()
    positional = [p for p in found if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if isinstance(function, np.ufunc) or len(positional) < count:
        return (), ()
    names = tuple(p.name for p in positional[:count])
    if not all(map(_is_free_name, names)):
        return (), ()
    defaults = [p.default for p in positional[:count] if p.default is not p.empty]
    return names, tuple(defaults) if all(map(_is_finite, defaults)) else ()


def _is_free_name(name: object) -> bool:
    return isinstance(name, str) and _is_name(name) and name not in {*leaf_signatures(), "end"}


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _check_derivative(row: Function, parameter: str, text: str) -> None:
    """A derivative is an expression of the parameters, which binds no index."""
    what = f"the derivative of {row.name} by {parameter}"
    if not isinstance(text, str):
        raise InputError(f"{what} is text, not {shortened(text)}", (), "as in '1 / x'")
    for node in walk(parse_expression(text, row.parameters, function=row)):
        if isinstance(node, Access) and (node.name not in row.parameters or node.subscripts):
            raise DerivativeError(
                f"{what} reads {to_text(node)}, which is no parameter",
                [node.place],
                f"write it in terms of {', '.join(row.parameters)}",
            )
        if isinstance(node, IndexValue) or (isinstance(node, Call) and node.indices):
            raise DerivativeError(
                f"{what} uses an index: {to_text(node)}",
                [node.place],
                "a leaf function acts cell by cell: it knows no indices",
            )


def _cell_by_cell(function: Callable[..., Any]) -> Callable[..., float]:
    def scalar(*values: float) -> float:
        result = function(*[np.array([value]) for value in values])
        return float(np.asarray(result).reshape(-1)[0])

    return scalar
