"""Fetching, from a server on this machine: no test reaches the net."""

from __future__ import annotations

import hashlib
import io
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from einprop.data import remote as module
from einprop.data.remote import Remote, check_digest, download, fetch
from einprop.errors import InputError

CONTENT = b"published " * 60_000
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"  # noqa: S324
ELSEWHERE = "\nwithout the net, get the file elsewhere and pass its folder to the reader"


class Handler(BaseHTTPRequestHandler):
    """Serves one file whole, cut, without a stated length, slowly, or not at all."""

    asked: list[str]

    def do_GET(self):
        self.asked.append(self.path)
        if self.path == "/absent":
            self.send_error(404, "Nowhere")
            return
        self.send_response(200)
        if self.path != "/unstated":
            self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        if self.path == "/cut":
            self.wfile.write(CONTENT[:1000])
        elif self.path == "/slow":
            self.wfile.write(CONTENT[:1000])
            self.wfile.flush()
            self.server.waiting.wait(20)
        else:
            self.wfile.write(CONTENT)

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def server():
    """A server, with the paths that were asked of it in ``asked`` and its address in ``url``."""
    asked = []
    handler = type("Recorder", (Handler,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        running.asked, running.waiting = asked, threading.Event()
        running.url = f"http://127.0.0.1:{running.server_port}"
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.waiting.set()
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("digest", [SHA256, MD5])
@pytest.mark.parametrize("path", ["/file.gz", "/unstated"])
def test_fetches_once(server, tmp_path, digest, path, capsys):
    remote = Remote(server.url + path, digest)
    target = tmp_path / "new" / "folder" / remote.filename
    for _ in range(2):
        assert fetch(remote, target) == target
        assert target.read_bytes() == CONTENT
    assert server.asked == [path]
    assert [found.name for found in target.parent.iterdir()] == [path[1:]]
    told = {"/file.gz": "file.gz: 0.6 of 0.6 MB (100%)", "/unstated": "unstated: 0.6 MB"}
    assert capsys.readouterr().err == f"fetching {told[path]}\n"


def test_a_terminal_sees_progress(server, tmp_path, monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    fetch(Remote(f"{server.url}/file", SHA256), tmp_path / "file")
    shown = terminal.getvalue().split("\r")
    assert shown[1] == "fetching file: 0.3 of 0.6 MB (44%)"
    assert shown[-1] == "fetching file: 0.6 of 0.6 MB (100%)\n"


def test_says_nothing_where_asked(server, tmp_path, capsys):
    fetch(Remote(f"{server.url}/file", SHA256), tmp_path / "file", progress=False)
    assert capsys.readouterr().err == ""


def test_a_damaged_file_in_the_cache_is_fetched_again(server, tmp_path):
    target = tmp_path / "file"
    target.write_bytes(CONTENT[:-1])
    fetch(Remote(f"{server.url}/file", SHA256), target, progress=False)
    assert target.read_bytes() == CONTENT


def refused(remote: Remote, target: Path) -> str:
    """The error's message, once it is known that nothing is left behind."""
    before = sorted(target.parent.iterdir())
    with pytest.raises(InputError) as error:
        fetch(remote, target, progress=False)
    assert sorted(target.parent.iterdir()) == before
    return str(error.value)


def test_another_digest_is_named(server, tmp_path):
    wrong = f"sha256:{'0' * 64}"
    assert refused(Remote(f"{server.url}/file", wrong), tmp_path / "file") == (
        f"what {server.url}/file gave is not the file as published: "
        f"its digest is {SHA256}, not {wrong}\n"
        "it is damaged, or another version, or a page that stands in its place"
    )


def test_what_was_there_stays_where_fetching_fails(server, tmp_path):
    target = tmp_path / "file"
    target.write_bytes(b"mine")
    refused(Remote(f"{server.url}/cut", SHA256), target)
    assert target.read_bytes() == b"mine"


def test_a_cut_transfer_is_named(server, tmp_path):
    url = f"{server.url}/cut"
    assert refused(Remote(url, SHA256), tmp_path / "file") == (
        f"{url} broke off after 1000 of {len(CONTENT)} bytes\nnothing is kept; try again"
    )


def test_the_servers_refusal_is_named(server, tmp_path):
    url = f"{server.url}/absent"
    message = refused(Remote(url, SHA256), tmp_path / "file")
    assert message == f"{url} cannot be fetched: HTTP Error 404: Nowhere{ELSEWHERE}"


def test_absence_of_the_net_is_named(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/file"
        message = refused(Remote(url, SHA256), tmp_path / "file")
    assert message.startswith(f"{url} cannot be fetched: ")
    assert "refused" in message
    assert message.endswith(ELSEWHERE)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/file", "file"])
def test_only_http(url, tmp_path):
    message = refused(Remote(url, SHA256), tmp_path / "file")
    assert message == f"{url} is no address of http or https"


@pytest.mark.parametrize("digest", ["", "sha256:", "crc32:00", "0123"])
def test_digests_are_checked_themselves(digest, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError) as error:
        check_digest(tmp_path / "file", digest)
    assert str(error.value) == f"{digest!r} is no digest\nwrite md5:… or sha256:…"


def test_a_folder_that_takes_nothing_is_named(server, tmp_path):
    (tmp_path / "blocked").write_bytes(b"")
    target = tmp_path / "blocked" / "file"
    with pytest.raises(InputError) as error:
        fetch(Remote(f"{server.url}/file", SHA256), target)
    assert str(error.value).startswith(f"{target} cannot be written: ")


BROKEN_OFF = """
import signal, sys
from einprop.data.remote import Remote, fetch
signal.signal(signal.SIGINT, signal.default_int_handler)
fetch(Remote(sys.argv[1], "md5:00"), sys.argv[2])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends an interrupt to another process")
def test_an_interrupt_leaves_nothing(server, tmp_path):
    arguments = [sys.executable, "-c", BROKEN_OFF, f"{server.url}/slow", str(tmp_path / "file")]
    running = subprocess.Popen(
        arguments, stderr=subprocess.PIPE, cwd=Path(__file__).parents[2], text=True
    )
    for _ in range(2000):
        if server.asked and list(tmp_path.iterdir()):
            break
        time.sleep(0.01)
    assert len(list(tmp_path.iterdir())) == 1
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=30)
    assert "KeyboardInterrupt" in told
    assert list(tmp_path.iterdir()) == []


def test_data_sets_by_name(server, tmp_path, monkeypatch):
    remotes = tuple(Remote(f"{server.url}/{name}", SHA256) for name in ("first.gz", "second.gz"))
    monkeypatch.setattr(module, "SOURCES", {"made-up": remotes})
    monkeypatch.setenv("EINPROP_CACHE", str(tmp_path / "cache"))
    folder = download("made-up", progress=False)
    assert folder == tmp_path / "cache" / "made-up"
    assert sorted(found.name for found in folder.iterdir()) == ["first.gz", "second.gz"]
    assert download("made-up", tmp_path / "chosen", progress=False) == tmp_path / "chosen"
    assert len(server.asked) == 4


def test_unknown_data_sets_are_named():
    with pytest.raises(InputError) as error:
        download("imagenet")
    assert str(error.value) == (
        "no data set is called 'imagenet'\nthere are mnist, cifar10, tinyshakespeare"
    )


def test_published_files_have_the_stated_digests(data_folder):
    for name in ("mnist", "tinyshakespeare"):
        for remote in module.SOURCES[name]:
            check_digest(data_folder(name) / remote.filename, remote.digest)
