"""Packing of values for workers, with large arrays separate, by their digests."""

import hashlib
import io
import pickle
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

LARGE = 2**16  # bytes of an array that is sent separately (ours)


class Packed(NamedTuple):
    """A value as bytes.

    Attributes:
      text: pickled, without large arrays.
      arrays: {digest: array}.
    """

    text: bytes
    arrays: dict[str, np.ndarray]


def pack(value: Any) -> Packed:
    """Pickles a value."""
    text = io.BytesIO()
    pickler = _Pickler(text, protocol=pickle.HIGHEST_PROTOCOL)
    pickler.dump(value)
    return Packed(text.getvalue(), pickler.arrays)


def unpack(text: bytes, arrays: Mapping[str, np.ndarray]) -> Any:
    """Unpickles `Packed.text`, with arrays by their digests."""
    return _Unpickler(io.BytesIO(text), arrays).load()


class _Pickler(pickle.Pickler):
    """A pickler that takes large arrays out."""

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self.arrays: dict[str, np.ndarray] = {}
        self._digests: dict[int, str] = {}

    def persistent_id(self, value: Any) -> str | None:
        """Returns the digest of a large array; None for values to be pickled."""
        if type(value) is not np.ndarray or value.dtype.hasobject:
            return None
        if value.nbytes < LARGE:
            return None
        key = self._digests.get(id(value)) or digest(value)
        self._digests[id(value)] = key
        self.arrays[key] = value
        return key


class _Unpickler(pickle.Unpickler):
    """An unpickler that puts large arrays back, by their digests."""

    def __init__(self, text: io.BytesIO, arrays: Mapping[str, np.ndarray]):
        super().__init__(text)
        self._arrays = arrays

    def persistent_load(self, key: str) -> np.ndarray:
        """Returns the array of a digest."""
        return self._arrays[key]


def digest(array: np.ndarray) -> str:
    """SHA-256, in hex, of an array's values and layout."""
    by_columns = array.flags.f_contiguous and not array.flags.c_contiguous
    layout = f"{array.dtype.str} {array.shape} {by_columns}"
    hasher = hashlib.sha256(layout.encode())
    hasher.update(np.ascontiguousarray(array.T if by_columns else array).data)
    return hasher.hexdigest()
