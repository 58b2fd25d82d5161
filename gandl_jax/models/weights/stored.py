"""An array in a file of weights, known by its shape before it is read."""

import zipfile
from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Stored(NamedTuple):
    """An array that has not been read yet.

    Attributes:
      shape: given by the file.
      read: returns the file's array, of any dtype of numbers.
    """

    shape: tuple[int, ...]
    read: Callable[[], np.ndarray]


BROKEN = (  # raised by readers for bytes that are damaged, missing or malicious
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    EOFError,
    OSError,
    RuntimeError,  # h5py's and zipfile's
    MemoryError,
    RecursionError,
    OverflowError,
    NotImplementedError,
    zipfile.BadZipFile,
)
