"""Files of a raw screen, read while the ones before them are decoded."""

import collections
import concurrent.futures
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from gandl_jax.raw import limits
from gandl_jax.raw.image_files import Unreadable
from gandl_jax.raw.raw_files import RawFiles

THREADS = 8  # requests that a disk or a network serves at once
RECORDS = 4  # records that wait in memory, undecoded

# A file's bytes, a plate's pixels [H, W, planes], or the error that says why not.
RawImage = bytes | np.ndarray | Unreadable


def records(
    source: RawFiles,
    paths: Iterable[Sequence[str]],
    most_bytes: int = limits.MOST_BYTES,
) -> Iterator[list[RawImage]]:
    """Yields the files of one record after the other.

    Args:
      source: the raw screen's files.
      paths: of the files of each record.
      most_bytes: limit of a file's size.

    Yields:
      For each record its files' bytes, or the pixels of a plate's image; for a file
      that cannot be used the error.

    Raises:
      RunError: a file has vanished, or the disk or network failed.
    """
    waiting: collections.deque[list[concurrent.futures.Future]] = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        try:
            for paths_of_record in paths:
                waiting.append(
                    [
                        pool.submit(_read, source, path, most_bytes)
                        for path in paths_of_record
                    ]
                )
                if len(waiting) > RECORDS:
                    yield [read.result() for read in waiting.popleft()]
            while waiting:
                yield [read.result() for read in waiting.popleft()]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _read(source: RawFiles, path: str, most_bytes: int) -> RawImage:
    try:
        return source.read_image(path, most_bytes)
    except Unreadable as error:
        return error
