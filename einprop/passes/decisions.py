"""What passes decided, as plain data: what is shared, taken out or computed again, and what that saves."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from einprop.analysis.dependence import is_contribution
from einprop.analysis.indices import is_distinct, rename_indices
from einprop.notation.printer import to_text
from einprop.notation.tree import Access, Equation, Expression, transform
from einprop.passes.builder import letters

__all__ = ["ContractionPath", "Decision", "in_words"]

_LONGEST = 100


@dataclass(frozen=True)
class Decision:
    """One decision of a pass.

    Attributes:
        kind: ``shared`` (a value that several products need), ``factored`` (an operand that several
            products of a sum have in common), ``recomputed`` (a tensor that is not kept),
            ``blocked`` (a product that goes position by position), ``merged`` (products of a
            recurrence that became one), ``gathered`` (factors that left a loop as one),
            ``accumulated`` (a reduction of pairs of positions that became a recurrence),
            ``simplified`` (operations that algebra and sharing made unnecessary) or ``stabilised``
            (a form that overflows or cancels, in its stable form).
        value: What it is about, in index notation.
        saved: How much less there is; 0 where nothing is to be saved.
        unit: Of what, as in ``multiply-adds`` or ``bytes``.
    """

    kind: str
    value: str
    saved: int = 0
    unit: str = ""

    def __str__(self) -> str:
        gain = f" saves {self.saved:,} {self.unit}" if self.unit else ""
        return f"{self.kind}: {self.value}{gain}"


@dataclass(frozen=True)
class ContractionPath:
    """The order in which a product of three or more operands is computed.

    Attributes:
        product: The product as it stands in the program.
        order: Its operands in pairs, as in ``(A B) (C D)``.
        at_once: Multiply-adds of one loop over all its indices.
        left_to_right: Multiply-adds in the order in which the operands are written.
        multiply_adds: Those in the order that was chosen. What products share counts in each.
    """

    product: str
    order: str
    at_once: int
    left_to_right: int
    multiply_adds: int

    def __str__(self) -> str:
        return (
            f"path: {self.product} as {self.order}: {self.multiply_adds:,} multiply-adds, "
            f"left to right {self.left_to_right:,}, at once {self.at_once:,}"
        )


def in_words(
    expression: Expression, defined: Mapping[str, Equation], temporaries: Collection[str]
) -> str:
    """An expression as text, made-up names replaced by what they stand for.

    >>> from einprop.notation.parser import parse
    >>> (line, reader) = parse("_1[i] = exp(x[i]); y[j] = 2 _1[j]")
    >>> in_words(reader.expression, {"_1": line}, {"_1"})
    '2 exp(x[j])'
    """

    def meaning(node: Expression) -> Expression:
        if not isinstance(node, Access) or node.name not in temporaries or not is_distinct(node):
            return node
        known = defined.get(node.name)
        if known is None or is_contribution(known):
            return node  # What is put together from parts has no expression of its own.
        names = dict(zip(letters(known.target), letters(node), strict=True))
        return rename_indices(known.expression, names)

    text = to_text(expression)
    for _ in range(len(defined)):
        larger = transform(expression, meaning)
        longer = to_text(larger)
        if larger == expression or len(longer) > _LONGEST:
            break
        expression, text = larger, longer
    return text
