"""Identities as features, against pandas' own dummies."""

import numpy as np
import pandas as pd
import pytest

from gandl_jax.errors import InputError
from gandl_jax.profiles import floors

METADATA = pd.DataFrame(
    {
        "Metadata_Experiment": ["E", "E", "F", "E"],
        "Metadata_Plate": ["1", "2", "1", "1"],
        "Metadata_Well": ["A01", "B01", "AA12", "A01"],
    },
    index=[7, 3, 3, 0],  # positions count, not labels
)


def test_a_plate_is_known_by_its_experiment_too():
    got = floors.make(METADATA)["plate"]
    expected = pd.get_dummies(["E/1", "E/2", "F/1", "E/1"], dtype=np.float32)
    np.testing.assert_array_equal(got.toarray(), expected)
    assert got.dtype == np.float32


def test_a_position_is_a_well_its_row_and_its_column():
    got = floors.make(METADATA)["position"]
    names = METADATA["Metadata_Well"].to_numpy(object)
    parts = (names, [1, 2, 27, 1], [1, 1, 12, 1])
    expected = np.hstack([pd.get_dummies(part, dtype=float) for part in parts])
    np.testing.assert_allclose(got.toarray(), expected / np.sqrt(3), rtol=1e-6)
    likeness = (got @ got.T).toarray()
    np.testing.assert_allclose(np.diag(likeness), 1, rtol=1e-6)
    assert likeness[0, 1] == pytest.approx(1 / 3)  # the same column
    assert likeness[0, 2] == 0


def test_only_what_the_screen_has():
    assert set(floors.make(METADATA.drop(columns="Metadata_Well"))) == {"plate"}
    assert set(floors.make(METADATA.drop(columns="Metadata_Plate"))) == {"position"}
    assert floors.make(METADATA[["Metadata_Experiment"]]) == {}


def test_a_well_that_is_none():
    with pytest.raises(InputError, match="Well '1A' is not"):
        floors.make(METADATA.assign(Metadata_Well="1A"))
