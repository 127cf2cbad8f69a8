"""Lines that are too long go on as `ruff format` would have them go on."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from einprop.backends.source_format import WIDTH, comment, fitted

NAME = "a_rather_long_name_of_a_tensor"
STATEMENTS = [
    "y = x @ W",
    f"def run({', '.join(f'{NAME}_{n}' for n in range(2))}, x):",
    f"def run({', '.join(f'{NAME}_{n}' for n in range(9))}):",
    f'return {{"x.grad": {NAME}, "y.grad": {NAME}, "z.grad": {NAME}}}',
    f"y = {NAME} + {NAME} - {NAME} + {NAME} * x",
    f"y = {NAME}_1 @ {NAME}_2[:, None] @ {NAME}_3.T",
    f"y = np.where({NAME}, {NAME}, {NAME})",
    f'{NAME} = np.einsum("abcdef,efghab->cdgh", {NAME}, {NAME}_2)',
    f"y = x + np.tensordot({NAME}, {NAME}, axes=([0, 1], [2, 3]))",
    f"y = ({NAME}[:, None] <= {NAME}[None, :] + {NAME}).to({NAME}.dtype)",
    f"y = {NAME}[{NAME}[:, None], {NAME}[None, :]].clone()",
    f"{NAME} = {NAME}.at[:, p : p + 5, q : q + 6].add({NAME}_of_another)",
    f"cells = ({NAME}[:, None, None], 2 * {NAME}[:, None] + {NAME}_of_another_tensor)",
    f"cells = 2 * {NAME}[:, None] + torch.arange(3, device={NAME}.device)",
]


def in_function(statement: str, depth: int) -> str:
    lines = fitted(statement, depth)
    if statement.startswith("def "):
        return "\n".join([*lines, "    pass", ""])
    heads = ["def run():", "    for t in range(3):"][:depth]
    return "\n".join([*heads, *lines, ""])


@pytest.mark.parametrize("statement", STATEMENTS)
def test_lines_are_those_of_the_formatter(statement: str) -> None:
    if importlib.util.find_spec("ruff") is None:
        pytest.skip("ruff is not installed")
    text = in_function(statement, 0 if statement.startswith("def ") else 1)
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--isolated", "-"],
        input=text,
        capture_output=True,
        text=True,
        check=True,
    )
    assert text == done.stdout


def test_long_comments_go_on_below() -> None:
    lines = comment("y[b] = " + " + ".join(["x[b,i] W[i]"] * 12), 1)
    assert len(lines) > 1
    assert all(line.startswith("    # ") and len(line) <= WIDTH for line in lines)
