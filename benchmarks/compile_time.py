"""How long the compiler takes: against the number of equations, and for the first call of a small MLP.

    pip install ".[dev,oracles]"
    python benchmarks/compile_time.py

The table has processor seconds, the least of a few runs, and the exponent p of the fit time ~ n^p.
The first call of an MLP is from its text (or function) to its first gradients, everything imported;
each library has a process of its own. Peers that are not installed are left out and named.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from einprop import Program

ROOT = Path(__file__).resolve().parent.parent
Case = tuple[str, dict[str, np.ndarray[Any, Any]], list[str] | None]


def chain(count: int) -> Case:
    """Elementwise and affine equations, one after the other."""
    steps = (
        "h{k}[b,i] = a{k} h{j}[b,i] + c[i]",
        "h{k}[b,i] = tanh(h{j}[b,i])",
        "h{k}[b,i] = h{j}[b,i]^2 - h{i}[b,i]",
        "h{k}[b,i] = sigmoid(h{j}[b,i]) h{j}[b,i]",
    )
    lines = ["h0[b,i] = tanh(x[b,i])"]
    lines += [steps[k % 4].format(k=k, j=k - 1, i=max(k - 3, 0)) for k in range(1, count - 1)]
    tensors = {"x": np.full((2, 3), 0.5), "c": np.ones(3)}
    tensors |= {f"a{k}": np.array(0.5) for k in range(4, count - 1, 4)}
    return "\n".join([*lines, f"loss = sum[b,i](h{count - 2}[b,i])"]), tensors, None


def layers(count: int) -> Case:
    """A multilayer perceptron of ``count - 1`` layers."""
    lines, tensors = [], {"h0": np.ones((4, 3))}
    for k in range(1, count):
        lines.append(f"h{k}[b,j] = tanh(h{k - 1}[b,i] W{k}[i,j] + B{k}[j])")
        tensors |= {f"W{k}": np.full((3, 3), 0.1), f"B{k}": np.zeros(3)}
    params = [name for name in tensors if name != "h0"]
    return "\n".join([*lines, f"loss = mean[b](sum[j](h{count - 1}[b,j]^2))"]), tensors, params


def branches(count: int) -> Case:
    """Many tensors that one equation reads."""
    lines = [f"y{k}[i] = sin(a{k} x[i])" for k in range(count - 1)]
    terms = " + ".join(f"sum[i](y{k}[i])" for k in range(count - 1))
    tensors = {"x": np.ones(3), **{f"a{k}": np.array(0.5) for k in range(count - 1)}}
    return "\n".join([*lines, f"loss = {terms}"]), tensors, None


def positions(count: int) -> Case:
    """A recurrence that is written out, position by position."""
    lines = ["h[0,i] = x[i]"]
    lines += [f"h[{k},i] = tanh(h[{k - 1},i])" for k in range(1, count - 1)]
    return "\n".join([*lines, f"loss = sum[i](h[{count - 2},i])"]), {"x": np.ones(3)}, None


FAMILIES: dict[str, Callable[[int], Case]] = {
    "chain": chain,
    "layers": layers,
    "branches": branches,
    "positions": positions,
}


def least(function: Callable[[], object], rounds: int) -> float:
    """Processor seconds, the least of a few runs."""
    found = []
    for _ in range(rounds):
        start = time.process_time()
        function()
        found.append(time.process_time() - start)
    return min(found)


def measured(family: str, count: int, rounds: int) -> list[float]:
    """Seconds from the text to the program, to the first value, and to the first gradients."""
    text, tensors, params = FAMILIES[family](count)
    return [
        least(lambda: Program(text, params=params), rounds),
        least(lambda: Program(text, params=params)(tensors), rounds),
        least(lambda: Program(text, params=params).value_and_grad()(tensors), rounds),
    ]


def exponent(counts: list[int], seconds: list[float]) -> float:
    """The p of time ~ n^p by least squares of the logarithms."""
    logs = np.log(counts), np.log(seconds)
    return float(np.polyfit(*logs, 1)[0]) if len(counts) > 1 else math.nan


def growth(counts: list[int], rounds: int) -> str:
    """The table of times against the number of equations."""
    head = "".join(f" {count} |" for count in counts)
    lines = [f"| program | to |{head} exponent |", f"| --- | --- |{' --- |' * len(counts)} --- |"]
    for family in FAMILIES:
        rows = list(zip(*(measured(family, count, rounds) for count in counts), strict=True))
        for what, row in zip(("program", "first value", "first gradients"), rows, strict=True):
            cells = "".join(f" {seconds:.2f} |" for seconds in row)
            lines.append(f"| {family} | {what} |{cells} {exponent(counts, list(row)):.2f} |")
    return "\n".join(lines)


# The first call of a small MLP.

EINPROP = """
import einprop as ep
def first():
    text = '''
    h[b,j] = tanh(x[b,i] W1[i,j] + B1[j])
    s[b,k] = h[b,j] W2[j,k] + B2[k]
    loss = -mean[b](sum[k](t[b,k] log_softmax[k](s[b,k])))
    '''
    return ep.Program(text, params="W1 B1 W2 B2").value_and_grad()(**tensors)
