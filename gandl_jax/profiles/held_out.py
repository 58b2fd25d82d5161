"""Adds a column with the records that this experiment's encoder was not trained on.

The column is the same for every feature set of the screen, also for floors and
published tables: all are judged on the same records.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from gandl_jax.profiles.seen import Seen

COLUMN = "Metadata_Held_Out"
SIDES = {False: "test", True: "train", None: ""}  # as in Metadata_Split


def add_column(metadata: pd.DataFrame, seen: Iterable[Seen]) -> pd.DataFrame:
    """Adds the column of held-out records, if an encoder held out any.

    Args:
      metadata: [N] rows of Metadata_* columns.
      seen: what each encoder saw of these records; the first that saw some of them but
        not all counts.

    Returns:
      The rows, with `COLUMN` if there is such an encoder: "test" is held out, "train"
      is seen, "" is unknown.
    """
    for seen_records in seen:
        if {True, False} <= set(seen_records.images):
            sides = np.array([SIDES[saw] for saw in seen_records.images], object)
            return metadata.assign(**{COLUMN: sides})
    return metadata
