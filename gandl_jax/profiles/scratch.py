"""Large arrays in a temporary file, mapped rather than read into memory.

A set of many Parquet parts takes a minute to read, and every task reads the sets that
are compared. A set that was read once is therefore written here as plain bytes; a
reader loads only the pages that it uses.
"""

import mmap
import shutil
import tempfile
import weakref

import numpy as np

LEAST_BYTES = 2**24  # of an array; smaller ones are read again as fast (ours)
ROOM = 2  # times an array's size must be free on the disk (ours)


class Scratch:
    """Keeps arrays by name on the disk of TMPDIR, until nothing refers to it."""

    def __init__(self):
        """Opens no file yet."""
        self._file = None
        self._end = 0
        self._kept: dict[str, tuple[int, tuple[int, ...], np.dtype]] = {}

    def __contains__(self, name: str) -> bool:
        """Tells whether an array of that name is kept."""
        return name in self._kept

    def __getitem__(self, name: str) -> np.ndarray:
        """Maps an array; writing into it changes no other reader's."""
        start, shape, dtype = self._kept[name]
        size = int(np.prod(shape)) * dtype.itemsize
        access = {"access": mmap.ACCESS_COPY, "offset": start}
        mapped = mmap.mmap(self._file.fileno(), size, **access)
        return np.frombuffer(mapped, dtype).reshape(shape)

    def keep(self, name: str, array: np.ndarray) -> bool:
        """Writes an array if it is large and the disk has room.

        Args:
          name: of the array.
          array: of any shape and type of numbers.

        Returns:
          Whether it is kept.
        """
        if name in self._kept or array.nbytes < LEAST_BYTES:
            return name in self._kept
        if shutil.disk_usage(tempfile.gettempdir()).free < ROOM * array.nbytes:
            return False
        try:
            self._write(np.ascontiguousarray(array))
        except OSError:  # another process has filled the disk
            return False
        start, step = self._end, mmap.ALLOCATIONGRANULARITY
        self._kept[name] = start, array.shape, array.dtype
        self._end = -(-(start + array.nbytes) // step) * step
        return True

    def _write(self, array: np.ndarray) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)
            weakref.finalize(self, self._file.close)
        self._file.seek(self._end)
        left = memoryview(array).cast("B")
        while left:
            left = left[self._file.write(left) :]
