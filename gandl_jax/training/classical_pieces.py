"""Pieces of the set "classical", kept on disk until all records are measured."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd
from etils import epath

from gandl_jax.prepared import prepared
from gandl_jax.profiles import origin_note, part_file, store

RECORDS = 32  # per piece (ours)
FOLDER = "_measured"  # readers of Parquet folders skip _*
_ROW = "Metadata_Row"  # in the prepared screen's table


@dataclasses.dataclass(frozen=True)
class Piece:
    """A piece: records whose measurements share a file.

    Attributes:
      path: of the file, which need not exist.
      shard: of the prepared screen.
      rows: [n] int, rows of its table.
    """

    path: epath.Path
    shard: int
    rows: np.ndarray


class Pieces:
    """The pieces of a set that is being measured.

    Args:
      directory: profiles/<dataset>/<set>, claimed.
      dataset: the prepared screen.
      names: of the measurements.
    """

    def __init__(
        self, directory: epath.Path, dataset: prepared.Prepared, names: Sequence[str]
    ):
        self._folder = directory / FOLDER
        self._set, self._width = directory.name, len(names)
        self._made_from = origin_note.digest(store.made_from(directory))
        self._all = [
            Piece(self._folder / f"rows-{shard:05d}-{number:04d}.parquet", shard, rows)
            for shard in range(dataset.shards)
            for number, rows in enumerate(_cut(dataset.rows(shard)))
        ]

    def due(self) -> list[Piece]:
        """Returns the pieces that are still to be measured."""
        return [piece for piece in self._all if self._note(piece) is None]

    def write(
        self, piece: Piece, rows: Sequence[int], values: Sequence[np.ndarray]
    ) -> None:
        """Keeps a piece, whole or not at all.

        Args:
          piece: that was measured.
          rows: n rows of the piece that could be read.
          values: n arrays [D] of measurements; kept as float32.
        """
        self._folder.mkdir(exist_ok=True)
        with np.errstate(over="ignore"):  # beyond float32 is infinite
            stored = np.stack(values).astype(np.float32)
        part_file.write(
            piece.path,
            pd.DataFrame({_ROW: np.asarray(rows, np.int64)}),
            {self._set: stored},
            self._made_from,
        )

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """Reads all pieces: [N] int64 rows, ascending, and [N, D] float32."""
        rows, values = [np.zeros(0, np.int64)], [np.zeros((0, self._width), np.float32)]
        for piece in self._all:
            if note := self._note(piece):
                widths = {self._set: self._width}
                metadata, sets = part_file.read(piece.path, widths, note.sha256)
                rows.append(metadata[_ROW].to_numpy())
                values.append(sets[self._set])
        rows, values = np.concatenate(rows), np.concatenate(values)
        order = np.argsort(rows)
        return rows[order], values[order]

    def delete(self) -> None:
        """Deletes the pieces."""
        if self._folder.exists():
            self._folder.rmtree()

    def _note(self, piece: Piece) -> part_file.Note | None:
        """Returns the note of a piece that is whole and of this set; else None."""
        note = part_file.note(piece.path)
        if note is None or note.made_from != self._made_from:
            return None
        return None if part_file.find_damage(piece.path, note.sha256) else note


def _cut(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[i : i + RECORDS] for i in range(0, len(rows), RECORDS)]
