"""Reads a .safetensors file, by its library."""

from typing import BinaryIO

from gandl_jax.errors import InputError
from gandl_jax.models.weights.stored import Stored


def read(file: BinaryIO, name: str) -> dict[str, Stored]:
    """The tensors of a file.

    Args:
      file: open for reading.
      name: of it, for messages.

    Raises:
      InputError: the library is not installed.
      ValueError: damaged, or no such file.
    """
    try:
        from safetensors import SafetensorError
        from safetensors import numpy as library
    except ImportError as error:
        raise InputError(
            f"{name} needs the library safetensors: pip install 'gandl_jax[pretrained]'"
        ) from error
    file.seek(0)
    try:
        found = library.load(file.read())
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    return {
        key: Stored(array.shape, lambda array=array: array)
        for key, array in found.items()
    }
