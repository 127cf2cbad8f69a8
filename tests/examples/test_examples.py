"""Every example runs."""

import os

import pytest

from tests.examples.process import ROOT, run

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
    assert run(name, *ARGUMENTS.get(name, []), cwd=tmp_path, timeout=300)


def test_there_are_examples() -> None:
    assert EXAMPLES
