"""Blosc chunks of Zarr, whose length is checked against their headers.

Numcodecs gives a chunk to Blosc without its length: Blosc reads beyond the end of a
truncated one, and returns undefined levels, or fails.
"""

import struct
from collections.abc import Mapping
from typing import Any

import numcodecs
import numpy as np
from zarr import registry
from zarr.codecs import BloscCodec

from gandl_jax.raw import limits
from gandl_jax.raw.image_files import Unreadable

NAME = "gandl_jax_blosc"
_BLOSC = "blosc"
_HEADER = struct.Struct("<4xI4xI")  # bytes unpacked and packed (Blosc 1, 16 bytes)


def put_in(metadata: Any) -> Any:
    """Returns an array's metadata with this codec in place of Blosc, at any depth.

    Args:
      metadata: of Zarr 2 ("id") or 3 ("name"), or a part of them.
    """
    if isinstance(metadata, list):
        return [put_in(part) for part in metadata]
    if not isinstance(metadata, Mapping):
        return metadata
    return {
        key: NAME if key in ("id", "name") and value == _BLOSC else put_in(value)
        for key, value in metadata.items()
    }


class _Checked(numcodecs.Blosc):
    """Codec of numcodecs for Blosc chunks of Zarr 2, checked."""

    codec_id = NAME

    def decode(self, buf: Any, out: Any = None) -> Any:
        """Decodes a chunk; raises Unreadable if it is shorter than its header says."""
        data = np.frombuffer(buf, np.uint8)
        if len(data) < 16:
            raise Unreadable("a truncated chunk")
        unpacked, packed = _HEADER.unpack_from(data)
        if packed > len(data):
            raise Unreadable(f"a truncated or corrupt chunk of {len(data):,} bytes")
        if unpacked > limits.MOST_BYTES:
            raise Unreadable(f"a corrupt chunk that unpacks to {unpacked:,} bytes")
        return super().decode(data, out)


class _CheckedOfZarr3(BloscCodec):
    """Codec of zarr for Blosc chunks of Zarr 3, checked."""

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "_CheckedOfZarr3":
        """Makes the codec from its metadata."""
        return super().from_dict({**data, "name": _BLOSC})

    @property
    def _blosc_codec(self) -> numcodecs.Blosc:
        return _Checked()


numcodecs.register_codec(_Checked)
registry.register_codec(NAME, _CheckedOfZarr3)
