"""The text of a plan while it grows: buffers, views on them, and what is computed when."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count, product
from typing import Any

from einprop.backends.numpy_blocks import Block, indented, slices
from einprop.backends.numpy_views import (
    Axes,
    broadcast_axes,
    cells_text,
    permuted,
    sliced_text,
    tuple_text,
    view_of,
)
from einprop.execution.loops import around
from einprop.execution.schedule import ITEM_BYTES
from einprop.execution.steps import (
    Letters,
    Literal,
    Loop,
    Operand,
    Position,
    Schedule,
    Source,
    Step,
    Tensor,
    Window,
    index_size,
)

__all__ = ["Writer"]

Section = list[str] | Block
"""Where a line goes: once for the plan, once for each arena, or at each call."""


class Writer:
    """The sections of the text.

    Three kinds of lines: made once for the plan (constants), once for each arena (buffers and their
    views), and at each call, there in the function itself or in one of its loops.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.sizes = schedule.sizes
        self.once: list[str] = []
        self.arena: list[str] = []
        self.blocks = [Block()]
        self.open: tuple[int, ...] = ()
        self.fixed: Letters = ()
        self.memo: dict[tuple[str, ...], str] = {}
        self.counter = count(1)
        self.places: dict[str, tuple[str, str]] = {}
        self.used: dict[str, None] = {}
        self.arena_views: set[str] = set()
        self.buffers: dict[str, None] = {}
        self.names: dict[str, Any] = {}
        self.returned: dict[str, int] = {}
        self.writers: dict[str, set[tuple[int, ...]]] = {}
        self.arguments = {name: f"x{n}" for n, name in enumerate(schedule.inputs, start=1)}
        self.overwritten = {self.arguments[name] for name in schedule.donated.values()}
        enclosing = around(schedule.loops, len(schedule.steps))
        for step, loops in zip(schedule.steps, enclosing, strict=True):
            if not isinstance(step.operation, Window):
                root = schedule.tensors[step.target.tensor].root
                self.writers.setdefault(root, set()).add(loops)

    @property
    def call(self) -> Block:
        """What runs at each call outside of all loops."""
        return self.blocks[0]

    # Names of things: each is made on first use, in the section where it lives.

    def define(
        self, kind: str, key: tuple[str, ...], text: str, section: Section, condition: str = ""
    ) -> str:
        """A name for the value of ``text``, the same one each time for the same key."""
        memo = section.memo if isinstance(section, Block) else self.memo
        if key not in memo:
            memo[key] = f"{kind}{next(self.counter)}"
            lines = section.lines if isinstance(section, Block) else section
            lines += indented([f"{memo[key]} = {text}"], condition)
            if section is self.arena:
                self.arena_views.add(memo[key])
        return memo[key]

    def constant(self, text: str) -> str:
        """A value that is made once."""
        return self.define("c", ("constant", text), text, self.once)

    def literal(self, value: float) -> str:
        """A number as an array without axes: half the time of converting a float at each call."""
        return self.constant(f"array({value!r}, {self.schedule.dtype})")

    def ones(self, *shape: int) -> str:
        """An array of ones."""
        return self.constant(f"ones({tuple_text(shape)}, {self.schedule.dtype})")

    def helper(self, kind: str, value: Any) -> str:
        """A name for an object that the text uses."""
        for name, known in self.names.items():
            if known is value or (type(known) is type(value) and known == value):
                return name
        name = f"{kind}{next(self.counter)}"
        self.names[name] = value
        return name

    def use(self, name: str) -> str:
        """Note that a call needs a variable."""
        if name in self.arena_views:
            self.used[name] = None
        return name

    # Memory.

    def memory(self, name: str) -> tuple[str, str]:
        """The variable that shows a tensor as it lies in memory, and the kind of its buffer."""
        if name not in self.places:
            self.places[name] = self.found(name)
        return self.places[name]

    def found(self, name: str) -> tuple[str, str]:
        """What `memory` gives, the first time."""
        tensor = self.schedule.tensors[name]
        root = self.schedule.tensors[tensor.root]
        if root.buffer is None:
            return self.argument(tensor, root), "input"
        buffer = self.schedule.buffers[root.buffer]
        number = f"buffer {root.buffer}"
        if buffer.kind in ("arena", "result"):
            size = max(buffer.bytes, 1)
            base = self.define("b", (number,), f"empty({size}, uint8)", self.arena)
            self.buffers[base] = None
            text = cells_text(tensor, base, ITEM_BYTES[tensor.dtype])
            return self.define("v", ("view", text), text, self.arena), "arena"
        section: Section = self.call if buffer.kind == "output" else self.once
        kind = "y" if buffer.kind == "output" else "c"
        shape = tuple_text([root.shape[axis] for axis in root.order])
        base = self.define(kind, (number, shape), f"empty({shape}, {root.dtype})", section)
        text = cells_text(tensor, base, ITEM_BYTES[tensor.dtype])
        if text == cells_text(root, base, ITEM_BYTES[root.dtype]):
            return base, buffer.kind
        return self.define(kind, ("view", text), text, section), buffer.kind

    def argument(self, tensor: Tensor, root: Tensor) -> str:
        """A variable that shows an argument, or a window on it."""
        base = self.arguments[root.name]
        if tensor.name == root.name:
            return base
        if 0 in tensor.shape:
            shape = tuple_text([tensor.shape[axis] for axis in tensor.order])
            return self.constant(f"empty({shape}, {tensor.dtype})")
        text = sliced_text(base, tensor, root)
        if text is None:
            base = self.define("t", ("dense", base), f"ascontiguousarray({base})", self.call)
            text = cells_text(tensor, base, ITEM_BYTES[tensor.dtype])
        return base if text == base else self.define("t", ("view", text), text, self.call)

    def view(self, operand: Operand, axes: Axes) -> str:
        """A variable for the operand under the wanted axes, at the positions where the loops stand."""
        stored = self.schedule.stored(operand)
        loops = tuple([letter for letter in self.fixed if letter in stored])
        wanted = [*((letter,) for letter in loops), *axes]
        view = view_of(stored, wanted, self.sizes, self.schedule.strides(operand))
        if not view.free and (level := self.level(operand)):
            return self.copied(operand, axes, loops, level)
        base, kind = self.memory(operand.tensor)
        text = view.text(base)
        section: Section = self.call
        if kind == "constant":
            section = self.once
        elif kind == "arena" and view.free:
            section = self.arena
        name = base
        if text != base:
            # A copy holds what the tensor was when it was made; the memory may be another's later.
            lasting = kind == "input" and base not in self.overwritten
            owner = () if lasting or view.free else (operand.tensor,)
            if section is self.call:
                self.use(base)
            name = self.define(_KINDS[kind, view.free], ("view", text, *owner), text, section)
        return self.sliced(name, loops, section)

    def copied(self, operand: Operand, axes: Axes, loops: Letters, level: int) -> str:
        """A copy, made in a loop, of what the loop computes."""
        rest = tuple([i for i in self.schedule.stored(operand) if i not in loops])
        base = self.view(operand, [(letter,) for letter in rest])
        text = view_of(rest, axes, self.sizes).text(base)
        block = self.blocks[max(level, *(self.fixed.index(letter) + 1 for letter in loops), 0)]
        return self.define("t", ("view", text, operand.tensor), text, block, self.condition(loops))

    def level(self, operand: Operand) -> int:
        """How many of the loops that are open write the operand."""
        root = self.schedule.tensors[operand.tensor].root
        shared = [
            sum(a == b for a, b in zip(loops, self.open, strict=False))
            for loops in self.writers.get(root, ())
        ]
        return max(shared, default=0)

    def sliced(self, name: str, loops: Letters, section: Section) -> str:
        """The variable that an array is at the positions of the loops; its first axes are theirs."""
        if not loops:
            return self.use(name)
        depths = [self.fixed.index(letter) + 1 for letter in loops]
        order = [self.blocks[depth].loop for depth in depths]
        steps = [(-1 if loop.descending else 1, loop.size) for loop in order if loop]
        if section is self.call:
            self.use(name)
        self.names["slices"] = slices
        text = f"slices({', '.join(map(str, [name, *steps]))})"
        variable = self.use(self.define("l", ("slices", text), text, section))
        for depth in depths:
            variable = self.item(self.blocks[depth], variable)
        return variable

    def item(self, block: Block, values: str) -> str:
        """The loop variable that runs over some values."""
        if values not in block.items:
            block.items[values] = f"s{next(self.counter)}"
        return block.items[values]

    def position(self, letter: str) -> str:
        """The variable that says where a loop stands."""
        block = self.blocks[self.fixed.index(letter) + 1]
        if block.loop is None:
            raise TypeError(f"no loop runs over {letter}")
        backwards = "[::-1]" if block.loop.descending else ""
        return self.item(block, f"range({block.loop.size}){backwards}")

    def condition(self, letters: Letters) -> str:
        """What must hold of the loops' positions for letters that have fewer."""
        found = []
        for letter in letters:
            loop, size = self.blocks[self.fixed.index(letter) + 1].loop, self.size(letter)
            if loop is not None and size < loop.size:
                found.append(f"{self.position(letter)} < {size}")
        return " and ".join(found)

    # Operands.

    def size(self, letter: str) -> int:
        """How many positions a letter has."""
        return index_size(self.sizes, letter)

    def free(self, letters: Letters) -> Letters:
        """The letters along which no loop runs here."""
        return tuple([letter for letter in letters if letter not in self.fixed])

    def stored(self, operand: Operand) -> Letters:
        """The operand's letters in the order of its memory, those of the loops left out."""
        return self.free(self.schedule.stored(operand))

    def whole(self, operand: Operand) -> str:
        """The operand as it lies in memory."""
        return self.view(operand, [(letter,) for letter in self.stored(operand)])

    def positions(self, operand: Operand, kept: Letters) -> list[str]:
        """The operand at each position of the letters that are not kept; no loop is around it."""
        stored, base = self.stored(operand), self.whole(operand)
        kind = self.memory(operand.tensor)[1]
        section: Section = self.call
        if kind in ("arena", "constant"):
            section = self.arena if kind == "arena" else self.once
        places = [(":",) if i in kept else tuple(map(str, range(self.size(i)))) for i in stored]
        texts = [f"{base}[{', '.join(place)}]" for place in product(*places)]
        letter = _KINDS[kind, True]
        return [self.use(self.define(letter, ("view", text), text, section)) for text in texts]

    def is_free(self, operand: Operand, axes: Axes) -> bool:
        """Whether showing the operand under these axes copies nothing."""
        strides = self.schedule.strides(operand)
        return view_of(self.stored(operand), axes, self.sizes, strides).free

    def is_truth(self, operand: Operand) -> bool:
        """Whether a tensor holds truth values instead of numbers."""
        return self.schedule.tensors[operand.tensor].dtype == "bool"

    def aligned(self, source: Source, target: Letters) -> str:
        """An operand lined up with the axes of a target by letter."""
        match source:
            case Literal(value):
                return self.literal(value)
            case Position(index):
                places = self.constant(f"arange({self.size(index)})")
                if index in self.fixed:
                    return self.sliced(places, (index,), self.once)
                view = view_of((index,), broadcast_axes((index,), target), self.sizes)
                return self.constant(view.text(places))
            case Operand(_, indices):
                return self.view(source, broadcast_axes(self.free(indices), target))

    def guarded(self, target: Operand) -> str:
        """What must hold for a step to write into memory that was given."""
        guard = self.schedule.guard
        if guard is None or target.tensor not in self.schedule.donated:
            return ""
        return self.define("g", ("guard",), f"isfinite({self.whole(Operand(guard))})", self.call)

    # Blocks.

    def enter(self, loops: tuple[int, ...]) -> None:
        """Open and close blocks until these loops are open."""
        while self.open != loops[: len(self.open)]:
            self.open = self.open[:-1]
            self.close()
        for number in loops[len(self.open) :]:
            self.blocks.append(Block(self.schedule.loops[number]))
        self.open = loops

    def close(self) -> None:
        """Close the innermost block."""
        block = self.blocks.pop()
        self.blocks[-1].lines += block.text()

    def repeated(self, letters: Letters) -> None:
        """Open a loop over each letter, for one step."""
        for letter in letters:
            self.blocks.append(Block(Loop(0, 0, self.size(letter), descending=False)))
        self.fixed += letters

    def unrolled(self, lines: list[str], letters: Letters) -> list[str]:
        """The lines in the loops over the letters, which end there."""
        for _ in letters:
            block = self.blocks.pop()
            block.lines += lines
            lines = block.text()
        self.fixed = self.fixed[: len(self.fixed) - len(letters)]
        return lines

    def add(self, step: Step, lines: Sequence[str], condition: str) -> None:
        """Put a step's lines where they run."""
        target = self.once if step.constant else self.blocks[-1].lines
        target += indented(lines, condition)

    # The text.

    def result(self, position: int) -> str:
        """The expression of an output, its axes in the order of its subscripts."""
        name = self.schedule.outputs[position]
        tensor = self.schedule.tensors[name]
        base, kind = self.memory(name)
        order = [tensor.order.index(axis) for axis in range(len(tensor.order))]
        repeated = self.returned.setdefault(name, position) != position
        text = permuted(base, tuple(order))
        given = kind == "input" and name not in self.schedule.donated
        if given or repeated:
            return f"array({self.use(text)})"
        if kind == "arena":
            return self.use(self.define("v", ("view", text), text, self.arena))
        return text

    def text(self, results: Sequence[str]) -> str:
        """The module: ``allocate`` and ``run``."""
        views = tuple_text(list(self.used)) if self.used else "()"
        arguments = "".join(f", {name}" for name in self.arguments.values())
        unpack = [f"{', '.join(self.used)}{',' if len(self.used) == 1 else ''} = views"]
        body = (unpack if self.used else []) + self.call.lines + [f"return {tuple_text(results)}"]
        lines = [
            *self.once,
            "",
            "",
            "def allocate():",
            *(f"    {line}" for line in self.arena),
            f"    return {tuple_text(list(self.buffers))}, {views}",
            "",
            "",
            '@errstate(all="ignore")',
            f"def run(views{arguments}):",
            *(f"    {line}" for line in body),
        ]
        return "\n".join(lines).lstrip() + "\n"


_KINDS = {
    ("input", True): "t",
    ("input", False): "t",
    ("output", True): "t",
    ("output", False): "t",
    ("arena", True): "v",
    ("arena", False): "t",
    ("constant", True): "c",
    ("constant", False): "c",
}
"""The first letter of a view's name, by the kind of memory and whether nothing is copied."""
