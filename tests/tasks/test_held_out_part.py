"""Records that were held out are judged alone, and that is said."""

import numpy as np
import pandas as pd

from gandl_jax.profiles import held_out
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import held_out_part


def test_where_nothing_was_held_out_all_records_are_judged():
    metadata = pd.DataFrame({"Metadata_Plate": ["1", "2"]})
    one = FeatureSet("s", metadata, np.eye(2, dtype=np.float32))
    assert held_out_part.rows(metadata).tolist() == [0, 1]
    assert held_out_part.judged_part(one) is one
    assert (held_out_part.about(metadata), [*held_out_part.remark(metadata)]) == (
        {},
        [],
    )


def test_what_was_seen_or_is_not_known_is_not_judged():
    metadata = pd.DataFrame({held_out.COLUMN: ["test", "train", "", "test"]})
    one = FeatureSet("s", metadata, np.arange(4, dtype=np.float32)[:, None])
    assert held_out_part.judged_part(one).features[:, 0].tolist() == [0, 3]
    assert held_out_part.about(metadata) == {"split": "held_out"}
    (words,) = held_out_part.remark(metadata)
    assert words.startswith("2 of 4 records are judged")
