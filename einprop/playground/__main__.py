"""The playground alone: `python -m einprop.playground`."""

from __future__ import annotations

import argparse
import sys

from einprop.errors import EinpropError
from einprop.playground.server import serve


def main() -> int:
    """Run the server; gives the exit code: 0, or 1 where the port cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m einprop.playground")
    parser.add_argument("--port", type=int, default=8765, help="0 takes one that is free")
    parser.add_argument("--no-browser", action="store_true", help="do not open the page")
    arguments = parser.parse_args()
    try:
        serve(arguments.port, open_browser=not arguments.no_browser)
    except EinpropError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
