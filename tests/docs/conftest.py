"""The built site, made once for all tests and all processes that look at it."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from tests.docs.site import Site, build, wait_for

FORMULAS = r"""
# Formulas

In a line, $y_{bj} = \tanh(s_{bj})$, and alone:

$$
\begin{aligned}
\bar{W}_{i,j} &\mathrel{+}= \bar{y}_{b,j} \, \left(1 - {y_{b,j}}^{2}\right) \, x_{b,i} \\
\bar{B}_{j} &\mathrel{+}= \frac{\partial \ell}{\partial B_j} + \sum_b \bar{y}_{b,j}^2
\end{aligned}
$$
"""
NEEDED = ("sphinx", "myst_parser", "furo")


@pytest.fixture(scope="session")
def sphinx() -> None:
    """Skips a test where the site cannot be built."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: pip install -e '.[docs]'")


@pytest.fixture(scope="session")
def site(sphinx: None, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The documentation as HTML; the first process that asks builds it, the others wait."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "site"
    try:
        folder.mkdir()
    except FileExistsError:
        return wait_for(folder)
    return build(folder)


@pytest.fixture(scope="session")
def formulas(sphinx: None, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site of one page, with two formulas."""
    folder, source = tmp_path_factory.mktemp("formulas"), tmp_path_factory.mktemp("source")
    (source / "index.md").write_text(FORMULAS, encoding="utf-8")
    return build(folder, source)


@pytest.fixture(scope="session")
def pages(site: Site) -> list[Path]:
    """The HTML files of the site."""
    return sorted(site.html.rglob("*.html"))
