"""`python -m einprop`: derive, check, explain and run programs, train the demo, measure the machine."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from einprop.commands.given import in_words_of_the_command_line
from einprop.commands.parser import parser
from einprop.errors import EinpropError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit code: 0, or 1 for an error in what was given.

    What is no command line at all exits with 2, as argparse does.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot write a character shows its number.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(parser().parse_args(arguments))
    except BrokenPipeError:
        # Whoever read the output has seen enough; python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(parsed: argparse.Namespace) -> int:
    plainly = getattr(parsed, "json", False)
    command: Callable[[Any], tuple[str, dict[str, Any]] | None] = parsed.run
    try:
        shown = command(parsed)
    except EinpropError as raised:
        error = in_words_of_the_command_line(raised)
        if plainly:
            print(json.dumps({"error": error.as_dict()}, indent=2))
        else:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    if shown is not None:
        text, plain = shown
        print(json.dumps(plain, indent=2) if plainly else text)
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
