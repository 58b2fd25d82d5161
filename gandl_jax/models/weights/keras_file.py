"""Reads weights that Keras saved: .h5 of any version, .weights.h5 and .keras.

Only arrays are read, never the description of the layers, which could hold code.
"""

import io
import zipfile
from collections.abc import Iterator
from typing import BinaryIO

import h5py

from gandl_jax.models.weights.stored import Stored

IN_KERAS = "model.weights.h5"
MOST_BYTES = 2**31  # of an array (ours)
VARIABLES = {  # of Keras 3, which numbers them: {variables of a layer: their names}
    1: ("kernel",),
    2: ("kernel", "bias"),
    4: ("gamma", "beta", "moving_mean", "moving_variance"),
}


def read(file: BinaryIO, name: str) -> dict[str, Stored]:
    """Returns {"conv1_bn/gamma": array} of every layer that has any.

    Args:
      file: open for reading, until all arrays are read.
      name: of the file, for messages.

    Raises:
      ValueError and others of `stored.BROKEN`: the file is damaged, or not Keras's.
    """
    del name
    file.seek(0)
    if file.read(4) == b"PK\3\4":
        return _read_h5(io.BytesIO(_unpacked(zipfile.ZipFile(file))))
    return _read_h5(file)


def _unpacked(archive: zipfile.ZipFile) -> bytes:
    member = archive.getinfo(IN_KERAS)
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{IN_KERAS} is packed, which Keras does not do")
    return archive.read(member)


def _read_h5(file: BinaryIO) -> dict[str, Stored]:
    root = h5py.File(file, "r")
    if "layers" in root and "layer_names" not in root.attrs:
        named = _keras_3_arrays(_group(root, "layers"))
    else:
        layers = _group(root, "model_weights") if "model_weights" in root else root
        named = _keras_2_arrays(layers)
    return {name: _stored(array) for name, array in named}


def _keras_3_arrays(layers: h5py.Group) -> Iterator[tuple[str, h5py.Dataset]]:
    for key in layers:
        group = _group(layers, key)
        variables = _group(group, "vars") if "vars" in group else ()
        if not len(variables):
            continue
        layer = variables.attrs.get("name")
        if not isinstance(layer, str):
            raise ValueError("layers without names, which a former Keras 3 left out")
        for number, variable in enumerate(VARIABLES[len(variables)]):
            yield f"{layer}/{variable}", _dataset(variables, str(number))


def _keras_2_arrays(layers: h5py.Group) -> Iterator[tuple[str, h5py.Dataset]]:
    """Yields each layer's arrays, at any depth below the group of its name."""
    for layer in layers:
        for path, array in _datasets(_group(layers, layer)):
            variable = path.rpartition("/")[2].partition(":")[0]
            yield f"{layer}/{variable}", array


def _datasets(group: h5py.Group, depth: int = 0) -> Iterator[tuple[str, h5py.Dataset]]:
    if depth > 8:
        raise ValueError("groups nested too deep")
    for key in group:
        _check_link(group, key)
        if group.get(key, getclass=True) is h5py.Dataset:
            yield key, _dataset(group, key)
        else:
            for path, array in _datasets(_group(group, key), depth + 1):
                yield f"{key}/{path}", array


def _group(parent: h5py.Group, key: str) -> h5py.Group:
    _check_link(parent, key)
    child = parent[key]
    if not isinstance(child, h5py.Group):
        raise ValueError(f"{key} is no group")
    return child


def _dataset(parent: h5py.Group, key: str) -> h5py.Dataset:
    _check_link(parent, key)
    child = parent[key]
    if not isinstance(child, h5py.Dataset):
        raise ValueError(f"{key} is no array")
    if child.external or child.is_virtual:
        raise ValueError(f"{key} lies in another file")
    return child


def _check_link(parent: h5py.Group, key: str) -> None:
    if not isinstance(parent.get(key, getlink=True), h5py.HardLink):
        raise ValueError(f"{key} leads elsewhere")


def _stored(array: h5py.Dataset) -> Stored:
    if array.dtype.kind not in "fiu" or array.nbytes > MOST_BYTES:
        raise ValueError(f"{array.name} holds {array.dtype} of {array.nbytes:,} bytes")
    return Stored(array.shape, lambda: array[()])
