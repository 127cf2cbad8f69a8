"""Parts of a product: how they are halved, what they leave, which have one value."""

from __future__ import annotations

import pytest

from einprop.passes.builder import tensor
from einprop.passes.networks import Network, intervals, members, parts

SIZES = {"i": 2, "j": 3, "k": 4, "l": 5}
CHAIN = Network((tensor("a", "ij"), tensor("b", "jk"), tensor("c", "kl")), ("i", "l"), SIZES)


@pytest.mark.parametrize(("count", "ways"), [(2, 1), (3, 6), (4, 25), (8, 3025)])
def test_every_part_is_halved_in_every_way(count: int, ways: int) -> None:
    found = [(part, half) for part, halves in parts(count) for half in halves]
    assert len(set(found)) == len(found) == ways
    assert all(0 < half < part and half & part == half for part, half in found)


def test_intervals_of_an_order() -> None:
    found = {part: list(halves) for part, halves in intervals([2, 0, 1])}
    assert found == {0b101: [0b100], 0b011: [0b001], 0b111: [0b100, 0b101]}


def test_a_part_leaves_what_the_rest_and_the_result_need() -> None:
    assert CHAIN.letters_left(0b011) == ("i", "k")
    assert CHAIN.letters_left(0b101) == ("i", "l", "j", "k")
    assert CHAIN.work(0b011, 0b100) == 2 * 4 * 5
    assert CHAIN.work(0b001, 0b010) == 2 * 3 * 4


def test_work_counts_the_derivative_by_each_active_half() -> None:
    active = Network(CHAIN.operands, CHAIN.kept, SIZES, active=0b001)
    assert active.work(0b001, 0b010) == 2 * 24
    assert active.work(0b010, 0b100) == 60


def test_the_smaller_product_comes_first() -> None:
    assert CHAIN.search(parts(3)) == {0b111: 0b011, 0b011: 0b001}
    assert CHAIN.search(parts(3), free={CHAIN.key(0b110)})[0b111] == 0b001
    assert CHAIN.greedy().keys() == {0b111, 0b011}


def test_parts_of_one_value_have_one_key_whatever_the_names_and_the_order() -> None:
    other = Network(
        (tensor("b", "qr"), tensor("x", "p"), tensor("a", "pq")), ("r",), {"p": 2, "q": 3, "r": 4}
    )
    assert CHAIN.key(0b011) == other.key(0b101)
    assert [CHAIN.key_letters(0b011), other.key_letters(0b101)] == [("i", "k"), ("p", "r")]
    summed = Network((tensor("a", "ij"), tensor("b", "jk")), ("k",), SIZES)
    assert summed.key(0b011) != CHAIN.key(0b011)


def test_operands_of_one_name_are_told_apart_by_their_letters() -> None:
    left = Network((tensor("a", "ij"), tensor("a", "jk")), ("i", "k"), SIZES)
    right = Network((tensor("a", "jk"), tensor("a", "ij")), ("i", "k"), SIZES)
    other = Network((tensor("a", "ij"), tensor("a", "kj")), ("i", "k"), SIZES)
    assert left.key(3) == right.key(3) != other.key(3)


def test_the_operands_in_the_order_of_a_tree() -> None:
    assert CHAIN.order({0b111: 0b101, 0b101: 0b100}) == [2, 0, 1]
    assert list(members(0b1011)) == [0, 1, 3]


def test_an_empty_axis_costs_nothing() -> None:
    empty = Network(CHAIN.operands, CHAIN.kept, {**SIZES, "k": 0})
    assert empty.work(0b001, 0b010) == 0
    assert 0b111 in empty.search(parts(3))
