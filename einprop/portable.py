"""Code for all sizes: written at several, and read off from how it varies.

At given shapes code is exact. The sizes that nobody gave are varied one by one and together; where the
code stays the same but for numbers, each a sum or a product of sizes, these are read off the arguments.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from einprop.analysis.sizes import Sizes
from einprop.backends.source_code import Code, Line
from einprop.backends.source_sizes import Form, Sample, fitted_form, numbers, skeleton
from einprop.errors import EinpropError
from einprop.varied import Varied

__all__ = ["DiffersError", "Template", "template"]


class DiffersError(Exception):
    """Code that is another at other sizes of some variables."""

    def __init__(self, keys: Iterable[object]) -> None:
        self.keys = tuple(keys)


@dataclass(frozen=True)
class Template:
    """Code whose numbers are forms.

    Attributes:
        code: It, at some sizes.
        forms: What its numbers are made of.
        axes: What the sizes of all inputs' axes are made of.
        least: The smallest size of each variable that the code is for.
    """

    code: Code
    forms: Sequence[Form]
    axes: Mapping[tuple[str, int], Form]
    least: Mapping[object, int]


def template(varied: Varied, draft: Callable[[Sizes], Code]) -> Template:
    """The code that is the same at all sizes but for forms.

    Raises:
        DiffersError: There is no such code.
    """
    inputs = varied.resolved.names.inputs
    axes = [(name, k) for name in inputs for k in range(varied.resolved.types.rank(name))]

    def sample(values: Mapping[object, int]) -> tuple[Code, Sample]:
        sizes = varied.at(values)
        code = draft(sizes)
        return code, Sample(values, [*numbers(code.lines), *[sizes.axis(*a) for a in axes]])

    def same(values: Mapping[object, int], keys: Iterable[object]) -> Sample:
        try:
            other, found = sample(values)
        except EinpropError:
            raise DiffersError(keys) from None
        if skeleton(other.lines) != skeleton(code.lines):
            raise DiffersError(keys)
        return found

    code, base = sample(varied.variables)
    singles = {key: same(values, [key]) for key, values in varied.singly()}
    found = [list(fitted_form(place, base, singles)) for place in range(len(base.found))]
    for values in varied.together():
        other = same(values, varied.variables)
        found = [
            [form for form in forms if form.at(values) == size]
            for forms, size in zip(found, other.found, strict=True)
        ]
    wrong = [n for n, forms in enumerate(found) if not forms]
    if wrong:
        moved = (k for k, s in singles.items() if any(s.found[n] != base.found[n] for n in wrong))
        raise DiffersError(moved)
    forms = [forms[0] for forms in found]
    count = len(forms) - len(axes)
    known = dict(zip(axes, forms[count:], strict=True))
    trial = Template(code, forms[:count], known, {})
    return replace(trial, least=_least(varied, draft, trial))


def _least(varied: Varied, draft: Callable[[Sizes], Code], found: Template) -> dict[object, int]:
    """The smallest size of each variable from which on the code is the same."""
    least: dict[object, int] = {}
    few = not varied.constants and not any(form.terms for form in found.forms)
    for key, large in varied.variables.items():
        tried = [*varied.small(key, few=few), large]
        wrong = [
            n for n in tried[:-1] if not _holds(varied, draft, found, varied.changed({key: n}), n)
        ]
        least[key] = next(n for n in tried if n > max(wrong, default=-1))
    return least


def _holds(
    varied: Varied,
    draft: Callable[[Sizes], Code],
    found: Template,
    values: Mapping[object, int],
    size: int,
) -> bool:
    """Whether code is right where one variable is small.

    Code for a size of 0 or 1 is simplified; it shows all the same what has to be made otherwise there.
    """
    try:
        other = draft(varied.at(values)).lines
        if not varied.taken(values):
            return False
    except EinpropError:
        return False
    if skeleton(other) == skeleton(found.code.lines):
        return numbers(other) == [form.at(values) for form in found.forms]
    return (
        size < 2
        and all(
            _count(pattern, other) >= _count(pattern, found.code.lines) for pattern in _KEPT[size]
        )
        and _count(_FILLED, other) <= _count(_FILLED, found.code.lines)
    )


_EMPTY = r"\b(?:new_)?empty\("
_FOLDED = (
    r"\.a?(?:max|min)\(|\.arg(?:max|min)\(|\bstack\(|\b(?:sliding_window_view|unfold|windows)\("
)
_KEPT = {0: (_EMPTY, _FOLDED), 1: (_EMPTY,)}
"""What code for a size of 0 or 1 has as often, unless something has no cells or one alone."""

_FILLED = r"\b(?:new_)?full\("


def _count(pattern: str, lines: Sequence[Line]) -> int:
    return sum(len(re.findall(pattern, line.text)) for line in lines if not line.comment)
