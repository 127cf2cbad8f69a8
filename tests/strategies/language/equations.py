"""Random equations: every operator and every kind of left side, with the ranges that they need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from einprop.analysis.indices import equation_indices, subscript_indices
from einprop.notation.functions import COMBINED
from einprop.notation.tree import (
    Access,
    Add,
    Affine,
    Boundary,
    Call,
    Equation,
    Expression,
    Group,
    Index,
    Multiply,
    Negate,
    Range,
    Size,
    Subscript,
    accesses,
    walk,
)
from tests.strategies.language.tensors import BOUNDARIES, Draw, Letter, Store, Tensor, joins
from tests.strategies.language.values import Values, plain, positions


@dataclass
class Draft:
    """The program so far.

    Attributes:
        store: Its tensors.
        declared: The letters that it declares.
        sizes: Declared sizes by type.
        definitions: How many arguments its own definitions take, and what becomes of their indices.
        equations: What it says.
        spaces: Axes that only a declaration gives a size, by tensor.
    """

    store: Store
    declared: list[Letter] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    definitions: dict[str, tuple[int, str]] = field(default_factory=dict)
    equations: list[Equation] = field(default_factory=list)
    spaces: dict[str, Access] = field(default_factory=dict)

    @property
    def draw(self) -> Draw:
        return self.store.draw

    def values(self, *, explicit: bool = False) -> Values:
        values = Values(self.store, self.declared, self.definitions)
        values.explicit = explicit
        return values

    def name(self) -> str:
        """A name for a tensor that is defined next."""
        return f"y{len(self.store.tensors)}"

    def say(
        self,
        values: Values,
        target: Access,
        operator: str,
        expression: Expression,
        always: Sequence[Letter] = (),
    ) -> Equation:
        """Add an equation, with a range for every letter that nothing else gives one."""
        equation = Equation(target, operator, expression)
        ranged = dict.fromkeys((*unanchored(equation, values, self.store), *always))
        # Ranges that keep two equations of one tensor apart are numbers.
        ranges = [
            Range(x.name, (x.start,), (x.stop,)) if x in always else self.range(x) for x in ranged
        ]
        self.equations.append(
            Equation(target, operator, expression, tuple(self.draw.permuted(ranges)))
        )
        return self.equations[-1]

    def range(self, letter: Letter) -> Range:
        named = [name for name, size in self.sizes.items() if size <= letter.stop]
        stop: Size = (letter.stop,)
        if named and self.draw.chance(40):
            name = self.draw.choose(named)
            rest = letter.stop - self.sizes[name]
            stop = (name, rest) if rest else (name,)
        return Range(letter.name, (letter.start,), stop)

    def complete(self, name: str, shape: Sequence[int], types=None, late=()) -> None:
        """A tensor that may be read from now on."""
        types = types or (None,) * len(shape)
        self.store.add(Tensor(name, tuple(shape), tuple(types), frozenset(late), defined=True))


# Which letters need a range


def unanchored(equation: Equation, values: Values, store: Store) -> Iterator[Letter]:
    """The letters whose positions neither an array nor a declaration nor a subscript tells."""
    spots = list(_spots(equation, store))
    shifted = {(s[0], s[1], i) for s in spots if not s[4] for i in _affine(s[2])}
    early, late = set[str](), set[str]()
    for name, axis, subscript, is_late, _ in spots:
        if isinstance(subscript, Index) and (name, axis, subscript.name) not in shifted:
            (late if is_late else early).add(subscript.name)
    used = set(equation_indices(equation))
    for letter in values.letters.values():
        if letter.name not in used:
            continue
        moved = any(letter.name in _affine(s[2]) for s in spots)
        if letter.known:
            continue
        if not letter.whole or (moved and values.bindings[letter.name] > 1):
            yield letter
        elif letter.name in early or (letter.name in late and not moved):
            continue
        elif not _tight(letter, spots, early, values):
            yield letter


_Spot = tuple[str, int, Subscript, bool, bool]


def _spots(equation: Equation, store: Store) -> Iterator[_Spot]:
    """Every subscript: its tensor, axis, whether the axis's size is late, and whether it is written."""
    for position, access in enumerate(accesses(equation)):
        tensor = store.tensors.get(access.name)
        for axis, subscript in enumerate(access.subscripts):
            if tensor is not None:
                yield access.name, axis, subscript, axis in tensor.late, position == 0


