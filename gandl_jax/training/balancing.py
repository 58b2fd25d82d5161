"""Balanced classes: config.data.extra and config.data.oversample.

Imports nothing slow.
"""

from collections.abc import Mapping

import ml_collections
import numpy as np

from gandl_jax.errors import InputError
from gandl_jax.reading.classes import Classes


def one_column(
    config: ml_collections.ConfigDict, columns: Mapping[str, Classes]
) -> Classes:
    """Returns the classes of the one column that is balanced.

    Raises:
      InputError: the method learns no label, or several.
    """
    if len(columns) != 1:
        key = "extra" if config.data.extra else "oversample"
        raise InputError(
            f"config.data.{key} balances the classes of one column, and the method "
            f"{config.method.name} learns {len(columns)} "
            f"(config.data.label={config.data.label!r}): name one that it learns"
        )
    return next(iter(columns.values()))


def oversampled(codes: np.ndarray, rows: np.ndarray, seed: int) -> np.ndarray:
    """Repeats rows until every class has as many as the largest.

    All rows of a class are repeated equally often, but for a random remainder.

    Args:
      codes: [N] class of each record, -1 for none.
      rows: [n] rows that are trained on; those without a class come once.
      seed: of the random remainder.

    Returns:
      [m] int64, ascending.
    """
    row_codes, rng = codes[rows], np.random.default_rng(seed)
    largest = int(np.bincount(row_codes[row_codes >= 0]).max())
    row_groups = [rows[row_codes < 0]]
    for code in np.unique(row_codes[row_codes >= 0]):
        class_rows = rows[row_codes == code]
        times, rest = divmod(largest, len(class_rows))
        row_groups += [np.repeat(class_rows, times), rng.permutation(class_rows)[:rest]]
    return np.sort(np.concatenate(row_groups)).astype(np.int64)
