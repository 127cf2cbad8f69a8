"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import BinaryIO

from einprop.errors import InputError

__all__ = ["written_whole"]


@contextlib.contextmanager
def written_whole(
    path: str | PathLike[str], *, folders: bool = False, hint: str | None = None
) -> Iterator[BinaryIO]:
    """A file to write into that takes the place of ``path`` at the end, once it is on the disk.

    Until then it has another name in the same folder, one of its own for each call, which ends in
    ``.partial``: whoever reads ``path`` sees the old file or the new one, also where the process is
    killed or the power fails. Where the body raises, nothing is left of it.

    Args:
        path: The file; a link goes on pointing at what is written.
        folders: Make the folders on the way.
        hint: What helps where the disk does not take it.

    Raises:
        InputError: The disk does not take it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with written_whole(f"{folder}/a") as file:
    ...         _ = file.write(b"all of it")
    ...     Path(folder, "a").read_bytes()
    b'all of it'
    """
    target = Path(os.path.realpath(path))
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        if folders:
            target.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error}", (), hint) from error
    finally:
        # It is there only where something went wrong, an interrupt included.
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Have the new name on the disk too, where a folder can be opened."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
