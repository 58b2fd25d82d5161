"""Reads a .safetensors file of weights."""

from typing import BinaryIO

from gandl_jax import tensor_file
from gandl_jax.models.weights.stored import Stored


def read(file: BinaryIO, name: str) -> dict[str, Stored]:
    """Reads the tensors of a file.

    Args:
      file: open for reading.
      name: of the file, for messages.

    Raises:
      ValueError: the file is damaged, or no .safetensors.
    """
    del name
    return {
        key: Stored(array.shape, lambda array=array: array)
        for key, array in tensor_file.read(file).items()
    }
