"""What standalone code says of itself: its arguments and results in index notation."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from einprop.backends.source_format import WIDTH
from einprop.execution.steps import Schedule

__all__ = ["docstring"]


def docstring(plan: Schedule, names: Mapping[str, str], labels: Mapping[str, str]) -> list[str]:
    """The lines of a function's docstring.

    Args:
        plan: The schedule.
        names: The variable of each tensor.
        labels: Tensors with the letters of their axes, as ``W.grad[i,j]``.
    """

    def shown(tensors: Sequence[str], *, variable: bool) -> list[str]:
        if not variable:
            return [labels[name] for name in tensors]
        return [names[name] + "".join(labels[name].partition("[")[1:]) for name in tensors]

    several = len(plan.outputs) > 1
    results = shown(plan.outputs, variable=not several)
    arguments = shown([name for name in plan.inputs if name in labels], variable=True)
    given = f" from {_listed(arguments)}" if arguments else ""
    line = f'    """Return {_listed(results)}{given}."""'
    if len(line) <= WIDTH:
        return [line]
    summary = "Return a dict of tensors by name." if several else f"Return {_listed(results)}."
    text = [f"Arguments: {', '.join(arguments)}."]
    if several:
        text.append(f"Results: {', '.join(results)}.")
    wrapped = [
        line
        for part in text
        for line in textwrap.wrap(
            part,
            WIDTH,
            initial_indent="    ",
            subsequent_indent="        ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    ]
    return [f'    """{summary}', "", *wrapped, '    """']


def _listed(names: Sequence[str]) -> str:
    """Names with commas and an and."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
