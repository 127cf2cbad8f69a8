"""The playground as a command: where it is, that Ctrl-C ends it, and a port that is taken."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request

import pytest

from einprop.playground import server as module
from einprop.playground.server import Playground, serve
from tests.playground.served import served

COMMAND = [sys.executable, "-m", "einprop", "playground", "--no-browser", "--port"]


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is no signal there")
def test_it_says_where_it_is_and_ends() -> None:
    process = subprocess.Popen(
        [*COMMAND, "0"], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": "."}
    )
    with process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("playground: http://127.0.0.1:")
        with urllib.request.urlopen(line.split()[1], timeout=30) as page:  # noqa: S310
            assert page.status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_a_port_that_is_taken_is_told() -> None:
    with served() as running:
        done = subprocess.run(
            [*COMMAND, str(running.server_port)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, "PYTHONPATH": "."},
        )
    assert done.returncode == 1
    assert done.stderr.startswith(f"InputError: port {running.server_port} of 127.0.0.1")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("wanted", [True, False])
def test_the_page_is_opened_if_that_is_wanted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wanted: bool
) -> None:
    opened: list[str] = []

    def interrupted(_: Playground) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module.webbrowser, "open", opened.append)
    monkeypatch.setattr(Playground, "serve_forever", interrupted)
    serve(0, open_browser=wanted)
    address = capsys.readouterr().out.split()[1]
    assert opened == [address] * wanted
