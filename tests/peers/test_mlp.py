"""The lecture's MLP in five frameworks: the gradients agree and the figures are sound."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from numpy.typing import NDArray

Array = NDArray[Any]

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "peers.py"


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_of_peers", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BENCHMARK = load_script()


def version(peer: str) -> ModuleType:
    if not BENCHMARK.is_installed(peer):
        pytest.skip(f"{peer} is not installed")
    return BENCHMARK.load(peer)


@pytest.mark.parametrize("peer", BENCHMARK.PEERS)
def test_gradients_agree_with_the_hand_derived_ones(peer: str) -> None:
    versions = {"numpy": version("numpy"), peer: version(peer)}
    assert BENCHMARK.largest_difference(versions) < 1e-9


@pytest.mark.parametrize("peer", BENCHMARK.PEERS)
def test_what_is_shown_is_one_cell_of_a_table(peer: str) -> None:
    shown = BENCHMARK.what_is_shown(peer, version(peer))
    assert "\n" not in shown
    assert "|" not in shown


def test_a_wrong_gradient_is_noticed() -> None:
    class Wrong:
        @staticmethod
        def loss_and_gradients(**tensors: Array) -> tuple[float, dict[str, Array]]:
            loss, gradients = BENCHMARK.load("numpy").loss_and_gradients(**tensors)
            return loss, gradients | {"W2": gradients["W2"] * 1.001}

    difference = BENCHMARK.largest_difference({"numpy": BENCHMARK.load("numpy"), "wrong": Wrong})
    assert difference == pytest.approx(1e-3, rel=0.01)


def test_lines_are_counted_without_blanks_comments_and_docstrings(tmp_path: Path) -> None:
    file = tmp_path / "code.py"
    file.write_text(
        '"""A docstring\nof two lines."""\n\n# a comment\nx = """a\nvalue"""\n\n\n'
        'def shown_gradient():\n    return "x"\n\n\ndef f():\n    """Doc."""\n    return 1  # one\n'
    )
    assert BENCHMARK.count_lines(file) == 4


def test_the_table_has_a_row_for_each_peer() -> None:
    row = {
        "version": "1",
        "lines": 9,
        "shows": "nothing",
        "import_seconds": 0.125,
        "installed_megabytes": 2.0,
    }
    table = BENCHMARK.to_markdown({"peers": {"numpy": row}, "left_out": ["jax"]})
    assert "| numpy 1 | 9 | nothing | 0.12 | 2 |" in table
    assert "left out: jax" in table
