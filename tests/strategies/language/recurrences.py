"""Random recurrences: upwards and downwards, with bases or from zeros, one tensor or several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from einprop.notation.tree import (
    Access,
    Add,
    Affine,
    Boundary,
    Call,
    Expression,
    Index,
    Multiply,
    Number,
    Subscript,
)
from tests.strategies.language.equations import Draft
from tests.strategies.language.tensors import Letter, Tensor
from tests.strategies.language.values import Values, half, plain

SQUASHES = ("tanh", "sin", "sigmoid", "softsign", "erf")


def recurrence(draft: Draft) -> None:
    """Add the equations of a recurrence."""
    draft.draw.choose((along, along, along, along, windowed, stepped, accumulated, plane))(draft)


class _Sequence:
    """One recurrence along t: its letters, its direction, and how far it looks back."""

    def __init__(self, draft: Draft, *, ranged: bool = False) -> None:
        draw = draft.draw
        self.draft, self.draw = draft, draw
        self.size = draw.number(1, 4)
        self.lag = draw.choose((1, 1, 1, 2))
        self.down = draw.chance(40)
        self.based = draw.chance(55) and not ranged
        self.start = 0
        if ranged:
            self.size = max(self.size, 2)
            self.lag, self.start = 1, 1
        types = [x for x in draft.declared if x.stop == self.size and x.whole and x.type]
        self.t = Letter("t", 0, self.size)
        if types and draw.chance(30) and not ranged:
            self.t = draw.choose(types)
        elif ranged:
            self.t = Letter("t", 0, self.size - 1) if self.down else Letter("t", 1, self.size)
        self.state = tuple(
            Letter(n, 0, draw.number(1, 2)) for n in "sz"[: draw.choose((0, 1, 1, 1, 2))]
        )
        count = draw.choose((1, 1, 1, 1, 2, 3))
        first = len(draft.store.tensors)
        self.names = tuple(f"h{first + n}" for n in range(count))

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.size, *(x.stop for x in self.state))

    def values(self) -> Values:
        """The room of one equation, its letters known."""
        values = self.draft.values()
        values.letters |= {x.name: x for x in (self.t, *self.state)}
        return values

    def earlier(self, lag: int) -> Affine:
        return Affine(((1, self.t.name),), lag if self.down else -lag)

    def outer(self, values: Values, depth: int = 1) -> Expression:
        """What does not come from the recurrence; a plain read of its own says how long it is."""
        letters = (self.t, *self.state)
        if self.t.known or not self.t.whole or self.t.stop != self.size:
            return values.value(letters, depth, letters)
        name = f"x{len(self.draft.store.tensors)}"
        types = tuple(x.type for x in letters)
        self.draft.store.add(Tensor(name, tuple(x.stop for x in letters), types))
        read: Expression = plain(name, letters)
        if self.draw.chance(40):
            read = Multiply((read, values.value(letters, depth - 1)))
        return read

    def past(self, values: Values, name: str) -> Expression:
        """A term that reads the past of a tensor."""
        draw = self.draw
        at = self.earlier(draw.number(1, self.lag))
        state = [Index(x.name) for x in self.state]
        if self.state and draw.chance(35):
            return self.mixed(values, name, at)
        if self.state and draw.chance(40):
            axis = draw.number(0, len(state) - 1)
            state[axis] = self.elsewhere(values, self.state[axis])
        return Access(name, (at, *state))

    def elsewhere(self, values: Values, letter: Letter) -> Subscript:
        """Another place on an axis of the state."""
        if self.draw.chance(50):
            return values.store.gather((letter,), letter.stop)
        mode = self.draw.choose(("pad", "wrap", "clamp"))
        return Boundary(mode, Affine(((1, letter.name),), self.draw.choose((-1, 1))))

    def mixed(self, values: Values, name: str, at: Affine) -> Expression:
        """A matrix applied to the state, or the best way into it."""
        other = values.undeclared(self.state[0].stop)
        rest = [Index(x.name) for x in self.state[1:]]
        read = Access(name, (at, Index(other.name), *rest))
        matrix = f"x{len(self.draft.store.tensors)}"
        values.store.add(Tensor(matrix, (other.stop,) * 2, (None, None)))
        weight = plain(matrix, (other, self.state[0]))
        if self.draw.chance(25):
            values.bindings[other.name] += 1
            function = self.draw.choose(("max", "min", "logsumexp"))
            return Call(function, (Add((half(read), weight)),), (other.name,))
        return values.summing(Multiply(self.draw.permuted((read, weight))), [other])


def along(draft: Draft) -> None:
    """``h[t,s] = tanh(… h[t-1,k] U[k,s] …)``, one to three tensors."""
    found = _Sequence(draft)
    draft.store.hidden.update(found.names)
    bases = [_base(found, name) for name in found.names] if found.based else []
    before = draft.draw.chance(50)
    if before:
        _say_all(bases)
    defined: list[str] = []
    for name in found.names:
        _step(found, name, defined)
        defined.append(name)
    if not before:
        _say_all(bases)
    # A base is a cell that reads reach beyond the axis.
    _finish(found, (0,) if bases else ())


def _step(found: _Sequence, name: str, defined: Sequence[str]) -> None:
    draw, values = found.draw, found.values()
    terms = [found.outer(values)]
    # Each tensor reads the next one's past, so that all of them are one recurrence.
    following = found.names[(found.names.index(name) + 1) % len(found.names)]
    terms += [found.past(values, other) for other in dict.fromkeys((following, name))]
    if defined and draw.chance(60):
        terms.append(half(plain(draw.choose(defined), (found.t, *found.state))))
    whole = Add(draw.permuted(terms))
    gate = found.past(values, name)
    expression: Expression = Call(draw.choose(SQUASHES), (whole,))
    if draw.chance(25):
        expression = Add((half(gate), expression))
    target = plain(name, (found.t, *found.state))
    found.draft.say(values, target, "=", expression)


def _base(found: _Sequence, name: str):
    """The equations that give the cells before the first, or after the last, position."""

    def say() -> None:
        for lag in range(1, found.lag + 1):
            values = found.values()
            del values.letters[found.t.name]
            at = Affine((), lag, 1) if found.down else Affine((), -lag)
            target = Access(name, (at, *(Index(x.name) for x in found.state)))
            found.draft.say(values, target, "=", _plain_state(found, values))

    return say


def _plain_state(found: _Sequence, values: Values) -> Expression:
    name = f"x{len(found.draft.store.tensors)}"
    shape = tuple(x.stop for x in found.state)
    found.draft.store.add(Tensor(name, shape, (None,) * len(shape)))
    return (
        Call("sin", (plain(name, found.state),))
        if found.draw.chance(50)
        else plain(name, found.state)
    )


def _say_all(bases) -> None:
    for say in bases:
        say()


def _finish(found: _Sequence, late: Sequence[int] = ()) -> None:
    types = [found.t.type, *(None for _ in found.state)]
    for name in found.names:
        found.draft.complete(name, found.shape, types, late)
        found.draft.store.hidden.discard(name)


def stepped(draft: Draft) -> None:
    """``h[0] = …; h[t] = … h[t-1] … where t in 1:n``."""
    found = _Sequence(draft, ranged=True)
    found.names = found.names[:1]
    (name,) = found.names
    draft.store.hidden.add(name)
    values = found.values()
    del values.letters["t"]
    first = found.size - 1 if found.down else 0
    target = Access(name, (Affine((), first), *(Index(x.name) for x in found.state)))
    draft.say(values, target, "=", _plain_state(found, values))
    values = found.values()
    whole = Add((found.outer(values), found.past(values, name)))
    expression = Call(draft.draw.choose(SQUASHES), (whole,))
    draft.say(values, plain(name, (found.t, *found.state)), "=", expression, (found.t,))
    _finish(found, (0,))


def windowed(draft: Draft) -> None:
    """``h[t] = … a[l] h[t-1-l] …``: a lag that an index runs over."""
    found = _Sequence(draft)
    found.names = found.names[:1]
    (name,) = found.names
    draft.store.hidden.add(name)
    values = found.values()
    lag = Letter("l", 0, draft.draw.number(1, 3))
    values.letters["l"] = lag
    weights = f"x{len(draft.store.tensors)}"
    draft.store.add(Tensor(weights, (lag.stop,), (None,)))
    sign = 1 if found.down else -1
    at = Affine(((1, found.t.name), (sign, "l")), sign)
    read = Access(name, (at, *(Index(x.name) for x in found.state)))
    whole = Add((found.outer(values), Multiply((plain(weights, (lag,)), read))))
    expression = Call(draft.draw.choose(SQUASHES), (whole,))
    draft.say(values, plain(name, (found.t, *found.state)), "=", expression)
    _finish(found)


def accumulated(draft: Draft) -> None:
    """``h[t] += …; h[t] += 0.5 h[t-1]``, or the same with ``max=``."""
    found = _Sequence(draft)
    found.names = found.names[:1]
    (name,) = found.names
    draft.store.hidden.add(name)
    operator = draft.draw.choose(("+=", "+=", "max=", "min="))
    target = plain(name, (found.t, *found.state))
    for step in draft.draw.permuted((True, False)):
        values = found.values()
        values.explicit = operator in ("max=", "min=")
        if step:
            # The other equation says how long the axes are.
            values.letters = {n: replace(x, known=True) for n, x in values.letters.items()}
        inner = half(found.past(values, name)) if step else found.outer(values)
        draft.say(values, target, operator, inner)
    _finish(found)


def plane(draft: Draft) -> None:
    """``g[i,j] = … g[i-1,j] … g[i,j-1] …``: loops within a loop."""
    draw, name = draft.draw, f"h{len(draft.store.tensors)}"
    one, two = Letter("i", 0, draw.number(1, 3)), Letter("j", 0, draw.number(1, 3))
    values = draft.values()
    values.letters |= {"i": one, "j": two}
    outer = f"x{len(draft.store.tensors)}"
    draft.store.add(Tensor(outer, (one.stop, two.stop), (None, None)))
    down = (draw.choose((-1, 1)), draw.choose((-1, 1)))
    moves = [(down[0], 0), (0, down[1]), down, (down[0], -down[1])]
    chosen = [*moves[:2], *(m for m in moves[2:] if draw.chance(40))]
    terms: list[Expression] = [plain(outer, (one, two))]
    for rows, columns in draw.permuted(chosen):
        at = [_shifted("i", rows), _shifted("j", columns)]
        terms.append(Multiply((Number(draw.choose((0.5, 0.25, 2))), Access(name, tuple(at)))))
    expression = Call(draw.choose(SQUASHES), (Add(draw.permuted(terms)),))
    draft.store.hidden.add(name)
    draft.say(values, plain(name, (one, two)), "=", expression)
    draft.store.hidden.discard(name)
    draft.complete(name, (one.stop, two.stop))


def _shifted(letter: str, by: int) -> Index | Affine:
    return Affine(((1, letter),), by) if by else Index(letter)
