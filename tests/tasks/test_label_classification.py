"""Mechanisms with compounds left out, against scikit-learn and against leaks."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC

from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import label_classification as task
from gandl_jax.tasks.skip import LeftOut, Skip

OPTIONS = {
    "label": "Mechanism",
    "label_controls": True,
    "label_splits": ("treatment",),
    "max_folds": 12,
    "repeats": 2,
    "normalize": "standard",
    "svm_c": 1.0,
    "bootstrap_unit": "well",
    "bootstrap_draws": 200,
    "seed": 0,
}


@pytest.fixture
def screen():
    """One plate: 12 compounds of 4 mechanisms in 8 wells each, 2 sites a well."""
    rows = [
        (
            f"drug {c:02d}",
            f"mechanism {c % 4}",
            f"{'ABCDEFGH'[r]}{c + 1:02d}",
            str(site),
        )
        for c in range(12)
        for r in range(8)
        for site in range(2)
    ]
    names = ["Treatment", "Mechanism", "Well", "Site"]
    metadata = pd.DataFrame(rows, columns=[f"Metadata_{n}" for n in names])
    ids = [str(i) for i in range(len(rows))]
    return metadata.assign(
        Metadata_Plate="1", Metadata_Role="treated", Metadata_Record_ID=ids
    )


def scores(metadata, features, **options):
    options = {**OPTIONS, **options}
    plan = task.splits(metadata, options)
    sets = {"s": FeatureSet("s", metadata, features.astype(np.float32), None)}
    return pd.DataFrame(task.run(sets, plan, **options))


def one(rows, **where):
    for column, wanted in {"set": "s", "metric": "balanced_accuracy", **where}.items():
        rows = rows[rows[column] == wanted]
    (row,) = rows.to_dict("records")
    return row


def looks(metadata, rng, *, compound):
    """Of the mechanism, of the compound, and noise."""
    codes = [np.unique(metadata[c], return_inverse=True)[1] for c in metadata]
    of = dict(zip(metadata, codes, strict=True))
    x = rng.normal(size=(4, 30))[of["Metadata_Mechanism"]]
    x = x + compound * rng.normal(size=(12, 30))[of["Metadata_Treatment"]]
    return x + rng.normal(size=x.shape)


def test_compounds_left_out_is_scikit_learns_cross_validation(screen):
    features = looks(screen, np.random.default_rng(0), compound=1.5)
    labels = screen["Metadata_Mechanism"]
    pipeline = make_pipeline(
        StandardScaler(),
        FunctionTransformer(lambda x: x / np.sqrt(30)),
        LinearSVC(C=1.0, class_weight="balanced", max_iter=10_000),
    )
    groups = screen["Metadata_Treatment"]
    said = cross_val_predict(
        pipeline,
        features.astype(np.float32),
        labels,
        groups=groups,
        cv=LeaveOneGroupOut(),
    )
    row = one(scores(screen, features))
    assert row["value"] == pytest.approx(
        balanced_accuracy_score(labels, said), abs=0.01
    )
    assert 0.3 < row["value"] < 0.95 and row["chance"] == 0.25
    assert row["label"] == "Mechanism" and row["leaky"] is False
    assert row["normalize"] == "standard, all plates together"  # there are no controls
    assert row["unit"] == "treatment"


def test_plates_of_one_mechanism_keep_it(screen):
    """Without controls: a plate's own mean would be that of its mechanism."""
    screen["Metadata_Plate"] = screen["Metadata_Treatment"]
    mechanism = np.unique(screen["Metadata_Mechanism"], return_inverse=True)[1]
    assert one(scores(screen, 9 * np.eye(4)[mechanism]))["value"] == 1


