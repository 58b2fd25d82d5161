"""Plates and places that do, and do not, show in the features."""

import warnings

import numpy as np
import pandas as pd
import pytest

from gandl_jax.profiles import table
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import batch_effects as task
from gandl_jax.tasks.skip import LeftOut, Skip

OPTIONS = {
    "max_folds": 10,
    "repeats": 3,
    "normalize": "standard",
    "svm_c": 1.0,
    "bootstrap_unit": "well",
    "bootstrap_draws": 100,
    "seed": 0,
}


@pytest.fixture
def screen():
    """4 plates of 8 rows and 12 columns; three wells of four are untreated."""
    rows = [
        ("E", str(plate), f"{'ABCDEFGH'[r]}{c + 1:02d}", (r + c) % 4 > 0)
        for plate in range(4)
        for r in range(8)
        for c in range(12)
    ]
    names = ["Metadata_Experiment", "Metadata_Plate", "Metadata_Well", "untreated"]
    metadata = pd.DataFrame(rows, columns=names)
    untreated = metadata.pop("untreated")
    ids = [str(i) for i in range(len(rows))]
    return metadata.assign(
        Metadata_Role=np.where(untreated, "response_0", "treated"),
        Metadata_Record_ID=ids,
    )


def scores(metadata, features):
    plan = task.splits(metadata, OPTIONS)
    sets = {"s": FeatureSet("s", metadata, features.astype(np.float32))}
    rows = pd.DataFrame(task.run(sets, plan, **OPTIONS))
    return rows.set_index(["label", "normalize"])


def test_normalising_removes_a_plates_offset(screen):
    rng = np.random.default_rng(0)
    plate = screen["Metadata_Plate"].astype(int).to_numpy()
    features = rng.normal(size=(384, 6)) + 8 * rng.normal(size=(4, 6))[plate]
    rows = scores(screen, features)
    assert len(rows) == 6 and set(rows["set"]) == {"s"}
    raw = rows.loc[("plate", "standard, all plates together")]
    seen = rows.loc[("plate", "standard")]
    assert raw["value"] == 1 and raw["chance"] == 0.25
    assert seen["low"] <= 0.25 <= seen["high"] and seen["value"] < 0.4
    assert raw["wells"] == raw["records"] == 288  # of the untreated wells, each one
    assert raw["differences"] == {} and raw["classes"] == ["E/0", "E/1", "E/2", "E/3"]


def test_a_gradient_over_rows_shows_in_rows_only(screen):
    rng = np.random.default_rng(1)
    places = np.array([table.parse_well(w) for w in screen["Metadata_Well"]])
    features = rng.normal(size=(384, 40))
    features[:, np.arange(8)] += 9 * (places[:, [0]] == np.arange(1, 9))
    rows = scores(screen, features)
    rows = rows[rows.index.get_level_values("normalize") == "standard"].droplevel(1)
    assert rows["value"]["row band"] > 0.95
    for label in ("plate", "column band"):
        assert rows["low"][label] <= 0.25 <= rows["high"][label]
    assert rows["classes"]["row band"] == ["1 to 2", "3 to 4", "5 to 6", "7 to 8"]
    assert rows["classes"]["column band"] == ["1 to 3", "4 to 6", "7 to 9", "10 to 12"]


def test_all_records_where_there_are_no_roles(screen):
    plan = task.splits(screen.drop(columns="Metadata_Role"), OPTIONS)
    for split in plan:
        assert sorted(np.concatenate([test for _, test in split.folds])) == [
            *range(384)
        ]


def test_without_controls_plates_are_normalised_together_and_asked_once(screen):
    screen = screen.drop(columns="Metadata_Role")
    rows = scores(screen, np.random.default_rng(0).normal(size=(384, 4)))
    assert rows.index.is_unique and len(rows) == 3
    told = set(rows.index.get_level_values("normalize"))
    assert told == {"standard, all plates together"}


def test_one_plate_has_places_only(screen):
    one = screen[screen["Metadata_Plate"] == "2"].reset_index(drop=True)
    with pytest.warns(
        LeftOut,
        match="the plate of a well .* in all: all its controls are on plate E/2",
    ):
        plan = task.splits(one, OPTIONS)
    assert [split.label for split in plan] == ["row band", "column band"]
    two = one[one["Metadata_Well"].isin(["A01", "A02"])]
    with pytest.raises(Skip, match="the row of a well can be told was not asked"):
        task.splits(two, OPTIONS)


def test_wells_lie_on_one_side(screen):
    twice = pd.concat([screen, screen]).reset_index(drop=True)
    twice["Metadata_Record_ID"] = [str(i) for i in range(768)]
    wells = table.wells(twice)
    for split in task.splits(twice, OPTIONS):
        assert not split.leaky and len(split.folds) == 4
        for train, test in split.folds:
            assert not set(wells[train]) & set(wells[test])


@pytest.mark.parametrize("column", ["Plate", "Well"])
def test_a_missing_column_is_a_skip(screen, column):
    with pytest.raises(Skip, match=f"no column Metadata_{column}"):
        task.splits(screen.drop(columns=f"Metadata_{column}"), OPTIONS)


def test_large_screens_are_drawn_from(screen, monkeypatch):
    monkeypatch.setattr(task, "MAX_RECORDS", 100)
    with pytest.warns(LeftOut, match="plate in all: 100 of 288 records, drawn at rand"):
        plan = task.splits(screen, OPTIONS)
    for split in plan:
        assert sum(len(test) for _, test in split.folds) == 100


def test_cell_models_without_untreated_wells_are_told(screen):
    other = screen.assign(Metadata_Role="treated", Metadata_Cell_Type="VERO")
    both = pd.concat([screen.assign(Metadata_Cell_Type="HRCE"), other])
    both["Metadata_Record_ID"] = [str(i) for i in range(len(both))]
    words = r"VERO: left out \(384 records\), without untreated control wells"
    with pytest.warns(LeftOut, match=words):
        plan = task.splits(both.reset_index(drop=True), OPTIONS)
    assert {split.group for split in plan} == {"HRCE"}


def test_55_plates_of_few_wells_raise_no_warnings_but_our_own():
    """Libraries' own, of classes with fewer members than folds, tell users nothing."""
    rows = [(str(p), f"{r}{c:02d}") for p in range(55) for r in "BC" for c in (2, 3)]
    metadata = pd.DataFrame(rows, columns=["Metadata_Plate", "Metadata_Well"])
    ids = [str(i) for i in range(len(rows))]
    metadata = metadata.assign(Metadata_Role="response_0", Metadata_Record_ID=ids)
    features = np.random.default_rng(0).normal(size=(len(rows), 3))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = scores(metadata, features)
    assert {one.category for one in caught} <= {LeftOut}
    assert len(caught) == len({str(one.message) for one in caught})
    assert found.loc[("plate", "standard")]["chance"] == pytest.approx(1 / 55)
