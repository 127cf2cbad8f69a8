"""A browser for tests: headless Chromium, driven by WebDriver with the standard library alone."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_LIMIT = 60


def missing_browser() -> str | None:
    """What is not installed of a browser and its driver."""
    if not any(map(shutil.which, _CHROMIUM)):
        return "chromium"
    return None if shutil.which("chromedriver") else "chromedriver"


@dataclass(frozen=True, slots=True)
class Browser:
    """One window of a headless browser."""

    session: str

    def open(self, url: str) -> None:
        """Load a page, and wait until it is there."""
        self._post("url", url=url)

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script returns that runs in the page."""
        return self._post("execute/sync", script=script, args=list(arguments))

    def resize(self, width: int, height: int, *, dark: bool = False) -> None:
        """Make the page so wide and high, in pixels of CSS."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.devtools("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.devtools("Emulation.setEmulatedMedia", features=[scheme])

    def devtools(self, command: str, **parameters: Any) -> Any:
        """A command of the browser's own protocol."""
        return self._post("goog/cdp/execute", cmd=command, params=parameters)

    def complaints(self) -> list[str]:
        """The errors on the console since the last question."""
        entries = self._post("se/log", type="browser")
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]

    def requests(self) -> list[str]:
        """The addresses that were asked for since the last question."""
        events = [
            json.loads(e["message"])["message"] for e in self._post("se/log", type="performance")
        ]
        sent = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
        return [each["request"]["url"] for each in sent]

    def screenshot(self, path: Path) -> None:
        """Write what the window shows as PNG."""
        path.write_bytes(base64.b64decode(_ask(f"{self.session}/screenshot")))

    def _post(self, command: str, **parameters: Any) -> Any:
        return _ask(f"{self.session}/{command}", parameters)


def _ask(address: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(address, data, method=method), timeout=_LIMIT) as answer:  # noqa: S310
        return json.load(answer)["value"]


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium; it ends with the block."""
    driver = subprocess.Popen(
        ["chromedriver", "--port=0"],  # noqa: S607  (wherever it is installed)
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert driver.stdout is not None
        line = next(line for line in driver.stdout if "started successfully on port" in line)
        address = f"http://127.0.0.1:{line.split()[-1].rstrip('.')}/session"
        session = _ask(address, {"capabilities": {"alwaysMatch": _capabilities()}})
        one = Browser(f"{address}/{session['sessionId']}")
        try:
            yield one
        finally:
            _ask(one.session, method="DELETE")
    finally:
        driver.terminate()
        driver.communicate(timeout=_LIMIT)


def _capabilities() -> dict[str, Any]:
    binary = next(filter(None, map(shutil.which, _CHROMIUM)))
    arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    arguments += ["--disable-background-networking", "--no-first-run", "--hide-scrollbars"]
    return {
        "browserName": "chrome",
        "goog:chromeOptions": {"binary": binary, "args": arguments},
        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
    }


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address under which a folder is served on this machine while the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
