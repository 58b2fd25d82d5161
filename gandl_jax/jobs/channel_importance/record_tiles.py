"""Images that networks are shown: read once for all, if memory allows."""

from collections.abc import Callable

import numpy as np

from gandl_jax.jobs.channel_importance.judged_records import Judged
from gandl_jax.training import embedding, pooling

KEPT_BYTES = 2**29  # of tiles that stay in memory for the next network (ours)


class RecordTiles:
    """Tiles of the judged records, a block at a time, with all channels.

    Args:
      judged: the records.
      config: of the trainings of all channels.
      on_bad: called with records that cannot be read, which are left out; None raises.
    """

    def __init__(self, judged: Judged, config, on_bad: Callable[[int], None] | None):
        self._judged, self._config, self._on_bad = judged, config, on_bad
        self._kept: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._bytes = 0

    def block(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Reads a block of `Judged.blocks`, like `read`, or takes it from memory."""
        if number in self._kept:
            return self._kept[number]
        rows_and_tiles = self.read(self._judged.blocks[number])
        self._bytes += rows_and_tiles[1].nbytes
        if self._bytes <= KEPT_BYTES:
            self._kept[number] = rows_and_tiles
        return rows_and_tiles

    def read(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Reads rows [m] that can be read, and their tiles [m, T, H, W, C] in [-1, 1].

        Args:
          rows: [n] of the screen's table, ascending.
        """
        dataset = self._judged.records.dataset
        batches = embedding.tile_batches(
            dataset, self._config, self._on_bad, None, rows
        )
        by_record = pooling.by_record(
            (batch["record"][batch["mask"]], {"": batch["images"]}, batch["mask"])
            for batch in batches
        )
        tiles = {record: sets[""] for record, sets in by_record}
        return np.array(list(tiles), np.int64), np.stack(list(tiles.values()))
