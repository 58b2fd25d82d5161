"""Generated images, each drawn by the seed, its number and its class alone."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from gandl_jax import parallel
from gandl_jax.methods.source import Source

STREAM = 2**31  # apart from the keys of --job=generate


class Drawn:
    """Drawing of the same image numbers from every state.

    Args:
      method: with `samples`.
      seed: of all images.
      batch: images that are drawn at a time.
    """

    def __init__(self, method: Any, seed: int, batch: int):
        self._batch = batch

        def draw(state, numbers, labels):
            key = jax.random.fold_in(jax.random.key(seed), STREAM)
            keys = jax.vmap(jax.random.fold_in, (None, 0))(key, numbers)
            return method.samples(state, keys, labels)

        self._draw: Callable = parallel.on_one(draw)

    def batches(
        self, state: Any, labels: Mapping[str, np.ndarray], count: int
    ) -> Iterator[np.ndarray]:
        """Draws images 0 .. count - 1, and more to fill the last batch.

        Args:
          state: of the training.
          labels: column to [count] int classes.
          count: wanted images.

        Yields:
          [batch, px, px, C] float32.
        """
        for start in range(0, count, self._batch):
            numbers = np.arange(start, start + self._batch)
            codes = {
                column: classes[numbers % count].astype(np.int32)
                for column, classes in labels.items()
            }
            images = self._draw(state, numbers.astype(np.uint32), codes)
            yield np.asarray(images, np.float32)


def classes_to_draw(
    labels: Mapping[str, np.ndarray], source: Source, seed: int
) -> dict[str, np.ndarray]:
    """Returns the classes of real images, with random ones for blanks.

    Args:
      labels: column to [N] int classes of real images, -1 where blank.
      source: of the method, with the columns to draw by and their class counts.
      seed: of the random classes.

    Returns:
      Column to [N] int classes; random ones have the proportions of `source`.
    """
    rng = np.random.default_rng(seed)
    drawn = {}
    for column, counts in source.class_counts.items():
        shares = np.asarray(counts, np.float64) / max(sum(counts), 1)
        codes = labels[column]
        random_codes = rng.choice(len(shares), len(codes), p=shares)
        drawn[column] = np.where(codes >= 0, codes, random_codes)
    return drawn
