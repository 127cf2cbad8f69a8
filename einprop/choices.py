"""What a user may choose about how a program runs; values stay the same."""

from __future__ import annotations

from dataclasses import dataclass

from einprop.errors import InputError

__all__ = ["Choices"]


@dataclass(frozen=True)
class Choices:
    """How a program is to run.

    Attributes:
        memory_limit: How many bytes the intermediates of one call may take; None for any number.
        in_blocks: Whether products for which windows are copied go position by position of an outer
            index; None for where that is expected to take less time.
        reuse_results: Whether a call may write into the arrays that the one before returned.

    Raises:
        InputError: The limit is no number of bytes.
    """

    memory_limit: int | None = None
    in_blocks: bool | None = None
    reuse_results: bool = False

    def __post_init__(self) -> None:
        limit = self.memory_limit
        if limit is not None and (type(limit) is not int or limit < 0):
            raise InputError(
                f"memory_limit is a number of bytes, not {limit!r}", (), "as in 64 * 2**20"
            )
