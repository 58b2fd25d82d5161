"""The part of a screen on which tasks judge sets that learn nothing from records.

Classifications learn from one side of a split and are judged on the other. Tasks that
only measure features are judged on the records held out of the encoder's training, if
there are any, else on all.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from gandl_jax.profiles import held_out
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.profiles.groups import HELD_OUT


def rows(metadata: pd.DataFrame) -> np.ndarray:
    """Returns the positions [n] int of the judged records.

    Args:
      metadata: [N] rows of Metadata_* columns.
    """
    if held_out.COLUMN not in metadata:
        return np.arange(len(metadata))
    return np.flatnonzero(metadata[held_out.COLUMN].to_numpy(object) == "test")


def judged_part(feature_set: FeatureSet) -> FeatureSet:
    """Returns the set of the judged records; copied only if they are not all."""
    judged = rows(feature_set.metadata)
    return (
        feature_set
        if len(judged) == len(feature_set.metadata)
        else feature_set.take(judged)
    )


def about(metadata: pd.DataFrame) -> dict[str, str]:
    """Returns columns that describe the part: "split" if records were held out."""
    return {"split": HELD_OUT} if held_out.COLUMN in metadata else {}


def remark(metadata: pd.DataFrame) -> Iterator[str]:
    """Yields a sentence if not all records are judged."""
    if held_out.COLUMN in metadata:
        yield (
            f"{len(rows(metadata)):,} of {len(metadata):,} records are judged, those "
            "that were held out of training"
        )
