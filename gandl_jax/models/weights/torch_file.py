"""Reads a .pth file, of the zip form and of the one before torch 1.6, without torch."""

import io
import os
import zipfile
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from gandl_jax.models.weights import torch_pickle
from gandl_jax.models.weights.stored import Stored
from gandl_jax.models.weights.torch_pickle import Storage, Tensor

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # of the form before torch 1.6
WITHIN = ("state_dict", "model")  # where training programs put the network
COUNT_BYTES = 8


def read(file: BinaryIO, name: str) -> dict[str, Stored]:
    """The tensors of a network's state_dict, also of one within a checkpoint.

    Args:
      file: open for reading, from any place.
      name: of it, for messages.

    Raises:
      InputError: a pickle that would do something.
      ValueError and others of `stored.BROKEN`: damaged, or no such file.
    """
    file.seek(0)
    start = file.read(4)
    file.seek(0)
    if start == b"PK\3\4":
        return _read_zip(zipfile.ZipFile(file), name)
    return _read_legacy(file.read(), name)


def _read_zip(archive: zipfile.ZipFile, name: str) -> dict[str, Stored]:
    members = {member.filename: member for member in archive.infolist()}
    (pickled,) = (n for n in members if n.endswith("/data.pkl") or n == "data.pkl")
    folder = pickled.removesuffix("data.pkl")
    packed = [n for n, m in members.items() if m.compress_type != zipfile.ZIP_STORED]
    if packed:
        raise ValueError(f"{packed[0]} is packed, which torch does not do")
    if f"{folder}byteorder" in members and archive.read(f"{folder}byteorder") != (
        b"little"
    ):
        raise ValueError("numbers of another byte order")
    found = torch_pickle.read(io.BytesIO(archive.read(pickled)), name)

    def data(storage: Storage) -> bytes:
        member = members[f"{folder}data/{storage.key}"]
        if member.file_size != storage.count * _bytes_each(storage):
            raise ValueError(f"{member.filename} has another size than it should")
        return archive.read(member)

    return _tensors(found, data)


def _read_legacy(whole: bytes, name: str) -> dict[str, Stored]:
    file = io.BytesIO(whole)
    head = [torch_pickle.read(file, name) for _ in range(3)]
    if head[:2] != [MAGIC, PROTOCOL] or not head[2]["little_endian"]:
        raise ValueError("not of torch, or of another byte order")
    found, keys = torch_pickle.read(file, name), torch_pickle.read(file, name)
    tensors = list(_of_network(found).values())
    storages = {t.storage.key: t.storage for t in tensors if isinstance(t, Tensor)}
    places = {}
    for key in keys:  # one after another: so many numbers, and they
        storage = storages[key]
        count = int.from_bytes(file.read(COUNT_BYTES), "little")
        places[key] = file.tell()
        end = file.seek(count * _bytes_each(storage), os.SEEK_CUR)
        if count != storage.count or end > len(whole):
            raise ValueError(f"storage {key} has another size than it should")

    def data(storage: Storage) -> bytes:
        start = places[storage.key]
        return whole[start : start + storage.count * _bytes_each(storage)]

    return _tensors(found, data)


def _of_network(found: Any) -> Mapping[str, Any]:
    for word in WITHIN:
        if isinstance(found, Mapping) and isinstance(found.get(word), Mapping):
            return found[word]
    if not isinstance(found, Mapping):
        raise ValueError("no state_dict")
    return found


def _tensors(found: Any, data) -> dict[str, Stored]:
    """Name to array; what `data` gives of a storage is read when the array is."""

    def array(tensor: Tensor) -> np.ndarray:
        numbers = _numbers(data(tensor.storage), tensor.storage.dtype)
        strides = [numbers.itemsize * n for n in tensor.strides]
        return np.lib.stride_tricks.as_strided(
            numbers[tensor.offset :], tensor.shape, strides
        ).copy()

    return {
        key: Stored(tensor.shape, lambda tensor=tensor: array(tensor))
        for key, tensor in _of_network(found).items()
        if isinstance(tensor, Tensor)
    }


def _bytes_each(storage: Storage) -> int:
    return 2 if storage.dtype == "bfloat16" else np.dtype(storage.dtype).itemsize


def _numbers(data: bytes, dtype: str) -> np.ndarray:
    if dtype != "bfloat16":
        return np.frombuffer(data, dtype)
    upper = np.frombuffer(data, "<u2").astype(np.uint32)
    return (upper << 16).view(np.float32)