def _affine(subscript: Subscript) -> tuple[str, ...]:
    return tuple(i for _, i in subscript.terms) if isinstance(subscript, Affine) else ()


def _tight(letter: Letter, spots: Sequence[_Spot], early: set[str], values: Values) -> bool:
    """Whether an access bounds the letter by just as many positions as it has."""
    known = early | {x.name for x in values.letters.values() if x.known}
    for name, axis, subscript, is_late, writes in spots:
        if writes or is_late or letter.name not in _affine(subscript):
            continue
        assert isinstance(subscript, Affine)
        others = [(c, i) for c, i in subscript.terms if i != letter.name]
        if all(i in known for _, i in others):
            size = values.store.tensors[name].shape[axis]
            if _bound(subscript, letter, size, values) == letter.stop:
                return True
    return False


def _bound(subscript: Affine, letter: Letter, size: int, values: Values) -> int:
    """How many positions from 0 on leave the subscript inside of its axis."""
    base = subscript.constant + subscript.end * (size - 1)
    low = high = base
    factor = next(c for c, i in subscript.terms if i == letter.name)
    for c, i in subscript.terms:
        if i != letter.name:
            x = values.letters[i]
            low, high = low + min(c * x.start, c * x.last), high + max(c * x.start, c * x.last)
    room = size - 1 - high if factor > 0 else low
    return room // abs(factor) + 1


# Equations


def equation(draft: Draft) -> None:
    """Add one or more equations that define a tensor."""
    draft.draw.choose(KINDS)(draft)


def _target(draft: Draft, values: Values, count: int | None = None) -> tuple[Letter, ...]:
    count = draft.draw.choose((0, 1, 1, 1, 2, 2)) if count is None else count
    return tuple(values.fresh(ranged=draft.draw.chance(40)) for _ in range(count))


def _must(letters: Sequence[Letter], draw: Draw) -> tuple[Letter, ...]:
    """The letters that the right side has to have: a declared range makes up for one that is missing."""
    return tuple(x for x in letters if not x.known or draw.chance(85))


def _shape(letters: Sequence[Letter]) -> tuple[int, ...]:
    return tuple(x.stop for x in letters)


def defined(draft: Draft, depth: int = 2) -> None:
    """``y[i,j] = …``, perhaps with more added to it."""
    values, draw, name = draft.values(), draft.draw, draft.name()
    letters = _target(draft, values)
    operator = "+=" if draw.chance(20) else "="
    expression = values.value(letters, depth, _must(letters, draw))
    if operator == "+=" and draw.chance(60):
        expression = _with_lone(draft, values, letters)
    more = draw.chance(25)
    said = draft.say(values, plain(name, letters), operator, expression)
    ranged = {r.index for r in said.ranges}
    # More may be written than a range says.
    more = more and not ranged.intersection(x.name for x in letters)
    partial = operator == "+=" or any(not x.whole for x in letters)
    late = [n for n, x in enumerate(letters) if x.name in ranged and partial]
    draft.complete(name, _shape(letters), [x.type if x.whole else None for x in letters], late)
    if more:
        _more(draft, name)


def _with_lone(draft: Draft, values: Values, letters: Sequence[Letter]) -> Expression:
    """Terms with an index that occurs once: the operator sums it."""
    lone = values.fresh(ranged=False)
    term: Expression = values.access((*letters, lone))
    if draft.draw.chance(50):
        term = Multiply((term, values.access(letters[:1])))
    if draft.draw.chance(40):
        term = Negate(term)
    if draft.draw.chance(40):
        term = Add((values.access(letters), term))
    return term


