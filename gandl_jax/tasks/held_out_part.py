"""The part of a screen by which sets are judged where a task learns nothing of others.

Classifications learn from one side of a split and are judged on the other. Tasks that
only look at features are judged on what was held out of the encoder's training alone,
where anything was.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from gandl_jax.profiles import held_out
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.profiles.groups import HELD_OUT


def rows(metadata: pd.DataFrame) -> np.ndarray:
    """[n] int: the records that are judged.

    Args:
      metadata: [N] rows of Metadata_* columns.
    """
    if held_out.COLUMN not in metadata:
        return np.arange(len(metadata))
    return np.flatnonzero(metadata[held_out.COLUMN].to_numpy(object) == "test")


def part(one: FeatureSet) -> FeatureSet:
    """The set of the records that are judged; copied only where those are fewer."""
    own = rows(one.metadata)
    return one if len(own) == len(one.metadata) else one.take(own)


def about(metadata: pd.DataFrame) -> dict[str, str]:
    """What rows of scores say of it: "split" where records were held out."""
    return {"split": HELD_OUT} if held_out.COLUMN in metadata else {}


def remark(metadata: pd.DataFrame) -> Iterator[str]:
    """A sentence where not all records are judged."""
    if held_out.COLUMN in metadata:
        yield (
            f"{len(rows(metadata)):,} of {len(metadata):,} records are judged, those "
            "that were held out of training"
        )
