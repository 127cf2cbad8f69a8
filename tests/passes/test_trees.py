"""Trees chosen together: never dearer than each product alone at its best, and twice that backward."""

from __future__ import annotations

import math

import numpy as np
import opt_einsum
import pytest
from hypothesis import given, settings

from einprop import Program, reference
from einprop.analysis.sizes import bind_letters
from einprop.execution.steps import Contraction, Elementwise, Operand
from einprop.passes.builder import tensor
from einprop.passes.networks import Network
from einprop.passes.trees import choose_trees, related, work_of
from tests.strategies.networks import Drawn, networks


def multiply_adds(program: Program, sizes: dict[str, int], behind: tuple[str, ...] = ()) -> int:
    """Those of contractions, and of products that sum nothing; if so said, those behind some inputs."""
    schedule = program.compile().schedule(bind_letters(program.resolved, sizes))
    total, reached = 0, set(behind)
    for step in schedule.steps:
        read = {operand.tensor for operand in step.operands if isinstance(operand, Operand)}
        if behind and not read & reached:
            continue
        reached.add(step.target.tensor)
        if isinstance(step.operation, Contraction) or step.operation == Elementwise("multiply"):
            total += step.flops
    return total


def best_path(operands, kept: str, sizes: dict[str, int]) -> int:
    """Multiply-adds of opt_einsum's path: the optimal one up to 8 operands."""
    if len(operands) < 2:
        return 0
    terms = ["".join(letters) for _, letters in operands]
    shapes = [tuple(sizes[i] for i in letters) for letters in terms]
    path, _ = opt_einsum.contract_path(
        f"{','.join(terms)}->{kept}",
        *shapes,
        shapes=True,
        optimize="optimal" if len(operands) <= 8 else "auto",
    )
    total, stack = 0, [set(term) for term in terms]
    for step in path:
        chosen = [stack[k] for k in step]
        stack = [letters for k, letters in enumerate(stack) if k not in step]
        both = set().union(*chosen)
        total += math.prod(sizes[i] for i in both) if len(chosen) > 1 else 0
        stack.append(both & set(kept).union(*stack))
    return total


@settings(max_examples=50, deadline=None)
@given(networks())
def test_a_product_is_never_dearer_than_its_best_path(drawn: Drawn) -> None:
    ((operands, kept),) = drawn.products
    assert multiply_adds(Program(drawn.text), drawn.used) <= best_path(operands, kept, drawn.sizes)


@settings(max_examples=40, deadline=None)
@given(networks(operands=6, products=3))
def test_several_products_are_never_dearer_than_each_at_its_best(drawn: Drawn) -> None:
    alone = sum(best_path(*product, drawn.sizes) for product in drawn.products)
    assert multiply_adds(Program(drawn.text), drawn.used) <= alone


@settings(max_examples=30, deadline=None)
@given(networks(operands=5, products=2))
def test_what_is_shared_is_right(drawn: Drawn) -> None:
    rng = np.random.default_rng(0)
    program = Program(drawn.text)
    shapes = {name: own for operands, _ in drawn.products for name, own in operands}
    tensors = {
        name: rng.standard_normal([drawn.sizes[i] for i in shapes[name]]) for name in program.inputs
    }
    expected = reference.evaluate(program, tensors)
    results = program(tensors)
    found = results if isinstance(results, dict) else {program.outputs[0]: results}
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-9, atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(networks())
def test_all_gradients_of_a_product_cost_at_most_twice_the_product(drawn: Drawn) -> None:
    program = Program(drawn.text)
    forward = multiply_adds(program, drawn.used)
    assert multiply_adds(program.vjp(), drawn.used, ("y0.grad",)) <= 2 * forward


@pytest.mark.parametrize("length", [2, 3, 7, 8, 9, 17, 40])
def test_all_gradients_of_a_chain_cost_at_most_twice_the_chain(length: int) -> None:
    rng = np.random.default_rng(length)
    sizes = {f"a{k}": int(rng.integers(1, 9)) for k in range(length + 1)}
    operands = [(f"M{k}", (f"a{k}", f"a{k + 1}")) for k in range(length)]
    factors = " ".join(f"{name}[{','.join(letters)}]" for name, letters in operands)
    program = Program(f"y[a0,a{length}] = {factors}")
    forward = multiply_adds(program, sizes)
    assert forward == cheapest_chain(list(sizes.values()))
    assert multiply_adds(program.vjp(), sizes, ("y.grad",)) <= 2 * forward


def cheapest_chain(spans: list[int]) -> int:
    """Multiply-adds of a chain of matrices in its best order."""
    count = len(spans) - 1
    cost = {(k, k + 1): 0 for k in range(count)}
    for length in range(2, count + 1):
        for i in range(count - length + 1):
            k = i + length
            cost[i, k] = min(
                cost[i, j] + cost[j, k] + spans[i] * spans[j] * spans[k] for j in range(i + 1, k)
            )
    return cost[0, count]


def test_what_several_products_contract_is_chosen_so_that_they_share_it() -> None:
    """The two contractions of opt_einsum's issue 9, whose best paths alone share too little."""
    left = "A[a,b] X[d,c,a] E[e,b] Y[c,d,e]"
    right = "A[a,b] X[c,d,a] E[e,b] Y[c,d,e]"
    sizes = dict.fromkeys("abcde", 10)
    found = multiply_adds(Program(f"y = {left}; z = {right}"), sizes)
    # A E, then with Y: once; then two dots
    assert found == 10**3 + 10**4 + 2 * 10**3
    assert multiply_adds(Program(f"y = {left}"), sizes) == 11_100


