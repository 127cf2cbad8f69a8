"""The server of the playground: one page, and answers to its questions, for this computer alone."""

from __future__ import annotations

import io
import json
import socket
import socketserver
import sys
import time
import webbrowser
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any

from einprop.errors import EinpropError, InputError
from einprop.playground.answers import described, start
from einprop.playground.question import Question
from einprop.playground.workers import BusyError, LostError, TooLongError, Workers

__all__ = ["Playground", "serve"]

HOST = "127.0.0.1"

LONGEST_BODY = 16 * 1024
"""The most bytes of a question."""

_PATIENCE = 10.0
"""Seconds in which a whole request must have arrived."""

_FILES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/editor.js": ("editor.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
_JSON = "application/json"

# Nothing comes from outside, nothing goes there, and no other page may hold or read this one.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types mathml",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_STATUSES = {
    InputError: HTTPStatus.BAD_REQUEST,
    TooLongError: HTTPStatus.OK,
    LostError: HTTPStatus.INTERNAL_SERVER_ERROR,
    BusyError: HTTPStatus.SERVICE_UNAVAILABLE,
}


class Playground(ThreadingHTTPServer):
    """The server, bound to a port of this computer; ``serve_forever`` runs it.

    Args:
        port: 0 takes a free one.
        seconds: How long an answer may take.

    Raises:
        InputError: The port is taken, not allowed, or none.
    """

    daemon_threads = True
    request_queue_size = 64
    # On Windows this would let two servers share a port.
    allow_reuse_address = sys.platform != "win32"

    def __init__(self, port: int = 8765, *, seconds: float = 5.0) -> None:
        self.workers = Workers(seconds)
        try:
            super().__init__((HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            raise InputError(
                f"port {port} of {HOST} cannot be used: {error}",
                (),
                "name another one; 0 takes one that is free",
            ) from None

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.server_port}/"

    @property
    def hosts(self) -> tuple[str, ...]:
        """What a browser may call this server. Any other name is one that leads here by a trick."""
        return tuple(f"{name}:{self.server_port}" for name in (HOST, "localhost"))

    def server_bind(self) -> None:
        """Bind without asking a name server what this computer is called."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def server_close(self) -> None:
        """Close the socket and end the processes."""
        super().server_close()
        self.workers.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Browsers leave in the middle of an answer; that is no error."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Incoming(io.RawIOBase):
    """What arrives on a connection before a point of time; after it, reading times out."""

    def __init__(self, connection: socket.socket, until: float) -> None:
        self._connection, self._until = connection, until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the request takes too long to arrive")
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class _Handler(BaseHTTPRequestHandler):
    """One request: a file of the page, what it starts with, or a question."""

    server: Playground
    server_version = "einprop"
    sys_version = ""

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        incoming = _Incoming(self.connection, time.monotonic() + _PATIENCE)
        self.rfile = io.BufferedReader(incoming)

    def do_GET(self) -> None:
        """A file of the page, or what it starts with."""
        path = self._path()
        if path is None:
            return
        if path in _FILES:
            name, kind = _FILES[path]
            body = files("einprop.playground").joinpath(name).read_bytes()
            self._send(HTTPStatus.OK, body, kind)
        elif path == "/start":
            self._send_json(HTTPStatus.OK, start())
        elif path == "/api":
            self._refuse_method("POST")
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def do_HEAD(self) -> None:
        """The headers alone."""
        self.do_GET()

    def do_POST(self) -> None:
        """A question."""
        path = self._path()
        if path is None:
            return
        if path in (*_FILES, "/start"):
            self._refuse_method("GET")
        elif path != "/api":
            self.send_error(HTTPStatus.NOT_FOUND)
        elif self._is_foreign():
            self.send_error(HTTPStatus.FORBIDDEN, "only the page itself may ask")
        elif self.headers.get_content_type() != _JSON:
            self.send_error(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"a question is {_JSON}")
        else:
            body = self._body()
            if body is not None:
                self._answer(body)

    def __getattr__(self, name: str) -> Callable[[], None]:
        # Every other method is refused alike; by default the answer would be that it is unknown.
        if name.startswith("do_"):
            return self._not_allowed
        raise AttributeError(name)

    def _not_allowed(self) -> None:
        if self._path() is not None:
            self._refuse_method("GET, POST")

    def _path(self) -> str | None:
        """The path that is asked for; None, and an answer, where the host is not this one."""
        hosts = self.headers.get_all("Host", [])
        if len(hosts) == 1 and hosts[0].lower() in self.server.hosts:
            return self.path.partition("?")[0]
        self.send_error(HTTPStatus.FORBIDDEN, f"this server answers to {self.server.hosts[0]}")
        return None

    def _is_foreign(self) -> bool:
        """Whether a page from elsewhere asks; what is no browser does not say."""
        origin = self.headers.get("Origin")
        own = (None, f"http://{self.headers['Host'].lower()}")
        site = self.headers.get("Sec-Fetch-Site", "same-origin")
        return origin not in own or site not in ("same-origin", "none")

    def _body(self) -> bytes | None:
        """The body; None, and an answer, where it is too long, incomplete or late."""
        given = self.headers.get_all("Content-Length", [])
        if not given or "Transfer-Encoding" in self.headers:
            self.send_error(HTTPStatus.LENGTH_REQUIRED)
            return None
        if len(given) > 1 or not given[0].isascii() or not given[0].isdigit():
            self.send_error(HTTPStatus.BAD_REQUEST, "the Content-Length is no number")
            return None
        # What is only a little too long is read, so that the client reads the answer.
        length = int(given[0][:4000])
        try:
            body = self.rfile.read(min(length, 64 * LONGEST_BODY))
        except TimeoutError:
            self.send_error(HTTPStatus.REQUEST_TIMEOUT)
            return None
        if length > LONGEST_BODY:
            self.send_error(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"a question has at most {LONGEST_BODY} bytes",
            )
            return None
        if len(body) < length:
            self.send_error(HTTPStatus.BAD_REQUEST, "the body ends too early")
            return None
        return body

    def _answer(self, body: bytes) -> None:
        try:
            given = json.loads(body)
        except (ValueError, RecursionError) as error:
            self.send_error(HTTPStatus.BAD_REQUEST, f"the question is no JSON: {error}")
            return
        try:
            found = self.server.workers.ask(Question.from_json(given))
        except EinpropError as error:
            self._send_json(_STATUSES[type(error)], {"error": described(error)})
        else:
            self._send_json(HTTPStatus.OK, found)

    def _refuse_method(self, allowed: str) -> None:
        self._allowed = allowed
        self.send_error(HTTPStatus.METHOD_NOT_ALLOWED, f"allowed here: {allowed}")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """An error of the protocol, in the form that all errors have."""
        status = HTTPStatus(code)
        error = InputError(message or status.description or status.phrase)
        self._send_json(status, {"error": described(error)})

    def _send_json(self, status: HTTPStatus, value: Any) -> None:
        self._send(status, json.dumps(value).encode(), _JSON)

    def _send(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.connection.settimeout(_PATIENCE)
        self.close_connection = True
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", self._allowed)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing is logged: what people type is theirs."""


def serve(port: int = 8765, *, open_browser: bool = True) -> None:
    """Run the playground on this computer until Ctrl-C.

    Args:
        port: Where; 0 takes one that is free. The address is printed.
        open_browser: Whether to open the page.

    Raises:
        InputError: The port is taken, not allowed, or none.
    """
    with Playground(port) as server:
        server.workers.warm()
        print(f"playground: {server.address}  (Ctrl-C ends it)", flush=True)
        if open_browser:
            webbrowser.open(server.address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
