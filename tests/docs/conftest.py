"""The built site, made once for all tests and all processes that look at it."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from tests.docs.site import Site, build, wait_for

NEEDED = ("sphinx", "myst_parser", "furo")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The documentation as HTML; the first process that asks builds it, the others wait."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: pip install -e '.[docs]'")
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "site"
    try:
        folder.mkdir()
    except FileExistsError:
        return wait_for(folder)
    return build(folder)


@pytest.fixture(scope="session")
def pages(site: Site) -> list[Path]:
    """The HTML files of the site."""
    return sorted(site.html.rglob("*.html"))
