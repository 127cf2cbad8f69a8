"""Products of several tensors over a few letters, as programs with sizes."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

LETTERS = "abcdefg"


@dataclass(frozen=True)
class Drawn:
    """Products as lists of operands, each a name with letters; what each keeps; the sizes."""

    products: tuple[tuple[tuple[tuple[str, str], ...], str], ...]
    sizes: dict[str, int]

    @property
    def text(self) -> str:
        """One equation a product: ``y0``, ``y1``, …"""
        return "\n".join(
            equation(f"y{n}", operands, kept) for n, (operands, kept) in enumerate(self.products)
        )

    @property
    def used(self) -> dict[str, int]:
        """The sizes of the letters that the program has."""
        held = {i for operands, _ in self.products for _, letters in operands for i in letters}
        return {i: n for i, n in self.sizes.items() if i in held}


def equation(target: str, operands, kept: str) -> str:
    """``y[a] = sum[b](M[a,b] v[b])``"""
    factors = " ".join(f"{name}[{','.join(letters)}]" for name, letters in operands)
    summed = sorted({i for _, letters in operands for i in letters} - set(kept))
    body = f"sum[{','.join(summed)}]({factors})" if summed else factors
    return f"{target}[{','.join(kept)}] = {body}"


@st.composite
def networks(draw, operands: int = 8, products: int = 1) -> Drawn:
    """Products of up to so many operands; several products take theirs from one pool."""
    sizes = {letter: draw(st.integers(1, 6)) for letter in LETTERS}
    letters = st.lists(st.sampled_from(LETTERS), max_size=3, unique=True).map("".join)
    pool = [(f"M{n}", draw(letters)) for n in range(operands)]
    found = []
    for _ in range(products):
        count = draw(st.integers(2, operands))
        chosen = tuple(draw(st.permutations(pool))[:count])
        held = sorted({i for _, own in chosen for i in own})
        kept = "".join(i for i in held if draw(st.integers(0, 2)) == 0)
        found.append((chosen, kept))
    return Drawn(tuple(found), sizes)
