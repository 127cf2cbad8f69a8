"""Where the cache folder lies on each platform."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from einprop.cache import cache_folder


@pytest.mark.parametrize(
    ("platform", "variables", "folder"),
    [
        ("linux", {"EINPROP_CACHE": "/mine", "XDG_CACHE_HOME": "/caches"}, "/mine"),
        ("linux", {"XDG_CACHE_HOME": "/caches"}, "/caches/einprop"),
        ("linux", {}, "HOME/.cache/einprop"),
        ("darwin", {"XDG_CACHE_HOME": "/caches"}, "HOME/Library/Caches/einprop"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/einprop"),
    ],
)
def test_cache_folder(
    platform: str, variables: Mapping[str, str], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("EINPROP_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert cache_folder() == Path(folder.replace("HOME", str(Path.home())))
