"""Nodes that need each other stand together, and behind what they need."""

from hypothesis import given
from hypothesis import strategies as st

from einprop.analysis.components import components

GRAPHS = st.integers(1, 7).flatmap(
    lambda n: st.fixed_dictionaries({k: st.sets(st.integers(0, n - 1)) for k in range(n)})
)


def _reached(needs: dict[int, set[int]], start: int) -> set[int]:
    found, pending = set(), [start]
    while pending:
        new = needs[pending.pop()] - found
        found |= new
        pending += new
    return found


@given(needs=GRAPHS)
def test_components_are_what_reaches_each_other(needs: dict[int, set[int]]) -> None:
    found = components(needs)
    assert sorted(n for group in found for n in group) == sorted(needs)
    for group in found:
        for one in group:
            both = {n for n in needs if n in _reached(needs, one) and one in _reached(needs, n)}
            assert both | {one} == group


@given(needs=GRAPHS)
def test_a_component_comes_behind_those_that_it_needs(needs: dict[int, set[int]]) -> None:
    done: set[int] = set()
    for group in components(needs):
        done |= group
        assert all(needs[n] <= done for n in group)


def test_the_written_order_is_kept_where_it_is_free() -> None:
    assert components({n: set() for n in range(5)}) == [{0}, {1}, {2}, {3}, {4}]


def test_a_long_chain_needs_no_recursion() -> None:
    chain = {n: {n + 1} for n in range(5000)} | {5000: {0}}
    assert components(chain) == [set(range(5001))]
