"""The examples on real MNIST reach what their documents report; slow, and only where the data are."""

import re

import pytest

from tests.examples.process import run

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
    folder = data_folder("mnist")
    told = run(name, "--data", folder, *arguments, cwd=tmp_path, timeout=900)
    counts = re.findall(r"(\d+) errors of 10000", told)
    assert least <= int(counts[-1]) <= most
