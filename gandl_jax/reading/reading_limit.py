"""The limit of the cores' reading speed: decoding records in memory only."""

import concurrent.futures
import os
from collections.abc import Iterator, Sequence

from gandl_jax.host_tensorflow import tf
from gandl_jax.prepared import records
from gandl_jax.prepared.prepared import Prepared

IN_MEMORY = 64  # records that are decoded repeatedly


def decode(prepared: Prepared, channels: Sequence[str]) -> Iterator[int]:
    """Decodes the PNGs of some records on all cores, endlessly.

    Args:
      prepared: the screen.
      channels: names of the channels to decode.

    Yields:
      The number of records decoded since the last one.
    """
    read = records.random_reader(prepared)
    count = min(prepared.records, IN_MEMORY)
    pngs = [
        png
        for index in range(count)
        for png in records.images(channels, read(tf.constant(index, tf.int64)))
    ]
    dtype = records.pixel_dtype(prepared)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        while True:
            shapes = pool.map(lambda png: tf.io.decode_png(png, 1, dtype).shape, pngs)
            yield len(list(shapes)) // len(channels)
