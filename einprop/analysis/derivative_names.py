"""Names of derivatives: ``W.grad``, ``h.grad.dot2``, ``y.jacobian.x``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from einprop.notation.functions import DERIVATIVE_SUFFIX
from einprop.notation.tree import Equation, accesses

__all__ = ["derivative_sides", "free_suffix", "has_axes_of_others", "tensor_base", "without_suffix"]


@lru_cache(maxsize=4096)
def tensor_base(name: str) -> str:
    """The tensor whose axes a derivative shares: ``W`` for ``W.grad`` and ``W.grad.dot2``.

    >>> tensor_base("h.grad2.dot"), tensor_base("h.left")
    ('h', 'h.left')
    """
    return re.sub(rf"({DERIVATIVE_SUFFIX})+$", "", name)


@lru_cache(maxsize=4096)
def without_suffix(name: str) -> str:
    """What a tensor is a derivative of: ``W.grad`` for ``W.grad.dot2``, ``W`` for ``W.grad``."""
    return re.sub(rf"{DERIVATIVE_SUFFIX}$", "", name)


def free_suffix(equations: Iterable[Equation], word: str) -> str:
    """The word, with a number if the equations hold derivatives of an earlier derivation.

    >>> from einprop.notation.parser import parse
    >>> free_suffix(parse("y = x"), "grad"), free_suffix(parse("y = x.dot + z.dot2.grad"), "dot")
    ('grad', 'dot3')
    """
    names = {a.name for equation in equations for a in accesses(equation)}
    used = [int(m[1] or 1) for n in names for m in re.finditer(rf"\.{word}(\d*)(?=\.|$)", n)]
    return f"{word}{max(used) + 1}" if used else word


def derivative_sides(name: str) -> Iterator[tuple[str, str]]:
    """The tensors whose axes, one after the other, a Jacobian or Hessian may have.

    A tensor's name may have dots, so that a Hessian's can be read in more than one way.

    >>> list(derivative_sides("y.jacobian.x")), list(derivative_sides("loss.hessian.U.V"))
    ([('y', 'x')], [('U', 'V')])
    """
    if "." not in name:
        return
    jacobian = re.fullmatch(r"(.+)\.jacobian\d*\.(.+)", name)
    if jacobian:
        yield jacobian[1], jacobian[2]
    hessian = re.fullmatch(r".+\.hessian\d*\.(.+)", name)
    if hessian:
        parts = hessian[1].split(".")
        for count in range(1, len(parts)):
            yield ".".join(parts[:count]), ".".join(parts[count:])


def has_axes_of_others(name: str) -> bool:
    """Whether a tensor is a derivative by its name, and so as long as other tensors are.

    >>> [has_axes_of_others(name) for name in ("x.grad", "y.jacobian.x", "y.factor.x")]
    [True, True, False]
    """
    return tensor_base(name) != name or any(True for _ in derivative_sides(name))