"""
JAX = """
import jax
import jax.numpy as jnp
def loss(p, x, t):
    s = jnp.tanh(x @ p["W1"] + p["B1"]) @ p["W2"] + p["B2"]
    return -(t * jax.nn.log_softmax(s)).sum() / len(x)
x, t = tensors.pop("x"), tensors.pop("t")
jnp.ones(3).sum().block_until_ready()
def first():
    return jax.block_until_ready(jax.jit(jax.value_and_grad(loss))(tensors, x, t))
"""
TORCH = """
import torch
def loss(x, t, W1, B1, W2, B2):
    s = torch.tanh(x @ W1 + B1) @ W2 + B2
    return -(t * torch.log_softmax(s, dim=1)).sum() / len(x)
tensors = {n: torch.from_numpy(a).requires_grad_(n not in "xt") for n, a in tensors.items()}
def first():
    torch.compile(loss)(**tensors).backward()
"""
PEERS = {"einprop": EINPROP, "jax.jit": JAX, "torch.compile": TORCH}
MODULES = {"einprop": "einprop", "jax.jit": "jax", "torch.compile": "torch"}
SETUP = """
import time
import numpy as np
rng = np.random.default_rng(0)
shapes = {"x": (100, 784), "W1": (784, 200), "B1": (200,), "W2": (200, 10), "B2": (10,)}
tensors = {n: rng.normal(0, 0.1, s).astype(np.float32) for n, s in shapes.items()}
tensors["t"] = np.eye(10, dtype=np.float32)[rng.integers(0, 10, 100)]
start = time.perf_counter()
"""
TIMING = """
imported = time.perf_counter()
first()
print(imported - start, time.perf_counter() - imported)
"""


def first_calls(rounds: int) -> str:
    """The table of import and first call, each library in a process of its own."""
    lines = ["| | import, s | first call, s |", "| --- | --- | --- |"]
    missing = []
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    for peer, code in PEERS.items():
        if importlib.util.find_spec(MODULES[peer]) is None:
            missing.append(peer)
            continue
        command = [sys.executable, "-c", SETUP + code + TIMING]
        found = []
        for _ in range(rounds):
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=False,
                # What an earlier process compiled must not be found again.
                env={**os.environ, "PYTHONPATH": paths, "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1"},
            )
            if done.returncode == 0:
                found.append([float(part) for part in done.stdout.split()])
        if not found:
            missing.append(f"{peer} (failed: {done.stderr.strip().splitlines()[-1:]})")
            continue
        imported, first = (min(column) for column in zip(*found, strict=True))
        lines.append(f"| {peer} | {imported:.2f} | {first:.3f} |")
    if missing:
        lines.append(f"\nLeft out: {', '.join(missing)}.")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--counts", type=int, nargs="+", default=[125, 250, 500, 1000])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(first_calls(options.rounds), end="\n\n", flush=True)
    print(growth(options.counts, options.rounds))


if __name__ == "__main__":
    main()
