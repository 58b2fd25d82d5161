"""Reading and writing of arrays and texts in .safetensors files.

A file is the length of a header (8 bytes, little endian), the header as JSON, which has
the dtype, shape and offsets of each array, and the arrays, row by row, one after
another. `__metadata__` of the header may hold texts. Nothing in it is executed.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, BinaryIO

import jax.numpy as jnp
import numpy as np

from gandl_jax import files

TEXTS = "__metadata__"
MOST_HEADER_BYTES = 100_000_000  # the format's limit
ALIGNED_BYTES = 8  # alignment of the arrays, by blanks at the header's end
_TYPES = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(jnp.bfloat16),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"),
    "U32": np.dtype("<u4"),
    "U16": np.dtype("<u2"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
_CODES = {dtype: code for code, dtype in _TYPES.items()}


def read(file: BinaryIO) -> dict[str, np.ndarray]:
    """Reads the arrays of a file, by their names.

    Raises:
      ValueError, KeyError, TypeError: the file is damaged, or no .safetensors.
    """
    header, start, size = _header(file)
    return {
        key: _array(file, entry, start, size)
        for key, entry in header.items()
        if key != TEXTS
    }


def texts(file: BinaryIO) -> dict[str, str]:
    """Reads the texts of a file; {} without any.

    Raises:
      ValueError: the file is damaged, or no .safetensors.
    """
    header, _, _ = _header(file)
    stored_texts = header.get(TEXTS, {})
    if not isinstance(stored_texts, dict) or not all(
        map(_is_text, stored_texts.values())
    ):
        raise ValueError("its texts are none")
    return stored_texts


def write(
    file: BinaryIO, arrays: Mapping[str, np.ndarray], texts: Mapping[str, str]
) -> None:
    """Writes arrays, in the order of their names, and texts.

    Args:
      file: open for writing.
      arrays: of dtypes of the format.
      texts: for the header.
    """
    rows = {key: np.ascontiguousarray(arrays[key]) for key in sorted(arrays)}
    header: dict[str, Any] = {TEXTS: dict(texts)}
    end = 0
    for key, array in rows.items():
        begin, end = end, end + array.nbytes
        header[key] = {
            "dtype": _CODES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [begin, end],
        }
    packed = json.dumps(header, separators=(",", ":")).encode()
    packed += b" " * (-len(packed) % ALIGNED_BYTES)
    file.write(len(packed).to_bytes(8, "little") + packed)
    for array in rows.values():
        file.write(array.tobytes())


def _header(file: BinaryIO) -> tuple[dict[str, Any], int, int]:
    """Reads the header; returns it, the arrays' start, and their bytes."""
    file_bytes = file.seek(0, 2)
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    if file_bytes < 8 or length > min(MOST_HEADER_BYTES, file_bytes - 8):
        raise ValueError(f"a header of {length:,} bytes in a file of {file_bytes:,}")
    header = files.parse_json(file.read(length))
    if not isinstance(header, dict):
        raise ValueError("its header names no arrays")
    return header, 8 + length, file_bytes - 8 - length


def _array(file: BinaryIO, entry: Any, start: int, size: int) -> np.ndarray:
    dtype, shape = _TYPES[entry["dtype"]], tuple(entry["shape"])
    begin, end = entry["data_offsets"]
    if not all(type(number) is int and number >= 0 for number in (*shape, begin, end)):
        raise ValueError("an array of a size below 0")
    if end > size or end - begin != math.prod(shape) * dtype.itemsize:
        raise ValueError("an array that lies elsewhere than it says")
    file.seek(start + begin)
    return np.frombuffer(file.read(end - begin), dtype).reshape(shape)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)
