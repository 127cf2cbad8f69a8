"""The pickles of data sets, read as data: containers, text, numbers and arrays of bytes; nothing is run.

A pickle is a program for a stack machine, and Python's own reader calls whatever function it names.
Here `pickletools` only splits the file into its instructions; those that build containers are carried
out, and a function is a name that stands in a short table or is refused. So reading calls no
function that the file chooses, and imports nothing.
"""

from __future__ import annotations

import math
import pickletools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from einprop.errors import InputError

__all__ = ["read_pickle"]

_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_EMPTY: dict[str, Callable[[], Any]] = {"EMPTY_DICT": dict, "EMPTY_LIST": list}
_NUMBERS = ("BININT", "BININT1", "BININT2", "LONG1")
_TEXTS = ("BINUNICODE", "SHORT_BINUNICODE", "BINSTRING", "SHORT_BINSTRING")
_BYTES = ("BINBYTES", "SHORT_BINBYTES")
_LITERALS = {*_NUMBERS, *_TEXTS, *_BYTES}
_IGNORED = {"PROTO", "FRAME", "STOP"}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}

# numpy moved its module in version 2; Python 3 writes bytes to old protocols as encoded text.
_ARRAY, _DTYPE, _ENCODE, _NO_BYTES = "an empty array", "a dtype", "encoded bytes", "no bytes"
_BUFFER = "an array of a buffer"
_FUNCTIONS = {
    "numpy.core.multiarray _reconstruct": _ARRAY,
    "numpy._core.multiarray _reconstruct": _ARRAY,
    "numpy.core.numeric _frombuffer": _BUFFER,
    "numpy._core.numeric _frombuffer": _BUFFER,
    "numpy dtype": _DTYPE,
    "_codecs encode": _ENCODE,
    "__builtin__ bytes": _NO_BYTES,
    "numpy ndarray": "the type of an array",
}


class _Function:
    """A function that the file may name; it is never called."""

    def __init__(self, name: str) -> None:
        self.name = name


class _Dtype:
    """What stands for the dtype of unsigned bytes."""


class _Array:
    """An array that the file has announced, and filled once it has given its state."""

    filled: NDArray[np.uint8] | None = None


class _RefusedError(Exception):
    """What the file holds that data does not; becomes an `InputError` with the file's name."""


def read_pickle(content: bytes, source: str = "the pickle") -> Any:
    """The data in a pickle, without running anything of it.

    Args:
        content: The file: protocol 2, as Python 2 and Python 3 write it, or 3 to 5.
        source: What errors call it.

    Returns:
        Dicts, lists, tuples, str, bytes, int, bool, None and arrays of unsigned bytes, which are
        read-only. The text of Python 2 is read as Latin-1, byte by byte.

    Raises:
        InputError: The file is cut off or damaged, or holds anything else.

    >>> read_pickle(bytes.fromhex("80027d71005505 6c6162656c71014b0773 2e"))
    {'label': 7}
    """
    machine = _Machine()
    try:
        for opcode, argument, _ in _instructions(content):
            machine.run(opcode, argument)
        return machine.result()
    except _RefusedError as refusal:
        raise InputError(
            f"{source} holds {refusal}, which is not read",
            hint="a pickle of data holds containers, text, numbers and arrays of unsigned bytes; "
            "nothing of the file was run",
        ) from None
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise InputError(
            f"{source} is no whole pickle of data", hint="the file is cut off or damaged"
        ) from error


def _instructions(content: bytes) -> Iterator[tuple[str, Any, int]]:
    for opcode, argument, position in pickletools.genops(content):
        yield opcode.name, argument, position or 0


