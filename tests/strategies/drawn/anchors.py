"""Which indices the text has to give a range: those whose positions the language does not tell by itself.

The rules are those of docs/language.md, section 7 and 8: a declared size, a plain read of a whole axis, the
tightest of the computed reads; primes have the type and the range of their letter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from tests.strategies.drawn.model import (
    Affine,
    Compare,
    Equation,
    Letter,
    Over,
    Read,
    Tensor,
    letters,
    walk,
)


def unsaid(
    equation: Equation,
    tensors: Mapping[str, Tensor],
    declared: frozenset[str],
    given: frozenset[Letter] = frozenset(),
) -> set[Letter]:
    """The letters that need a clause.

    Args:
        equation: Without clauses.
        tensors: Those whose sizes are known.
        declared: The declared letters, each of which has the size of its type.
        given: The letters that have one in any case.
    """
    spots = _Spots(equation, tensors, declared)
    needing = {x for x in letters(equation) if x in given or not spots.told(x)}
    while True:
        more = {x for x in letters(equation) if x not in needing and spots.disturbed(x, needing)}
        if not more:
            return needing
        needing |= more


class _Spots:
    def __init__(
        self, equation: Equation, tensors: Mapping[str, Tensor], declared: frozenset[str]
    ) -> None:
        self.tensors, self.declared = tensors, declared
        self.all = letters(equation)
        reads = [n for n in walk(equation.expression) if isinstance(n, Read)]
        reads += [n for n in walk(equation.target.subscripts) if isinstance(n, Read)]
        self.places = [
            (read.name, axis, subscript)
            for read in reads
            for axis, subscript in enumerate(read.subscripts)
        ]
        nodes = list(walk(equation.expression))
        binders = [n for n in nodes if isinstance(n, Over)]
        self.bound = Counter(x.name for n in binders for x in n.letters)
        self.bound.update({x.name for x in letters(equation.target)})
        self.names = Counter(x.name for x in self.all)
        self.equal = [
            {x for side in (n.left, n.right) for x in letters(side)}
            for n in nodes
            if isinstance(n, Compare) and n.operator in ("==", "!=")
        ]
        self.shifted = {
            (name, axis, x.root)
            for name, axis, s in self.places
            if isinstance(s, Affine) and not s.mode and s.plain is None
            for _, x in s.terms
        }

    def plain(self, letter: Letter) -> bool:
        """Whether a read says that the letter runs over a whole axis."""
        return any(
            isinstance(s, Affine)
            and s.plain == letter
            and name in self.tensors
            and self.tensors[name].shape[axis] == letter.stop
            and self.tensors[name].types[axis] == letter.type
            and (name, axis, letter.root) not in self.shifted
            for name, axis, s in self.places
        )

    def claims(self, letter: Letter) -> bool:
        """Whether a plain read says of the letter what is not so."""
        return any(
            isinstance(s, Affine)
            and s.plain == letter
            and name in self.tensors
            and (self.tensors[name].shape[axis], self.tensors[name].types[axis])
            != (letter.stop, letter.type)
            and (name, axis, letter.root) not in self.shifted
            for name, axis, s in self.places
        )

    def moved(self, letter: Letter) -> bool:
        return any(
            isinstance(s, Affine) and (s.plain is None or (name, axis, x.root) in self.shifted)
            for name, axis, s in self.places
            if isinstance(s, Affine) and not s.mode
            for _, x in s.terms
            if x == letter
        )

    def told(self, letter: Letter) -> bool:
        if self.claims(letter):
            return False
        if letter.name in self.declared:
            return letter.start == 0
        if letter.start or self.names[letter.name] > 1:
            return False
        if self.bound[letter.name] > 1 and self.moved(letter):
            return False
        if self.plain(letter):
            return self.early(letter) or not self.moved(letter)
        return self.tightest(letter) == letter.stop

    def early(self, letter: Letter) -> bool:
        """Whether a whole axis that it runs over has its size before other reads are asked."""
        return any(
            isinstance(s, Affine)
            and s.plain == letter
            and name in self.tensors
            and not self.tensors[name].late
            for name, _, s in self.places
        )

    def tightest(self, letter: Letter) -> int | None:
        """How far the computed reads let an index run, if they bound no other unknown one."""
        found = []
        for name, axis, s in self.places:
            if not isinstance(s, Affine) or s.mode or letter not in letters(s):
                continue
            if name not in self.tensors or any(
                x != letter and not (x.name in self.declared or self.plain(x)) for _, x in s.terms
            ):
                return None
            size = self.tensors[name].shape[axis]
            base = s.constant + s.end * (size - 1)
            low = high = base
            for factor, x in s.terms:
                if x != letter and not x.size:
                    return None
                if x != letter:
                    ends = factor * x.start, factor * (x.stop - 1)
                    low, high = low + min(ends), high + max(ends)
            factor = next(f for f, x in s.terms if x == letter)
            room = size - 1 - high if factor > 0 else low
            if room < -abs(factor):
                return None
            found.append(room // abs(factor) + 1)
        return min(found) if found else None

    def disturbed(self, letter: Letter, needing: set[Letter]) -> bool:
        """Whether the clause or the type of another index would change the range of this one."""
        if letter.name in self.declared:
            family = {x for x in self.all if x.root == letter.root and x != letter}
            return any(
                x in needing
                and letter.name != x.name
                and x.name == letter.root
                and (x.start, x.stop) != (letter.start, letter.stop)
                for x in family
            )
        related = {x for x in self.all if x.root == letter.root and x != letter}
        for group in self.equal:
            if letter in group:
                related |= group - {letter}
        for other in related:
            if other in needing:
                heir = other.name == letter.root and letter.name != letter.root
                if heir and (other.start, other.stop) != (letter.start, letter.stop):
                    return True
            elif (other.stop, other.type) != (letter.stop, letter.type) or not (
                self.plain(letter) and self.plain(other)
            ):
                return letter.name != letter.root or other.root != letter.root
        return any(
            x in needing and x != letter and not x.size
            for _, _, s in self.places
            if isinstance(s, Affine) and not s.mode and letter in letters(s)
            for _, x in s.terms
        ) and not self.plain(letter)
