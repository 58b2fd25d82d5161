"""What the cores could read at best: decode records in memory, nothing else."""

import concurrent.futures
import os
from collections.abc import Iterator, Sequence

from gandl_jax.host_tensorflow import tf
from gandl_jax.prepared import records
from gandl_jax.prepared.prepared import Prepared

IN_MEMORY = 64  # records that are decoded again and again


def decode(prepared: Prepared, channels: Sequence[str]) -> Iterator[int]:
    """Decodes the PNGs of some records on all cores, endlessly.

    Args:
      prepared: the screen.
      channels: names of those to decode.

    Yields:
      How many records were decoded since the last time.
    """
    read = records.random_reader(prepared)
    count = min(prepared.records, IN_MEMORY)
    held = [
        png
        for i in range(count)
        for png in records.images(channels, read(tf.constant(i, tf.int64)))
    ]
    dtype = records.pixel_dtype(prepared)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        while True:
            pngs = pool.map(lambda png: tf.io.decode_png(png, 1, dtype).shape, held)
            yield len(list(pngs)) // len(channels)
