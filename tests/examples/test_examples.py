"""Every example runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("*.py"))
# Those that have tests of their own here, beside this file.
ELSEWHERE = {"cifar_cnn.py", "cifar_mlp.py", "text_gpt.py", "text_lstm.py"}
# What makes an example short, and the data that it needs.
ARGUMENTS = {
    "edf_mnist.py": ["--epochs", "2", "--data", "none: the bundled digits"],
    "rwth_mnist.py": ["--epochs", "2", "--hidden", "20", "--data", "none: the bundled digits"],
    "train_mnist.py": ["--epochs", "1", "--examples", "2000"],
}
NEEDS_DATA = {"train_mnist.py"}


@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - ELSEWHERE))
def test_example_runs(name: str, tmp_path) -> None:
    if name in NEEDS_DATA and "EINPROP_DATA" not in os.environ:
        pytest.skip("EINPROP_DATA does not name the folder of data")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), *ARGUMENTS.get(name, [])],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_there_are_examples() -> None:
    assert EXAMPLES
