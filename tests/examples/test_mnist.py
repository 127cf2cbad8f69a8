"""The examples on real MNIST reach what their documents report; slow, and only where the data are."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# an example, its arguments, and the errors of 10,000 that it may make
RUNS = [
    ("rwth_mnist.py", [], 700, 800),
    (
        "rwth_mnist.py",
        ["--hidden", "200", "--epochs", "20", "--learning-rate", "0.1", "--decay", "1"],
        200,
        290,
    ),
    ("edf_mnist.py", [], 700, 800),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "arguments", "least", "most"), RUNS)
def test_errors_on_mnist(name, arguments, least, most, data_folder, tmp_path) -> None:
    command = [sys.executable, str(ROOT / "examples" / name), "--data", str(data_folder("mnist"))]
    done = subprocess.run(
        [*command, *arguments],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    counts = re.findall(r"(\d+) errors of 10000", done.stdout)
    assert least <= int(counts[-1]) <= most
