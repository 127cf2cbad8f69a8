"""The error function, which numpy lacks: in float64 by the rational approximations of fdlibm (Sun, 1993).

In float32 one ratio of polynomials serves for all x, so that no entry is looked for and none is
moved: 20 times faster. Its coefficients are a minimax fit to erf(x) / x in x^2, relative error 2e-8.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["erf"]

Array = NDArray[Any]


def erf(x: Array) -> Array:
    """Error function, within 2 units of the last place in float64 and 6 in float32.

    >>> float(erf(0.5))
    0.5204998778130465
    """
    x = np.asarray(x)
    if x.dtype == np.float32:
        # Beyond 3.92 it rounds to 1. Coefficients stand highest power first.
        inside = np.clip(x, -3.92, 3.92)
        square = inside * inside
        above, below = square * 2.05068198e-06, square * 3.80981527e-05
        for number in (0.00028488851, 0.00376460333, 0.052745717, 0.19037908):
            above += number
            above *= square
        for number in (0.00116234226, 0.0149671731, 0.11409835, 0.502051809):
            below += number
            below *= square
        ratio = inside * (above + 1.12837915) / (below + 1.0)
        return np.asarray(np.clip(ratio, -1.0, 1.0))
    size = np.abs(x)
    result = np.array(np.sign(x))
    # Each piece: from, to, and the coefficients of a ratio of two polynomials, highest power first.
    pieces = [
        (
            0.0,
            0.84375,
            [
                -2.37630166566501626084e-05,
                -5.77027029648944159157e-03,
                -2.84817495755985104766e-02,
                -3.25042107247001499370e-01,
                1.28379167095512558561e-01,
            ],
            [
                -3.96022827877536812320e-06,
                1.32494738004321644526e-04,
                5.08130628187576562776e-03,
                6.50222499887672944485e-02,
                3.97917223959155352819e-01,
                1.0,
            ],
        ),
        (
            0.84375,
            1.25,
            [
                -2.16637559486879084300e-03,
                3.54783043256182359371e-02,
                -1.10894694282396677476e-01,
                3.18346619901161753674e-01,
                -3.72207876035701323847e-01,
                4.14856118683748331666e-01,
                -2.36211856075265944077e-03,
            ],
            [
                1.19844998467991074170e-02,
                1.36370839120290507362e-02,
                1.26171219808761642112e-01,
                7.18286544141962662868e-02,
                5.40397917702171048937e-01,
                1.06420880400844228286e-01,
                1.0,
            ],
        ),
        (
            1.25,
            1 / 0.35,
            [
                -9.81432934416914548592e00,
                -8.12874355063065934246e01,
                -1.84605092906711035994e02,
                -1.62396669462573470355e02,
                -6.23753324503260060396e01,
                -1.05586262253232909814e01,
                -6.93858572707181764372e-01,
                -9.86494403484714822705e-03,
            ],
            [
                -6.04244152148580987438e-02,
                6.57024977031928170135e00,
                1.08635005541779435134e02,
                4.29008140027567833386e02,
                6.45387271733267880336e02,
                4.34565877475229228821e02,
                1.37657754143519042600e02,
                1.96512716674392571292e01,
                1.0,
            ],
        ),
        (
            1 / 0.35,
            6.0,
            [
                -4.83519191608651397019e02,
                -1.02509513161107724954e03,
                -6.37566443368389627722e02,
                -1.60636384855821916062e02,
                -1.77579549177547519889e01,
                -7.99283237680523006574e-01,
                -9.86494292470009928597e-03,
            ],
            [
                -2.24409524465858183362e01,
                4.74528541206955367215e02,
                2.55305040643316442583e03,
                3.19985821950859553908e03,
                1.53672958608443695994e03,
                3.25792512996573918826e02,
                3.03380607434824582924e01,
                1.0,
            ],
        ),
    ]
    for low, high, numerator, denominator in pieces:
        here = (size >= low) & (size < high)
        z = size[here]
        at = z * z if high < 1 else z - 1 if high == 1.25 else 1 / (z * z)
        ratio = np.polyval(numerator, at) / np.polyval(denominator, at)
        if high < 1:
            result[here] *= z + z * ratio
        elif high == 1.25:
            result[here] *= 8.45062911510467529297e-01 + ratio
        else:
            result[here] *= 1 - np.exp(-z * z - 0.5625 + ratio) / z
    return result
