"""A real browser for tests: chromedriver, spoken to by its WebDriver protocol over HTTP."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

_ELEMENT = (
    "element-6066-11e4-a52e-4f735466cecf"  # The protocol's name for a reference to an element.
)
_ARGUMENTS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--hide-scrollbars"),
)


class Browser:
    """A window without a screen. Elements are named by CSS selectors."""

    def __init__(self, session: str) -> None:
        self._session = session

    def call(self, method: str, path: str, body: object = None) -> Any:
        """A command of the protocol; its ``value``."""
        return _call(method, self._session + path, body)

    def open(self, address: str) -> None:
        """Go to an address and wait until it has loaded."""
        self.call("POST", "/url", {"url": address})

    def run(self, script: str, *arguments: object) -> Any:
        """What the body of a function returns in the page; a promise is waited for."""
        return self.call("POST", "/execute/sync", {"script": script, "args": arguments})

    def devtools(self, command: str, **parameters: object) -> Any:
        """A command that only Chrome has."""
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def find(self, selector: str) -> str:
        """The path of an element's commands."""
        given = {"using": "css selector", "value": selector}
        return f"/element/{self.call('POST', '/element', given)[_ELEMENT]}"

    def type(self, selector: str, keys: str) -> None:
        """Press keys with the focus on an element."""
        self.call("POST", f"{self.find(selector)}/value", {"text": keys})

    def clear(self, selector: str) -> None:
        """Empty a field."""
        self.call("POST", f"{self.find(selector)}/clear", {})

    def click(self, selector: str) -> None:
        """Click on the middle of an element."""
        self.call("POST", f"{self.find(selector)}/click", {})

    def text(self, selector: str) -> str:
        """The text of an element, hidden or not."""
        return self.run("return document.querySelector(arguments[0]).textContent", selector)

    def wait(self, holds: Callable[[], object], what: str, seconds: float = 20) -> None:
        """Wait until something holds."""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"after {seconds} s still not: {what}"
            time.sleep(0.02)

    def resize(self, width: int, height: int, *, dark: bool = False) -> None:
        """Give the page a size and a colour scheme."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.devtools("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.devtools("Emulation.setEmulatedMedia", features=[scheme])

    def log(self) -> list[str]:
        """What the console has said since the last time, and what failed to load."""
        return [entry["message"] for entry in self._log("browser")]

    def complaints(self) -> list[str]:
        """Only the errors of the same."""
        return [e["message"] for e in self._log("browser") if e["level"] == "SEVERE"]

    def _log(self, kind: str) -> list[dict[str, Any]]:
        return self.call("POST", "/se/log", {"type": kind})

    def requests(self) -> list[str]:
        """The addresses that were asked for since the last time, the browser's own left out."""
        events = [json.loads(e["message"])["message"] for e in self._log("performance")]
        sent = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
        addresses = [parameters["request"]["url"] for parameters in sent]
        return [address for address in addresses if not address.startswith("chrome:")]

    def screenshot(self, file: Path) -> None:
        """Write what the window shows as PNG."""
        file.write_bytes(base64.b64decode(self.call("GET", "/screenshot")))


def _call(method: str, address: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, method=method)  # noqa: S310  a local address
    try:
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
            return json.load(response)["value"]
    except urllib.error.HTTPError as error:
        with error:
            raise AssertionError(json.load(error)["value"]["message"]) from None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser that keeps its things in an empty folder; the test skips where there is none."""
    driver = shutil.which("chromedriver")
    if driver is None:
        pytest.skip("chromedriver is not installed")
    port = _free_port()
    process = subprocess.Popen(
        [driver, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        session = _session(f"http://127.0.0.1:{port}", folder)
        try:
            yield Browser(session)
        finally:
            _call("DELETE", session)
    finally:
        process.terminate()
        process.wait(20)


def _session(driver: str, folder: Path) -> str:
    options = {"args": [*_ARGUMENTS, f"--user-data-dir={folder}"]}
    wanted = {"goog:chromeOptions": options}
    wanted["goog:loggingPrefs"] = {"browser": "ALL", "performance": "ALL"}
    end = time.monotonic() + 20
    while True:
        try:
            made = _call("POST", f"{driver}/session", {"capabilities": {"alwaysMatch": wanted}})
        except (ConnectionError, urllib.error.URLError):
            assert time.monotonic() < end, "chromedriver does not answer"
            time.sleep(0.05)
        else:
            return f"{driver}/session/{made['sessionId']}"
