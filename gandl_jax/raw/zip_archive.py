"""Members of zip archives, read without unpacking: no name in it becomes a path.

RxRx19a has 1.5 million members. zipfile keeps 540 bytes for each, and its lists would
be made again in every process; here the directory is read once and kept in arrays,
about 90 bytes a member, that can be pickled. Each read opens the archive anew, so that
threads and processes share no position in it.
"""

import array
import bisect
import contextlib
import dataclasses
import functools
import io
import itertools
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

import numpy as np
from etils import epath

from gandl_jax import files
from gandl_jax.errors import InputError
from gandl_jax.raw import limits
from gandl_jax.raw.image_files import Unreadable

DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError)  # errors of damaged members

_MEMBER = np.dtype(
    [
        ("header", np.uint64),  # where its local header starts, in bytes
        ("packed", np.uint64),  # bytes in the archive
        ("size", np.uint64),  # bytes when unpacked
        ("crc", np.uint32),
        ("method", np.uint16),
        ("flags", np.uint16),
        ("doubled", np.bool_),  # another member has its name
    ]
)
_ENCRYPTED = 1  # of the flags (APPNOTE, section 4.4.4)
_READABLE = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
_MAC = "__MACOSX/"  # the Finder's notes on the other members
_LEADS_OUT = re.compile(r"[/\\]|[A-Za-z]:|(.*[/\\])?\.\.([/\\]|$)")


@dataclasses.dataclass(frozen=True, eq=False)
class Archive:
    """Directory of a zip archive; folders are left out.

    Attributes:
      path: of the archive.
      top: the folder that holds all members, which paths may leave out; "" if none.
      names: the members' names in UTF-8, sorted and concatenated.
      ends: [N + 1] int64, 0 and the end of each name in `names`.
      members: [N] structured, in the order of the names.
    """

    path: str
    top: str
    names: bytes
    ends: array.array
    members: np.ndarray

    @property
    def name(self) -> str:
        """Name of the archive's file, for messages."""
        return os.path.basename(self.path)

    def __contains__(self, path: str) -> bool:
        return self._row(path) is not None

    def paths(self) -> Iterator[str]:
        """Yields each member's paths: with the top folder and without it."""
        for row in range(len(self.members)):
            name = self._name(row).decode()
            yield name
            if self.top:
                yield name.removeprefix(self.top + "/")

    def subset(self, paths: Iterable[str]) -> "Archive":
        """Returns the directory of these members alone, which is small to send."""
        rows_or_none = (self._row(path) for path in paths)
        rows = sorted({row for row in rows_or_none if row is not None})
        names = [self._name(row) for row in rows]
        members = self.members[np.array(rows, np.int64)]
        return Archive(self.path, self.top, b"".join(names), _ends(names), members)

    @contextlib.contextmanager
    def open(
        self, path: str, most_bytes: int = limits.MOST_BYTES
    ) -> Iterator[BinaryIO]:
        """Opens a member for reading; its checksum is compared at its end.

        Args:
          path: of the member.
          most_bytes: limit of its unpacked size.

        Raises:
          Unreadable: it is encrypted, too large, compressed by another method than
            deflate, or one of two with its name.
          DAMAGED: the archive is damaged; it may be raised when the member is read.
        """
        member = self.members[self._row(path)]
        if member["doubled"]:
            raise Unreadable(f"twice in {self.name}")
        if member["flags"] & _ENCRYPTED:
            raise Unreadable(f"encrypted in {self.name}")
        limit = min(most_bytes, files.most_unpacked(int(member["packed"])))
        if member["size"] > limit:
            raise Unreadable(
                f"{member['size']:,} bytes when unpacked from {self.name}, and "
                f"{limit:,} are the most"
            )
        if member["method"] not in _READABLE:
            raise Unreadable(
                f"packed in {self.name} by method {member['method']}, neither stored "
                "nor deflated"
            )
        with files.reading(self.path) as file:
            yield _member(file, path, member)

    def _row(self, path: str) -> int | None:
        """Returns the row of the first member with this path, or None."""
        top = self.top + "/"
        row = self._row_named(path) if not self.top or path.startswith(top) else None
        return self._row_named(top + path) if row is None and self.top else row

    def _row_named(self, name: str) -> int | None:
        rows, wanted = range(len(self.members)), name.encode()
        row = bisect.bisect_left(rows, wanted, key=self._name)
        return row if row < len(rows) and self._name(row) == wanted else None

    def _name(self, row: int) -> bytes:
        return self.names[self.ends[row] : self.ends[row + 1]]


