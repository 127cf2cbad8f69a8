"""The answer to a question: the panels that are wanted, or what is wrong with the program and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from einprop.errors import EinpropError, InputError, ShapeError
from einprop.playground.examples import EXAMPLES
from einprop.playground.marks import marks
from einprop.playground.panels import PANELS, Asked
from einprop.playground.question import Question
from einprop.program import Program

__all__ = ["answer", "described", "start"]

_LONGEST = 100_000
"""The most characters of a panel that are sent."""

_BACKENDS = ("numpy", "torch", "jax")


def answer(question: Question) -> dict[str, Any]:
    """What the page shows, as JSON takes it.

    Returns:
        ``error``, which is None or as `described` gives it; without an error ``inputs`` and
        ``outputs``, ``sizes`` by letter, and by name ``panels``, each with its ``text``, and
        perhaps ``formulae``, or its ``error``.

    Raises:
        InputError: The question asks for a panel that there is not.

    >>> found = answer(Question("y = tanh(x[i] w[i])", wrt="w", panels=("backward",)))
    >>> found["panels"]["backward"]
    {'text': 'w.grad[i] += y.grad (1 - y^2) x[i]'}
    >>> answer(Question("y = (x"))["error"]["marks"]
    [(4, 5)]
    """
    unknown = [name for name in question.panels if name not in PANELS]
    if unknown:
        raise InputError(
            f"there is no panel {unknown[0]}", (), f"the panels are {', '.join(PANELS)}"
        )
    try:
        program = Program(question.text)
    except EinpropError as error:
        return {"error": described(error, question.text)}
    asked = Asked(program, question)
    try:
        sizes = asked.sizes
    except ShapeError:
        sizes = {}
    return {
        "error": None,
        "inputs": program.inputs,
        "outputs": program.outputs,
        "sizes": sizes,
        "panels": {name: _panel(name, asked) for name in question.panels},
    }


def _panel(name: str, asked: Asked) -> dict[str, Any]:
    panel = PANELS[name]
    try:
        text = panel.write(asked)
        formulae = panel.formulae(asked) if panel.formulae else []
    except EinpropError as error:
        return {"error": described(error, asked.question.text)}
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}\n... {len(text) - _LONGEST:,} more characters"
        formulae = []
    return {"text": text, "formulae": formulae} if formulae else {"text": text}


def described(error: EinpropError, typed: str = "") -> dict[str, Any]:
    """An error as JSON takes it.

    Args:
        error: What was raised.
        typed: The program, as typed.

    Returns:
        Its ``kind``, its whole ``text``, with carets, and its ``marks`` in what was typed.
    """
    return {"kind": type(error).__name__, "text": str(error), "marks": marks(error, typed)}


def start() -> Mapping[str, Sequence[Any]]:
    """What the page needs once: its panels, the examples, and the backends that write source."""
    return {
        "panels": [
            {"name": panel.name, "title": panel.title, "opened": panel.opened}
            for panel in PANELS.values()
        ],
        "examples": [asdict(example) for example in EXAMPLES],
        "backends": _backends(),
    }


@lru_cache(maxsize=1)
def _backends() -> list[str]:
    program, found = Program("y = x"), []
    for backend in _BACKENDS:
        try:
            program.source(backend)
        except InputError:
            continue
        found.append(backend)
    return found
