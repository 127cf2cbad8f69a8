"""Programs whose positions leave an axis: what the plan of one computes is what its loops say."""

from __future__ import annotations

import numpy as np
import pytest

from einprop import Program
from einprop.reference import evaluate

# program -> shapes of its inputs; those that start with k hold positions 0 and 1
PROGRAMS = {
    # two axes of one tensor beyond their ends
    "y[m,m] = x[wrap(m-2),clamp(-1)] where m in 0:2": {"x": (3, 2)},
    "y[o,n] = x[o,clamp(-n-2)] x[clamp(2),k1[]] where n in 0:2": {"x": (3, 2), "k1": ()},
    "y[v] = x[pad(-2*v),clamp(2*v-2)] where v in 0:3; z[i] = sum[w](x[i+2,pad(w-2)]) where w in 0:2": {
        "x": (5, 1)
    },
    # a base beside boundaries and gathers
    "h[-1] = w; h[t] = sin(h[t-1] + x[t]); y[n] = h[clamp(n+2)] where n in 0:3": {"x": (2,)},
    "h[-1] = w; h[t] = sin(h[t-1] + x[t]); y[n] = h[pad(n-2)] where n in 0:4": {"x": (2,)},
    "h[-1] = w; h[t] = sin(h[t-1] + x[t]); y[n] = h[wrap(n-2)] where n in 0:4": {"x": (2,)},
    "h[-1] = w; h[t] = sin(h[t-1] + x[t]); y[n] = h[k1[n]]": {"x": (2,), "k1": (3,)},
    # ties outside of the axis
    "y[pad(-k-1)] max= x[k]": {"x": (3,)},
    "y[k] max= x[k]; y[pad(-k-1)] max= x[k]": {"x": (3,)},
    # positions read at positions, and beside their padded selves
    "y[i] = x[k1[k2[i]]]": {"x": (2,), "k1": (2,), "k2": (3,)},
    "y[i] = x[k1[i],i]; z[j] = sum[i](x[k1[pad(i-2)],j]) where i in 0:3": {
        "x": (2, 2),
        "k1": (2,),
    },
    # a derivative does not change a size
    "y[i] = x[i] where i in 0:2; y[i] = 2 x[i] where i in 2:4; z[i] = y[wrap(i+3)] where i in 0:3": {
        "x": (4,)
    },
    # values of a computed target are not at its plain index
    "y[k+1] = softmax[k](x[2*k])": {"x": (5,)},
    # a range that starts later
    "y[i] = x[i] argmax[o](x[o]) where o in 1:4, i in 0:2": {"x": (4,)},
    # a sum that only counts
    "y[i] += sum[j](1) x[i] where j in 0:2": {"x": (3,)},
    "y[-j+3] = b + x[j]": {"x": (3,), "b": ()},
    "y[i] = mean[p](x[i+p]) where p in 0:2": {"x": (4,)},
}


@pytest.mark.parametrize("text", PROGRAMS)
def test_plans_and_derived_text_agree_with_loops(text: str, rng: np.random.Generator) -> None:
    program = Program(text)
    tensors = {
        name: rng.integers(0, 2, PROGRAMS[text].get(name, ()))
        if name.startswith("k")
        else rng.uniform(-1, 1, PROGRAMS[text].get(name, ()))
        for name in program.inputs
    }
    _compare(program, tensors)
    values, derived = evaluate(program, tensors), program.vjp()
    seeds = {
        name: rng.uniform(-1, 1, values[name.partition(".")[0]].shape)
        for name in derived.inputs
        if name not in tensors
    }
    _compare(derived, {name: (tensors | seeds)[name] for name in derived.inputs})


def _compare(program: Program, tensors: dict[str, np.ndarray]) -> None:
    found, loops = program(tensors), evaluate(program, tensors)
    for name, value in (found if isinstance(found, dict) else {program.outputs[0]: found}).items():
        np.testing.assert_allclose(value, loops[name], rtol=1e-9, atol=1e-12)
