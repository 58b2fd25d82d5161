"""Reads a .pth file, in zip form or the form before torch 1.6, without torch."""

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
WITHIN = ("state_dict", "model")  # keys of the network in training programs' files
COUNT_BYTES = 8


def read(file: BinaryIO, name: str) -> dict[str, Stored]:
    """Reads the tensors of a network's state_dict, which may be in a checkpoint.

    Args:
      file: open for reading, at any position.
      name: of the file, for messages.

    Raises:
      InputError: its pickle would execute something.
      ValueError and others of `stored.BROKEN`: the file is damaged, or not torch's.
    """
    file.seek(0)
    start = file.read(4)
    file.seek(0)
    if start == b"PK\3\4":
        return _read_zip(zipfile.ZipFile(file), name)
    return _read_legacy(file.read(), name)


def _read_zip(archive: zipfile.ZipFile, name: str) -> dict[str, Stored]:
    members = {member.filename: member for member in archive.infolist()}
    (pickled,) = (
        member_name
        for member_name in members
        if member_name.endswith("/data.pkl") or member_name == "data.pkl"
    )
    folder = pickled.removesuffix("data.pkl")
    packed = [
        member_name
        for member_name, member_info in members.items()
        if member_info.compress_type != zipfile.ZIP_STORED
    ]
    if packed:
        raise ValueError(f"{packed[0]} is packed, which torch does not do")
    if f"{folder}byteorder" in members and archive.read(f"{folder}byteorder") != (
        b"little"
    ):
        raise ValueError("numbers of another byte order")
    content = torch_pickle.read(io.BytesIO(archive.read(pickled)), name)

    def data(storage: Storage) -> bytes:
        member = members[f"{folder}data/{storage.key}"]
        if member.file_size != storage.count * _bytes_each(storage):
            raise ValueError(f"{member.filename} has another size than it should")
        return archive.read(member)

    return _tensors(content, data)


def _read_legacy(whole: bytes, name: str) -> dict[str, Stored]:
    file = io.BytesIO(whole)
    head = [torch_pickle.read(file, name) for _ in range(3)]
    if head[:2] != [MAGIC, PROTOCOL] or not head[2]["little_endian"]:
        raise ValueError("not of torch, or of another byte order")
    content, keys = torch_pickle.read(file, name), torch_pickle.read(file, name)
    tensors = list(_state_dict(content).values())
    storages = {
        tensor.storage.key: tensor.storage
        for tensor in tensors
        if isinstance(tensor, Tensor)
    }
    starts = {}
    for key in keys:  # in the file: a count, then the numbers
        storage = storages[key]
        count = int.from_bytes(file.read(COUNT_BYTES), "little")
        starts[key] = file.tell()
        end = file.seek(count * _bytes_each(storage), os.SEEK_CUR)
        if count != storage.count or end > len(whole):
            raise ValueError(f"storage {key} has another size than it should")

    def data(storage: Storage) -> bytes:
        start = starts[storage.key]
        return whole[start : start + storage.count * _bytes_each(storage)]

    return _tensors(content, data)


def _state_dict(content: Any) -> Mapping[str, Any]:
    for key in WITHIN:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            return content[key]
    if not isinstance(content, Mapping):
        raise ValueError("no state_dict")
    return content


def _tensors(content: Any, data) -> dict[str, Stored]:
    """Returns {name: array}; `data` reads a storage when the array is read."""

    def array(tensor: Tensor) -> np.ndarray:
        numbers = _numbers(data(tensor.storage), tensor.storage.dtype)
        strides = [numbers.itemsize * stride for stride in tensor.strides]
        return np.lib.stride_tricks.as_strided(
            numbers[tensor.offset :], tensor.shape, strides
        ).copy()

    return {
        key: Stored(tensor.shape, lambda tensor=tensor: array(tensor))
        for key, tensor in _state_dict(content).items()
        if isinstance(tensor, Tensor)
    }


def _bytes_each(storage: Storage) -> int:
    return 2 if storage.dtype == "bfloat16" else np.dtype(storage.dtype).itemsize


def _numbers(data: bytes, dtype: str) -> np.ndarray:
    if dtype != "bfloat16":
        return np.frombuffer(data, dtype)
    upper = np.frombuffer(data, "<u2").astype(np.uint32)
    return (upper << 16).view(np.float32)
