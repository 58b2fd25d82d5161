"""Planted compounds are effective at the doses at which they are."""

import numpy as np
import pandas as pd
import pytest

from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.profiles.seen import Seen
from gandl_jax.tasks import efficacy, median_bound
from gandl_jax.tasks.skip import Skip

DOSES = (0.1, 0.3, 1.0, 3.0)
OPTIONS = {"features": "b8", "normalize": "standard", "seed": 0}
# Infection of each dose.
PLANTED = {"rescuer": (0.8, 0.7, 0.2, 0.1), "inactive": (0.8, 0.8, 0.8, 0.8)}


def planted(replicates):
    """Metadata, one site a well, and the infection of each."""
    wells = [("response_0", "", np.nan, 0.8)] * 8 + [
        ("response_1", "", np.nan, 0.1)
    ] * 8
    for name, infection in PLANTED.items():
        doses = zip(DOSES, infection, strict=True)
        wells += [("treated", name, *both) for both in doses] * replicates
    wells += [("treated", "no dose", np.nan, 0.1), ("other", "rescuer", 1.0, 0.9)]
    rows = [
        {
            "Metadata_Cell_Type": "HRCE",
            "Metadata_Experiment": "HRCE-1",
            "Metadata_Plate": str(number % 2),
            "Metadata_Well": f"{'ABCDEFGH'[number // 12]}{number % 12 + 1:02d}",
            "Metadata_Record_ID": str(number),
            "Metadata_Role": role,
            "Metadata_Treatment": treatment,
            "Metadata_Concentration_uM": dose,
            "infection": infection,
        }
        for number, (role, treatment, dose, infection) in enumerate(wells)
    ]
    table = pd.DataFrame(rows)
    return table, table.pop("infection").to_numpy()


def sets_of(replicates, learnt=()):
    """An encoder's own infection and its features, and another encoder's."""
    metadata, infection = planted(replicates)
    rng = np.random.default_rng(0)
    own = np.clip(infection + rng.normal(0, 0.03, len(infection)), 0, 1)[:, None]
    features = 10 * infection[:, None] + rng.normal(0, 0.5, (len(infection), 8))
    is_control = metadata["Metadata_Role"].str.startswith("response").to_numpy()
    seen = Seen.from_pairs([(True, "Role" if c else "") for c in is_control])
    unseen = Seen.alike(len(metadata), False)
    return {
        "gan@9/b8": FeatureSet("gan@9/b8", metadata, np.float32(features), unseen),
        "deemd@9/b8": FeatureSet("deemd@9/b8", metadata, np.float32(features), seen),
        "deemd@9/infection": FeatureSet(
            "deemd@9/infection", metadata, np.float32(own), seen
        ),
    }


@pytest.mark.parametrize("replicates", [2, 6])
def test_planted_doses_are_found_by_either_way(replicates):
    sets = sets_of(replicates)
    efficacy.check(sets["gan@9/b8"].metadata, OPTIONS)
    rows = efficacy.run(sets, [], **OPTIONS)
    assert {row["set"] for row in rows} == {"gan@9/b8", "deemd@9/infection"}
    assert {row["features"] for row in rows} == {"b8"}, "all stand beside the headline"
    how = median_bound.ORDER if replicates == 6 else median_bound.SHARED
    for encoder in ("gan@9", "deemd@9"):
        own = [row for row in rows if row["encoder"] == encoder]
        treated = [row for row in own if row["treatment"]]
        assert {row["bound"] for row in treated} == {how}
        assert {row["wells"] for row in treated} == {replicates}
        found = {
            (row["treatment"], row["concentration_um"])
            for row in efficacy.effective(treated)
        }
        assert found == {("rescuer", 1.0), ("rescuer", 3.0)}
        zero, one = (row for row in own if not row["treatment"])
        assert (zero["role"], zero["effective"]) == ("response_0", False)
        assert (one["role"], one["effective"]) == ("response_1", True)
    text = efficacy.table(rows)
    assert "1 of 2 compounds have an effective dose" in text
    assert "1, 3" in text.splitlines()[2] and "inactive" not in text


def test_a_median_is_that_of_its_wells():
    sets = sets_of(6)
    rows = efficacy.run(sets, [], **OPTIONS)
    one = sets["deemd@9/infection"]
    own = (one.metadata["Metadata_Treatment"] == "rescuer") & (
        one.metadata["Metadata_Concentration_uM"] == 0.3
    )
    values = one.features[own.to_numpy(), 0].astype(float)
    (row,) = (
        row
        for row in rows
        if (row["set"], row["treatment"], row["concentration_um"])
        == (one.name, "rescuer", 0.3)
    )
    assert row["median"] == pytest.approx(np.median(values))
    assert row["upper"] == pytest.approx(values.max())  # the highest of 6
    assert sorted(row["points"]) == pytest.approx(sorted(values))


def test_only_rows_whose_wells_were_learnt_with_labels_are_marked():
    rows = efficacy.run(sets_of(2), [], **OPTIONS)
    marked = {(row["encoder"], row["role"]) for row in rows if row["labels_seen"]}
    assert marked == {("deemd@9", "response_0"), ("deemd@9", "response_1")}
    assert all(
        r["encoder_saw_test_images"] == (r["encoder"] == "deemd@9") for r in rows
    )


def test_what_was_learnt_from_controls_whose_labels_were_seen_is_marked():
    sets = sets_of(2)
    del sets["deemd@9/infection"]
    rows = efficacy.run(sets, [], **OPTIONS)
    marked = {row["encoder"] for row in rows if row["labels_seen"]}
    assert marked == {"deemd@9"}
    assert all(row["labels_seen"] for row in rows if row["encoder"] == "deemd@9")


def test_where_controls_are_alike_no_dose_is_judged():
    sets = sets_of(2)
    alike = np.full((len(sets["gan@9/b8"].metadata), 1), 0.4, np.float32)
    alike += np.random.default_rng(0).uniform(0, 0.2, alike.shape)
    one = sets["deemd@9/infection"]
    other = FeatureSet(one.name, one.metadata, alike, one.seen)
    rows = efficacy.run({one.name: other}, [], **OPTIONS)
    assert {row["effective"] for row in rows} == {None}
    assert "deemd@9, HRCE: the controls are not told apart" in efficacy.table(rows)


def test_screens_without_controls_or_doses_are_skipped():
    metadata, _ = planted(2)
    efficacy.check(metadata, OPTIONS)
    with pytest.raises(Skip, match="no column Metadata_Role"):
        efficacy.check(metadata.drop(columns="Metadata_Role"), OPTIONS)
    healthy = metadata["Metadata_Role"] == "response_1"
    with pytest.raises(Skip, match="no experiment has wells of response 0"):
        efficacy.check(metadata[~healthy], OPTIONS)
    with pytest.raises(Skip, match="has a treated well with a dose"):
        efficacy.check(metadata.assign(Metadata_Concentration_uM=np.nan), OPTIONS)
