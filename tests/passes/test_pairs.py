"""Products of many operands as pairs, in the program where they stand."""

from __future__ import annotations

import numpy as np

from einprop.notation.parser import parse
from einprop.notation.printer import to_text
from einprop.passes.pairs import Differentiated, pair_up
from einprop.passes.sized import SizedProgram
from tests.passes.test_binarise import run_flat


def program(text: str, sizes: dict[str, int], *outputs: str) -> SizedProgram:
    return SizedProgram(parse(text), sizes, outputs)


def test_pairs_alone_stay_as_they_are() -> None:
    given = program("y[i] = sum[j](a[i,j] b[j]); z = exp(x)", {"i": 2, "j": 3}, "y", "z")
    assert pair_up(given) is given


def test_what_exists_is_used_under_the_letters_of_its_reader() -> None:
    text = "h[k,i] = sum[j](a[i,j] b[j,k]); y[j,l] = sum[k,i](c[k,l] b[i,k] a[j,i])"
    given = program(text, {"i": 4, "j": 4, "k": 4, "l": 9}, "h", "y")
    assert [to_text(e) for e in pair_up(given).equations] == [
        "h[k,i] = sum[j](a[i,j] b[j,k])",
        "y[j,l] = sum[k](c[k,l] h[k,j])",
    ]


def test_a_product_that_exists_is_read() -> None:
    text = "y[i] = sum[j,k](a[i,j] b[j,k] c[k]); z[j] = sum[k,i](c[i] a[j,k] b[k,i])"
    given = program(text, {"i": 2, "j": 2, "k": 2}, "y", "z")
    assert to_text(pair_up(given).equations[-1]) == "z[j] = y[j]"


def test_what_is_between_the_products_stays_in_between() -> None:
    text = (
        "y[i] = sum[j,k](a[i,j] b[j,k] c[k]); h[i] = exp(y[i]); z[i] = sum[j,k](h[i] b[j,k] c[k])"
    )
    given = program(text, {"i": 2, "j": 3, "k": 4}, "y", "z")
    rng = np.random.default_rng(0)
    tensors = {"a": rng.random((2, 3)), "b": rng.random((3, 4)), "c": rng.random(4)}
    found = run_flat(pair_up(given), tensors)
    y = tensors["a"] @ tensors["b"] @ tensors["c"]
    np.testing.assert_allclose(found["y"], y)
    np.testing.assert_allclose(found["z"], np.exp(y) * (tensors["b"] @ tensors["c"]).sum())


def test_the_derivative_decides_too() -> None:
    text = "y[a,d] = sum[b,c](A[a,b] B[b,c] C[c,d])"
    given = program(text, {"a": 10, "b": 10, "c": 10, "d": 11}, "y")
    first = [to_text(pair_up(given, d).equations[0]) for d in (None, Differentiated("y", "A"))]
    assert first == ["_1[a,c] = sum[b](A[a,b] B[b,c])", "_1[d,b] = sum[c](B[b,c] C[c,d])"]
