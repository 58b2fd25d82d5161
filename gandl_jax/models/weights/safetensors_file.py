"""Reads a .safetensors file of weights."""

from typing import BinaryIO

from gandl_jax import tensor_file
from gandl_jax.models.weights.stored import Stored


def read(file: BinaryIO, name: str) -> dict[str, Stored]:
    """The tensors of a file.

    Args:
      file: open for reading.
      name: of it, for messages.

    Raises:
      ValueError: damaged, or no such file.
    """
    del name
    return {
        key: Stored(array.shape, lambda array=array: array)
        for key, array in tensor_file.read(file).items()
    }
