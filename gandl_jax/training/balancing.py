"""Classes shown alike often: config.data.extra and config.data.oversample.

Imports nothing slow.
"""

from collections.abc import Mapping

import ml_collections
import numpy as np

from gandl_jax.errors import InputError
from gandl_jax.reading.classes import Classes


def one_column(
    config: ml_collections.ConfigDict, found: Mapping[str, Classes]
) -> Classes:
    """The column whose classes are balanced.

    Raises:
      InputError: no label is learnt, or several are.
    """
    if len(found) != 1:
        key = "extra" if config.data.extra else "oversample"
        raise InputError(
            f"config.data.{key} balances the classes of one column, and the method "
            f"{config.method.name} learns {len(found)} "
            f"(config.data.label={config.data.label!r}): name one that it learns"
        )
    return next(iter(found.values()))


def oversampled(codes: np.ndarray, rows: np.ndarray, seed: int) -> np.ndarray:
    """Rows, some of them again, until every class has as many as the largest.

    All of a class come as often, but for a remainder that is drawn.

    Args:
      codes: [N] class of each record, -1 for none.
      rows: [n] that are trained on; those of no class come once.
      seed: of the draw.

    Returns:
      [m] int64, ascending.
    """
    own, rng = codes[rows], np.random.default_rng(seed)
    most = int(np.bincount(own[own >= 0]).max())
    parts = [rows[own < 0]]
    for code in np.unique(own[own >= 0]):
        of_class = rows[own == code]
        times, rest = divmod(most, len(of_class))
        parts += [np.repeat(of_class, times), rng.permutation(of_class)[:rest]]
    return np.sort(np.concatenate(parts)).astype(np.int64)
