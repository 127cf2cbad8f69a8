"""The numbers in code that are sizes: what they are made of, told from the code at several sizes.

Code for some sizes is exact for those. What is one text at all of them but for numbers, each of which is
the same sum or product of sizes everywhere, is code for all sizes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from einprop.backends.source_code import Line
from einprop.backends.source_phrases import sum_text

__all__ = ["Form", "Sample", "fitted_form", "numbers", "skeleton", "with_forms"]

_NUMBER = re.compile(r'(?<![\w."])\d+(?![\w."])')


@dataclass(frozen=True, slots=True)
class Form:
    """A size as a sum of products of other sizes.

    Attributes:
        constant: What is added.
        terms: By product of variables, how often it is there.
    """

    constant: int
    terms: Mapping[tuple[object, ...], int]

    def at(self, values: Mapping[object, int]) -> int:
        """The size where the variables have these sizes."""
        products = (c * math.prod(values[v] for v in vs) for vs, c in self.terms.items())
        return self.constant + sum(products)

    @property
    def variables(self) -> set[object]:
        """What it is made of."""
        return {v for product in self.terms for v in product}

    def plus(self, other: Form, times: int = 1) -> Form:
        """The sum with so many times another."""
        terms = dict(self.terms)
        for product, count in other.terms.items():
            terms[product] = terms.get(product, 0) + times * count
        kept = {product: count for product, count in terms.items() if count}
        return Form(self.constant + times * other.constant, kept)

    def text(self, names: Mapping[object, str]) -> str:
        """The sum as code.

        >>> Form(-1, {("L",): 1, ("p",): -2}).text({"L": "x_size", "p": "p_size"})
        'x_size - 2 * p_size - 1'
        """
        terms = [(c, " * ".join(names[v] for v in vs)) for vs, c in self.terms.items()]
        ordered = sorted(terms, key=lambda term: term[0] < 0)
        return sum_text(ordered, self.constant)


@dataclass(frozen=True)
class Sample:
    """Something at one choice of sizes: the variables' sizes, and the numbers that come of them."""

    values: Mapping[object, int]
    found: Sequence[int]


def fitted_form(place: int, base: Sample, others: Mapping[object, Sample]) -> Iterator[Form]:
    """What one of the numbers may be made of.

    Args:
        place: Which number.
        base: The numbers at some sizes.
        others: By variable, the numbers where it alone has another size.

    >>> base = Sample({"i": 11, "p": 13}, [23])
    >>> others = {"i": Sample({"i": 12, "p": 13}, [24]), "p": Sample({"i": 11, "p": 15}, [25])}
    >>> [form.text({"i": "i", "p": "p"}) for form in fitted_form(0, base, others)]
    ['i + p - 1']
    """
    start = base.found[place]
    slopes: dict[object, int] = {}
    for variable, sample in others.items():
        change = sample.found[place] - start
        slope, rest = divmod(change, sample.values[variable] - base.values[variable])
        if rest:
            return
        if slope:
            slopes[variable] = slope
    constant = start - sum(slope * base.values[v] for v, slope in slopes.items())
    yield Form(constant, {(v,): slope for v, slope in slopes.items()})
    whole = {slope * base.values[v] for v, slope in slopes.items()}
    if len(slopes) > 1 and whole == {start}:
        count = start // math.prod(base.values[v] for v in slopes)
        yield Form(0, {tuple(slopes): count})


def skeleton(lines: Sequence[Line]) -> list[tuple[int, str]]:
    """Code without its numbers."""
    return [(line.depth, _NUMBER.sub("#", line.text)) for line in lines]


def numbers(lines: Sequence[Line]) -> list[int]:
    """The numbers in code."""
    return [int(found) for line in lines for found in _NUMBER.findall(line.text)]


def with_forms(
    lines: Sequence[Line], forms: Sequence[Form], names: Mapping[object, str]
) -> list[Line]:
    """Code whose numbers are the forms."""
    place = iter(forms)

    def shown(match: re.Match[str]) -> str:
        form = next(place)
        if not form.terms:
            return match.group()
        text = form.text(names)
        before, after = match.string[: match.start()].rstrip(), match.string[match.end() :].lstrip()
        alone = before[-1:] in "([,:=+" and after[:1] in ")],:"
        return text if alone or re.fullmatch(r"\w+", text) else f"({text})"

    def replaced(line: Line) -> Line:
        text = _NUMBER.sub(shown, line.text)
        changed = text != line.text and not line.comment
        return line._replace(text=_spaced(text) if changed else text)

    return [replaced(line) for line in lines]


def _spaced(text: str) -> str:
    """Slices as formatters leave them: with spaces where a bound is more than a name.

    >>> _spaced("x[1:n - 1, :k] + z[:n]")
    'x[1 : n - 1, :k] + z[:n]'
    """
    return re.sub(r"\[([^\[\]]*)\]", lambda found: f"[{_subscripts(found.group(1))}]", text)


def _subscripts(inside: str) -> str:
    parts = re.split(r", (?![^(]*\))", inside)
    return ", ".join(map(_slice, parts)) if ":" in inside else inside


def _slice(part: str) -> str:
    bounds = [bound.strip() for bound in part.split(":")]
    if len(bounds) == 1 or all(re.fullmatch(r"-?\w*", bound) for bound in bounds):
        return ":".join(bounds) if len(bounds) > 1 else part
    return " : ".join(bounds).strip().replace(" :  : ", " :: ").removesuffix(" ")
