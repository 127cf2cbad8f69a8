"""Windows that slide over the axes of an image: which subscripts they read, and how far they go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from einprop.errors import InputError

__all__ = ["OFFSETS", "POSITIONS", "Windows"]

POSITIONS = {1: "t", 2: "ij", 3: "ijk"}
"""The indices of the places at which a window stands, by the number of axes."""
OFFSETS = {1: "p", 2: "pq", 3: "pqr"}
"""The indices of the places inside of a window."""
ENTERING = {1: "s", 2: "uv", 3: "uvw"}
"""The indices of the places that a window slides over, where they need a name."""

Option = int | tuple[int, ...]


@dataclass(frozen=True)
class Windows:
    """Windows over one, two or three axes, with torch's meaning of the options.

    A window of size k at place i reads the positions stride i + dilation p - before for p from 0 to
    k - 1. Of an axis of n positions with ``before`` and ``after`` more around it, the places are
    those at which the whole window is inside: (n + before + after - dilation (k - 1) - 1) // stride
    + 1 of them.

    Args:
        axes: How many.
        kernel: Size, one for all axes or one for each; the other options alike.
        stride: From one place to the next.
        padding: How many positions are added before and after each axis; or ``same``: as many as
            keep its length, with stride 1 (an odd one behind).
        dilation: From one position in a window to the next.
        outside: How a position outside reads: ``pad`` is 0, ``clamp`` the edge.

    >>> Windows(2, kernel=3, stride=2, padding=1).subscripts
    'pad(2*i+p-1),pad(2*j+q-1)'
    >>> Windows(1, kernel=3).subscripts
    't+p'
    """

    axes: int
    kernel: Option
    stride: Option = 1
    padding: Option | str = 0
    dilation: Option = 1
    outside: str = "pad"

    def __post_init__(self) -> None:
        if self.padding == "same" and set(self._each(self.stride)) != {1}:
            raise InputError(
                f"padding is 'same' and stride is {self.stride}",
                hint="the length stays the same with stride 1; give padding as integers",
            )

    @property
    def sizes(self) -> tuple[int, ...]:
        """By axis, the size of the window."""
        return self._each(self.kernel)

    def _each(self, option: Option) -> tuple[int, ...]:
        return (option,) * self.axes if isinstance(option, int) else option

    @property
    def reach(self) -> tuple[int, ...]:
        """By axis, how far the last position of a window is from its first."""
        both = zip(self._each(self.kernel), self._each(self.dilation), strict=True)
        return tuple(dilation * (kernel - 1) for kernel, dilation in both)

    @property
    def before(self) -> tuple[int, ...]:
        """By axis, the positions that are added before it."""
        if isinstance(self.padding, str):
            return tuple(reach // 2 for reach in self.reach)
        return self._each(self.padding)

    @property
    def around(self) -> tuple[int, ...]:
        """By axis, the positions that are added before and after it together."""
        if isinstance(self.padding, str):
            return self.reach
        return tuple(2 * padding for padding in self._each(self.padding))

    @property
    def declarations(self) -> str:
        """``index p, q: window < 3``."""
        sizes = self.sizes
        if len(set(sizes)) == 1:
            return f"index {', '.join(OFFSETS[self.axes])}: window < {sizes[0]}"
        names = {1: ("window",), 2: ("height", "width"), 3: ("depth", "height", "width")}[self.axes]
        groups = zip(OFFSETS[self.axes], names, sizes, strict=True)
        return f"index {', '.join(f'{i}: {name} < {size}' for i, name, size in groups)}"

    @property
    def subscripts(self) -> str:
        """What a window reads: ``pad(2*i+p-1),pad(2*j+q-1)``."""
        found = []
        for number, (position, offset) in enumerate(
            zip(POSITIONS[self.axes], OFFSETS[self.axes], strict=True)
        ):
            inner = _sum(
                [(self._each(self.stride)[number], position)],
                [(self._each(self.dilation)[number], offset)],
                -self.before[number],
            )
            found.append(f"{self.outside}({inner})" if self.around[number] else inner)
        return ",".join(found)

    @property
    def leaves_gaps(self) -> bool:
        """Whether a window that reaches outside may step over the edge of its axis."""
        both = zip(self._each(self.dilation), self.around, strict=True)
        return any(dilation > 1 and around for dilation, around in both)

    @property
    def condition(self) -> str:
        """The factor that is 1 at positions inside, 0 outside; `ENTERING` are the indices inside.

        >>> Windows(1, kernel=2, stride=2, padding=1, dilation=3).condition
        '[2 t + 3 p >= 1] * [2 t + 3 p < 1 + sum[s](1)]'
        """
        found = []
        letters = (POSITIONS[self.axes], OFFSETS[self.axes], ENTERING[self.axes])
        options = (self._each(self.stride), self._each(self.dilation), self.before, self.around)
        for position, offset, entering, stride, step, before, around in zip(
            *letters, *options, strict=True
        ):
            place = f"{stride} {position} + {step} {offset}"
            if around:
                found += [f"[{place} >= {before}]", f"[{place} < {before} + sum[{entering}](1)]"]
        return " * ".join(found)

    def bound(self, channel: str) -> tuple[str, str]:
        """What says how far the windows go: an equation before, and a clause behind the reading one.

        Padding lets a window read anywhere, so the places are those at which a plain subscript is
        inside. Where that would be before the first position, it is one of a longer tensor.

        Args:
            channel: The last subscript of the tensor.
        """
        if not any(self.around):
            return "", ""
        starts = [reach - around for reach, around in zip(self.reach, self.around, strict=True)]
        if min(starts) >= 0:
            return "", f" where x[b,{self._inside(starts)},{channel}]"
        entering = ENTERING[self.axes]
        written = ",".join(
            _sum([(1, i)], [], around) for i, around in zip(entering, self.around, strict=True)
        )
        before = f"room[b,{written},{channel}] = x[b,{','.join(entering)},{channel}]"
        return before, f" where room[b,{self._inside(self.reach)},{channel}]"

    def _inside(self, starts: Sequence[int]) -> str:
        strides = self._each(self.stride)
        return ",".join(
            _sum([(stride, i)], [], start)
            for stride, i, start in zip(strides, POSITIONS[self.axes], starts, strict=True)
        )


def _sum(first: Sequence[tuple[int, str]], more: Sequence[tuple[int, str]], constant: int) -> str:
    """``2*i+3*p-1``."""
    terms = [f"{factor}*{index}" if factor != 1 else index for factor, index in (*first, *more)]
    return "+".join(terms) + (f"{constant:+d}" if constant else "")
