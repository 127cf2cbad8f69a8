from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einprop.data.batches import minibatches
from einprop.data.text import Vocabulary, load_text, read_text, windows
from einprop.errors import InputError


@given(st.text())
def test_decoding_undoes_encoding(text):
    vocabulary = Vocabulary.of(text)
    codes = vocabulary.encode(text)
    assert vocabulary.decode(codes) == text
    assert codes.dtype == np.intp
    assert set(codes.tolist()) == set(range(len(vocabulary)))


def test_vocabularies_are_values():
    assert Vocabulary.of("abba") == Vocabulary("ab")
    assert hash(Vocabulary("ab")) == hash(Vocabulary.of("ba"))
    assert Vocabulary("ab") != Vocabulary("ba")
    assert repr(Vocabulary("ab")) == "Vocabulary(characters='ab')"


AXES = "\ncodes have one axis, and more entries than a window"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Vocabulary("aba"), "the vocabulary holds 'a' twice"),
        (
            lambda: Vocabulary("ab").encode("abc"),
            "character 'c' at place 2 is not in the vocabulary\nwhich holds 'ab'",
        ),
        (
            lambda: Vocabulary("ab").decode([0, 2]),
            "code 2 stands for none of 2 characters\ncodes go from 0 to 1",
        ),
        (
            lambda: Vocabulary("ab").decode([-1]),
            "code -1 stands for none of 2 characters\ncodes go from 0 to 1",
        ),
        (lambda: windows(np.arange(5), 0), "length is 0\nit is an integer, 1 or more"),
        (lambda: windows(np.arange(5), 2, -1), "stride is -1\nit is an integer, 1 or more"),
        (
            lambda: windows(np.arange(5), 5),
            f"codes of shape (5,) hold no window of 5 characters and the next{AXES}",
        ),
        (
            lambda: windows(np.zeros((9, 2)), 2),
            f"codes of shape (9, 2) hold no window of 2 characters and the next{AXES}",
        ),
        (
            lambda: load_text("anywhere", held_out=1.0),
            "held_out is 1.0\nit is a part of the text: 0 to below 1",
        ),
    ],
)
def test_refuses(call, message):
    with pytest.raises(InputError) as error:
        call()
    assert str(error.value) == message


@pytest.mark.parametrize(("length", "stride"), [(4, None), (4, 1), (4, 3), (1, 1), (16, None)])
def test_targets_are_the_next_characters(length, stride):
    codes = np.arange(17)
    pairs = windows(codes, length, stride)
    starts = list(range(0, 17 - length, stride or length))
    assert pairs["x"].tolist() == [list(range(s, s + length)) for s in starts]
    assert pairs["t"].tolist() == [list(range(s + 1, s + length + 1)) for s in starts]


def test_windows_take_no_memory():
    codes = np.arange(1000)
    pairs = windows(codes, 100, 1)
    for array in pairs.values():
        assert np.shares_memory(array, codes)
        assert not array.flags.writeable


def test_windows_make_minibatches(rng):
    for batch in minibatches(windows(np.arange(50), 5, 1), 8, rng):
        np.testing.assert_array_equal(batch["x"] + 1, batch["t"])
        assert batch["x"].flags.writeable


@pytest.mark.parametrize("held_out", [0.0, 0.1, 0.5])
def test_the_end_is_held_out(tmp_path, held_out):
    text = "Grün ist die Heide.\r\nGrün.\n"
    (tmp_path / "text").write_bytes(text.encode())
    train, end, vocabulary = load_text(tmp_path / "text", held_out)
    whole = text.replace("\r\n", "\n")
    assert vocabulary == Vocabulary.of(whole)
    assert len(end) == round(held_out * len(whole))
    assert vocabulary.decode(train) + vocabulary.decode(end) == whole


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        (b"\xff\xfe", "utf-8", "'utf-8' codec can't decode byte 0xff"),
        (b"", "no-such", "unknown encoding: no-such"),
        (None, "utf-8", "No such file or directory"),
    ],
)
def test_names_the_file_that_is_no_text(tmp_path, content, encoding, message):
    path = tmp_path / "text"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_text(path, encoding)
    assert str(error.value).startswith(f"{path} cannot be read as text: ")
    assert message in str(error.value)


def test_tinyshakespeare(data_folder):
    train, held_out, vocabulary = load_text(data_folder("tinyshakespeare") / "input.txt")
    assert (len(train), len(held_out), len(vocabulary)) == (1_003_855, 111_539, 65)
    assert vocabulary.decode(train[:15]) == "First Citizen:\n"