def open_archive(path: epath.Path) -> Archive:
    """Reads an archive's directory, once in a process while the file is unchanged.

    Raises:
      InputError: it is no zip archive, is truncated, or names a path outside of it.
    """
    files.check_regular(path)
    stat = path.stat()
    return _read_directory(os.fspath(path), stat.length, stat.mtime)


@functools.cache
def _read_directory(path: str, length: int, mtime: float) -> Archive:
    """Reads the directory; `length` and `mtime` are keys of the cache."""
    del length, mtime
    try:
        with files.reading(path) as file, zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
    except (*DAMAGED, ValueError, NotImplementedError, struct.error) as error:
        raise InputError(
            f"{path} is no zip archive, or one cut short ({error}): fetch it again, or "
            "move it out of config.data.source_dir"
        ) from error
    outside = [info.filename for info in infos if _LEADS_OUT.match(info.filename)]
    if outside:
        raise InputError(
            f"{path} names {len(outside)} paths outside of it, the first "
            f"{outside[0]!r}: unpack it with care, or move it out of "
            "config.data.source_dir"
        )
    kept = (
        info for info in infos if not (info.is_dir() or info.filename.startswith(_MAC))
    )
    return _archive(path, sorted(kept, key=lambda info: info.filename))


def _archive(path: str, infos: Sequence[zipfile.ZipInfo]) -> Archive:
    """Makes the arrays of what zipfile read, sorted by name."""
    members = np.fromiter(map(_fields, infos), _MEMBER, len(infos))
    names = [info.filename.encode() for info in infos]
    same = np.array(
        [name == following for name, following in itertools.pairwise(names)], bool
    )
    members["doubled"][:-1] |= same
    members["doubled"][1:] |= same
    return Archive(path, _top(infos), b"".join(names), _ends(names), members)


def _ends(names: Sequence[bytes]) -> array.array:
    return array.array("q", itertools.accumulate(map(len, names), initial=0))


def _fields(info: zipfile.ZipInfo) -> tuple[int, ...]:
    sizes = info.header_offset, info.compress_size, info.file_size
    return (*sizes, info.CRC, info.compress_type, info.flag_bits, False)


def _top(infos: Sequence[zipfile.ZipInfo]) -> str:
    """Returns the folder that holds all members; "" if there is none."""
    parts = {info.filename.partition("/")[::2] for info in infos[:1] + infos[-1:]}
    tops = {top for top, below in parts if below}  # sorted: first and last suffice
    return tops.pop() if len(tops) == 1 and all(below for _, below in parts) else ""


def _member(archive: BinaryIO, path: str, member: np.void) -> BinaryIO:
    """Makes the reader that zipfile too would, once it has read the directory."""
    info = zipfile.ZipInfo(path)
    info.compress_type, info.CRC = int(member["method"]), int(member["crc"])
    info.compress_size, info.file_size = int(member["packed"]), int(member["size"])
    archive.seek(int(member["header"]))
    header = archive.read(30)
    if len(header) < 30 or not header.startswith(b"PK\3\4"):
        raise zipfile.BadZipFile("no member starts there")
    archive.seek(sum(struct.unpack("<26x2H", header)), io.SEEK_CUR)
    # Not documented, though it has been the same since Python 3.7.
    return _Member(archive, "r", info)


class _Member(zipfile.ZipExtFile):
    """Reader of a member, which unpacks little more than the stated size."""

    MAX_N = 2**20

    def read(self, n: int | None = -1) -> bytes:
        """Reads without copying the former pieces at each new piece."""
        if n is not None and n >= 0:
            return super().read(n)
        joined = io.BytesIO()
        while piece := self.read1(self.MAX_N):
            joined.write(piece)
        return joined.getvalue()
