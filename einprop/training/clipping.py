"""Clipping: gradients kept from growing too large, as equations between the gradient and the update."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from einprop.errors import InputError
from einprop.notation.printer import to_text
from einprop.notation.tree import Access
from einprop.options import plain

__all__ = ["Clip", "ClipNorm", "ClipValue", "squares", "total_of"]


@runtime_checkable
class Clip(Protocol):
    """A way to clip."""

    @property
    def limit(self) -> float:
        """The number that the equations know as ``clip.limit``."""
        ...

    def lines(
        self, gradients: Sequence[Access], clipped: Sequence[Access], prefix: str
    ) -> list[str]:
        """The equations of the clipped gradients; other names begin with the prefix and a dot."""
        ...


@dataclass(frozen=True)
class ClipValue:
    r"""Each component of each gradient clipped to ``[-limit, limit]``, as ``clip_grad_value_`` in torch.

    Args:
        limit: The largest magnitude of a component.

    Raises:
        InputError: It is negative.

    >>> W = Access("W.grad"), Access("W.clipped")
    >>> print(*ClipValue(1.0).lines([W[0]], [W[1]], "clip"), sep="\n")
    W.clipped = clip(W.grad, -clip.limit, clip.limit)
    """

    limit: float

    def __post_init__(self) -> None:
        _check(self.limit)

    def lines(
        self, gradients: Sequence[Access], clipped: Sequence[Access], prefix: str
    ) -> list[str]:
        """The equations of the clipped gradients."""
        return [
            f"{to_text(new)} = clip({to_text(old)}, -{prefix}.limit, {prefix}.limit)"
            for old, new in zip(gradients, clipped, strict=True)
        ]


@dataclass(frozen=True)
class ClipNorm:
    r"""All gradients together scaled down to a norm of ``limit`` where theirs is larger.

    The norm is the root of the sum of the squares of all components of all gradients; 1e-6 is added
    to it where it divides, as in ``clip_grad_norm_`` of torch.

    Args:
        limit: The largest norm.

    Raises:
        InputError: It is negative.

    >>> W = Access("W.grad"), Access("W.clipped")
    >>> print(*ClipNorm(1.0).lines([W[0]], [W[1]], "clip"), sep="\n")
    clip.norm = sqrt(W.grad^2)
    clip.scale = minimum(1, clip.limit / (clip.norm + 1e-6))
    W.clipped = clip.scale * W.grad
    """

    limit: float

    def __post_init__(self) -> None:
        _check(self.limit)

    def lines(
        self, gradients: Sequence[Access], clipped: Sequence[Access], prefix: str
    ) -> list[str]:
        """The equations of the norm, the scale and the clipped gradients."""
        return [
            f"{prefix}.norm = sqrt({squares(gradients)})",
            f"{prefix}.scale = minimum(1, {prefix}.limit / ({prefix}.norm + 1e-6))",
            *(
                f"{to_text(new)} = {prefix}.scale * {to_text(old)}"
                for old, new in zip(gradients, clipped, strict=True)
            ),
        ]


def squares(tensors: Sequence[Access]) -> str:
    """The sum of the squares of all cells of all tensors, each at one index for each axis.

    >>> from einprop.notation.tree import Index
    >>> squares([Access("W", (Index("i"), Index("j"))), Access("c")])
    'sum[i,j](W[i,j]^2) + c^2'
    """
    return " + ".join(total_of(tensor, "^2") for tensor in tensors)


def total_of(tensor: Access, power: str = "") -> str:
    """The sum of all cells of a tensor at one index for each axis, each to a power.

    >>> from einprop.notation.tree import Index
    >>> total_of(Access("W", (Index("i"), Index("j"))))
    'sum[i,j](W[i,j])'
    """
    indices = ",".join(map(to_text, tensor.subscripts))
    cell = f"{to_text(tensor)}{power}"
    return f"sum[{indices}]({cell})" if indices else cell


def _check(limit: float) -> None:
    number = plain(limit)
    if not isinstance(number, int | float) or not number >= 0:
        raise InputError(f"gradients cannot be clipped to {limit!r}", hint="the limit is 0 or more")
