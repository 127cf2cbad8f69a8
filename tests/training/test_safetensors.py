"""The safetensors layout: byte by byte as its own library writes it; damage of every kind is refused."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from einprop.errors import InputError
from einprop.training import safetensors
from einprop.training.safetensors import read_safetensors, write_safetensors

INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
DTYPES = ["bool", *INTEGERS, "float16", "float32", "float64"]


def arrays() -> dict[str, NDArray[Any]]:
    """Every dtype, and every shape that needs care."""
    rng = np.random.default_rng(0)
    found = {f"a.{name}": rng.integers(0, 2, (2, 3)).astype(name) for name in DTYPES}
    found["scalar"] = np.array(1.5)
    found["empty"] = np.zeros((0, 3), np.float32)
    found["one"] = np.array([True])
    found["columns"] = np.asfortranarray(rng.normal(size=(3, 4)))
    found["strided"] = rng.normal(size=(6, 4))[::2, ::-1]
    found["swapped"] = rng.normal(size=3).astype(">f8")
    found["ünï/😀"] = np.array([np.nan, np.inf, -0.0])
    return found


def damaged(tmp_path: Path, header: object, data: bytes = b"") -> Path:
    """A file with this header, given as a value or as its bytes."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path = tmp_path / "file.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def row(dtype: object = "F32", shape: object = (2,), offsets: object = (0, 8)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path, metadata = tmp_path / "a", {"text": 'a\n\x00"é\u2028\\ud800', "": ""}
    write_safetensors(path, arrays(), metadata)
    found, text = read_safetensors(path)
    assert text == metadata
    assert set(found) == set(arrays())
    for name, array in arrays().items():
        assert found[name].dtype == array.dtype.newbyteorder("=")
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.astype(found[name].dtype).tobytes()
        assert found[name].flags.writeable


HALVES = [0.0, -0.0, 1.0, 1.00390625, 1.01171875, -3.14159, 1e-40, 65504.0, 3e38, np.inf, -np.inf]


@pytest.mark.parametrize("code", ["BF16", "F16", "F32", "F64"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_are_rounded_as_torch_rounds(tmp_path: Path, code: str, dtype: type) -> None:
    torch = pytest.importorskip("torch", reason="torch is the oracle")
    library = pytest.importorskip("safetensors.torch", reason="the layout's own library")
    with np.errstate(over="ignore"):
        values = np.array([*HALVES, np.nan], dtype).reshape(3, 4)
    given = {"W": values, "scalar": np.array(values[1, 1]), "n": np.arange(3)}
    write_safetensors(tmp_path / "ours", given, floats=code)
    kinds = {
        "BF16": torch.bfloat16,
        "F16": torch.float16,
        "F32": torch.float32,
        "F64": torch.float64,
    }
    ours = library.load_file(tmp_path / "ours")
    assert ours["W"].dtype == kinds[code]
    assert ours["n"].dtype == torch.int64
    expected = torch.tensor(values).to(torch.float32 if code == "BF16" else kinds[code])
    torch.testing.assert_close(ours["W"], expected.to(kinds[code]), rtol=0, atol=0, equal_nan=True)
    library.save_file({"W": ours["W"]}, tmp_path / "theirs")
    read, _ = read_safetensors(tmp_path / "theirs")
    assert read["W"].dtype == (np.float32 if code == "BF16" else ours["W"].numpy().dtype)
    np.testing.assert_array_equal(
        read["W"], ours["W"].to(torch.float64).numpy().astype(read["W"].dtype)
    )


def test_arrays_of_brain_floats_are_stored_as_such(tmp_path: Path) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="numpy has no bfloat16 without it")
    values = np.array([1.5, -2.0, np.inf], ml_dtypes.bfloat16)
    write_safetensors(tmp_path / "brain", {"W": values})
    assert b'"BF16"' in (tmp_path / "brain").read_bytes()
    read, _ = read_safetensors(tmp_path / "brain")
    assert read["W"].tolist() == [1.5, -2.0, np.inf]


def test_there_are_four_types_of_floats(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        write_safetensors(tmp_path / "file", {}, floats="float16")
    assert str(caught.value) == "floats is 'float16'\nit is None, 'F16', 'BF16', 'F32' or 'F64'"


def test_nothing_is_a_file_too(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "a", {})
    assert read_safetensors(tmp_path / "a") == ({}, {})


@pytest.mark.parametrize("metadata", [None, {"einprop": 'é"\n\x01/\u2028\x7f'}])
def test_bytes_are_those_of_the_library(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    library = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    held = {
        n: np.ascontiguousarray(a) for n, a in arrays().items() if n not in ("swapped", "scalar")
    }
    held["scalar"] = np.array(1.5)
    write_safetensors(tmp_path / "a", held, metadata)
    assert (tmp_path / "a").read_bytes() == library.save(held, metadata)


def test_files_of_the_library_are_read(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    held = {"W": np.arange(6.0).reshape(2, 3), "B": np.array([1, 2], np.int16)}
    library.save_file(held, tmp_path / "a", {"b": "1", "a": "2"})
    found, metadata = read_safetensors(tmp_path / "a")
    assert metadata == {"a": "2", "b": "1"}
    assert all(np.array_equal(found[name], held[name]) for name in held)


def test_the_data_begin_at_a_multiple_of_8(tmp_path: Path) -> None:
    for length in range(1, 10):
        write_safetensors(tmp_path / "a", {"W" * length: np.zeros(1)})
        content = (tmp_path / "a").read_bytes()
        assert int.from_bytes(content[:8], "little") % 8 == 0


HUGE = 2**63 - 1
DAMAGED: dict[str, tuple[object, bytes, str]] = {
    "nothing": (b"", b"", "its header does not begin with {"),
    "no JSON": (b"{" * 8, b"", "its JSON cannot be read"),
    "spaces before it": (b"  {}", b"", "its header does not begin with {"),
    "not UTF-8": (b'{"\xff": 1}', b"", "its header is not UTF-8"),
    "deep": (b'{"a":' + b"[" * 10**6, b"", "its JSON is nested too deeply"),
    "twice": (
        b'{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":1}',
        b"",
        "its JSON names 'a' twice",
    ),
    "NaN": (
        b'{"a":{"dtype":"U8","shape":[NaN],"data_offsets":[0,0]}}',
        b"",
        "its JSON holds NaN, which is no number",
    ),
    "no row": ({"W": 1}, b"", "W has no dtype, shape and data_offsets"),
    "half a row": ({"W": {"dtype": "F32"}}, b"", "W has no dtype, shape and data_offsets"),
    "more than a row": (
        {"W": row() | {"more": 1}}, bytes(8), "W has no dtype, shape and data_offsets"),
    "float8": ({"W": row("F8_E4M3", (4,))}, bytes(8), "W is of type F8_E4M3\ntypes are BOOL, U8,"),
    "no type": ({"W": row(["F32"])}, bytes(8), "W is of type ['F32']\n"),
    "a size of text": ({"W": row(shape=["2"])}, bytes(8), "W has the shape ['2']"),
    "a size of half": ({"W": row(shape=[2.0])}, bytes(8), "W has the shape [2.0]"),
    "a size that is true": ({"W": row(shape=[True, 2])}, bytes(8), "W has the shape [True, 2]"),
    "a negative size": ({"W": row(shape=[-1, -2])}, bytes(8), "W has the shape [-1, -2]"),
    "a size beyond counting": (
        {"W": row(shape=[0, 2**63], offsets=(0, 0))}, b"", f"W has the shape [0, {2**63}]"),
    "no bytes, yet too long": (
        {"W": row(shape=[0, HUGE, HUGE], offsets=(0, 0))}, b"", f"W has the shape (0, {HUGE}, {HUGE})"),
    "too many axes": (
        {"W": row(shape=[1] * 33, offsets=(0, 4))}, bytes(4), "W has the shape [1, 1, 1, 1, 1, 1, ...]"),
    "a huge product": (
        {"W": row(shape=[2**62] * 4)}, bytes(8),
        "W of shape [4611686018427387904, 4611686018427387904"),
    "a wrong product": (
        {"W": row(shape=[3])}, bytes(8),
        "W of shape [3] and type F32 takes 12 bytes, but lies at [0, 8]"),
    "backwards": (
        {"W": row(offsets=(8, 0))}, bytes(8),
        "W of shape [2] and type F32 takes 8 bytes, but lies at [8, 0]"),
    "one offset": ({"W": row(offsets=(8,))}, bytes(8), "W lies at [8]"),
    "no offsets": ({"W": row(offsets=None)}, bytes(8), "W lies at None"),
    "a hole before": ({"W": row(offsets=(8, 16))}, bytes(16), "W at 8 leaves a gap"),
    "beyond the end": ({"W": row(offsets=(0, 8))}, bytes(4),
                       "its tensors take 8 bytes, but 4 follow its header"),
    "bytes of nobody": ({"W": row()}, bytes(9), "its tensors take 8 bytes, but 9 follow its header"),
    "overlap": (
        {"W": row(), "B": row(offsets=(4, 12))}, bytes(12), "B at 4 overlaps the tensor before it"),
    "the same place": ({"W": row(), "B": row()}, bytes(8), "B at 0 overlaps the tensor before it"),
    "a hole between": (
        {"W": row(), "B": row(offsets=(12, 20))}, bytes(20), "B at 12 leaves a gap"),
    "terabytes": (
        {"W": row(shape=[2**40], offsets=(0, 2**42))}, b"",
        f"its tensors take {2**42} bytes, but 0 follow its header"),
    "a third truth": (
        {"W": row("BOOL")}, bytes(8), "W of shape [2] and type BOOL takes 2 bytes, but lies at [0, 8]"),
    "neither true nor false": (
        {"W": row("BOOL", (2,), (0, 2))}, b"\x01\x02", "W holds bytes that are neither true nor false"),
    "metadata of numbers": ({"__metadata__": {"a": 1}}, b"", "its metadata is not text by name"),
    "metadata of nothing": ({"__metadata__": None}, b"", "its metadata is not text by name"),
}  # fmt: skip


@pytest.mark.parametrize(("header", "data", "message"), DAMAGED.values(), ids=DAMAGED)
def test_damage_is_named(tmp_path: Path, header: object, data: bytes, message: str) -> None:
    path = damaged(tmp_path, header, data)
    with pytest.raises(InputError) as caught:
        read_safetensors(path)
    assert str(caught.value).startswith(f"{path} is no whole safetensors file: {message}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it has 0 bytes"),
        (b"\0" * 7, "it has 7 bytes"),
        (b"\xff" * 8, f"its header should take {2**64 - 1} bytes, of 8 in all"),
        (b"\x09" + bytes(7) + b"{}", "its header should take 9 bytes, of 10 in all"),
    ],
)
def test_a_cut_header_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_safetensors(path)
    assert str(caught.value) == f"{path} is no whole safetensors file: {message}"


def test_a_header_beyond_reading_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(safetensors, "_LONGEST_HEADER", 50)
    path = damaged(tmp_path, {"W": row()}, bytes(8))
    with pytest.raises(InputError, match=r"its header takes \d+ bytes; at most 50 are read"):
        read_safetensors(path)
    with pytest.raises(InputError, match="too many to read"):
        write_safetensors(path, {"W": np.zeros(2)})


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(InputError) as caught:
            read_safetensors(path)
        assert str(caught.value) == f"there is no file {path}"
    with pytest.raises(InputError, match=r"cannot be written: .*No such file or directory"):
        write_safetensors(tmp_path / "absent" / "a", {})


@pytest.mark.parametrize(
    ("tensors", "metadata", "message"),
    [
        ({"W": np.zeros(2, complex)}, {}, "W is an array of complex128 with 1 axes"),
        ({"W": np.array([None])}, {}, "W is an array of object with 1 axes"),
        ({"W": np.zeros((1,) * 33)}, {}, "W is an array of float64 with 33 axes"),
        ({"W": "text"}, {}, "W is an array of <U4 with 0 axes"),
        ({"__metadata__": np.zeros(1)}, {}, "a tensor cannot be called '__metadata__'"),
        ({"\ud800": np.zeros(1)}, {}, "a tensor cannot be called '\\ud800'"),
        ({3: np.zeros(1)}, {}, "a tensor cannot be called 3"),
        ({}, {"a": 1}, "metadata 'a' is no text"),
        ({}, {"a": "\ud800"}, "metadata 'a' is no text"),
    ],
)
def test_what_no_file_holds_is_refused(
    tmp_path: Path, tensors: Any, metadata: Any, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        write_safetensors(tmp_path / "a", tensors, metadata)
    assert str(caught.value).startswith(message)
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    write_safetensors(path, {"W": np.ones(2)})

    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InputError, match=r"cannot be written: .*No space left on device"):
        write_safetensors(path, {"W": np.zeros(2)})
    assert read_safetensors(path)[0]["W"].tolist() == [1, 1]
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_a_link_goes_on_pointing(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_safetensors(tmp_path / "link", {"W": np.ones(2)})
    assert (tmp_path / "link").is_symlink()
    assert read_safetensors(tmp_path / "target")[0]["W"].tolist() == [1, 1]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("files") / "good"
    write_safetensors(path, arrays(), {"text": "y = 2 x"})
    return path


@given(data=st.data())
@settings(max_examples=300)
def test_any_damage_ends_in_an_error_of_ours(good: Path, data: st.DataObject) -> None:
    """A damaged file is read as well as before, or refused: nothing else comes out of it."""
    content = bytearray(good.read_bytes())
    header = 8 + int.from_bytes(content[:8], "little")
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, min(header, len(content)) - 1) if content else st.just(0))
        match data.draw(st.sampled_from(["flip", "cut", "insert", "remove", "end"])):
            case "flip" if content:
                content[place] ^= data.draw(st.integers(1, 255))
            case "cut":
                del content[data.draw(st.integers(0, len(content))) :]
            case "insert":
                inserted = data.draw(st.sampled_from([b"9", b"0", b"[", b'"', b"-", b"{", b"1e9"]))
                content[place:place] = inserted
                # As a hostile writer would: the length agrees.
                longer = int.from_bytes(content[:8], "little") + len(inserted)
                content[:8] = (longer % 2**64).to_bytes(8, "little")
            case "remove" if content:
                del content[place]
            case _:
                content += b"\0"
    path = good.with_name("damaged")
    path.write_bytes(content)
    try:
        found, metadata = read_safetensors(path)
    except InputError as error:
        assert str(error).startswith(str(path))  # noqa: PT017
    else:
        assert all(isinstance(text, str) for text in metadata.values())
        assert sum(array.nbytes for array in found.values()) < len(content)