class _Machine:
    """The stack, the marks in it and the memo, as the format defines them."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def result(self) -> Any:
        (value,) = self.stack
        return _whole(value)

    def run(self, opcode: str, argument: Any) -> None:
        """Carry out one instruction."""
        if opcode in _LITERALS:
            self.stack.append(argument)
        elif opcode == "BYTEARRAY8":
            self.stack.append(bytes(argument))
        elif opcode in _CONSTANTS:
            self.stack.append(_CONSTANTS[opcode])
        elif opcode in _EMPTY:
            self.stack.append(_EMPTY[opcode]())
        elif opcode in _TUPLES:
            self._collect(len(self.stack) - _TUPLES[opcode])
        elif opcode in ("GLOBAL", "STACK_GLOBAL"):
            self._name(argument)
        elif opcode not in _IGNORED:
            action = _ACTIONS.get(opcode)
            if action is None:
                raise _RefusedError(f"the instruction {opcode}")
            action(self, argument)

    def _collect(self, start: int) -> None:
        if start < 0:
            raise IndexError
        items = tuple(_filled(item) for item in self._pop(start))
        if any(isinstance(i, tuple) and any(isinstance(e, _INTERNAL) for e in i) for i in items):
            raise _RefusedError(_NO_VALUE)
        self.stack.append(items)

    def _pop(self, start: int) -> list[Any]:
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def _marked(self) -> list[Any]:
        return self._pop(self.marks.pop())

    def _name(self, argument: str | None) -> None:
        if argument is None:
            module, name = self._pop(len(self.stack) - 2)
            if not isinstance(module, str) or not isinstance(name, str):
                raise TypeError
            argument = f"{module} {name}"
        if argument not in _FUNCTIONS:
            raise _RefusedError(f"the name {argument.replace(' ', '.', 1)}")
        self.stack.append(_Function(_FUNCTIONS[argument]))

    def mark(self, _argument: Any) -> None:
        self.marks.append(len(self.stack))

    def make_tuple(self, _argument: Any) -> None:
        self._collect(self.marks.pop())

    def append(self, _argument: Any) -> None:
        self._extend(self._pop(len(self.stack) - 1))

    def appends(self, _argument: Any) -> None:
        self._extend(self._marked())

    def _extend(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, list):
            raise TypeError
        target += map(_whole, items)

    def set_item(self, _argument: Any) -> None:
        self._update(self._pop(len(self.stack) - 2))

    def set_items(self, _argument: Any) -> None:
        self._update(self._marked())

    def _update(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict):
            raise TypeError
        if not all(isinstance(key, str | bytes | int) for key in items[::2]):
            raise _RefusedError("a key that is neither text nor a number")
        target.update(zip(items[::2], map(_whole, items[1::2]), strict=True))

    def put(self, argument: int) -> None:
        self.memo[argument] = self.stack[-1]

    def memoize(self, _argument: Any) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def get(self, argument: int) -> None:
        self.stack.append(self.memo[argument])

    def reduce(self, _argument: Any) -> None:
        """What a call of a named function stands for."""
        function, arguments = self._pop(len(self.stack) - 2)
        if function.name == _ARRAY:
            self.stack.append(_Array())
        elif function.name == _BUFFER:
            content, dtype, shape, order = arguments
            self.stack.append(_array(1, shape, dtype, order == "F", content))
        elif function.name == _DTYPE and arguments[0] in ("u1", "|u1"):
            self.stack.append(_Dtype())
        elif function.name == _ENCODE and arguments[1] == "latin1":
            self.stack.append(arguments[0].encode("latin-1"))
        elif function.name == _NO_BYTES and arguments == ():
            self.stack.append(b"")
        else:
            raise _RefusedError(f"{function.name} of another kind")

    def build(self, _argument: Any) -> None:
        """Give the array or dtype below its state."""
        target, state = self._pop(len(self.stack) - 2)
        if isinstance(target, _Array):
            target.filled = _array(*state)
        elif not isinstance(target, _Dtype):
            raise _RefusedError(f"a state for {type(target).__name__}")
        self.stack.append(target)


_ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine.mark,
    "TUPLE": _Machine.make_tuple,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.memoize,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
}


_INTERNAL = (_Array, _Dtype, _Function)
_NO_VALUE = "a function or a type where a value belongs"


def _filled(value: Any) -> Any:
    """An array in place of what announced it."""
    return value.filled if isinstance(value, _Array) and value.filled is not None else value


def _whole(value: Any) -> Any:
    """A value that may stand in a container, with nothing in it that only the machine knows."""
    whole = _filled(value)
    parts = whole if isinstance(whole, tuple) else (whole,)
    if any(isinstance(part, _INTERNAL) for part in parts):
        raise _RefusedError(_NO_VALUE)
    return whole


def _array(
    _version: int, shape: tuple[int, ...], dtype: object, fortran: bool, content: str | bytes
) -> NDArray[np.uint8]:
    """The array of numpy's state: its entries are bytes, or the text that Python 2 writes."""
    if not isinstance(dtype, _Dtype):
        raise _RefusedError("an array of another type than unsigned bytes")
    entries = content.encode("latin-1") if isinstance(content, str) else content
    sizes = tuple(size for size in shape if isinstance(size, int) and size >= 0)
    if not isinstance(entries, bytes) or sizes != shape or len(entries) != math.prod(sizes):
        raise ValueError("the entries do not fill the shape")
    return np.frombuffer(entries, np.uint8).reshape(sizes, order="F" if fortran else "C")
