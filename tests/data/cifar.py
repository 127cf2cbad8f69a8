"""Made-up batches in the format of CIFAR-10's files, for tests of what reads them."""

from __future__ import annotations

import io
import struct
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

FOLDER = "cifar-10-batches-py"
NAMES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")


def text(value: str) -> bytes:
    """A string as Python 2 pickles it in protocol 2, its characters the bytes of Latin-1."""
    content = value.encode("latin-1")
    if len(content) < 256:
        return b"U" + bytes([len(content)]) + content
    return b"T" + struct.pack("<i", len(content)) + content


def integer(value: int) -> bytes:
    """An integer as protocol 2 writes it."""
    if 0 <= value < 256:
        return b"K" + bytes([value])
    return (
        b"M" + struct.pack("<H", value) if 0 <= value < 65536 else b"J" + struct.pack("<i", value)
    )


def memoized(content: bytes, number: int) -> bytes:
    """What ``content`` pushes is also kept under a number, as the published files do throughout."""
    return content + (b"q" + bytes([number]) if number < 256 else b"r" + struct.pack("<I", number))


def array(values: np.ndarray) -> bytes:
    """An array of unsigned bytes as numpy 1 writes it under Python 2."""
    dtype = b"cnumpy\ndtype\n" + text("u1") + b"K\x00K\x01\x87R"
    dtype += b"(K\x03" + text("|") + b"NNN" + integer(-1) + integer(-1) + b"K\x00tb"
    shape = b"(" + b"".join(map(integer, values.shape)) + b"t"
    empty = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text("b") + b"\x87R"
    )
    state = b"(K\x01" + shape + dtype + b"\x89" + text(values.tobytes().decode("latin-1")) + b"tb"
    return memoized(empty, 3) + state


def sequence(items: list[bytes]) -> bytes:
    """A list."""
    return memoized(b"]", 300) + b"(" + b"".join(items) + b"e"


def batch(rows: np.ndarray, labels: list[int], name: str = "testing batch 1 of 1") -> bytes:
    """One batch as the published files pickle it: Python 2, protocol 2."""
    filenames = [text(f"camión_{number:06}.png") for number in range(len(labels))]
    items = [
        memoized(text("batch_label"), 2) + text(name),
        text("labels") + sequence(list(map(integer, labels))),
        text("data") + array(rows),
        text("filenames") + sequence(filenames),
    ]
    return b"\x80\x02}q\x01(" + b"".join(items) + b"u."


def batches(examples: int, seed: int = 0) -> dict[str, tuple[np.ndarray, list[int]]]:
    """Rows of pixels and labels by the name of their file; a class's images share a colour."""
    rng = np.random.default_rng(seed)
    colours = rng.integers(40, 216, size=(10, 3, 1))
    made = {}
    for name in NAMES:
        labels = rng.integers(10, size=examples)
        rows = colours[labels] + rng.integers(-40, 40, size=(examples, 3, 1024))
        made[name] = (rows.reshape(examples, 3072).astype(np.uint8), labels.tolist())
    return made


def write_folder(root: Path, contents: Mapping[str, bytes]) -> Path:
    """The folder that unpacking the archive gives."""
    folder = root / FOLDER
    folder.mkdir(parents=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


def write_archive(path: Path, contents: Mapping[str, bytes], mode: str = "w:gz") -> Path:
    """The archive."""
    with tarfile.open(path, mode) as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path
