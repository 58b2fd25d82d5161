"""Pixels of a Zarr array, decoded by the library zarr, each chunk read once."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import numpy as np
import zarr
from zarr.abc import store as zarr_store
from zarr.core.buffer import Buffer, BufferPrototype, default_buffer_prototype

from gandl_jax.errors import RunError
from gandl_jax.raw import checked_blosc
from gandl_jax.raw.image_files import Unreadable
from gandl_jax.raw.zarr_keys import Keys


def read(
    keys: Keys,
    path: str,
    metadata: Mapping[str, Any],
    selection: tuple[int | slice, ...],
    *,
    fill: bool,
) -> np.ndarray:
    """Reads a part of an array.

    Args:
      keys: of its store.
      path: of the array in it.
      metadata: the array's, of Zarr 2 or 3, as read from the store.
      selection: for each axis an index, or a slice.
      fill: True reads absent chunks as the fill value; else they are an error.

    Returns:
      The selected part; axes with an index are dropped.

    Raises:
      Unreadable: a chunk is damaged, truncated or not there, or the array is packed
        in a way that is not installed.
      RunError: the network failed.
    """
    store = _Store(keys)
    store_path = zarr.storage.StorePath(store, path)
    try:
        array = zarr.Array.from_dict(store_path, checked_blosc.put_in(metadata))
    except Exception as error:  # whatever is wrong with the metadata
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise Unreadable(f"an array that zarr cannot open ({reason[0]})") from error
    try:
        pixels = array[selection]
    except (Unreadable, RunError):
        raise
    except Exception as error:  # whatever error the damage leads to
        named = f" of {store.chunks[0]}" if len(store.chunks) == 1 else ""
        raise Unreadable(f"a truncated or corrupt chunk{named}") from error
    if store.absent and not fill:
        raise Unreadable(
            f"{len(store.absent)} chunk{'s' * (len(store.absent) > 1)} missing, "
            f"the first {min(store.absent)}; fetch the plate again, or set "
            "config.screen.ome.absent_chunks to fill where its writer leaves out "
            "chunks of zeros"
        )
    return np.asarray(pixels)


class _Store(zarr_store.Store):
    """Store of zarr over `Keys`; remembers the keys that were requested.

    Attributes:
      chunks: keys that were read.
      absent: keys that were not there.
    """

    def __init__(self, keys: Keys):
        super().__init__(read_only=True)
        self._keys = keys
        self.chunks: list[str] = []
        self.absent: list[str] = []

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Store) and self._keys == other._keys

    async def get(
        self,
        key: str,
        prototype: BufferPrototype | None = None,
        byte_range: zarr_store.ByteRequest | None = None,
    ) -> Buffer | None:
        data = await asyncio.to_thread(self._read, key, byte_range)
        if data is None:
            self.absent.append(key)
            return None
        self.chunks.append(key)
        return (prototype or default_buffer_prototype()).buffer.from_bytes(data)

    def _read(self, key: str, span: zarr_store.ByteRequest | None) -> bytes | None:
        if isinstance(span, zarr_store.RangeByteRequest):
            return self._keys.read(key, span.start, span.end - span.start)
        if isinstance(span, zarr_store.OffsetByteRequest):
            return self._keys.read(key, span.offset)
        if isinstance(span, zarr_store.SuffixByteRequest):
            return self._keys.read(key, -span.suffix)
        return self._keys.read(key)

    async def get_partial_values(
        self,
        prototype: BufferPrototype,
        key_ranges: Iterable[tuple[str, zarr_store.ByteRequest | None]],
    ) -> list[Buffer | None]:
        requests = (self.get(key, prototype, span) for key, span in key_ranges)
        return list(await asyncio.gather(*requests))

    async def exists(self, key: str) -> bool:
        return await asyncio.to_thread(self._keys.read, key, 0, 1) is not None

    async def set(self, key: str, value: Buffer) -> None:
        raise PermissionError(f"{self._keys.name} is only read")

    async def delete(self, key: str) -> None:
        raise PermissionError(f"{self._keys.name} is only read")

    @property
    def supports_writes(self) -> bool:
        return False

    @property
    def supports_deletes(self) -> bool:
        return False

    @property
    def supports_listing(self) -> bool:
        return False

    async def list(self) -> AsyncIterator[str]:
        raise NotImplementedError
        yield

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        raise NotImplementedError
        yield

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        raise NotImplementedError
        yield