def test_other_wells_of_a_compound_are_no_new_evidence(screen):
    """Compounds that look like themselves only: chance, with however many wells."""
    rng = np.random.default_rng(1)
    compound = np.unique(screen["Metadata_Treatment"], return_inverse=True)[1]
    features = rng.normal(size=(12, 30))[compound] + 0.1 * rng.normal(size=(192, 30))
    rows = scores(screen, features, label_splits=("treatment", "record"))
    left_out, leaky = one(rows, split="treatment"), one(rows, split="record")
    assert leaky["value"] == 1 and leaky["leaky"] and leaky["unit"] == "well"
    assert left_out["low"] <= 0.25 <= left_out["high"]
    assert left_out["high"] - left_out["low"] > 0.3  # 12 compounds, not 96 wells


def test_only_labelled_records_that_are_no_controls(screen):
    screen["Metadata_Mechanism"] = screen["Metadata_Mechanism"].mask(
        screen["Metadata_Treatment"].isin(["drug 00", "drug 01"]), ["", None] * 96
    )
    controls = screen["Metadata_Well"].str[0] == "A"
    screen["Metadata_Role"] = np.where(controls, "response_0", "treated")
    (split,) = task.splits(screen, OPTIONS)
    used = np.unique(np.concatenate([np.concatenate(fold) for fold in split.folds]))
    expected = ~controls & ~screen["Metadata_Treatment"].isin(["drug 00", "drug 01"])
    np.testing.assert_array_equal(used, np.flatnonzero(expected))
    row = one(scores(screen, np.random.default_rng(0).normal(size=(192, 5))))
    assert row["normalize"] == "standard"


def test_mechanisms_of_one_compound_are_left_out_with_their_count(screen):
    kept = ~screen["Metadata_Treatment"].isin(["drug 07", "drug 11"])
    with pytest.warns(LeftOut, match=r"1 of 4 classes \(mechanism 3; 16 records\)"):
        (split,) = task.splits(screen[kept], OPTIONS)
    assert len(split.folds) == 9


def test_any_column_can_be_the_label(screen):
    screen["Metadata_Location"] = np.resize(["nucleus", "cytosol", "membrane"], 192)
    bare = screen[["Metadata_Location", "Metadata_Record_ID"]]
    rng = np.random.default_rng(0)
    features = rng.normal(size=(192, 3)) + 9 * np.eye(3)[np.arange(192) % 3]
    rows = scores(
        bare,
        features,
        label="Location",
        label_splits=("record",),
        bootstrap_unit="record",
    )
    row = one(rows)
    assert row["value"] == 1 and row["classes"] == ["cytosol", "membrane", "nucleus"]
    assert set(rows["set"]) == {"s"}  # neither plates nor wells: no floors


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": "Mechanisms"}, "no column Metadata_Mechanisms.* mean 'Mechanism'"),
        ({"Metadata_Mechanism": ""}, "no record that is no control has a Mechanism"),
        ({"Metadata_Mechanism": "x"}, "Mechanism has 1 values, not 2 to 200"),
        ({"Metadata_Role": "response_0"}, "no record that is no control"),
        ({"Metadata_Treatment": "x"}, "all its records are of one treatment"),
        ({"label": "Record_ID"}, "0, 1, 10, ... has one treatment, and at least two"),
    ],
)
def test_what_is_skipped(screen, change, message):
    columns = {k: v for k, v in change.items() if k.startswith("Metadata_")}
    options = {**OPTIONS, **{k: v for k, v in change.items() if k not in columns}}
    with pytest.raises(Skip, match=message):
        task.splits(screen.assign(**columns), options)


def test_a_labels_case_does_not_matter_and_other_units_are_no_treatment(screen):
    screen["Metadata_Treatment_Batch"] = np.resize(["a", "b", "c"], 192)
    features = np.random.default_rng(0).normal(size=(192, 3))
    named = {"label": "mechanism", "label_splits": ("treatment_batch",)}
    row = one(scores(screen, features, **named))
    assert row["label"] == "Mechanism" and row["unit"] == "well"


def test_many_labels_are_refused(screen, monkeypatch):
    monkeypatch.setattr(task, "MAX_LABELS", 3)
    with pytest.raises(Skip, match="Mechanism has 4 values, not 2 to 3"):
        task.splits(screen, OPTIONS)
