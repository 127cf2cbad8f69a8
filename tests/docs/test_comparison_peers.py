"""What docs/comparison.md says of libraries that are installed here, where it says no or gives a number."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest

from tests.docs.fences import ROOT

LETTERS = "abcdefghijklm"
CHAIN = ",".join(map("".join, pairwise(LETTERS))) + "->am"
LOGITS, TARGET = np.array([1e4, 0.0, -1e4]), np.array([0.0, 1.0, 0.0])


@pytest.fixture(scope="module")
def jax():
    jax = pytest.importorskip("jax", reason="needs jax: pip install einprop[oracles]")
    with jax.enable_x64():
        yield jax


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="needs torch: pip install einprop[oracles]")


@pytest.fixture(scope="module")
def autograd():
    reason = "needs autograd: pip install einprop[oracles]"
    pytest.importorskip("autograd.numpy", reason=reason)
    return pytest.importorskip("autograd", reason=reason)


def cross_entropy(library, logits, target):
    odds = library.exp(logits)
    return -library.sum(target * library.log(odds / library.sum(odds)))


def matrices(count: int, size: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).normal(size=(count, size, size)))


def test_the_page_names_the_versions_that_run_here() -> None:
    page = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")
    assert re.search(r"opt_einsum \d+\.\d+\.\d+, autograd \d+\.\d+\.\d+, JAX \d+\.\d+\.\d+", page)


def test_einsum_broadcasts_size_one_in_opt_einsum() -> None:
    opt_einsum = pytest.importorskip("opt_einsum")
    found = opt_einsum.contract("ij,jk->ik", np.ones((2, 3)), np.ones((1, 4)))
    assert found.tolist() == [[3.0] * 4] * 2
    with pytest.raises(ValueError, match="does not contain the correct number of indices"):
        opt_einsum.contract("i+p,p->i", np.ones(4), np.ones(2))


def test_einsum_broadcasts_size_one_in_jax_and_torch(jax, torch) -> None:
    found = jax.numpy.einsum("ij,jk->ik", np.ones((2, 3)), np.ones((1, 4)))
    assert found.tolist() == [[3.0] * 4] * 2
    found = torch.einsum("ij,jk->ik", torch.ones(2, 3), torch.ones(1, 4))
    assert found.tolist() == [[3.0] * 4] * 2


def test_a_written_out_softmax_overflows_in_autograd(autograd) -> None:
    with np.errstate(all="ignore"):
        assert np.isnan(autograd.grad(cross_entropy, 1)(autograd.numpy, LOGITS, TARGET)).all()


def test_a_written_out_softmax_overflows_in_jax(jax) -> None:
    gradient = jax.jit(jax.grad(cross_entropy, 1), static_argnums=0)
    assert np.isnan(gradient(jax.numpy, LOGITS, TARGET)).all()


def test_a_written_out_softmax_overflows_in_torch(torch) -> None:
    logits = torch.tensor(LOGITS, requires_grad=True)
    cross_entropy(torch, logits, torch.tensor(TARGET)).backward()
    assert logits.grad.isnan().all()


def test_the_gradient_of_a_product_with_a_zero(autograd, jax, torch) -> None:
    x = np.array([0.0, 2.0, 3.0])
    with np.errstate(all="ignore"):
        assert np.isnan(autograd.grad(autograd.numpy.prod)(x)[0])
    assert jax.grad(jax.numpy.prod)(x).tolist() == [6.0, 0.0, 0.0]
    leaf = torch.tensor(x, requires_grad=True)
    leaf.prod().backward()
    assert leaf.grad.tolist() == [6.0, 0.0, 0.0]


def test_autograds_einsum_has_no_gradient_of_a_trace(autograd) -> None:
    trace = autograd.grad(lambda x: autograd.numpy.einsum("ii->", x))
    with pytest.raises(ValueError, match="multiple times"):
        trace(np.eye(3))


def test_autograd_contracts_all_operands_for_each_gradient(autograd, monkeypatch) -> None:
    anp, called = autograd.numpy, []
    einsum = anp.einsum

    def recorded(subscripts, *operands):
        called.append(subscripts)
        return einsum(subscripts, *operands)

    pull_back, _ = autograd.make_vjp(lambda m: anp.sum(anp.einsum("ab,bc,cd,de->ae", *m)))(
        matrices(4, 2)
    )
    monkeypatch.setattr(anp.numpy_wrapper, "einsum", recorded)
    pull_back(1.0)
    assert len(called) == 4
    assert all(subscripts.count(",") == 3 for subscripts in called)


def dot_products(jaxpr) -> int:
    """The multiply-adds of a jaxpr and of those within it."""
    found = 0
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            shape = equation.invars[0].aval.shape
            cells = np.prod(equation.outvars[0].aval.shape, dtype=int)
            found += int(cells * np.prod([shape[axis] for axis in contracted], dtype=int))
        for value in equation.params.values():
            found += dot_products(value.jaxpr) if hasattr(value, "jaxpr") else 0
    return found


def test_jax_takes_twice_the_products_for_all_gradients(jax) -> None:
    chain = matrices(12, 10)

    def forward(*operands):
        return jax.numpy.einsum(CHAIN, *operands)

    def both(operands, seed):
        return jax.vjp(forward, *operands)[1](seed)

    assert dot_products(jax.make_jaxpr(forward)(*chain).jaxpr) == 11_000
    assert dot_products(jax.make_jaxpr(both)(chain, chain[0]).jaxpr) == 33_000


def test_jax_chooses_the_order_of_each_product_alone(jax) -> None:
    first, third = matrices(2, 10)
    second, fourth = np.random.default_rng(0).normal(size=(2, 10, 10, 10))
    operands = (first, second, third, fourth)

    def one(subscripts):
        return jax.numpy.einsum(f"ab,{subscripts},eb,cde->", *operands)

    alone = [dot_products(jax.make_jaxpr(one, static_argnums=0)(s).jaxpr) for s in ("dca", "cda")]
    both = jax.make_jaxpr(lambda: (one("dca"), one("cda")))()
    assert dot_products(both.jaxpr) == sum(alone)


def test_torch_takes_twice_the_products_for_all_gradients(torch) -> None:
    if not torch.backends.opt_einsum.is_available():
        pytest.skip("torch chooses orders with opt_einsum")
    from torch.utils.flop_counter import FlopCounterMode  # noqa: PLC0415

    operands = [torch.tensor(matrix, requires_grad=True) for matrix in matrices(12, 10)]
    with FlopCounterMode(display=False) as forward:
        value = torch.einsum(CHAIN, *operands)
    with FlopCounterMode(display=False) as backward:
        torch.autograd.grad(value.sum(), operands)
    assert (forward.get_total_flops(), backward.get_total_flops()) == (22_000, 44_000)


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_hessians_are_dense_arrays(autograd, jax, torch) -> None:
    generator = np.random.default_rng(0)
    t, v, u = (generator.normal(size=size) for size in ((4, 5), (5, 2), (4, 2)))
    anp, shape = autograd.numpy, (4, 2, 4, 2)
    assert jax.hessian(lambda u: ((t - u @ v.T) ** 2).sum())(u).shape == shape
    assert autograd.hessian(lambda u: anp.sum((t - anp.dot(u, v.T)) ** 2))(u).shape == shape
    t, v, u = map(torch.tensor, (t, v, u))
    assert torch.func.hessian(lambda u: ((t - u @ v.T) ** 2).sum())(u).shape == shape


def test_a_gradient_by_hand_is_taken_as_given_by_jax(jax) -> None:
    wrong = jax.custom_vjp(jax.numpy.tanh)
    wrong.defvjp(lambda x: (jax.numpy.tanh(x), None), lambda _, seed: (7 * seed,))
    assert jax.grad(wrong)(0.3) == 7


def test_a_gradient_by_hand_is_taken_as_given_by_autograd(autograd) -> None:
    from autograd.extend import defvjp, primitive  # noqa: PLC0415

    wrong = primitive(np.tanh)
    defvjp(wrong, lambda answer, x: lambda seed: 7 * seed)
    assert autograd.grad(wrong)(0.3) == 7


def test_a_gradient_by_hand_is_taken_as_given_by_torch(torch) -> None:
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return torch.tanh(x)

        @staticmethod
        def backward(ctx, seed):
            return 7 * seed

    x = torch.tensor(0.3, requires_grad=True)
    Wrong.apply(x).backward()
    assert x.grad == 7


def test_jax_has_no_reverse_mode_through_while_loop(jax) -> None:
    double = lambda x: jax.lax.while_loop(lambda x: x < 10, lambda x: 2 * x, x)  # noqa: E731
    with pytest.raises(ValueError, match="Reverse-mode differentiation does not work"):
        jax.grad(double)(1.0)
    assert jax.jvp(double, (1.0,), (1.0,))[1] == 16
    assert jax.grad(lambda x: jax.lax.cond(x > 0, jax.numpy.sin, jax.numpy.cos, x))(0.0) == 0
