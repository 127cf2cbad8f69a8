"""`python -m einprop`: derive, check, explain and run programs, train the demo, measure the machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from einprop.commands.parser import parser
from einprop.errors import EinpropError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit code: 0, or 1 for an error in what was given.

    What is no command line at all exits with 2, as argparse does.
    """
    parsed = parser().parse_args(arguments)
    plainly = getattr(parsed, "json", False)
    command: Callable[[Any], tuple[str, dict[str, Any]] | None] = parsed.run
    try:
        shown = command(parsed)
    except EinpropError as error:
        if plainly:
            print(json.dumps({"error": error.as_dict()}, indent=2))
        else:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    if shown is not None:
        text, plain = shown
        print(json.dumps(plain, indent=2) if plainly else text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
