"""Files of a raw screen, read while the ones before them are decoded."""

import collections
import concurrent.futures
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from gandl_jax.raw import limits
from gandl_jax.raw.image_files import Unreadable
from gandl_jax.raw.raw_files import RawFiles

THREADS = 8  # a disk or a network answers so many at once
RECORDS = 4  # that wait in memory, undecoded

# A file's bytes, a plate's pixels [H, W, planes], or why there is neither.
RawImage = bytes | np.ndarray | Unreadable


def records(
    source: RawFiles,
    paths: Iterable[Sequence[str]],
    most_bytes: int = limits.MOST_BYTES,
) -> Iterator[list[RawImage]]:
    """The files of one record after the other.

    Args:
      source: the raw screen's files.
      paths: of the files of each record.
      most_bytes: that a file may have.

    Yields:
      For each record its files' bytes, or the pixels of a plate's image; in place of
      one that cannot be used, why.

    Raises:
      RunError: a file is no longer there, or the disk or network failed.
    """
    waiting: collections.deque[list[concurrent.futures.Future]] = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        try:
            for group in paths:
                waiting.append(
                    [pool.submit(_read, source, path, most_bytes) for path in group]
                )
                if len(waiting) > RECORDS:
                    yield [one.result() for one in waiting.popleft()]
            while waiting:
                yield [one.result() for one in waiting.popleft()]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _read(source: RawFiles, path: str, most_bytes: int) -> RawImage:
    try:
        return source.read_image(path, most_bytes)
    except Unreadable as error:
        return error
