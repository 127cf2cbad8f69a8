"""Every form of every peer computes the same loss and gradients, or the same Hessian."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.adapters.peers import PEERS
from benchmarks.harness.client import Candidate, Worker
from benchmarks.harness.compare import largest_difference
from benchmarks.harness.workload import Results, Workload
from benchmarks.workloads.catalogue import WORKLOADS

# torch.func.hessian calls what the library itself gives up.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")

SMALL = {name: workload.at(workload.small) for name, workload in WORKLOADS.items()}
CASES = [
    pytest.param(
        workload,
        peer,
        form,
        id=f"{workload.name}-{peer}-{form}",
        marks=[pytest.mark.slow] if PEERS[peer].compiles_long else [],
    )
    for workload in SMALL.values()
    for peer in PEERS
    for form in PEERS[peer].form_names(workload)
]


def results(workload: Workload, peer: str, form: str, dtype: str = "float64") -> Results:
    pytest.importorskip(PEERS[peer].package, reason=f"{peer} is one of the peers")
    tensors = workload.example(dtype)
    found = PEERS[peer].forms(workload, workload.sizes)[form](tensors).results()
    expand = workload.expand.get(form, lambda same, _: same)
    return {name: np.asarray(array) for name, array in expand(found, tensors).items()}


@pytest.mark.parametrize(("workload", "peer", "form"), CASES)
def test_all_forms_agree(workload: Workload, peer: str, form: str) -> None:
    expected = results(workload, "numpy", next(iter(workload.numpy)))
    if PEERS[peer].compiles_long:
        # In a process of its own: what it compiles and warns of stays there.
        pytest.importorskip(PEERS[peer].package, reason=f"{peer} is one of the peers")
        with Worker(workload, Candidate(peer, form), "float64") as worker:
            found = worker.results()
    else:
        found = results(workload, peer, form)
    assert largest_difference(found, expected) < 1e-10
    wanted = [f"{a},{b}" for a in workload.wrt for b in workload.wrt]
    assert set(found) == (set(wanted) if workload.hessian else {"loss", *workload.wrt})


@pytest.mark.parametrize("workload", SMALL.values(), ids=SMALL)
def test_a_second_step_gives_the_same(workload: Workload) -> None:
    # What is written by hand reuses its buffers; nothing may be left in them that matters.
    for peer in ("numpy", "einprop"):
        for form in PEERS[peer].forms(workload, workload.sizes).values():
            step = form(workload.example("float64"))
            first = {name: np.array(array) for name, array in step.results().items()}
            again = {name: np.array(array) for name, array in step.results().items()}
            assert largest_difference(again, first) == 0


@pytest.mark.parametrize("workload", SMALL.values(), ids=SMALL)
def test_single_precision_stays_single(workload: Workload) -> None:
    for peer in ("numpy", "einprop"):
        form = next(iter(PEERS[peer].forms(workload, workload.sizes)))
        for name, array in results(workload, peer, form, "float32").items():
            assert array.dtype == np.float32, (peer, name)


def test_one_kernel_for_all_steps_is_not_compiled() -> None:
    assert PEERS["torch"].form_names(WORKLOADS["lstm"]) == ["loop", "nn.LSTM"]
    assert PEERS["torch.compile"].form_names(WORKLOADS["lstm"]) == ["loop"]


def test_workloads_go_by_their_names() -> None:
    assert all(name == workload.name for name, workload in WORKLOADS.items())
    assert len({workload.title for workload in WORKLOADS.values()}) == len(WORKLOADS)


def test_operations_of_a_perceptron() -> None:
    workload = WORKLOADS["mlp_small"]
    forward = 100 * (784 * 200 + 200 * 10)
    # Backward: both weights, and the input of the second layer.
    backward = 100 * (784 * 200 + 2 * 200 * 10)
    assert workload.flops(workload.sizes) == 2 * (forward + backward)


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)
def test_operations_grow_with_every_size(workload: Workload) -> None:
    usual = workload.flops(workload.sizes)
    # Rows of zeros outside the blocks cost nothing; the heads share what there is.
    free = {"hessian_factorisation": {"i"}, "attention": {"h"}}.get(workload.name, set())
    for size, value in workload.sizes.items():
        larger = workload.flops({**workload.sizes, size: value * 2})
        assert (larger == usual) if size in free else (larger > usual), size


def test_other_sizes_bring_other_parameters() -> None:
    network = WORKLOADS["network_5"]
    larger = network.at({**network.small, "n": 6})
    assert larger.wrt == ("A0", "A1", "A2", "A3", "A4", "A5")
    assert set(results(larger, "numpy", "by hand")) == {"loss", *larger.wrt}


def test_examples_repeat() -> None:
    workload = SMALL["cnn"]
    first, second = workload.example("float64"), workload.example("float64")
    assert all((first[name] == second[name]).all() for name in first)
    other = replace(workload, sizes={**workload.sizes, "b": 3})
    assert len(other.example("float32")["x"]) == 3
