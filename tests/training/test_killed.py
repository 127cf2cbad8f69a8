"""Training that is killed by the system, at any moment, and started again ends as if it had not been."""

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from einprop.training import load_checkpoint

ROOT = Path(__file__).parents[2]


def start(folder: Path, epochs: int, hash_seed: int) -> subprocess.Popen[bytes]:
    """A process that trains, or goes on with it."""
    # Sets come in another order in each process: what is computed may not depend on that.
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": str(hash_seed)}
    script = str(Path(__file__).with_name("killed.py"))
    return subprocess.Popen([sys.executable, script, str(folder), str(epochs)], env=environment)


def killed(folder: Path, epochs: int, chance: random.Random) -> bool:
    """Start, and kill after some progress; False where training came to its end before."""
    path, process = folder / "checkpoint", start(folder, epochs, chance.randrange(1000))
    before = path.stat().st_mtime_ns if path.exists() else 0
    while process.poll() is None and (not path.exists() or path.stat().st_mtime_ns == before):
        time.sleep(0.001)
    time.sleep(chance.uniform(0, 0.1))
    process.kill()
    return process.wait() != 0


def compare(tmp_path: Path, epochs: int, kills: int) -> None:
    whole, broken, chance = tmp_path / "whole", tmp_path / "broken", random.Random(tmp_path.name)
    whole.mkdir()
    assert start(whole, epochs, 0).wait() == 0
    steps: list[int] = []
    for _ in range(20):  # On a busy machine training may end before it is killed at all.
        shutil.rmtree(broken, ignore_errors=True)
        broken.mkdir()
        for _ in range(kills):
            if not killed(broken, epochs, chance):
                break
            # Whatever was being written, the file is whole.
            steps.append(load_checkpoint(broken / "checkpoint").counts["step"])
        if steps:
            break
    assert start(broken, epochs, 1).wait() == 0
    assert steps
    assert steps == sorted(steps)
    assert (broken / "done").read_bytes() == (whole / "done").read_bytes()


@pytest.mark.skipif(os.name != "posix", reason="there is no kill -9 on this system")
def test_killed_twice(tmp_path: Path) -> None:
    compare(tmp_path, epochs=5, kills=2)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="there is no kill -9 on this system")
def test_killed_again_and_again(tmp_path: Path) -> None:
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        compare(folder, epochs=25, kills=20)
