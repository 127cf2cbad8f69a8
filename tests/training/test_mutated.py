"""Mutated files of models and checkpoints: an error of ours or a model; nothing runs, nothing hangs."""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from einprop.errors import EinpropError
from einprop.layers import Affine, BatchNorm, Dropout, losses
from einprop.training import Adam, SaveCheckpoint, StepDecay, fit, load_checkpoint, load_model

WORDS = [
    b"__import__('os').system('x')", b"[" * 2000, b"{" * 2000, b'"' * 3, b"\\ud800", b"1e999", b"-1",
    b"9" * 400, b"null", b"true", b"einprop.model", b"NaN", b"\x00", b"\xff", b"SGD", b"(" * 300,
]  # fmt: skip
# What a file could bring python to do: it is heard of before it happens.
HEARD = {
    "os.system",
    "subprocess.Popen",
    "exec",
    "compile",
    "import",
    "pickle.find_class",
    "socket",
}


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    network = Affine(3) >> BatchNorm() >> Dropout(0.5) >> Affine(2) >> losses.SquaredError()
    rng = np.random.default_rng(0)
    x = rng.normal(size=(8, 3))
    path = tmp_path_factory.mktemp("files") / "a"
    fit(
        network, network.init(rng, x=x), {"x": x, "t": x[:, :2]}, Adam(StepDecay(0.1, every=2)),
        epochs=1, batch_size=4, rng=rng, callbacks=[SaveCheckpoint(path)], verbose=0,
    )  # fmt: skip
    return path.read_bytes()


def mutated(content: bytes, draw: random.Random) -> bytes:
    """The file with a few places changed, mostly in its header."""
    changed = bytearray(content)
    header = int.from_bytes(content[:8], "little") + 8
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(min(header, len(changed)) if draw.random() < 0.9 else len(changed))
        match draw.randrange(5):
            case 0:
                changed[place] = draw.randrange(256)
            case 1:
                del changed[place : place + draw.randint(1, 40)]
            case 2:
                other = draw.randrange(header)
                changed[place:place] = content[other : other + draw.randint(1, 60)]
            case 3:
                word = draw.choice(WORDS)
                changed[place : place + draw.randint(0, len(word))] = word
            case _:
                changed = changed[: max(place, 1)]
        if draw.random() < 0.8:  # So that the reader comes further than the header's length.
            changed[:8] = (header + len(changed) - len(content) - 8).to_bytes(
                8, "little", signed=True
            )
        changed = changed or bytearray(b"\0")
    return bytes(changed)


_heard: list[str] = []
_listening: set[str] = set()


def _listen(event: str, arguments: tuple[object, ...]) -> None:
    if event in _listening:
        _heard.append(f"{event} {arguments[:1]!r}"[:100])


@pytest.mark.parametrize("load", [load_model, load_checkpoint])
def test_nothing_runs_and_nothing_hangs(load, content: bytes, tmp_path: Path) -> None:
    draw, path, taken = random.Random(0), tmp_path / "a", 0
    path.write_bytes(content)
    load(path)
    sys.addaudithook(_listen)
    longest = 0.0
    for _ in range(300):
        path.write_bytes(mutated(content, draw))
        began = time.perf_counter()
        _listening.update(HEARD)
        try:
            load(path)
            taken += 1
        except EinpropError:
            pass
        finally:
            _listening.clear()
            longest = max(longest, time.perf_counter() - began)
    assert not _heard
    assert longest < 20
    assert taken < 200
