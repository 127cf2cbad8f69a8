from __future__ import annotations

import io
import os
import pickle
import pickletools
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einprop.data.pickled import read_pickle
from einprop.errors import InputError
from tests.data.cifar import array, batch, integer, text

HINT = (
    "a pickle of data holds containers, text, numbers and arrays of unsigned bytes; "
    "nothing of the file was run"
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text() | st.binary(max_size=300),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text() | st.binary() | st.integers(), inner, max_size=5)
        | st.lists(inner, max_size=5).map(tuple)
    ),
    max_leaves=20,
)


@given(values, st.sampled_from([2, 3, 4]))
def test_reads_what_python_writes(value, protocol):
    assert read_pickle(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("shape", [(0,), (3, 4), (2, 3, 5)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_reads_arrays_as_numpy_writes_them(protocol, shape, order, rng):
    values = np.asarray(rng.integers(256, size=shape, dtype=np.uint8), order=order)
    read = read_pickle(pickle.dumps({"first": values, "again": [values]}, protocol))
    np.testing.assert_array_equal(read["first"], values)
    np.testing.assert_array_equal(read["again"][0], values)
    assert read["first"].dtype == np.uint8


def test_reads_python_2_as_the_unrestricted_reader_does(rng):
    rows = rng.integers(256, size=(3, 400), dtype=np.uint8)
    content = batch(rows, [3, 0, 9])
    wanted = pickle.loads(content, encoding="latin1")  # noqa: S301 - the test wrote it
    read = read_pickle(content)
    assert read.keys() == wanted.keys()
    assert read["labels"] == wanted["labels"] == [3, 0, 9]
    assert read["filenames"] == wanted["filenames"]
    assert read["filenames"][0] == "camión_000000.png"
    np.testing.assert_array_equal(read["data"], wanted["data"])
    np.testing.assert_array_equal(read["data"], rows)


class Calls:
    """Pickles as a call of a function with arguments."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


HOSTILE = {
    "system": (os.system, "touch MARK"),
    "eval": (eval, "open('MARK', 'w')"),
    "exec": (exec, "open('MARK', 'w')"),
    "open": (io.open, "MARK", "w"),
    "popen": (subprocess.Popen, "touch MARK"),
    "import": (__import__, "antigravity"),
    "load": (np.load, "MARK"),
    "bytearray": (bytearray, 2**40),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_hostile_pickles_run_nothing(name, protocol, tmp_path):
    mark = tmp_path / "ran"
    function, *arguments = HOSTILE[name]
    arguments = [a.replace("MARK", str(mark)) if isinstance(a, str) else a for a in arguments]
    content = pickle.dumps({"data": Calls(function, *arguments)}, protocol)
    modules = set(sys.modules)
    with pytest.raises(InputError) as error:
        read_pickle(content, "batch")
    assert str(error.value).startswith("batch holds the name ")
    assert str(error.value).endswith(f", which is not read\n{HINT}")
    assert not mark.exists()
    assert "antigravity" not in set(sys.modules) - modules


@pytest.mark.parametrize("operation", ["inst", "obj", "newobj", "persistent", "build"])
def test_no_other_way_to_a_function(operation, tmp_path):
    mark = tmp_path / "ran"
    command = text(f"touch {mark}")
    contents = {
        "inst": b"(" + command + b"ios\nsystem\n.",
        "obj": b"(cos\nsystem\n" + command + b"o.",
        "newobj": b"cos\nsystem\n" + command + b"\x85\x81.",
        "persistent": b"Pos.system\n.",
        "build": b"]}" + text("__class__") + command + b"sb.",
    }
    with pytest.raises(InputError, match=r"^the pickle holds .*, which is not read\n"):
        read_pickle(contents[operation])
    assert not mark.exists()


OBJECTS = array(np.zeros(1, np.uint8)).replace(text("u1"), text("O8"))
LARGE = array(np.zeros(1, np.uint8)).replace(b"(K\x01t", b"(" + b"J\xff\xff\xff\x7f" * 9 + b"t")
SHAPE_OF_TEXT = array(np.zeros(1, np.uint8)).replace(
    b"(K\x01t", b"(" + text("ab") + b"J\xff\xff\xff\x7ft"
)
UNFILLED = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85" + text("b") + b"\x87R"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (OBJECTS, "a dtype of another kind"),
        (UNFILLED, "a function or a type where a value belongs"),
        (b"cnumpy\ndtype\n", "a function or a type where a value belongs"),
        (b"cnumpy\ndtype\n\x85", "a function or a type where a value belongs"),
        (b"cnumpy\ndtype\n\x85\x85", "a function or a type where a value belongs"),
        (b"cnumpy\nndarray\n" + integer(9) + b"\x85R", "the type of an array of another kind"),
        (
            b"}" + integer(1) + b"\x85" + integer(1) + b"s",
            "a key that is neither text nor a number",
        ),
        (b"G" + b"\0" * 8, "the instruction BINFLOAT"),
        (b"]" + text("x") + integer(1) + b"b", "a state for str"),
    ],
)
def test_refuses_what_is_no_data(content, what):
    with pytest.raises(InputError) as error:
        read_pickle(content + b".")
    assert str(error.value) == f"the pickle holds {what}, which is not read\n{HINT}"


@pytest.mark.parametrize(
    "content",
    [
        b"", b".", b"\x80", b"}", b"K\1K\2.", b"e.", b"(e.", b"\x86.", b"]a.", b"h\7.", b"}K\1s.",
        b"K\1K\2a.", b"(K\1u.", b"R.", b"N)R.", b"b.", b"\x93.", b"K\1K\2\x93.", b"q\1.", b"t.",
        b"T\xff\xff\xff\x7f.", b"T\xff\xff\xff\xff.", b"\xff.", b"X\1\0\0\0\xff.", LARGE + b".",
        SHAPE_OF_TEXT + b".", UNFILLED + b"Nb.", UNFILLED + b")b.",
    ],
)  # fmt: skip
def test_damaged_files_are_refused(content):
    with pytest.raises(InputError) as error:
        read_pickle(content)
    assert str(error.value) == (
        "the pickle is no whole pickle of data\nthe file is cut off or damaged"
    )


def test_cut_and_garbled_batches_are_refused_or_read(rng):
    whole = batch(rng.integers(256, size=(1, 20), dtype=np.uint8), [7])
    for place in range(len(whole)):
        with pytest.raises(InputError):
            read_pickle(whole[:place])
        for change in (1, 0x55, 0x80):
            garbled = whole[:place] + bytes([whole[place] ^ change]) + whole[place + 1 :]
            try:
                read_pickle(garbled)
            except InputError:
                continue


def test_depth_is_no_danger():
    deep = 100_000
    nested = b")" + b"\x85" * deep
    read_pickle(nested + b".")
    for content in (
        b"}" + nested + b"Ns.",
        nested + b"Nb.",
        nested + nested + b"\x93.",
        b"N" + nested + b"R.",
    ):
        with pytest.raises(InputError):
            read_pickle(content + b".")


def test_a_list_in_itself_is_read():
    itself = read_pickle(b"]q\1h\1a.")
    assert itself[0] is itself


def test_fixtures_are_pickles_of_protocol_2(rng):
    content = batch(rng.integers(256, size=(2, 300), dtype=np.uint8), [1, 2])
    opcodes = [(opcode.name, argument) for opcode, argument, _ in pickletools.genops(content)]
    assert opcodes[0] == ("PROTO", 2)
    assert max(opcode.proto for opcode, _, _ in pickletools.genops(content)) == 2
