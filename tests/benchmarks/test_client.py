"""Workers over pipes: what they answer, and how their failures arrive."""

import numpy as np
import pytest

from benchmarks.harness.client import Candidate, Worker, WorkerError, environment
from benchmarks.workloads.catalogue import WORKLOADS

TINY = WORKLOADS["mlp_tiny"].at(WORKLOADS["mlp_tiny"].small)


def test_a_worker_answers_every_command() -> None:
    with Worker(TINY, Candidate("einprop", "program"), "float64") as worker:
        assert worker.prepare() > 0
        found = worker.results()
        seconds = worker.time(3)
        peak = worker.peak()
        # The step is gone, and made anew where it is wanted.
        assert len(worker.time(1)) == 1
    assert worker.process.poll() is not None
    assert set(found) == {"loss", *TINY.wrt}
    assert found["W1"].dtype == np.float64
    assert len(seconds) == 3
    assert min(seconds) > 0
    assert peak is None or peak >= 0


def test_sizes_and_numbers_reach_the_worker() -> None:
    with Worker(TINY, Candidate("numpy", "by hand"), "float32") as worker:
        found = worker.results()
    assert found["W1"].shape == (TINY.sizes["i0"], TINY.sizes["i1"])
    assert found["W1"].dtype == np.float32


def test_an_unknown_command_is_an_error_and_no_end() -> None:
    with Worker(TINY, Candidate("numpy", "by hand"), "float32") as worker:
        with pytest.raises(WorkerError, match=r"numpy: by hand(.|\n)*no such command"):
            worker.ask(do="nothing")
        assert len(worker.time(2)) == 2


def test_a_worker_that_does_not_start_says_why() -> None:
    with pytest.raises(WorkerError, match="KeyError: 'by nobody'"):
        Worker(TINY, Candidate("numpy", "by nobody"), "float32")


def test_a_worker_that_is_gone_is_an_error() -> None:
    with Worker(TINY, Candidate("numpy", "by hand"), "float32") as worker:
        worker.process.kill()
        worker.process.wait()
        with pytest.raises(WorkerError, match="is gone"):
            worker.time(1)


def test_threads_and_precision_are_set_before_libraries_load() -> None:
    found = environment(3, "float64")
    assert found["OMP_NUM_THREADS"] == found["OPENBLAS_NUM_THREADS"] == "3"
    assert "intra_op_parallelism_threads=3" in found["XLA_FLAGS"]
    assert found["JAX_ENABLE_X64"] == "1"
    assert environment(1, "float32")["JAX_ENABLE_X64"] == "0"
