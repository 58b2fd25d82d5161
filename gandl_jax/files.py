"""Files, local or of `gs://`, which are read anywhere and written whole.

A reader finds the old file or the new one, never half. On a disk a rename guarantees
that. In a bucket a rename would copy the object and delete the first, while an object
that is written appears, whole, when it is closed: it is written under its own name.
"""

import contextlib
import hashlib
import io
import json
import os
import struct
import tempfile
import zipfile
from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

from etils import epath

from gandl_jax import regular_files

# Least bytes that TensorFlow, with which epath opens gs://, fetches per read: of its
# default of 64 MB an image or a record within a file would use a hundredth.
os.environ.setdefault("GCS_READAHEAD_BUFFER_SIZE_BYTES", str(2**20))


MOST_JSON_BYTES = 2**27  # parsed it takes 20 times as much (ours)
MOST_UNPACKED_BYTES = 2**28  # allowed for any size of the archive
MOST_UNPACKED_TIMES = 100  # weights and counts pack to a tenth
_NO_ARCHIVE = zipfile.BadZipFile, struct.error, NotImplementedError, EOFError


def absolute(path: epath.PathLike) -> epath.Path:
    """Returns the absolute path; one of `gs://` is unchanged.

    epath's `resolve` and `absolute` would put the working directory before `gs://`.
    """
    path = epath.Path(path)
    return path if is_remote(path) else path.resolve()


def bucket(path: epath.PathLike) -> epath.Path | None:
    """Returns the bucket of a path; None for a path on a disk."""
    path = epath.Path(path)
    if not is_remote(path):
        return None
    return epath.Path("/".join(os.fspath(path).split("/")[:3]))


def stats(folder: epath.Path) -> Iterator[Any]:
    """Yields the `length` in bytes and `mtime` of every file below a folder."""
    for path in folder.iterdir():
        if path.is_dir():
            yield from stats(path)
        else:
            yield path.stat()


@contextlib.contextmanager
def reading(path: epath.PathLike) -> Iterator[BinaryIO]:
    """Opens a file for reading, at any position.

    Args:
      path: of the file.

    Yields:
      A binary file with all methods of Python's, of which TensorFlow's lack some.

    Raises:
      NoFile: the path is a pipe, a device or another that is no regular file.
    """
    if not is_remote(path):
        with regular_files.open_to_read(path) as file:
            yield file
        return
    with (
        epath.Path(path).open("rb") as file,
        io.BufferedReader(_Remote(file)) as whole,
    ):
        yield whole


def check_regular(path: epath.PathLike) -> None:
    """Refuses a path that `reading` refuses, before it is opened otherwise.

    Args:
      path: of a file, which need not exist.

    Raises:
      NoFile: as in `reading`.
    """
    if not is_remote(path):
        regular_files.check(path)


def check_regular_in(folder: epath.PathLike, names: Collection[str]) -> None:
    """Refuses files of a folder as `check_regular` does, fast for very many."""
    if is_remote(folder):
        return
    names = set(names)
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name in names and not entry.is_file(follow_symlinks=False):
                regular_files.check(entry.path)


def read_bytes(
    path: epath.PathLike, most_bytes: int = regular_files.MOST_BYTES
) -> bytes:
    """Reads a whole file.

    Raises:
      NoFile: as `reading`, or it is larger.
    """
    with reading(path) as file:
        size = file.seek(0, os.SEEK_END)
        regular_files.check_size(path, size, most_bytes)
        file.seek(0)
        return file.read(size)


def read_text(path: epath.PathLike, most_bytes: int = regular_files.MOST_BYTES) -> str:
    """Reads a whole file of UTF-8.

    Raises:
      NoFile: as in `read_bytes`.
      UnicodeDecodeError: it is not UTF-8.
    """
    return read_bytes(path, most_bytes).decode()


def sha256(path: epath.PathLike) -> str:
    """Returns the SHA-256 of a file's content, in hex; it may exceed the memory.

    Raises:
      NoFile: as in `reading`.
    """
    with reading(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Remote(io.RawIOBase):
    """A `tf.io.gfile.GFile` as a Python file for reading."""

    def __init__(self, file: Any):
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._file.seek(offset, whence)
        return self._file.tell()

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: memoryview) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def read_json(path: epath.PathLike) -> Any:
    """Reads plain data from a JSON file.

    Raises:
      NoFile: as `reading`, or it is larger than any of ours.
      ValueError: it is no JSON, or malicious.
    """
    return parse_json(read_text(path, MOST_JSON_BYTES))


def parse_json(text: str | bytes) -> Any:
    """Parses plain data from JSON.

    Raises:
      ValueError: it is no JSON, or absurdly nested.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def check_unpacked(file: BinaryIO) -> None:
    """Refuses an .npz file, or another zip archive, that would fill the memory.

    Args:
      file: open for reading; it is left at its start.

    Raises:
      ValueError: its stated unpacked size is out of proportion.
    """
    packed = file.seek(0, os.SEEK_END)
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except (*_NO_ARCHIVE, ValueError):
        unpacked = 0  # its reader raises
    if unpacked > most_unpacked(packed):
        raise ValueError(f"{packed:,} bytes that unpack to {unpacked:,}")
    file.seek(0)


def most_unpacked(packed: int) -> int:
    """Returns the most bytes that a packed size may unpack to."""
    return max(MOST_UNPACKED_BYTES, MOST_UNPACKED_TIMES * packed)


def replace(path: epath.PathLike, data: bytes | str) -> None:
    """Writes a file whole, over an existing one.

    Args:
      path: of the file; its folder must exist.
      data: to write; text becomes UTF-8.
    """
    with replacing(path) as file:
        file.write(data.encode() if isinstance(data, str) else data)


@contextlib.contextmanager
def replacing(path: epath.PathLike) -> Iterator[BinaryIO]:
    """Opens a file to be written whole, as by `replace`.

    Args:
      path: of the file; its folder must exist.

    Yields:
      A binary file in memory: files of `gs://` have no `seek` while they are written,
      which zip archives, and so NumPy's, need.
    """
    content = io.BytesIO()
    yield content
    with partial(path) as beside, beside.open("wb") as file:
        file.write(content.getvalue())


@contextlib.contextmanager
def partial(path: epath.PathLike) -> Iterator[epath.Path]:
    """Gives a path to be written by others, then moved as by `replace`.

    Args:
      path: of the file; its folder must exist.

    Yields:
      `.NAME.partial` in the same folder, which is renamed at the end. If writing fails
      it is removed, and the old file stays. For `gs://` it is a temporary file on the
      disk, which is copied at the end.
    """
    final = epath.Path(path)
    if is_remote(final):
        with tempfile.TemporaryDirectory() as folder:
            local = epath.Path(folder) / final.name
            yield local
            local.copy(final, overwrite=True)
        return
    beside = final.parent / f".{final.name}.partial"
    try:
        yield beside
        _to_disk(beside)
        beside.replace(final)  # rename would not overwrite
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _to_disk(path: epath.Path) -> None:
    """Waits until a file is on the disk, so that it survives a power cut."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def is_remote(path: epath.PathLike) -> bool:
    """Whether a path is in a bucket."""
    return "://" in os.fspath(path)
