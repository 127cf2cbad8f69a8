"""The margins of a wrapped or clamped axis hold what a plain loop reads there."""

from hypothesis import given
from hypothesis import strategies as st

from einprop.notation.tree import Affine, Index, Subscript
from einprop.passes.margins import Margin, Piece, clamped, combinations, reach, wrapped


def _positions(subscript: Subscript, sizes: dict[str, int]) -> list[int]:
    if isinstance(subscript, Index):
        return list(range(sizes[subscript.name]))
    assert isinstance(subscript, Affine)
    if not subscript.terms:
        return [subscript.constant]
    ((factor, name),) = subscript.terms
    return [factor * p + subscript.constant for p in range(sizes[name])]


def _copied(pieces: list[Piece], sizes: dict[str, int]) -> dict[int, int]:
    """By cell of the larger axis the cell that it is a copy of."""
    found: dict[int, int] = {}
    for piece in pieces:
        sources, targets = _positions(piece.here, sizes), _positions(piece.there, sizes)
        for n, target in enumerate(targets):
            assert target not in found
            found[target] = sources[n if len(sources) > 1 or len(targets) == 1 else 0]
    return found


MARGINS = st.builds(Margin, st.integers(0, 9), st.integers(0, 9))


def _letters(sizes: dict[str, int]):
    def letter(size: int) -> str:
        sizes[f"r{size}"] = size
        return f"r{size}"

    return letter


@given(size=st.integers(1, 4), margin=MARGINS)
def test_a_wrapped_axis_goes_on_with_its_other_end(size: int, margin: Margin) -> None:
    sizes: dict[str, int] = {}
    found = _copied(list(wrapped(size, margin, _letters(sizes), sizes)), sizes)
    cells = [
        *range(margin.before),
        *range(margin.before + size, margin.before + size + margin.after),
    ]
    assert found == {cell: (cell - margin.before) % size for cell in cells}


@given(size=st.integers(1, 4), margin=MARGINS)
def test_a_clamped_axis_repeats_its_ends(size: int, margin: Margin) -> None:
    sizes: dict[str, int] = {}
    found = _copied(list(clamped(size, margin, _letters(sizes))), sizes)
    cells = [
        *range(margin.before),
        *range(margin.before + size, margin.before + size + margin.after),
    ]
    assert found == {cell: min(max(cell - margin.before, 0), size - 1) for cell in cells}


def test_reach_counts_the_cells_outside() -> None:
    sizes = {"i": 5, "p": 3}
    assert reach(Affine(((1, "i"), (1, "p")), -1), 5, sizes) == Margin(1, 1)
    assert reach(Affine(((-2, "i"),), 4), 5, sizes) == Margin(4, 0)
    assert reach(Index("i"), 5, sizes) == Margin()


def test_combinations_take_one_piece_of_each_axis() -> None:
    a, b, c = (Piece(Index(name), Index(name)) for name in "abc")
    assert list(combinations([[a, b], [c]])) == [[a, c], [b, c]]