def _more(draft: Draft, name: str) -> None:
    """``y[…] += …``, at computed subscripts too, for a tensor that is there already."""
    values, draw = draft.values(), draft.draw
    tensor = draft.store.tensors[name]
    draft.store.hidden.add(name)
    letters = _target(draft, values, min(len(tensor.shape), draw.number(0, 2)))
    target = values.at(tensor, letters)
    expression = values.value(letters, 1, letters)
    draft.say(values, target, "+=", expression)
    draft.store.hidden.discard(name)


def diagonal(draft: Draft) -> None:
    """``y[i,i] = …``."""
    values, name = draft.values(), draft.name()
    letter = values.fresh(ranged=False)
    expression = values.value((letter,), 1, (letter,))
    operator = "+=" if draft.draw.chance(30) else "="
    said = draft.say(values, plain(name, (letter, letter)), operator, expression)
    late = (0, 1) if said.ranges else ()
    draft.complete(name, (letter.stop,) * 2, (letter.type,) * 2, late)


def moved(draft: Draft) -> None:
    """``y[2*i+1,j] = …``: each cell is named once, those in between are 0."""
    values, draw, name = draft.values(), draft.draw, draft.name()
    letters = _target(draft, values, draw.number(1, 2))
    expression = values.value(letters, draw.number(1, 2), _must(letters, draw))
    factor = draw.choose((1, 1, 2, -1))
    first = letters[0]
    low, high = sorted((factor * first.start, factor * first.last))
    constant = draw.number(max(-low, 0), max(-low, 0) + 1)
    subscript = Affine(((factor, first.name),), constant)
    size = high + constant + 1
    if factor == -1 and draw.chance(50):
        subscript, size = Affine(((-1, first.name),), 0, 1), first.last + 1
    rest = tuple(Index(x.name) for x in letters[1:])
    operator = draw.choose(("=", "=", "+="))
    said = draft.say(values, Access(name, (subscript, *rest)), operator, expression)
    ranged = {r.index for r in said.ranges}
    late = [0, *(n for n, x in enumerate(letters) if n and x.name in ranged)]
    types = [None, *(x.type if x.whole else None for x in letters[1:])]
    draft.complete(name, (size, *_shape(letters[1:])), types, late)


def overlapping(draft: Draft) -> None:
    """``y[i+p] += …``: what meets in a cell is added up."""
    values, draw, name = draft.values(), draft.draw, draft.name()
    letters = _target(draft, values, 2)
    expression = values.value(letters, 1, letters)
    factors = draw.choose(((1, 1), (2, 1), (1, 2)))
    terms = tuple((f, x.name) for f, x in zip(factors, letters, strict=True))
    size = sum(f * x.last for f, x in zip(factors, letters, strict=True)) + 1
    draft.say(values, Access(name, (Affine(terms),)), "+=", expression)
    draft.complete(name, (size,), None, (0,))


def scattered(draft: Draft) -> None:
    """Writes at positions that do not tell the size of the axis: it is declared."""
    values, draw, name = draft.values(), draft.draw, draft.name()
    letters = _target(draft, values, draw.choose((1, 1, 2)))
    expression = values.value(letters, draw.number(1, 2), letters)
    first, rest = letters[:1], letters[1:]
    size = draw.number(1, 4)
    where: Subscript = draft.store.gather(first, size)
    if draw.chance(60):
        where = Boundary(draw.choose(BOUNDARIES), draft.store.anywhere(first))
    type_ = f"space{len(draft.sizes)}"
    letter = Letter(f"u{len(draft.sizes)}", 0, size, type_, known=True)
    draft.sizes[type_] = size
    draft.declared.append(letter)
    inner = tuple(Index(x.name) for x in rest)
    said = draft.say(values, Access(name, (where, *inner)), "+=", expression)
    draft.spaces[name] = Access(name, (Index(letter.name), *inner))
    ranged = {r.index for r in said.ranges}
    late = [n + 1 for n, x in enumerate(rest) if x.name in ranged or not x.whole]
    draft.complete(name, (size, *_shape(rest)), [type_, *(x.type for x in rest)], late)
    if any(not x.whole for x in rest):
        draft.spaces[name] = Access(
            name, (Index(letter.name), *(Index(f"{x.name}0") for x in rest))
        )
    if draw.chance(30) and not late:
        _more(draft, name)


