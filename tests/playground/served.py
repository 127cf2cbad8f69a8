"""A server in a thread of the test."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from einprop.playground.server import Playground


@contextlib.contextmanager
def served(seconds: float = 60.0) -> Iterator[Playground]:
    """A playground at a free port; by default with time enough for a loaded computer."""
    with Playground(0, seconds=seconds) as server:
        # It looks this often whether it is to stop.
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