def test_a_dearer_tree_is_taken_where_its_parts_exist() -> None:
    """M N exists: u M N costs less through it than from the left, as it would alone."""
    sizes = {"a": 8, "b": 8, "c": 8, "p": 8}
    both = "h[a,c] = M[a,b] N[b,c]; y[p,c] = U[p,a] M[a,b] N[b,c]"
    assert multiply_adds(Program(both), sizes) == 2 * 8**3
    repeated = Program("y[i,z] = A[i,j] B[j,k] B[l,k] A[z,l]")
    assert multiply_adds(repeated, dict.fromkeys("ijklz", 10)) == 2000


def test_environments_of_a_chain_share_prefixes_and_suffixes() -> None:
    length, size = 10, 4
    sizes = {f"a{k}": size for k in range(length + 1)}
    lines = []
    for hole in range(length):
        factors = [f"M{k}[a{k},a{k + 1}]" for k in range(length) if k != hole]
        ends = f"u[a0] v[a{length}]"
        lines.append(f"E{hole}[a{hole},a{hole + 1}] = {ends} {' '.join(factors)}")
    found = multiply_adds(Program("\n".join(lines)), sizes)
    # matrix by vector from either end, and an outer product for each environment
    assert found == (2 * (length - 1) + length) * size**2


def classifier(sites: int) -> str:
    """Scores of a matrix product state: a core and a feature vector a site, the label in the middle."""
    factors = []
    for k in range(sites):
        left, right = (f"r{k}," if k else ""), (f"r{k + 1}" if k < sites - 1 else "")
        label = "k," if k == sites // 2 else ""
        indices = f"{left}p{k},{label}{right}".rstrip(",")
        factors += [f"A{k}[{indices}]", f"x{k}[b,p{k}]"]
    return f"s[b,k] = {' '.join(factors)}"


@pytest.mark.parametrize("sites", [4, 8, 16])
def test_a_matrix_product_state_classifier_and_all_its_gradients(sites: int) -> None:
    """opt_einsum's issue 132: one contraction a gradient repeats nearly all of the others' work."""
    sizes = {f"r{k}": 6 for k in range(1, sites)} | {f"p{k}": 2 for k in range(sites)}
    sizes |= {"b": 10, "k": 3}
    cores = [f"A{k}" for k in range(sites)]
    program = Program(classifier(sites), params=cores)
    operands = [
        (name, tuple(inner.rstrip("]").split(",")))
        for name, inner in (f.split("[") for f in classifier(sites).split(" = ")[1].split())
    ]
    letters = {i: opt_einsum.get_symbol(n) for n, i in enumerate(sizes)}
    spelled = [(name, "".join(letters[i] for i in own)) for name, own in operands]
    spans = {letters[i]: n for i, n in sizes.items()}
    score = letters["b"] + letters["k"]
    forward = best_path(spelled, score, spans)
    gradients = 0
    for core in cores:
        rest = [("G", score), *(o for o in spelled if o[0] != core)]
        gradients += best_path(rest, dict(spelled)[core], spans)
    whole = program.vjp(wrt=cores)
    found = multiply_adds(whole, sizes)
    assert multiply_adds(program, sizes) <= forward
    assert found <= 3 * forward
    assert found < forward + gradients


def test_only_what_is_differentiated_counts_twice() -> None:
    """(A B) C is cheaper forward, A (B C) forward and backward where only A is differentiated."""
    program = Program("y[a,d] = A[a,b] B[b,c] C[c,d]; loss = sum[a,d](y[a,d]^2)")
    sizes = {"a": 10, "b": 10, "c": 10, "d": 11}
    alone = Program("y[a,d] = A[a,b] B[b,c] C[c,d]")
    assert multiply_adds(alone, sizes) == 1000 + 1100
    both = program.value_and_grad(wrt=["A"]).program
    assert multiply_adds(both, sizes) == 3 * 1100 + 10 * 10  # and 2 A (B C)


def test_sixty_operands_take_one_look() -> None:
    length = 60
    factors = " ".join(f"M{k}[a{k},a{k + 1}]" for k in range(length))
    sizes = {f"a{k}": 2 + k % 3 for k in range(length + 1)}
    program = Program(f"y[a0,a{length}] = {factors}")
    assert multiply_adds(program, sizes) == cheapest_chain(list(sizes.values()))


def test_products_with_a_pair_of_operands_in_common_belong_together() -> None:
    a, b, c = tensor("a", "ij"), tensor("b", "jk"), tensor("c", "kl")
    sizes = dict.fromkeys("ijkl", 2)
    found = {
        0: Network((a, b, c), ("i", "l"), sizes),
        1: Network((c, c), ("k", "l"), sizes),
        2: Network((b, a), ("i", "k"), sizes),
    }
    assert [sorted(group) for group in related(found)] == [[0, 2], [1]]
    choice = choose_trees(related(found)[0])
    assert choice.work == work_of(related(found)[0], choice.trees) == 16
