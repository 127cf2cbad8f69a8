"""After the pass every position is inside of its axis, and the cells are those of the reference loops."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einprop.analysis.indices import subscript_indices, unprimed
from einprop.analysis.resolve import resolve
from einprop.analysis.sizes import bind_sizes
from einprop.notation.parser import parse
from einprop.notation.printer import to_text
from einprop.notation.tree import Access, Affine, Boundary, Index, Subscript, accesses
from einprop.passes.boundaries import boundaries
from einprop.passes.sized import SizedProgram, attach_sizes
from einprop.reference import evaluate
from tests.backends.flat import meaning

RNG = np.random.default_rng(0)


def bounded(text: str, **shapes: tuple[int, ...]) -> SizedProgram:
    resolved = resolve(parse(text))
    return boundaries(attach_sizes(bind_sizes(resolved, shapes)), resolved.extents)


def lines(program: SizedProgram) -> list[str]:
    return [to_text(equation) for equation in program.equations]


def ends(subscript: Subscript, sizes: dict[str, int]) -> Iterator[int]:
    """The least and the greatest position that a subscript takes."""
    assert not isinstance(subscript, Boundary)
    terms = subscript.terms if isinstance(subscript, Affine) else ()
    constant = subscript.constant if isinstance(subscript, Affine) else 0
    if isinstance(subscript, Index):
        terms = ((1, subscript.name),)
    if isinstance(subscript, Affine):
        assert not subscript.end
    for side in (min, max):
        yield constant + sum(side(0, c * (sizes[unprimed(i)] - 1)) for c, i in terms)


def assert_inside(program: SizedProgram) -> None:
    sizes = dict(program.sizes)
    for access in (a for e in program.equations for a in accesses(e)):
        for subscript, letter in zip(access.subscripts, program.axes[access.name], strict=True):
            empty = any(not sizes[unprimed(i)] for i in subscript_indices(subscript))
            if not (isinstance(subscript, Access) or empty):
                low, high = ends(subscript, sizes)
                assert low >= 0
                assert high < max(sizes[unprimed(letter)], 1)


def check(text: str, **shapes: tuple[int, ...]) -> SizedProgram:
    """Every position is inside, and loops over the cells give what the reference gives."""
    program = bounded(text, **shapes)
    assert_inside(program)
    tensors: dict[str, Any] = {name: RNG.normal(size=shape) for name, shape in shapes.items()}
    expected = evaluate(text, tensors)
    read = {a.name for e in program.equations for a in accesses(e)}
    given_ = {name: value for name, value in tensors.items() if name in read}
    found = meaning(program.equations, program.sizes, given_, program.axes)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-12, err_msg=name)
    return program


def test_plain_programs_pass_unchanged() -> None:
    resolved = resolve(parse("y[b,j] = x[b,i] W[i,j]"))
    program = attach_sizes(bind_sizes(resolved, {"x": (2, 3), "W": (3, 4)}))
    assert boundaries(program, {}) is program


def test_padding_on_both_sides() -> None:
    program = check("y[i] = x[pad(i+p-1)] K[p] where i in 0:4", x=(4,), K=(3,))
    assert lines(program) == ["_x1[a+1] += x[a]", "y[i] = sum[p](_x1[i+p] K[p])"]
    assert program.sizes[program.axes["_x1"][0]] == 6
    assert program.is_temporary("_x1")
    assert not program.is_temporary("y")


def test_reads_of_one_tensor_share_its_margins() -> None:
    program = check(
        "y[i] = x[pad(i-1)] - 2 x[i+0] + x[pad(i+1)]; z[i] = x[pad(i+3)] w[i]", x=(5,), w=(5,)
    )
    assert lines(program) == [
        "_x1[a+1] += x[a]",
        "y[i] = _x1[i+0] - 2 x[i] + _x1[i+2]",
        "z[i2] = _x1[i2+4] w[i2]",
    ]
    assert program.sizes[program.axes["_x1"][0]] == 9


def test_one_axis_of_several() -> None:
    program = check("y[b,i,c] = x[b,pad(i+1),c] w[i]", x=(2, 3, 2), w=(3,))
    assert lines(program)[0] == "_x1[b,a+0,c] += x[b,a,c]"


def test_two_axes_are_padded_together() -> None:
    program = check("y[i,j] = x[pad(i-1),pad(j+2)] w[i,j]", x=(3, 4), w=(3, 4))
    assert [program.sizes[letter] for letter in program.axes["_x1"]] == [4, 6]


def test_three_axes_of_one_type_have_three_letters() -> None:
    text = "index i, j, k: n < 3\ninput x[i,j,k]\ny[i,j,k] = x[pad(i+1),pad(j+1),pad(k+1)]"
    program = check(text, x=(3, 3, 3))
    assert all(len(set(axes)) == len(axes) for axes in program.axes.values())


def test_padding_that_stays_inside_needs_no_margin() -> None:
    check("y[i] = x[pad(i+1)] w[i]", x=(5,), w=(4,))
    check("y[i] = x[pad(i)] w[i]", x=(5,), w=(5,))


def test_padding_of_a_tensor_that_is_computed_first() -> None:
    program = check("h[i] = 2 x[i]; y[i] = h[pad(i+1)] + h[i+0]", x=(4,))
    assert lines(program) == ["h[i] = 2 x[i]", "_x1[i+0] += h[i]", "y[i2] = _x1[i2+1] + h[i2]"]


def test_several_turns_of_a_wrapped_axis() -> None:
    check("y[i] = x[wrap(i-7)] w[i]", x=(3,), w=(11,))
    check("y[i] = x[wrap(2*i+1)] w[i]", x=(3,), w=(9,))
    check("y[i] = x[wrap(5-3*i)] w[i]", x=(4,), w=(6,))
    check("y[i] = x[wrap(i+4)] w[i]", x=(1,), w=(3,))


def test_a_stencil_with_a_periodic_boundary() -> None:
    check(
        "y[i,j] = u[wrap(i+1),j] + u[wrap(i-1),j] + u[i,wrap(j+1)] + u[i,wrap(j-1)] - 4 u[i,j]",
        u=(4, 3),
    )


def test_edges_repeat() -> None:
    check("y[i] = x[clamp(i-4)] w[i]", x=(3,), w=(12,))
    check("y[i] = x[clamp(3*i)] w[i]", x=(4,), w=(4,))


def test_different_rules_at_one_access_and_at_one_tensor() -> None:
    check("y[i,j] = x[pad(i-1),wrap(j+2)] w[i,j]", x=(3, 4), w=(4, 5))
    check("y[i,j] = x[clamp(i-1),pad(j+2)] + x[wrap(i),clamp(j)] w[i,j]", x=(3, 4), w=(4, 5))


def test_padding_on_the_left_leaves_out_what_falls_outside() -> None:
    program = check("input w[j]; y[pad(i-1)] += x[i]; z[j] = y[j] w[j]", x=(6,), w=(3,))
    assert "y[j] += _x1[j+1]" in lines(program)
    assert program.sizes[program.axes["_x1"][0]] == 6


def test_writes_that_wrap_and_clamp_meet_in_their_cells() -> None:
    check("y[wrap(i+p)] += x[i] K[p]; z[j] = y[j] w[j]", x=(4,), K=(3,), w=(4,))
    check("y[wrap(i-5)] += x[i]; z[j] = y[j] w[j]", x=(7,), w=(3,))
    check("y[clamp(i-2)] += x[i]; z[j] = y[j] w[j]", x=(9,), w=(4,))


def test_the_largest_of_what_meets() -> None:
    check("y[clamp(i-2)] max= x[i]; z[j] = y[j] w[j]", x=(9,), w=(4,))
    check("y[wrap(i)] min= x[i]; z[j] = y[j] w[j]", x=(9,), w=(4,))


def test_a_base_is_part_of_a_larger_tensor() -> None:
    program = check("h[t] = tanh(h[t-1] + x[t]); h[-1] = a; y = h[end]", x=(4,), a=())
    larger = next(name for name in program.axes if name.startswith("_x"))
    assert [program.sizes[letter] for letter in program.axes[larger]] == [5]
    assert f"{larger}[0] += a" in lines(program)
    assert f"h[t] = {larger}[t+1]" in lines(program)


@pytest.mark.parametrize(
    "text",
    [
        "h[t] = h[t-1] h[t-2] + x[t]; h[-1] = a; h[-2] = 2",
        "h[t] = h[t+1] + x[t]; h[end+1] = a",
        "h[t] = h[t-1] + x[t]",
        "h[t] = x[t] h[t-1] where t in 1:4; h[0] = a",
        "c[t] = h[t-1] + x[t]; h[t] = tanh(c[t]) + c[t-1]; h[-1] = a; c[-1] = a",
        "h[t] = h[t-1] x[t]; h[-1] = a; y[t] = h[t-1] + h[pad(t-2)] where t in 0:4",
    ],
)
def test_recurrences(text: str) -> None:
    check(text, x=(4,), **({"a": ()} if "a" in text.replace("tanh", "") else {}))


def test_grids_along_two_axes() -> None:
    check("g[i,j] = g[i-1,j] + g[i,j-1] + x[i,j]; g[-1,j] = a[j]", x=(3, 4), a=(4,))
    check("g[i,j] = g[i-1,j-1] x[i,j]; g[-1,j] = a[j]; g[i,-1] = b[i]", x=(3, 4), a=(4,), b=(3,))


def test_reads_beside_a_gather() -> None:
    text = "y[t,i] = E[tok[t],pad(i-1)] w[i]"
    resolved = resolve(parse(text))
    sizes = bind_sizes(resolved, {"E": (3, 4), "tok": (2,), "w": (5,)})
    program = boundaries(attach_sizes(sizes), resolved.extents)
    assert_inside(program)
    tensors = {"E": RNG.normal(size=(3, 4)), "tok": np.array([2, 0]), "w": RNG.normal(size=5)}
    found = meaning(program.equations, program.sizes, tensors, program.axes)
    np.testing.assert_allclose(found["y"], evaluate(text, tensors)["y"])


def test_a_name_of_the_users_is_not_taken() -> None:
    program = check("_x1[i] = x[pad(i-1)] w[i]", x=(3,), w=(4,))
    assert lines(program) == ["_x2[a+1] += x[a]", "_x1[i] = _x2[i] w[i]"]


MODES = st.sampled_from(("pad", "wrap", "clamp"))
POSITIONS = st.tuples(st.integers(-3, 3).filter(bool), st.integers(-9, 9))


@given(
    mode=MODES, position=POSITIONS, other=st.tuples(MODES, POSITIONS), size=st.integers(1, 4),
    count=st.integers(0, 5), writes=st.booleans(),
)  # fmt: skip
def test_any_boundary_at_any_position(
    mode: str,
    position: tuple[int, int],
    other: tuple[str, tuple[int, int]],
    size: int,
    count: int,
    writes: bool,
) -> None:
    def text(rule: str, place: tuple[int, int], index: str) -> str:
        return f"{rule}({place[0]}*{index}{place[1]:+d})"

    first, second = text(mode, position, "i"), text(*other, "j")
    if writes:
        line = f"input w[k,l]; y[{first},{second}] += x[i,j]; z[k,l] = y[k,l] w[k,l]"
        check(line, x=(count, 2), w=(size, 3))
    else:
        check(f"y[i,j] = x[{first},{second}] w[i,j]", x=(size, 3), w=(count, 2))


@given(lags=st.lists(st.integers(1, 3), min_size=1, max_size=3), steps=st.integers(0, 5))
def test_recurrences_of_any_lag(lags: list[int], steps: int) -> None:
    reads = " + ".join(f"0.3 h[t-{lag}]" for lag in lags)
    bases = "; ".join(f"h[-{n}] = {n}" for n in range(1, max(lags) + 1))
    check(f"h[t] = {reads} + x[t]; {bases}", x=(steps,))
