"""Which records this experiment's encoder was not trained on, told beside each record.

It is the same for every feature set of the screen, floors and published tables too: all
are judged on the same records.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from gandl_jax.profiles.seen import Seen

COLUMN = "Metadata_Held_Out"
SIDES = {False: "test", True: "train", None: ""}  # as in Metadata_Split


def noted(metadata: pd.DataFrame, seen: Iterable[Seen]) -> pd.DataFrame:
    """Adds what was held out, where anything was.

    Args:
      metadata: [N] rows of Metadata_* columns.
      seen: what each encoder saw of these records; the first that saw some of them and
        not others counts.

    Returns:
      The rows, with `COLUMN` where there is such an encoder: "test" is held out,
      "train" is seen, "" is not known.
    """
    for one in seen:
        if {True, False} <= set(one.images):
            sides = np.array([SIDES[saw] for saw in one.images], object)
            return metadata.assign(**{COLUMN: sides})
    return metadata
