"""Rounds features to float32, and reports what that loses."""

from collections.abc import Sequence

import numpy as np

from gandl_jax.errors import InputError

_SHOWN = 3  # of the columns that a line gives


class Narrow:
    """Turns float64 into float32, a piece at a time.

    Args:
      name: of the table, for messages.
      titles: of its D columns.
    """

    def __init__(self, name: str, titles: Sequence[str]):
        self._name, self._titles = name, titles
        self._rounded = np.zeros(len(titles), bool)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Rounds to the nearest float32.

        Args:
          values: [n, D] float64.

        Returns:
          [n, D] float32.

        Raises:
          InputError: a finite number is beyond float32.
        """
        with np.errstate(over="ignore", under="ignore"):
            narrow = values.astype(np.float32)
        lost = np.isinf(narrow) & np.isfinite(values)
        if lost.any():
            row, column = np.argwhere(lost)[0]
            raise InputError(
                f"{self._name}: column {self._titles[column]!r} holds "
                f"{values[row, column]:g}, beyond the largest number that is stored "
                f"({np.finfo(np.float32).max:g}): scale the column, or leave it out "
                "(config.imported.not_features)"
            )
        is_whole = values == np.rint(values)
        changed = (narrow != values) & (is_whole | (narrow == 0)) & ~np.isnan(values)
        self._rounded |= changed.any(0)
        return narrow

    def note(self) -> str | None:
        """Returns a sentence on whole numbers that were rounded; None if none were."""
        columns = np.flatnonzero(self._rounded)
        if not len(columns):
            return None
        shown = ", ".join(repr(self._titles[i]) for i in columns[:_SHOWN])
        hold = "column holds" if len(columns) == 1 else "columns hold"
        return (
            f"{len(columns)} {hold} whole numbers above 2^24, or numbers next to 0, "
            "that are rounded where features are stored, as float32: "
            f"{shown}{', ...' * (len(columns) > _SHOWN)}"
        )
