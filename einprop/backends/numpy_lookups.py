"""Gathers and scatters: positions are checked, then one call moves the cells."""

from __future__ import annotations

from collections.abc import Sequence

from einprop.backends.numpy_positions import Positions
from einprop.backends.numpy_views import broadcast_axes, tuple_text, view_of
from einprop.backends.numpy_writer import Writer
from einprop.execution.assembled import letter_strides
from einprop.execution.steps import Gather, Letters, Operand, Scatter, Step
from einprop.notation.tree import Affine

__all__ = ["gather", "scatter"]


def _checked(writer: Writer, name: str, axis: int, places: Operand) -> tuple[str, bool]:
    """The positions as integers, and whether they are whole: loop letters still among their axes."""
    size = writer.schedule.tensors[name].shape[axis]
    level = writer.level(places)
    fixed = tuple([n for n, i in enumerate(places.indices) if i in writer.fixed]) if level else ()
    title, holder = name.partition("#")[0], places.tensor.partition("#")[0]
    check = writer.helper("g", Positions(holder, title, axis, size, fixed))
    outside, depth = writer.fixed, level
    if not level:
        writer.fixed = ()
    shown = writer.view(places, [(letter,) for letter in writer.free(places.indices)])
    loops = tuple([places.indices[axis] for axis in fixed])
    for letter in loops:
        depth = max(depth, writer.fixed.index(letter) + 1)
    text = f"{check}({', '.join([shown, *map(writer.position, loops)])})"
    condition = writer.condition(loops)
    writer.fixed = outside
    key = ("positions", places.tensor, str(size))
    return writer.define("p", key, text, writer.blocks[depth], condition), not level


def _looked_up(writer: Writer, name: str, places: Operand, axis: int, letters: Letters) -> str:
    """Checked positions lined up with some letters."""
    checked, is_whole = _checked(writer, name, axis, places)
    held = places.indices if is_whole else writer.free(places.indices)
    loops = tuple([letter for letter in writer.fixed if letter in held])
    axes = [*((i,) for i in loops), *broadcast_axes(writer.free(held), letters)]
    text = view_of(held, axes, writer.sizes).text(checked)
    if not loops:
        return text
    name = writer.define("t", ("view", text), text, writer.call) if text != checked else checked
    return writer.sliced(name, loops, writer.call)


def _cells(
    writer: Writer,
    name: str,
    places: Sequence[Affine | Operand],
    letters: Letters,
) -> str:
    """Where the cells at some subscripts are in a tensor's flat memory, lined up with letters."""
    tensor = writer.schedule.tensors[name]
    terms, affine, strides, offset = [], list[Affine](), list[int](), tensor.offset
    for axis, (place, stride) in enumerate(zip(places, tensor.strides, strict=True)):
        if isinstance(place, Operand):
            found = _looked_up(writer, name, place, axis, letters)
            terms.append(found if stride == 1 else f"{found} * {stride}")
        else:
            affine.append(place)
            strides.append(stride)
            offset += place.constant * stride
    for letter, stride in letter_strides(affine, strides).items():
        arange = f"arange({offset}, {offset} + {stride} * {writer.size(letter)}, {stride})"
        steps = writer.constant(arange if stride else f"full({writer.size(letter)}, {offset})")
        offset = 0
        if letter in writer.fixed:
            terms.append(writer.sliced(steps, (letter,), writer.once))
        else:
            view = view_of((letter,), broadcast_axes((letter,), letters), writer.sizes)
            terms.append(writer.constant(view.text(steps)))
    return " + ".join([*terms, *([str(offset)] if offset else [])])


def _memory(writer: Writer, name: str) -> str:
    """The memory that a tensor lies in, without axes."""
    root = writer.schedule.tensors[writer.schedule.tensors[name].root]
    base, kind = writer.memory(root.name)
    if len(root.shape) == 1:
        return writer.use(base)
    text = f"{base}.reshape(-1)"
    if kind == "constant":
        return writer.define("c", ("view", text), text, writer.once)
    if kind == "arena":
        return writer.use(writer.define("v", ("view", text), text, writer.arena))
    return writer.define("t", ("view", text), text, writer.call)


def gather(writer: Writer, step: Step, operation: Gather) -> list[str]:
    """Read cells at positions that tensors hold."""
    source = step.operands[0]
    if not isinstance(source, Operand):
        raise TypeError("cells are gathered from a tensor")
    rows = _rows(writer, step, source, operation)
    if rows is not None:
        return [rows]
    letters = writer.stored(step.target)
    cells = _cells(writer, source.tensor, operation.subscripts, letters)
    memory, out = _memory(writer, source.tensor), writer.whole(step.target)
    return [f"{memory}.take({cells}, None, {out}, 'clip')"]


def _rows(writer: Writer, step: Step, source: Operand, operation: Gather) -> str | None:
    """Whole rows of a tensor taken at once, if that is what is gathered."""
    tensor = writer.schedule.tensors[source.tensor]
    looked = [n for n, place in enumerate(operation.subscripts) if isinstance(place, Operand)]
    plain = {
        axis: place.terms[0][1]
        for axis, place in enumerate(operation.subscripts)
        if isinstance(place, Affine)
        and [factor for factor, _ in place.terms] == [1]
        and not place.constant
    }
    (places, *others) = [p for p in operation.subscripts if isinstance(p, Operand)]
    letters = set(plain.values())
    if (
        others
        or len(letters) + 1 < len(tensor.shape)
        or not letters.isdisjoint((*places.indices, *writer.fixed))
        or any(writer.size(letter) != tensor.shape[n] for n, letter in plain.items())
        or tensor.root != tensor.name
    ):
        return None
    held = writer.free(writer.schedule.stored(places))
    axis = tensor.order.index(looked[0])
    order = [held if n == looked[0] else (plain[n],) for n in tensor.order]
    found = _looked_up(writer, source.tensor, places, looked[0], held)
    whole = writer.use(writer.memory(source.tensor)[0])
    shown = [(letter,) for group in order for letter in group]
    return f"{whole}.take({found}, {axis}, {writer.view(step.target, shown)}, 'clip')"


def scatter(writer: Writer, step: Step, operation: Scatter) -> list[str]:
    """Contribute to cells at positions that tensors hold."""
    value, name = step.operands[0], step.target.tensor
    held = writer.stored(value) if isinstance(value, Operand) else ()
    letters = dict.fromkeys(
        letter
        for place in operation.subscripts
        for letter in (place.indices if isinstance(place, Operand) else [i for _, i in place.terms])
    )
    free = tuple([i for i in writer.free(tuple(letters)) if i not in held]) + held
    cells, memory = _cells(writer, name, operation.subscripts, free), _memory(writer, name)
    # One axis and nothing to broadcast: for that numpy has a quick loop, and elsewhere a wrong one.
    index = cells if len(free) == 1 else f"({cells}).reshape(-1)"
    if isinstance(value, Operand) and len(held) == len(free):
        given = writer.view(value, [free])
    else:
        given = writer.aligned(value, free)
        if isinstance(value, Operand):
            shape = tuple_text([writer.size(letter) for letter in free])
            given = f"broadcast_to({given}, {shape}).reshape(-1)"
    return [f"{operation.function}.at({memory}, {index}, {given})"]
