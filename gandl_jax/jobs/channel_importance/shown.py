"""The images that networks are shown: read once for all, where memory allows."""

from collections.abc import Callable

import numpy as np

from gandl_jax.jobs.channel_importance.judged_records import Judged
from gandl_jax.training import embedding, pooling

KEPT_BYTES = 2**29  # of tiles that stay in memory for the next network (ours)


class Shown:
    """The tiles of the records that are judged, a block at a time, of all channels.

    Args:
      judged: the records.
      config: of the trainings of all channels.
      on_bad: takes note of records that cannot be read, which are left out; None fails.
    """

    def __init__(self, judged: Judged, config, on_bad: Callable[[int], None] | None):
        self._judged, self._config, self._on_bad = judged, config, on_bad
        self._kept: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._bytes = 0

    def block(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Reads a block of `Judged.blocks`, as of `read`, or takes what was read."""
        if number in self._kept:
            return self._kept[number]
        made = self.read(self._judged.blocks[number])
        self._bytes += made[1].nbytes
        if self._bytes <= KEPT_BYTES:
            self._kept[number] = made
        return made

    def read(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows [m] that can be read, and their tiles [m, T, H, W, C] in [-1, 1].

        Args:
          rows: [n] of the screen's table, ascending.
        """
        dataset = self._judged.records.dataset
        batches = embedding.tile_batches(
            dataset, self._config, self._on_bad, None, rows
        )
        by_record = pooling.by_record(
            (part["record"][part["mask"]], {"": part["images"]}, part["mask"])
            for part in batches
        )
        tiles = {record: sets[""] for record, sets in by_record}
        return np.array(list(tiles), np.int64), np.stack(list(tiles.values()))
