"""Reads the pickle in a .pth file without executing it, and without torch.

A pickle is a program for a small machine that may call anything. Here its opcodes are
run by another machine, which knows tensors, ordered dictionaries and plain data, calls
nothing, and refuses everything else by name.
"""

import math
import pickletools
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

from gandl_jax.errors import InputError

STORAGES = {  # name in torch to NumPy's dtype, which lacks bfloat16
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
REBUILD, ORDERED = "torch._utils._rebuild_tensor_v2", "collections.OrderedDict"
ADMITTED = {REBUILD, ORDERED, *(f"torch.{name}" for name in STORAGES)}
MOST_OPCODES = 10_000_000  # a large network has 10,000 to 100,000 (ours)
MOST_NUMBERS = 65  # 32 axes, NumPy's most before version 2
_MARK = object()


class Marker(NamedTuple):
    """A name that a pickle imports; nothing is imported for it."""

    name: str


class Storage(NamedTuple):
    """Numbers that are stored elsewhere in the file.

    Attributes:
      key: name of the storage.
      dtype: name of NumPy's dtype, or "bfloat16".
      count: of numbers.
    """

    key: str
    dtype: str
    count: int


class Tensor(NamedTuple):
    """A view of a storage, within its bounds.

    Attributes:
      storage: of its numbers.
      offset: of the first, in numbers.
      shape: of the tensor.
      strides: in numbers.
    """

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read(file: BinaryIO, name: str) -> Any:
    """Reads a pickle; the file's position is then behind it.

    Args:
      file: of bytes in memory, so that damaged lengths allocate nothing.
      name: of the file, for messages.

    Returns:
      Plain data, dictionaries and `Tensor`s.

    Raises:
      InputError: the pickle would call or import something else.
      ValueError, IndexError, KeyError, TypeError: it is no pickle, or a damaged one.
    """
    machine = _Machine(name)
    for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
        if count > MOST_OPCODES:
            raise ValueError("a pickle without end")
        if opcode.name == "STOP":
            return machine.pop()
        machine.step(opcode.name, argument)
    raise ValueError("a pickle without its end")


class _Machine:
    """A stack and a memo, like pickle's, and a function for each known opcode."""

    def __init__(self, name: str):
        self._name = name
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def step(self, opcode: str, argument: Any) -> None:
        if opcode in _PLAIN:
            self._stack.append(argument)
        elif opcode in _CONSTANTS:
            self._stack.append(_CONSTANTS[opcode]())
        elif opcode in _OPERATIONS:
            _OPERATIONS[opcode](self, argument)
        elif opcode not in _IGNORED:
            raise self._refusal(f"the pickle opcode {opcode}")

    def pop(self) -> Any:
        if self._stack[-1] is _MARK:
            raise ValueError("a mark where a value should be")
        return self._stack.pop()

    def _pop_to_mark(self) -> list[Any]:
        positions = range(len(self._stack) - 1, -1, -1)
        mark = next(
            (position for position in positions if self._stack[position] is _MARK), None
        )
        if mark is None:
            raise ValueError("no mark where one should be")
        values = self._stack[mark + 1 :]
        del self._stack[mark:]
        return values

    def _tuple(self, size: int) -> None:
        values = [self.pop() for _ in range(size)][::-1]
        self._stack.append(tuple(values))

    def _import(self, module_and_name: str) -> None:
        self._admit(module_and_name.replace(" ", ".", 1))

    def _stack_import(self, _) -> None:
        name, module = _text(self.pop()), _text(self.pop())
        self._admit(f"{module}.{name}")

    def _admit(self, imported: str) -> None:
        if imported not in ADMITTED:
            raise self._refusal(imported)
        self._stack.append(Marker(imported))

    def _refusal(self, request: str) -> InputError:
        return InputError(
            f"{self._name} is a pickle that asks for {request[:100]}, and a file of "
            "weights holds tensors alone: nothing of it was executed; save the "
            "network's state_dict, or a .safetensors file (docs/pretrained.md)"
        )

    def _call(self, _) -> None:
        arguments, called = self.pop(), self.pop()
        if called == Marker(ORDERED) and arguments == ():
            self._stack.append({})
        elif called == Marker(REBUILD):
            self._stack.append(_tensor(*arguments))
        else:
            raise self._refusal(f"a call of {getattr(called, 'name', type(called))}")

    def _storage(self, _) -> None:
        tag, marker, key, _, count, *view = self.pop()
        if _text(tag) != "storage" or any(view):
            raise self._refusal(f"an object {tag}")
        dtype = STORAGES[marker.name.removeprefix("torch.")]
        if type(count) is not int or count < 0:
            raise ValueError("a storage without a count")
        self._stack.append(Storage(_text(key), dtype, count))

    def _set(self, pairs: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not dict:
            raise self._refusal(f"a {type(target).__name__} that is changed")
        keys = pairs[::2]
        if not all(isinstance(key, str | int) for key in keys):
            raise ValueError("a dictionary with other keys than text and numbers")
        target.update(zip(keys, pairs[1::2], strict=True))

    def _extend(self, values: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not list:
            raise self._refusal(f"a {type(target).__name__} that is changed")
        target.extend(values)

    def _build(self, _) -> None:
        """Drops attributes of an ordered dictionary, such as torch's versions."""
        self.pop()
        if type(self._stack[-1]) is not dict:
            raise self._refusal("an object with a state of its own")

    def _remember(self, slot: int) -> None:
        self._memo[slot] = self._stack[-1]

    def _recall(self, slot: int) -> None:
        self._stack.append(self._memo[slot])


def _text(value: Any) -> str:
    """Returns a text; other values are refused unseen: nested ones could be endless."""
    if not isinstance(value, str):
        raise ValueError("something else where text should be")
    return value


def _tensor(
    storage: Storage,
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    *others: Any,
) -> Tensor:
    """Makes a tensor; `others` are whether it takes gradients, and hooks."""
    numbers = (offset, *shape, *strides)
    if len(numbers) > MOST_NUMBERS:
        raise ValueError("a tensor of too many axes")
    if not isinstance(storage, Storage) or not all(
        type(number) is int and number >= 0 for number in numbers
    ):
        raise ValueError("a tensor of something else than numbers in a storage")
    if len(shape) != len(strides) or math.prod(shape) > storage.count:
        raise ValueError("a tensor larger than its storage")
    last = sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if math.prod(shape) and offset + last >= storage.count:
        raise ValueError("a tensor that reaches beyond its storage")
    return Tensor(storage, offset, shape, strides)


_PLAIN = {
    "BINUNICODE",
    "SHORT_BINUNICODE",
    "BINUNICODE8",
    "BININT",
    "BININT1",
    "BININT2",
    "LONG1",
    "BINFLOAT",
}
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "MARK": lambda: _MARK,
}
_IGNORED = {"PROTO", "FRAME"}
_OPERATIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "TUPLE": lambda m, _: m._stack.append(tuple(m._pop_to_mark())),
    "TUPLE1": lambda m, _: m._tuple(1),
    "TUPLE2": lambda m, _: m._tuple(2),
    "TUPLE3": lambda m, _: m._tuple(3),
    "SETITEM": lambda m, _: m._set([m.pop(), m.pop()][::-1]),
    "SETITEMS": lambda m, _: m._set(m._pop_to_mark()),
    "APPEND": lambda m, _: m._extend([m.pop()]),
    "APPENDS": lambda m, _: m._extend(m._pop_to_mark()),
    "GLOBAL": _Machine._import,
    "STACK_GLOBAL": _Machine._stack_import,
    "REDUCE": _Machine._call,
    "BUILD": _Machine._build,
    "BINPERSID": _Machine._storage,
    "BINPUT": _Machine._remember,
    "LONG_BINPUT": _Machine._remember,
    "MEMOIZE": lambda m, _: m._remember(len(m._memo)),
    "BINGET": _Machine._recall,
    "LONG_BINGET": _Machine._recall,
}
