"""Parameter groups: other hyperparameters, or another optimiser, for the parameters of a pattern."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from einprop.errors import InputError
from einprop.options import mapping
from einprop.training.optimizer import Array, Optimizer, State

__all__ = ["Groups"]


@dataclass(frozen=True)
class Groups(Optimizer):
    """Several optimisers, each for some of the parameters.

    Args:
        others: The optimiser of all parameters that no pattern matches.
        patterns: By pattern the optimiser of the parameters whose names it matches; in a pattern
            ``*`` stands for any characters and ``?`` for one. The first that matches counts.

    Raises:
        InputError: What is given for a pattern is no optimiser, or itself groups.

    >>> import numpy as np
    >>> from einprop.training import AdamW
    >>> groups = Groups(AdamW(0.1), {"B*": AdamW(0.1, weight_decay=0.0)})
    >>> for optimizer, names in groups.members(["W1", "B1", "W2", "B2"]):
    ...     print(optimizer.weight_decay, *names)
    0.01 W1 W2
    0.0 B1 B2
    """

    others: Optimizer
    patterns: Mapping[str, Optimizer]

    def __post_init__(self) -> None:
        mapping("patterns", self.patterns, "as in {'B*': SGD(0.1)}")
        for optimizer in (self.others, *self.patterns.values()):
            if isinstance(optimizer, Groups) or not isinstance(optimizer, Optimizer):
                raise InputError(
                    f"{optimizer!r} is no optimiser of a group", hint="as in Adam(1e-3)"
                )

    def members(self, names: Sequence[str]) -> list[tuple[Optimizer, tuple[str, ...]]]:
        """Each optimiser that has parameters, and which ones."""
        found: dict[str | None, list[str]] = {None: [], **{p: [] for p in self.patterns}}
        for name in names:
            found[next((p for p in self.patterns if fnmatchcase(name, p)), None)].append(name)
        return [
            (self.others if pattern is None else self.patterns[pattern], tuple(own))
            for pattern, own in found.items()
            if own
        ]

    def start(self, parameters: Mapping[str, Array]) -> State:
        """What to remember before the first step.

        Raises:
            InputError: A pattern matches no parameter.
        """
        for pattern in self.patterns:
            if not any(fnmatchcase(name, pattern) for name in parameters):
                raise InputError(
                    f"no parameter is called like {pattern!r}",
                    hint=f"the parameters are {', '.join(parameters)}",
                )
        return super().start(parameters)

    def rate(self, epoch: int, step: int = 0) -> float:
        """The learning rate of the parameters that no pattern matches."""
        return self.others.rate(epoch, step)

    def __hash__(self) -> int:
        return hash((self.others, tuple(self.patterns.items())))
