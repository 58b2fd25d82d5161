"""An array in a file of weights, known by its shape before it is read."""

import zipfile
from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Stored(NamedTuple):
    """An array that has not been read yet.

    Attributes:
      shape: as the file says.
      read: gives it as the file has it, of any type of numbers.
    """

    shape: tuple[int, ...]
    read: Callable[[], np.ndarray]


BROKEN = (  # what readers raise for bytes that are damaged, lacking or made to harm
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
