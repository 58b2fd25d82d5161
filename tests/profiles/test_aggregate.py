"""Well means against pandas."""

import numpy as np
import pandas as pd
import pytest

from gandl_jax.profiles import aggregate
from gandl_jax.profiles.aggregate import group_means, well_means
from gandl_jax.profiles.feature_set import FeatureSet


@pytest.mark.parametrize("block", [1, 2, 4096])
def test_group_means_are_those_of_pandas(monkeypatch, block):
    monkeypatch.setattr(aggregate, "BLOCK", block)
    rng = np.random.default_rng(0)
    groups = rng.choice(["b", "a", "c"], 50).astype(object)
    values = rng.normal(size=(50, 3))
    names, means = group_means(values, groups)
    expected = pd.DataFrame(values).groupby(groups).mean()
    assert names.tolist() == expected.index.tolist()
    np.testing.assert_allclose(means, expected, rtol=1e-12)


def test_well_means_keep_the_wells_metadata():
    metadata = pd.DataFrame(
        {
            "Metadata_Experiment": "E",
            "Metadata_Plate": ["2", "1", "2", "1"],
            "Metadata_Well": ["A01", "A01", "A01", "B01"],
            "Metadata_Treatment": ["x", "y", "x", "z"],
        }
    )
    features = np.array([[1.0], [2.0], [4.0], [8.0]], np.float32)
    wells = well_means(FeatureSet("s", metadata, features))
    assert wells.metadata["Metadata_Treatment"].tolist() == ["y", "z", "x"]
    names = ["E/1/A01", "E/1/B01", "E/2/A01"]
    assert wells.metadata["Metadata_Record_ID"].tolist() == names
    assert wells.features[:, 0].tolist() == [2.0, 8.0, 2.5]
