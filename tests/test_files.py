"""Files are there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from einprop.errors import InputError
from einprop.files import written_whole


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with written_whole(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_left_where_the_body_raises(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def interrupted() -> None:
        with written_whole(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_goes_on_pointing_at_what_is_written(tmp_path: Path) -> None:
    path, link = tmp_path / "a", tmp_path / "link"
    path.write_bytes(b"old")
    link.symlink_to(path)
    with written_whole(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"


def test_folders_are_made_where_that_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "b" / "c" / "a"
    with (
        pytest.raises(InputError, match=r"a cannot be written: .*No such file"),
        written_whole(path),
    ):
        pass
    with written_whole(path, folders=True) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"
