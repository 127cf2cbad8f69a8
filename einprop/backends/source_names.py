"""The names in code to paste: a variable for each tensor that has one, and for each loop's letter."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable
from itertools import count

from einprop.execution.loops import around, transient
from einprop.execution.steps import Operand, Schedule, Window

__all__ = [
    "local_tensors",
    "loop_letters",
    "loop_variables",
    "python_names",
    "tensor_names",
    "without_marks",
]

# What the code itself calls.
_CALLED = ("list", "range", "reversed", "slice")


def python_names(tensors: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """A Python variable for each tensor.

    >>> python_names(["x.grad", "x_grad", "lambda"], ["np"])
    {'x.grad': 'x_grad', 'x_grad': 'x_grad_2', 'lambda': 'lambda_'}
    """
    used = set(taken)
    names = {}
    for tensor in tensors:
        plain = re.sub(r"\W", "_", unicodedata.normalize("NFKC", tensor))
        plain = plain if plain.isidentifier() else f"t_{plain}"
        plain = f"{plain}_" if keyword.iskeyword(plain) else plain
        numbered = (plain if n == 1 else f"{plain}_{n}" for n in count(1))
        names[tensor] = next(candidate for candidate in numbered if candidate not in used)
        used.add(names[tensor])
    return names


def without_marks(plan: Schedule) -> dict[str, str]:
    """Names as a reader knows them, of the cotangents that are marked as parts of a larger program.

    A mark stays where the name without it is another tensor's.
    """
    marked = {name: name[:-1] for name in plan.tensors if "." in name and name[-1] == "_"}
    return {name: plain for name, plain in marked.items() if plain not in plan.tensors}


def local_tensors(plan: Schedule) -> frozenset[str]:
    """The tensors that are there for one position of the loops around them."""
    enclosing = around(plan.loops, len(plan.steps))
    made = dict(zip([s.target.tensor for s in plan.steps], enclosing, strict=True))
    brief = transient(plan.steps, enclosing, plan.outputs)
    assembled = {s.target.tensor for s in plan.steps if not s.target.indices}
    return frozenset(
        name
        for name, loops in made.items()
        if loops and brief.get(name) == frozenset(loops) and name not in assembled
    )


def tensor_names(plan: Schedule, taken: Iterable[str]) -> dict[str, str]:
    """A variable for each tensor of the program, and for each part of a value that travels.

    A part of an equation's value needs a name where other loops than its own read it.
    """
    enclosing = around(plan.loops, len(plan.steps))
    made = dict(zip([s.target.tensor for s in plan.steps], enclosing, strict=True))
    windows = {s.target.tensor for s in plan.steps if isinstance(s.operation, Window)}
    travelling = {
        operand.tensor
        for step, loops in zip(plan.steps, enclosing, strict=True)
        for operand in step.operands
        if isinstance(operand, Operand) and made.get(operand.tensor) != loops
    }
    named = [n for n in plan.tensors if "#" not in n or n in travelling - windows]
    marked = without_marks(plan)
    plain = [marked.get(name, name) for name in named]
    return dict(zip(named, python_names(plain, (*taken, *_CALLED)).values(), strict=True))


def loop_letters(plan: Schedule) -> list[str]:
    """The letter that each loop runs over, in the words of its first step."""
    enclosing = around(plan.loops, len(plan.steps))
    return [
        plan.steps[loop.start].fixed[enclosing[loop.start].index(number)]
        for number, loop in enumerate(plan.loops)
    ]


def loop_variables(plan: Schedule, taken: Iterable[str]) -> dict[str, str]:
    """A variable for each letter that is run over one position after the other."""
    others = {i for s in plan.steps for i in getattr(s.operation, "loops", ())}
    letters = dict.fromkeys([*loop_letters(plan), *sorted(others)])
    return python_names(letters, (*taken, *_CALLED))
