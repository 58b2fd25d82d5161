"""Reads a file of weights of any known form, which its first bytes tell."""

import zipfile
from typing import Any, BinaryIO

from gandl_jax.errors import InputError
from gandl_jax.models.weights import filling
from gandl_jax.models.weights.stored import BROKEN, Stored

MOST_BYTES = 2**31  # of a file; DenseNet-161 takes 115 MB (ours)
FORMS = "a .safetensors, a .pth, or Keras's .h5 or .keras"


def variables(file: BinaryIO, name: str, backbone: str, like: Any) -> dict[str, Any]:
    """Reads a network's parameters and statistics from a file.

    Args:
      file: open for reading.
      name: of the file, for messages.
      backbone: name of the network.
      like: shapes of {"params": ..., "batch_stats": ...}, as in `filling.fill`.

    Returns:
      {"params": ..., "batch_stats": ...} of float32 arrays.

    Raises:
      InputError: as in `filling.fill`; or the file is damaged, of no known form, or
        would execute something.
    """
    return filling.fill(arrays(file, name), name, backbone, like)


def arrays(file: BinaryIO, name: str) -> dict[str, Stored]:
    """Finds the arrays of a file, which must stay open until they are read.

    Raises:
      InputError: the file is damaged, or of no known form, or would execute something.
    """
    size = file.seek(0, 2)
    if size > MOST_BYTES:
        raise InputError(
            f"{name} has {size:,} bytes, and {MOST_BYTES:,} are the most of weights"
        )
    file.seek(0)
    try:
        stored = _reader(file)(file, name)
    except BROKEN as error:
        reason = str(error) or type(error).__name__
        raise InputError(
            f"{name} is damaged, or is not {FORMS}: {reason.splitlines()[0][:200]}"
        ) from error
    if not stored:
        raise InputError(f"{name} holds no weights")
    return stored


def _reader(file: BinaryIO):
    from gandl_jax.models.weights import keras_file, safetensors_file, torch_file

    start = file.read(8)
    if start.startswith(b"\x89HDF"):
        return keras_file.read
    if start.startswith(b"PK"):
        inside = zipfile.ZipFile(file).namelist()
        return keras_file.read if keras_file.IN_KERAS in inside else torch_file.read
    if start.startswith(b"\x80"):
        return torch_file.read
    return safetensors_file.read
