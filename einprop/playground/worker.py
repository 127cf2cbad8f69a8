"""A process of the playground: reads questions, a line of JSON each, and writes a line for each."""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading

from einprop.errors import InputError
from einprop.playground.answers import answer
from einprop.playground.question import Question

__all__ = ["answered"]


def answered(line: bytes) -> bytes:
    """The line for a question's: an answer, or why it is ``refused``, or how einprop ``failed``.

    >>> answered(b'{"text": "y = 2 x", "panels": ["nothing"]}')
    b'{"refused": "there is no panel nothing...
    """
    try:
        found = answer(Question.from_json(json.loads(line)))
    except InputError as error:
        found = {"refused": str(error)}
    except Exception as error:  # noqa: BLE001  a fault of ours must not end the page
        found = {"failed": f"{type(error).__name__}: {error}"}
    return json.dumps(found).encode()


def _read(lines: queue.SimpleQueue[bytes]) -> None:
    """Pass lines on. When there are no more nobody waits for an answer, whatever is at work."""
    for line in sys.stdin.buffer:
        lines.put(line)
    os._exit(0)


def main() -> None:
    """Answer until the input ends."""
    # Ctrl-C in a terminal reaches this process too; the server ends it in its own time.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(lines,), daemon=True).start()
    written = b"{}"  # It says that all is imported.
    while True:
        sys.stdout.buffer.write(written + b"\n")
        sys.stdout.buffer.flush()
        written = answered(lines.get())


if __name__ == "__main__":
    main()
