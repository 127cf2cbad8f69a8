from __future__ import annotations

import gzip

import numpy as np
import pytest

from einprop.data.idx import read_idx
from einprop.errors import InputError
from tests.data.idx import CODES, idx


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3, 4, 5), (1,) * 64])
@pytest.mark.parametrize("dtype", CODES)
def test_read_idx_of_any_shape_and_type(tmp_path, rng, shape, dtype):
    array = np.asarray(100 * rng.normal(size=shape)).astype(dtype)
    (tmp_path / "file").write_bytes(idx(array))
    read = read_idx(tmp_path / "file")
    assert read.dtype == np.dtype(dtype)
    assert read.dtype.isnative
    assert read.flags.writeable
    np.testing.assert_array_equal(read, array)


HUGE = 2**32 - 1
HEAD = "is no idx file: it begins with"
LEGAL = (
    "\nsuch a file begins with 00 00, its type (08, 09, 0b, 0c, 0d or 0e) and its number of axes"
)
CUT_OFF = "Compressed file ended before the end-of-stream marker was reached"
AGAIN = "\nthe file is cut off or damaged: fetch it again"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", f"PATH {HEAD} nothing{LEGAL}"),
        (b"\0\0\x08", f"PATH {HEAD} 00 00 08{LEGAL}"),
        (b"<html>", f"PATH {HEAD} 3c 68 74 6d{LEGAL}"),
        (b"\0\0\x0a\1\0\0\0\0", f"PATH {HEAD} 00 00 0a 01{LEGAL}"),
        (
            b"\0\0\x0e\1\0\0\0\2" + b"\0" * 8,
            f"PATH states 2 values, which is 16 bytes, but holds 8{AGAIN}",
        ),
        (
            b"\0\0\x08\x41" + b"\0\0\0\1" * 65 + b"\7",
            "PATH states 65 axes, more or larger ones than numpy has",
        ),
        (
            b"\0\0\x08\3" + b"\0" * 4 + b"\xff" * 8,
            "PATH states 3 axes, more or larger ones than numpy has",
        ),
        (b"\0\0\x08\2\0\0\0\1", "PATH is cut off: it ends within the sizes of its 2 axes"),
        (
            b"\0\0\x08\1\0\0\0\2\7",
            f"PATH states 2 values, which is 2 bytes, but holds 1{AGAIN}",
        ),
        (
            b"\0\0\x08\2\0\0\0\1\0\0\0\1\7\7\7",
            f"PATH states 1x1 values, which is 1 bytes, but holds 3{AGAIN}",
        ),
        (
            b"\0\0\x08\2" + b"\xff" * 8,
            f"PATH states {HUGE}x{HUGE} values, which is {HUGE**2} bytes, but holds 0{AGAIN}",
        ),
        (
            gzip.compress(b"\0" * 99, mtime=0)[:-9],
            f"PATH cannot be read: {CUT_OFF}",
        ),
    ],
)
def test_refuses_damaged_files(tmp_path, content, message):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_idx(path)
    assert str(error.value) == message.replace("PATH", str(path))


@pytest.mark.parametrize("cut", range(0, 60, 3))
def test_cut_and_garbled_packed_files_are_refused(tmp_path, cut):
    whole = gzip.compress(idx(np.arange(50, dtype=np.uint8)), mtime=0)
    garbled = whole[:cut] + bytes([whole[cut] ^ 0x55]) + whole[cut + 1 :]
    for content in (whole[:cut], garbled):
        (tmp_path / "file").write_bytes(content)
        try:
            array = read_idx(tmp_path / "file")
        except InputError:
            continue
        np.testing.assert_array_equal(array, np.arange(50))  # a header byte that carries nothing


def test_unreadable_path_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere cannot be read: .*No such file"):
        read_idx(tmp_path / "nowhere")
