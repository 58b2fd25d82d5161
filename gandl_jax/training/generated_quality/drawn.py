"""Images as a method draws them: each depends on the seed, its number and its class."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from gandl_jax import parallel
from gandl_jax.methods.source import Source

STREAM = 2**31  # apart from the keys of --job=generate


class Drawn:
    """Draws the same numbers from every state.

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
        """Draws images 0 .. count - 1, and as many more as fill the last batch.

        Args:
          state: of the training.
          labels: column to [count] int classes.
          count: images that are wanted.
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
    """The classes of real images, and for blank ones those that chance gives.

    Args:
      labels: column to [N] int classes of real images, -1 where blank.
      source: of the method; its columns are drawn by, in its proportions.
      seed: of chance.
    """
    rng = np.random.default_rng(seed)
    chosen = {}
    for column, counts in source.class_counts.items():
        shares = np.asarray(counts, np.float64) / max(sum(counts), 1)
        codes = labels[column]
        chance = rng.choice(len(shares), len(codes), p=shares)
        chosen[column] = np.where(codes >= 0, codes, chance)
    return chosen
