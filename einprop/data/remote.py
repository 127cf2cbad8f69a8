"""Fetching published files: checked by their digests, kept in a cache folder, nothing half there."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import BinaryIO, TextIO

from einprop.cache import cache_folder
from einprop.errors import InputError
from einprop.files import written_whole

__all__ = ["SOURCES", "Remote", "check_digest", "download", "fetch"]

_BLOCK = 2**18
_PATIENCE = 30.0
_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"


@dataclass(frozen=True, slots=True)
class Remote:
    """A file to fetch.

    Args:
        url: Where it lies, by http or https.
        digest: What the content must have, as in ``sha256:…`` or ``md5:…``.
        name: What it is called in its folder; by default as at the end of the address.
    """

    url: str
    digest: str
    name: str = ""

    @property
    def filename(self) -> str:
        """The name of the file in its folder."""
        return self.name or self.url.rpartition("/")[2]


SOURCES: Mapping[str, tuple[Remote, ...]] = {
    "mnist": (
        Remote(
            f"{_MNIST}train-images-idx3-ubyte.gz",
            "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        Remote(
            f"{_MNIST}train-labels-idx1-ubyte.gz",
            "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        Remote(
            f"{_MNIST}t10k-images-idx3-ubyte.gz",
            "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        Remote(
            f"{_MNIST}t10k-labels-idx1-ubyte.gz",
            "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
    "cifar10": (
        Remote(
            "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
            "sha256:6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        ),
    ),
    "tinyshakespeare": (
        Remote(
            "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
            "sha256:86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        ),
    ),
}
"""Data sets by name: the files of each, as they were published."""


def download(
    name: str, folder: str | PathLike[str] | None = None, *, progress: bool = True
) -> Path:
    """The folder of a published data set, whose files are fetched where they are not there yet.

    Args:
        name: ``mnist``, ``cifar10`` or ``tinyshakespeare``.
        folder: Where the files go; by default into a folder of this name in `cache_folder`.
        progress: Report on the standard error stream.

    Returns:
        The folder, for `read_mnist`, `read_cifar10` or `read_text`.

    Raises:
        InputError: There is no such data set, or a file cannot be fetched or is not the published
            one.
    """
    if name not in SOURCES:
        raise InputError(f"no data set is called {name!r}", hint=f"there are {', '.join(SOURCES)}")
    target = cache_folder() / name if folder is None else Path(folder)
    for remote in SOURCES[name]:
        fetch(remote, target / remote.filename, progress=progress)
    return target


def fetch(remote: Remote, path: str | PathLike[str], *, progress: bool = True) -> Path:
    """One file from the net, unless it is there already with the right digest.

    The content goes to a file beside ``path`` that takes its place only when it is whole and its
    digest right. Broken off in between, nothing is left.

    Args:
        remote: What to fetch.
        path: Where it goes; folders on the way are made.
        progress: Report on the standard error stream.

    Returns:
        ``path``.

    Raises:
        InputError: The net or the disk does not give or take the file, or its digest is another.
    """
    target = Path(path)
    if target.is_file() and _digest(target, _algorithm(remote.digest)) == remote.digest:
        return target
    if not remote.url.startswith(("http://", "https://")):
        raise InputError(f"{remote.url} is no address of http or https")
    with written_whole(target, folders=True) as file:
        _receive(remote.url, file, _Report(target.name, shown=progress))
        file.flush()
        check_digest(file.name, remote.digest, f"what {remote.url} gave")
    return target


def check_digest(path: str | PathLike[str], digest: str, source: str | None = None) -> None:
    """Make sure that a file is the one that was published.

    Args:
        path: The file.
        digest: As in ``sha256:…`` or ``md5:…``.
        source: What the error calls the file; by default its path.

    Raises:
        InputError: The file cannot be read, or its digest is another; both are named.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     check_digest(file.name, "md5:d41d8cd98f00b204e9800998ecf8427e")
    """
    found = _digest(Path(path), _algorithm(digest))
    if found != digest:
        raise InputError(
            f"{source or path} is not the file as published: its digest is {found}, not {digest}",
            hint="it is damaged, or another version, or a page that stands in its place",
        )


def _algorithm(digest: str) -> str:
    algorithm, _, value = digest.partition(":")
    if algorithm not in ("md5", "sha256") or not value:
        raise InputError(f"{digest!r} is no digest", hint="write md5:… or sha256:…")
    return algorithm


def _digest(path: Path, algorithm: str) -> str:
    try:
        with path.open("rb") as file:
            # md5 is what some publishers state: it finds accidents, not forgeries.
            found = hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    return f"{algorithm}:{found.hexdigest()}"


class _Report:
    """A line on the standard error stream: rewritten on a terminal, else written once, at the end."""

    def __init__(self, name: str, *, shown: bool) -> None:
        self.name = name
        self.stream: TextIO | None = sys.stderr if shown else None
        self.live = shown and sys.stderr.isatty()

    def update(self, received: int, total: int | None) -> None:
        if self.live:
            self._write(f"\r{self._text(received, total)}")

    def close(self, received: int, total: int | None) -> None:
        start = "\r" if self.live else ""
        self._write(f"{start}{self._text(received, total)}\n")

    def _text(self, received: int, total: int | None) -> str:
        share = f" of {total / 1e6:.1f} MB ({received / total:.0%})" if total else " MB"
        return f"fetching {self.name}: {received / 1e6:.1f}{share}"

    def _write(self, text: str) -> None:
        if self.stream is not None:
            self.stream.write(text)
            self.stream.flush()


def _receive(url: str, file: BinaryIO, report: _Report) -> None:
    """Copy what lies at the address into the file."""
    # Loading these takes longer than the rest of the package; hardly anybody fetches.
    import http.client  # noqa: PLC0415
    import urllib.error  # noqa: PLC0415
    import urllib.request  # noqa: PLC0415

    try:
        # The scheme was looked at: it is http or https.
        with urllib.request.urlopen(url, timeout=_PATIENCE) as response:  # noqa: S310
            stated = response.headers.get("Content-Length")
            total = int(stated) if stated and stated.isdecimal() else None
            received = 0
            while block := response.read(_BLOCK):
                file.write(block)
                received += len(block)
                report.update(received, total)
            report.close(received, total)
    except urllib.error.HTTPError as error:
        error.close()
        raise _refuse(url, error) from error
    except urllib.error.URLError as error:
        raise _refuse(url, error.reason) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _refuse(url, error) from error
    if total is not None and received < total:
        raise InputError(
            f"{url} broke off after {received} of {total} bytes", hint="nothing is kept; try again"
        )


def _refuse(url: str, reason: object) -> InputError:
    return InputError(
        f"{url} cannot be fetched: {reason}",
        hint="without the net, get the file elsewhere and pass its folder to the reader",
    )
