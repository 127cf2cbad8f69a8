"""Processes that answer questions: one that takes too long is ended, which no thread can be."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import einprop
from einprop.errors import EinpropError, InputError
from einprop.playground.question import Question

__all__ = ["BusyError", "LostError", "TooLongError", "Workers"]

_START_SECONDS = 60.0


class TooLongError(EinpropError):
    """The answer takes longer than it may."""


class LostError(EinpropError):
    """The process that was to answer failed or ended."""


class BusyError(EinpropError):
    """All processes are at work."""


class _Worker:
    """A process that answers one question at a time and keeps nothing of it.

    A line of JSON goes in and one comes out, as `einprop.playground.worker` says.
    """

    def __init__(self) -> None:
        # It finds the package that runs here, wherever that lies, and nothing of the current folder.
        found = [str(Path(einprop.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "einprop.playground.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, found))},
        )
        self._started = False

    def ask(self, question: Question, seconds: float) -> dict[str, Any]:
        """The answer.

        Raises:
            InputError: The question asks for what there is not.
            TooLongError: It takes more than ``seconds``.
            LostError: The process failed or ended.
        """
        if not self._started:
            self._exchange(b"", _START_SECONDS)
            self._started = True
        found = self._exchange(json.dumps(asdict(question)).encode() + b"\n", seconds)
        if "refused" in found:
            raise InputError(found["refused"])
        if "failed" in found:
            raise LostError(
                f"einprop failed: {found['failed']}", (), "this is a fault of einprop's: report it"
            )
        return found

    def _exchange(self, sent: bytes, seconds: float) -> dict[str, Any]:
        """Send a line and read one; the process is ended if that takes too long."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        late = threading.Event()

        def stop() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(seconds, stop)
        timer.start()
        try:
            stdin.write(sent)
            stdin.flush()
            line = stdout.readline()
        except OSError:
            line = b""
        finally:
            timer.cancel()
        if line:
            return dict(json.loads(line))
        if late.is_set():
            raise TooLongError(
                f"this takes more than {seconds:g} seconds, and the playground stops there",
                (),
                "close panels that you do not need; in Python there is no such limit",
            )
        raise LostError("the process that was to answer has ended", (), "ask again")

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()


class Workers:
    """A few processes, started when they are needed; they are ended by `close`.

    Args:
        seconds: How long an answer may take.
        count: How many processes there are at most.

    >>> with Workers() as workers:
    ...     workers.ask(Question("y = 2 x"))["outputs"]
    ['y']
    """

    def __init__(self, seconds: float = 5.0, count: int = 2) -> None:
        self.seconds = seconds
        # The one used last is taken first, so that the others start only under load.
        self._idle: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        for _ in range(count):
            self._idle.put(None)
        self._count = count

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, question: Question) -> dict[str, Any]:
        """The answer of one of the processes; see `einprop.playground.answers.answer`.

        Raises:
            InputError: As there.
            TooLongError: The answer takes longer than it may; the process was ended.
            LostError: The process failed or ended.
            BusyError: All processes were at work for longer than an answer may take.
        """
        try:
            worker = self._idle.get(timeout=2 * self.seconds + 1)
        except queue.Empty:
            raise BusyError(
                "too many questions at once", (), "ask again in a few seconds"
            ) from None
        try:
            worker = worker or _Worker()
            return worker.ask(question, self.seconds)
        except (TooLongError, LostError):
            if worker is not None:
                worker.end()
            # The next one starts while the answer is on its way.
            worker = _Worker()
            raise
        finally:
            self._idle.put(worker)

    def warm(self) -> None:
        """Start one, so that it is there when the first question comes."""
        worker = self._idle.get()
        self._idle.put(worker or _Worker())

    def close(self) -> None:
        """End the processes, each when it has answered."""
        for _ in range(self._count):
            worker = self._idle.get()
            if worker is not None:
                worker.end()
