"""What is odd in tables of features and records is found and named."""

import numpy as np
import pandas as pd
import pytest

from gandl_jax.errors import InputError
from gandl_jax.profiles import quality, store


def written(directory, features):
    for number, start in enumerate(range(0, len(features), 4)):
        own = features[start : start + 4]
        names = [f"r{i}" for i in range(start, start + len(own))]
        metadata = pd.DataFrame({"Metadata_Record_ID": names})
        path = directory / f"part-{number:05d}.parquet"
        store.write_part(path, metadata, {"b8": own, "b16": own[:, :2]})
    store.finish(directory)
    return directory


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(size=(10, 5)).astype(np.float32)


def test_sound_features_say_nothing(tmp_path, features):
    assert quality.check_features(written(tmp_path / "gan@0", features)) == []


def test_constant_columns_are_counted_and_named(tmp_path, features):
    features[:, 2] = 0
    features[:, 4] = 1000 + 1e-4 * features[:, 4]  # narrower than float32 resolves
    features[:4, 3] = 5  # on one part only
    lines = quality.check_features(written(tmp_path / "gan@0", features))
    assert lines == [
        "feature set 'gan@0/b8': 2 of 5 columns are constant and tell nothing (2, 4)"
    ]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(tmp_path, features, value):
    features[[5, 9], 3] = value
    features[9, 4] = value
    message = (
        "'gan@0/b8': column 3 is not finite in 2 records, the first 'r5' "
        r"\(and 1 more column\): delete .*gan@0 and run --job=embed again"
    )
    with pytest.raises(InputError, match=message):
        quality.check_features(written(tmp_path / "gan@0", features))


def records(**columns):
    return pd.DataFrame({f"Metadata_{name}": v for name, v in columns.items()})


def test_plates_without_controls():
    roles = ["response_0", "treated", "treated", "response_1", "other"]
    made = records(Experiment="E", Plate=["1", "1", "2", "3", "4"], Role=roles)
    (line,) = quality.doubts(made)
    assert line.startswith("2 of 4 plates have no control wells")
    assert line.endswith("(E/2, E/4)")
    assert quality.doubts(made.iloc[[0, 1, 3]]) == []
    assert quality.doubts(made.iloc[[1, 2, 4]]) == []  # a screen without controls


@pytest.mark.parametrize(
    "column", ["Treatment", "Concentration_uM", "Role", "Cell_Type"]
)
def test_wells_that_hold_what_one_well_cannot(column):
    values = {"Concentration_uM": [1.0, np.nan]}.get(column, ["response_0", "treated"])
    made = records(Well=["A01", "B01"] * 2, Role="other")
    made[f"Metadata_{column}"] = np.repeat(values, 2)
    (line,) = quality.doubts(made)
    assert (
        line.startswith("2 wells hold more than one treatment, dose") and "A01" in line
    )
    assert "config.screen.columns.plate" in line
    apart = made.assign(Metadata_Plate=["1", "1", "2", "2"], Metadata_Role="other")
    if column != "Role":
        assert quality.doubts(apart) == []
        (line,) = quality.doubts(apart.assign(Metadata_Plate="1"))
        assert line.endswith("(config.screen.columns.experiment) missing?")


def test_two_spellings_of_one_treatment():
    names = ["Remdesivir", "remdesivir", "GS 441524", "GS-441524", "Mock", "", "(+)-a"]
    (line,) = quality.doubts(records(Treatment=[*names, "(-)-a", "Remdesivir"]))
    assert line == (
        "2 treatments seem to be written in two ways and are judged apart: "
        "'GS 441524' and 'GS-441524'; 'Remdesivir' and 'remdesivir'"
    )
    assert quality.doubts(records(Treatment=["a", "b", "b", ""])) == []
