"""The server as clients meet it: what it gives, what it refuses, and that nothing makes it hang."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from einprop.errors import InputError
from einprop.playground import server as module
from einprop.playground.server import LONGEST_BODY, Playground, serve
from tests.playground.served import served

AFFINE = {"text": "y[b,j] = x[b,i] W[i,j]", "panels": ["backward"]}
# The Hessian of a product of products has a term for each pair of them.
SLOW = {"text": "y = " + "prod[i](x[i])" + " prod[i](x[i])" * 600, "panels": ["hessian"]}


@pytest.fixture(scope="module")
def running() -> Iterator[Playground]:
    with served() as server:
        yield server


def ask(
    server: Playground,
    method: str = "POST",
    path: str = "/api",
    body: Any = None,
    **headers: str,
) -> tuple[int, Any, http.client.HTTPMessage]:
    """Status, body (parsed if it is JSON) and headers."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=90)
    given = {"Content-Type": "application/json"} if body is not None else {}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    try:
        connection.request(method, path, data, given)
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    if response.headers.get_content_type() == "application/json" and content:
        content = json.loads(content)
    return response.status, content, response.headers


def raw(server: Playground, data: bytes) -> bytes:
    """What comes back for these bytes until the server closes."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=30) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def refused(answer: tuple[int, Any, http.client.HTTPMessage]) -> int:
    """The status of a refusal, which is an error in the form of all errors."""
    status, body, headers = answer
    assert headers.get_content_type() == "application/json"
    assert body["error"]["text"]
    assert "Traceback" not in body["error"]["text"]
    return status


# What it gives


@pytest.mark.parametrize(
    ("path", "kind", "holds"),
    [
        ("/", "text/html", b'<script type="module" src="/page.js">'),
        ("/?anything", "text/html", b"<!doctype html>"),
        ("/page.css", "text/css", b"prefers-color-scheme"),
        ("/page.js", "text/javascript", b'from "./editor.js"'),
        ("/editor.js", "text/javascript", b"export function"),
        ("/icon.svg", "image/svg+xml", b"<svg"),
    ],
)
def test_the_page_and_its_parts(running: Playground, path: str, kind: str, holds: bytes) -> None:
    status, body, headers = ask(running, "GET", path)
    assert (status, headers.get_content_type()) == (200, kind)
    assert holds in body
    assert int(headers["Content-Length"]) == len(body)


def test_no_file_names_another_host(running: Playground) -> None:
    for path in ("/", "/page.css", "/page.js", "/editor.js", "/icon.svg"):
        _, body, _ = ask(running, "GET", path)
        assert b"//" not in body.replace(b"http://www.w3.org/2000/svg", b"").replace(b"// ", b"")


def test_what_the_page_starts_with(running: Playground) -> None:
    status, body, _ = ask(running, "GET", "/start")
    assert status == 200
    assert "numpy" in body["backends"]
    assert {"backward", "types", "sums"} <= {p["name"] for p in body["panels"] if p["opened"]}
    assert all(example["text"] for example in body["examples"])


def test_an_answer(running: Playground) -> None:
    status, body, _ = ask(running, body=AFFINE)
    assert (status, body["error"], body["outputs"]) == (200, None, ["y"])
    assert body["panels"]["backward"]["text"].startswith("x.grad[b,i] += y.grad[b,j] W[i,j]")


def test_an_error_in_a_program_is_an_answer(running: Playground) -> None:
    status, body, _ = ask(running, body={"text": "y = (x"})
    assert (status, body["error"]["marks"]) == (200, [[4, 5]])
    assert body["error"]["text"].splitlines()[2] == "        ^"


def test_a_head_is_a_get_without_its_body(running: Playground) -> None:
    status, body, headers = ask(running, "HEAD", "/")
    assert (status, body) == (200, b"")
    assert int(headers["Content-Length"]) > 100


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/none"), ("POST", "/api")])
def test_every_answer_forbids_what_comes_from_outside(running, method: str, path: str) -> None:
    _, _, headers = ask(running, method, path, body=AFFINE if method == "POST" else None)
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    sources = [part.split()[1:] for part in policy.split("; ")]
    assert {source for part in sources for source in part} <= {
        "'none'",
        "'self'",
        "'script'",
        "mathml",
    }
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in headers
    assert "Python" not in headers["Server"]


# What it refuses


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1", "localhost:1", "", "0.0.0.0:80"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/api"), ("PUT", "/")])
def test_another_host_is_refused(running: Playground, method: str, path: str, host: str) -> None:
    body = AFFINE if method == "POST" else None
    assert refused(ask(running, method, path, body, Host=host)) == 403


def test_hosts_that_are_this_computer(running: Playground) -> None:
    for host in ("127.0.0.1", "localhost", "LOCALHOST"):
        assert ask(running, "GET", "/", Host=f"{host}:{running.server_port}")[0] == 200


def test_no_host_and_two_hosts_are_refused(running: Playground) -> None:
    own = f"Host: {running.hosts[0]}\r\n"
    for hosts in ("", own + "Host: example.org\r\n"):
        assert b" 403 " in raw(running, f"GET / HTTP/1.1\r\n{hosts}\r\n".encode()).splitlines()[0]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://example.org"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_another_page_may_not_ask(running: Playground, headers: dict[str, str]) -> None:
    assert refused(ask(running, body=AFFINE, **headers)) == 403


def test_the_page_itself_may_ask(running: Playground) -> None:
    for host in running.hosts:
        headers = {"Host": host, "Origin": f"http://{host}", "Sec_Fetch_Site": "same-origin"}
        assert ask(running, body=AFFINE, **headers)[0] == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_only_json_is_a_question(running: Playground, kind: str) -> None:
    # These are what a form of another page can send without asking first.
    assert refused(ask(running, body=AFFINE, Content_Type=kind)) == 415


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api", "POST"),
        ("POST", "/", "GET"),
        ("POST", "/start", "GET"),
        ("PUT", "/", "GET, POST"),
        ("OPTIONS", "/api", "GET, POST"),
        ("BREW", "/api", "GET, POST"),
    ],
)
def test_other_methods(running: Playground, method: str, path: str, allowed: str) -> None:
    answer = ask(running, method, path)
    assert refused(answer) == 405
    assert answer[2]["Allow"] == allowed


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/../server.py",
        "/server.py",
        "/page.html",
        "/%2e%2e/errors.py",
        "/api/",
        "*",
    ],
)
def test_there_is_nothing_else(running: Playground, path: str) -> None:
    assert refused(ask(running, "GET", path)) == 404
    assert refused(ask(running, "POST", path, AFFINE)) == 404


@pytest.mark.parametrize("length", [LONGEST_BODY + 1, 10 * LONGEST_BODY])
def test_a_body_that_is_too_long(running: Playground, length: int) -> None:
    answer = ask(running, body=b" " * length)
    assert refused(answer) == 413
    assert str(LONGEST_BODY) in answer[1]["error"]["text"]


def test_a_body_of_the_greatest_length(running: Playground) -> None:
    question = json.dumps({**AFFINE, "text": "y = x #"}).encode()
    filled = question.replace(b"#", b"#" + b"a" * (LONGEST_BODY - len(question)))
    assert len(filled) == LONGEST_BODY
    assert ask(running, body=filled)[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[" * LONGEST_BODY,
        b'"\xff"',
        b"1" * 6000,
        b"null",
        b'{"text": 3}',
        b'{"text": "y = x", "panels": ["nothing"]}',
        b'{"text": "y = x", "more": 1}',
    ],
)
def test_what_is_no_question(running: Playground, body: bytes) -> None:
    assert refused(ask(running, body=body)) == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("", 411),
        ("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", 411),
        ("Content-Length: -1\r\n", 400),
        ("Content-Length: x\r\n", 400),
        ("Content-Length: 2\r\nContent-Length: 3\r\n", 400),
        ("Content-Length: 3\r\n", 400),
        (f"Content-Length: {'9' * 40}\r\n", 413),
    ],
)
def test_lengths(running: Playground, headers: str, status: int) -> None:
    head = f"POST /api HTTP/1.1\r\nHost: {running.hosts[0]}\r\nContent-Type: application/json\r\n"
    found = raw(running, f"{head}{headers}\r\n{{}}".encode())
    assert found.split()[1] == str(status).encode()
    assert json.loads(found.partition(b"\r\n\r\n")[2])["error"]["text"]


@pytest.mark.parametrize("line", [b"nonsense", b"GET", b"GET / HTTP/9.9", b"GET /" + b"a" * 70000])
def test_what_is_no_http(running: Playground, line: bytes) -> None:
    found = raw(running, line + b"\r\n\r\n")
    assert b"error" in found
    assert b"<html" not in found.lower()


def test_surrogates_and_every_character(running: Playground) -> None:
    text = "".join(map(chr, range(0xD7F0, 0xD810))) + "\x00"
    status, body, _ = ask(running, body={"text": text})
    assert status == 200
    assert body["error"]["kind"] == "EquationSyntaxError"


# That nothing makes it hang


def test_a_client_that_says_nothing_is_left(monkeypatch, running: Playground) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.3)
    head = f"POST /api HTTP/1.1\r\nHost: {running.hosts[0]}\r\nContent-Type: application/json\r\n"
    for sent, answer in (
        ("", b""),
        ("GET / HT", b""),
        (f"{head}Content-Length: 9\r\n\r\n{{", b"408"),
    ):
        with socket.create_connection(("127.0.0.1", running.server_port), timeout=30) as client:
            client.sendall(sent.encode())
            found = b"".join(iter(lambda: client.recv(65536), b""))
        assert found.split()[1:2] == ([answer] if answer else [])


def test_a_client_that_drips_is_left(monkeypatch, running: Playground) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.4)
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", running.server_port), timeout=30) as client:
        client.sendall(b"GET / HTTP/1.1\r\n")
        client.settimeout(0.05)
        while time.monotonic() < began + 20:
            try:
                client.sendall(b"a")
                if client.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
    assert time.monotonic() - began < 10


def test_many_clients_at_once(running: Playground) -> None:
    texts = [f"y{n}[i] = {n + 2} x[i]" for n in range(24)]
    found: dict[str, Any] = {}

    def client(text: str) -> None:
        found[text] = ask(running, body={"text": text, "panels": ["backward"]})[1]

    threads = [threading.Thread(target=client, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n, text in enumerate(texts):
        assert found[text]["panels"]["backward"]["text"] == f"x.grad[i] += {n + 2} y{n}.grad[i]"


def test_a_slow_program_is_stopped_and_the_next_is_answered() -> None:
    with served() as server:
        assert ask(server, body=AFFINE)[1]["error"] is None
        server.workers.seconds = 0.5
        status, body, _ = ask(server, body=SLOW)
        assert status == 200
        assert "more than 0.5 seconds" in body["error"]["text"]
        server.workers.seconds = 60
        assert ask(server, body=AFFINE)[1]["error"] is None


def test_the_page_and_others_are_served_while_a_program_is_slow() -> None:
    with served() as server:
        assert ask(server, body=AFFINE)[1]["error"] is None
        worker = server.workers._idle.queue[-1]
        found: list[int] = []
        slow = threading.Thread(target=lambda: found.append(refused(ask(server, body=SLOW))))
        slow.start()
        while worker in server.workers._idle.queue:
            time.sleep(0.01)
        for _ in range(5):
            assert ask(server, "GET", "/")[0] == 200
        assert ask(server, body=AFFINE)[1]["error"] is None
        assert slow.is_alive()
        worker._process.kill()
        slow.join()
        assert found == [500]


# Running it


def test_a_port_that_is_taken(running: Playground) -> None:
    with pytest.raises(InputError, match=f"port {running.server_port} of 127.0.0.1 cannot be used"):
        serve(running.server_port, open_browser=False)


@pytest.mark.parametrize("port", [-1, 65536, 10**9])
def test_a_port_that_is_none(port: int) -> None:
    with pytest.raises(InputError, match=f"port {port} of"):
        serve(port, open_browser=False)


def test_it_listens_on_this_computer_alone(running: Playground) -> None:
    assert running.server_address[0] == "127.0.0.1"
    assert urllib.request.urlopen(running.address, timeout=30).status == 200  # noqa: S310
