"""The records that a training reads, sets aside for validation, and never sees.

Imports nothing slow.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from gandl_jax.errors import InputError
from gandl_jax.prepared import prepared
from gandl_jax.profiles import groups

HOLD_OUT, VALIDATION = "config.train.hold_out", "config.train.validation"


class Rows(NamedTuple):
    """Rows of a screen's table, ascending, [n] int64 each.

    Attributes:
      trained: rows that training reads.
      validated: rows that it is validated by.
      held_out: rows that it never reads.
    """

    trained: np.ndarray
    validated: np.ndarray
    held_out: np.ndarray


def resolve(metadata: pd.DataFrame, hold_out: str, validation: str) -> Rows:
    """Resolves the records that a config holds out, alike for every method and seed.

    Records without a group of the unit, such as controls of "treatment:0.33", are
    trained on.

    Args:
      metadata: [N] rows of Metadata_* columns, of the whole screen.
      hold_out: `config.train.hold_out`.
      validation: `config.train.validation`, of the remaining records.

    Raises:
      InputError: no such groups, or nothing is left to train on.
    """
    rest = not_held(metadata, hold_out)
    aside = _chosen(metadata.iloc[rest], validation, VALIDATION)
    held = np.setdiff1d(np.arange(len(metadata)), rest)
    return Rows(rest[~aside], rest[aside], held)


def not_held(metadata: pd.DataFrame, hold_out: str) -> np.ndarray:
    """Returns the rows that are not held out, ascending, [n] int64.

    Raises:
      InputError: as in `resolve`.
    """
    return np.flatnonzero(~_chosen(metadata, hold_out, HOLD_OUT))


def divides_plates(metadata: pd.DataFrame, rows: Rows) -> bool:
    """Whether held-out records share a plate, and so its grey levels, with others."""
    plate = prepared.plates(metadata)
    if plate is None:
        return len(rows.held_out) > 0
    held = np.unique(plate[rows.held_out])
    rest = np.concatenate([rows.trained, rows.validated])
    return bool(np.isin(held, plate[rest]).any())


def _chosen(metadata: pd.DataFrame, text: str, key: str) -> np.ndarray:
    """Marks the records of the groups that a text names, [N] bool; none for ""."""
    if not text:
        return np.zeros(len(metadata), bool)
    chosen = groups.chosen(metadata, text, key=key)
    if chosen.all():
        raise InputError(
            f"{key}={text} holds all {len(metadata):,} records, and leaves none to "
            "train on: name fewer groups"
        )
    return chosen
