"""What is written as AnnData is read back by anndata itself."""

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest

from gandl_jax.profiles import anndata_file
from gandl_jax.profiles.feature_set import FeatureSet


@pytest.fixture
def one():
    metadata = pd.DataFrame(
        {
            "Metadata_Record_ID": [f"s{i}" for i in range(12)],
            "Metadata_Plate": [str(i) for i in range(12, 0, -1)],
            "Metadata_Treatment": ["", "x", "y"] * 4,
            "Metadata_Concentration_uM": [np.nan, 0.3, 1.0] * 4,
        }
    )
    features = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
    return FeatureSet("gan@5/b8", metadata, features)


def test_roundtrip(one, tmp_path):
    path = tmp_path / "a.h5ad"
    anndata_file.write(path, one, {"version": "1", "made_from": {"x": [1]}})
    read = anndata.read_h5ad(path)
    assert read.X.dtype == np.float32
    np.testing.assert_array_equal(read.X, one.features)
    assert read.obs_names.tolist() == one.metadata["Metadata_Record_ID"].tolist()
    assert read.var_names.tolist() == ["b8__0", "b8__1", "b8__2"]
    seen = ["seen_images", "seen_labels"]
    assert read.obs.columns.tolist() == [*one.metadata.columns, *seen]
    assert (read.obs[seen] == "unknown").all(axis=None)
    for column in ("Metadata_Plate", "Metadata_Treatment", "Metadata_Record_ID"):
        assert read.obs[column].astype(str).tolist() == one.metadata[column].tolist()
    dose = "Metadata_Concentration_uM"
    np.testing.assert_array_equal(read.obs[dose], one.metadata[dose])
    assert anndata_file.provenance(path) == {"version": "1", "made_from": {"x": [1]}}


def test_what_is_no_such_file_has_no_provenance(one, tmp_path):
    assert anndata_file.provenance(tmp_path / "none.h5ad") is None
    (tmp_path / "text.h5ad").write_text("no")
    assert anndata_file.provenance(tmp_path / "text.h5ad") is None
    with h5py.File(tmp_path / "other.h5ad", "w") as file:
        file["uns/else"] = 1
    assert anndata_file.provenance(tmp_path / "other.h5ad") is None
