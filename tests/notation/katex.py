"""LaTeX given to the real KaTeX, by one process of node for all formulas of a test."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

FOLDER = "EINPROP_KATEX"

SCRIPT = """
const katex = require(require.resolve("katex", { paths: [process.argv[1]] }));
const formulas = JSON.parse(require("fs").readFileSync(0, "utf8"));
// A letter that KaTeX's own fonts lack is set in the reader's.
const strict = (code) => (["unknownSymbol", "symbolNotInFont"].includes(code) ? "ignore" : "error");
const maxExpand = Number(process.argv[2]);
const options = { displayMode: true, throwOnError: true, strict, maxExpand, trust: false };
const complaints = formulas.map((formula) => {
  try {
    const html = katex.renderToString(formula, options);
    return html.includes("katex-error") ? "an error in the output" : null;
  } catch (error) {
    return String(error.message);
  }
});
process.stdout.write(JSON.stringify(complaints));
"""


def complaints(formulas: Sequence[str], macros: int = 1000) -> list[tuple[str, str]]:
    """The formulas that KaTeX refuses, each with what it says; the test skips where it is not there.

    Args:
        formulas: As they stand in display style.
        macros: How many macros a formula may use; by default as many as KaTeX allows by itself.
    """
    node, folder = shutil.which("node"), os.environ.get(FOLDER, "")
    if node is None:
        pytest.skip("node is not installed")
    if not (Path(folder) / "node_modules" / "katex").is_dir():
        pytest.skip(f"{FOLDER} names no folder in which `npm install katex` was run")
    done = subprocess.run(
        [node, "-e", SCRIPT, str(Path(folder).resolve()), str(macros)],
        input=json.dumps(list(formulas)),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert len(said) == len(formulas)
    return [(f, why) for f, why in zip(formulas, said, strict=True) if why is not None]