def grouped(draft: Draft) -> None:
    """``y[(i j)] = …``."""
    values, name = draft.values(), draft.name()
    letters = tuple(values.fresh(ranged=False) for _ in range(2))
    expression = values.value(letters, 1, letters)
    assert joins(letters, positions(letters))
    draft.say(values, Access(name, (Group(tuple(x.name for x in letters)),)), "=", expression)
    draft.complete(name, (positions(letters),), None, (0,))


def extremal(draft: Draft) -> None:
    """``y[i] max= …``, in one or more equations."""
    values, draw, name = draft.values(explicit=True), draft.draw, draft.name()
    operator = draw.choose(("max=", "min="))
    letters = tuple(values.fresh(ranged=False) for _ in range(draw.number(0, 2)))
    expression: Expression = values.value(letters, 1, letters)
    if draw.chance(50):
        lone = values.fresh(ranged=False)
        read: Expression = values.access((*letters, lone))
        reads = [node for node in walk(read) if isinstance(node, Access)]
        found = [i for x in reads for s in x.subscripts for i in subscript_indices(s)]
        if found.count(lone.name) > 1:
            # What repeats could be summed as well, so it is said which of the two is meant.
            read = Call(COMBINED[operator], (read,), (lone.name,))
        expression = Add((read, Negate(values.access(letters))))
    said = draft.say(values, plain(name, letters), operator, expression)
    more = draw.chance(60) and not said.ranges
    late = [n for n, x in enumerate(letters) if said.ranges]
    draft.complete(name, _shape(letters), [x.type for x in letters], late)
    if more:
        draft.store.hidden.add(name)
        values = draft.values(explicit=True)
        tensor = draft.store.tensors[name]
        count = min(len(tensor.shape), draw.number(1, 2))
        others = tuple(values.fresh(ranged=draw.chance(50)) for _ in range(count))
        draft.say(values, values.at(tensor, others), operator, values.value(others, 1, others))
        draft.store.hidden.discard(name)


def holes(draft: Draft) -> None:
    """``y[2*i+1] max= …``: cells that nothing names stay infinite: only the loss reads it."""
    values, draw, name = draft.values(explicit=True), draft.draw, draft.name()
    letters = tuple(values.fresh(ranged=False) for _ in range(draw.number(1, 2)))
    expression = values.value(letters, 1, letters)
    terms = tuple((draw.choose((1, 2)), x.name) for x in letters)
    constant = draw.number(0, 1)
    size = sum(c * x.last for (c, _), x in zip(terms, letters, strict=True)) + constant + 1
    operator = draw.choose(("max=", "min="))
    draft.say(values, Access(name, (Affine(terms, constant),)), operator, expression)
    draft.complete(name, (size,), None, (0,))
    draft.store.hidden.add(name)


def pieces(draft: Draft) -> None:
    """A tensor in two pieces: constants or ranges at one axis keep them apart."""
    draw, name = draft.draw, draft.name()
    size = draw.number(2, 4)
    cut = draw.number(1, size - 1)
    first, second = Letter("i", 0, cut), Letter("i", cut, size)
    for letter in (first, second):
        values = draft.values()
        values.letters["i"] = letter
        expression = values.value((letter,), 1, (letter,))
        draft.say(values, plain(name, (letter,)), "=", expression, (letter,))
    draft.complete(name, (size,), None, (0,))


def constants(draft: Draft) -> None:
    """``y[0] = …; y[1] = …``."""
    draw, name = draft.draw, draft.name()
    count = draw.number(1, 3)
    for position in draw.permuted(range(count)):
        values = draft.values()
        draft.say(values, Access(name, (Affine((), position),)), "=", values.value((), 1))
    draft.complete(name, (count,), None, (0,))


KINDS = (
    *(defined,) * 7,
    *(diagonal, moved, moved, overlapping, scattered, scattered, grouped, extremal, extremal),
    *(holes, pieces, constants),
)
"""What an equation may be, the commonest several times."""
