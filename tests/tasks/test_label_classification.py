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
from gandl_jax.tasks import classification, score_table
from gandl_jax.tasks import label_classification as task
from gandl_jax.tasks.skip import LeftOut, Skip

OPTIONS = {
    "label": "Mechanism",
    "controls": True,
    "splits": ("treatment",),
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
    sets = {"s": FeatureSet("s", metadata, features.astype(np.float32))}
    others = {key: value for key, value in options.items() if key != "splits"}
    return pd.DataFrame(task.run(sets, plan, **others))


def one(rows, **where):
    for column, wanted in {"set": "s", "metric": "balanced_accuracy", **where}.items():
        rows = rows[rows[column] == wanted]
    (row,) = rows.to_dict("records")
    return row


def looks(metadata, rng, *, compound):
    """Features of the mechanism and of the compound, and noise."""
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
    rows = scores(screen, features, splits=("treatment", "record"))
    left_out, leaky = one(rows, split="treatment"), one(rows, split="record")
    assert leaky["value"] == 1 and leaky["leaky"] and leaky["unit"] == "well"
    assert left_out["low"] <= 0.25 <= left_out["high"]
    assert left_out["high"] - left_out["low"] > 0.3  # 12 compounds, not 96 wells


def used(split):
    return np.unique(np.concatenate([np.concatenate(fold) for fold in split.folds]))


def test_only_labelled_records(screen):
    screen["Metadata_Mechanism"] = screen["Metadata_Mechanism"].mask(
        screen["Metadata_Treatment"].isin(["drug 00", "drug 01"]), ["", None] * 96
    )
    controls = screen["Metadata_Well"].str[0] == "A"
    screen["Metadata_Role"] = np.where(controls, "response_0", "treated")
    blank = screen["Metadata_Treatment"].isin(["drug 00", "drug 01"])
    with pytest.warns(LeftOut, match="32 of 192 .* a blank Mechanism .* 4 of them con"):
        (split,) = task.splits(screen, OPTIONS)
    np.testing.assert_array_equal(used(split), np.flatnonzero(~blank))
    with pytest.warns(LeftOut) as said:
        (split,) = task.splits(screen, {**OPTIONS, "controls": False})
    assert any("20 control records with a Mechanism are left" in str(w) for w in said)
    np.testing.assert_array_equal(used(split), np.flatnonzero(~blank & ~controls))
    row = one(
        scores(
            screen,
            np.random.default_rng(0).normal(size=(192, 5)),
            controls=False,
        )
    )
    assert row["normalize"] == "standard"
    left_out = {"blank Mechanism": 32, "controls": 20}
    assert row["left_out"] == left_out
    assert row["by_class"] == {  # of 16 records 2 are in row A
        "mechanism 0": 28, "mechanism 1": 28, "mechanism 2": 42, "mechanism 3": 42
    }  # fmt: skip


@pytest.fixture
def with_controls(screen):
    """A screen of 4 mechanisms on two plates, 24 DMSO records on each."""
    rows = pd.concat([screen.assign(Metadata_Plate=str(plate)) for plate in (1, 2)])
    dmso = screen[:48].assign(
        Metadata_Treatment="DMSO", Metadata_Mechanism="DMSO", Metadata_Role="response_0"
    )
    dmso["Metadata_Well"] = [f"P{i // 2 % 12 + 1:02d}" for i in range(48)]
    dmso["Metadata_Plate"] = np.repeat(["1", "2"], 24)
    rows = pd.concat([rows, dmso], ignore_index=True)
    return rows.assign(Metadata_Record_ID=[str(i) for i in range(len(rows))])


def test_controls_that_carry_a_label_are_a_class(with_controls):
    """As scikit-learn has it, with a plate normalised by the other one's controls."""
    rng = np.random.default_rng(0)
    labels = with_controls["Metadata_Mechanism"].to_numpy()
    features = rng.normal(size=(5, 30))[np.unique(labels, return_inverse=True)[1]]
    features = (features + 3 * rng.normal(size=features.shape)).astype(np.float32)
    row = one(scores(with_controls, features, splits=("plate",)))
    assert row["classes"] == ["DMSO", *(f"mechanism {i}" for i in range(4))]
    assert row["chance"] == 0.2 and row["left_out"] == {}
    assert row["by_class"] == {"DMSO": 48} | {f"mechanism {i}": 96 for i in range(4)}
    plates, said = with_controls["Metadata_Plate"].to_numpy(), labels.copy()
    for plate in ("1", "2"):
        train = plates != plate
        scaler = StandardScaler().fit(features[train & (labels == "DMSO")])
        scaled = scaler.transform(features) / np.sqrt(30)
        svm = LinearSVC(C=1.0, class_weight="balanced", max_iter=10_000)
        said[~train] = svm.fit(scaled[train], labels[train]).predict(scaled[~train])
    expected = balanced_accuracy_score(labels, said)
    assert row["value"] == pytest.approx(expected, abs=0.01)


def test_controls_of_one_treatment_cannot_be_held_out_by_treatment(with_controls):
    """They are told, and no fold of the others is another than without them."""
    with pytest.warns(
        LeftOut, match="48 control records of the class DMSO .* one trea"
    ):
        (split,) = task.splits(with_controls, OPTIONS)
    (without,) = task.splits(with_controls[:384], OPTIONS)
    for fold, expected in zip(split.folds, without.folds, strict=True):
        for side, wanted in zip(fold, expected, strict=True):
            np.testing.assert_array_equal(side, wanted)
    blank = with_controls.assign(
        Metadata_Treatment=with_controls["Metadata_Treatment"].replace("DMSO", "")
    )
    with pytest.warns(LeftOut, match="48 control records .* have a blank treatment"):
        (split,) = task.splits(blank, OPTIONS)
    np.testing.assert_array_equal(used(split), np.arange(384))
    features = np.random.default_rng(0).normal(size=(432, 5))
    row = one(scores(with_controls, features))
    assert row["left_out"] == {"controls": 48} and row["chance"] == 0.25


def test_controls_of_a_mechanism_that_compounds_have_are_one_more_compound(
    with_controls,
):
    with_controls["Metadata_Mechanism"] = with_controls["Metadata_Mechanism"].replace(
        "DMSO", "mechanism 0"
    )
    (split,) = task.splits(with_controls, {**OPTIONS, "max_folds": 13})
    assert len(split.folds) == 13 and len(used(split)) == 432


def test_unlabelled_controls_normalise_beside_labelled_ones(with_controls):
    """Positive controls alone are no reference for all others."""
    taxol = with_controls["Metadata_Treatment"] == "drug 00"
    with_controls.loc[taxol, "Metadata_Role"] = "response_1"
    dmso = with_controls["Metadata_Role"] == "response_0"
    with_controls.loc[dmso, "Metadata_Mechanism"] = ""
    plan = task.splits(with_controls, {**OPTIONS, "splits": ("plate",)})
    train, test = plan[0].folds[0]
    plates = with_controls["Metadata_Plate"].to_numpy()
    found = classification._reference(
        train, test, plates, classification.controls(with_controls)
    )
    own = (taxol | dmso) & (plates == plates[train[0]])
    np.testing.assert_array_equal(found, np.flatnonzero(own))


def test_counts_stand_below_the_table(with_controls):
    features = np.random.default_rng(0).normal(size=(432, 5))
    options = {"splits": ("plate", "treatment")}
    rows = scores(with_controls, features, **options).to_dict("records")
    lines = task.table(score_table.shown(rows, "s")).splitlines()
    each = ", ".join(f"mechanism {i} 96" for i in range(4))
    assert f"all, plate: records by class: DMSO 48, {each}; left out: none" in lines
    words = f"all, treatment: records by class: {each}; left out: controls 48"
    assert words in lines
    assert task.counts_in_words({"group": "all"}) == ""  # of results made before


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
        splits=("record",),
        bootstrap_unit="record",
    )
    row = one(rows)
    assert row["value"] == 1 and row["classes"] == ["cytosol", "membrane", "nucleus"]
    assert set(rows["set"]) == {"s"}  # neither plates nor wells: no floors


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": "Mechanisms"}, "no column Metadata_Mechanisms.* mean 'Mechanism'"),
        ({"Metadata_Mechanism": ""}, "no record has a Mechanism: the column is blank"),
        ({"Metadata_Mechanism": "x"}, "Mechanism has 1 values, not 2 to 200"),
        (
            {"Metadata_Role": "response_0", "controls": False},
            "no record that is no control has a Mechanism",
        ),
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
    named = {"label": "mechanism", "splits": ("treatment_batch",)}
    row = one(scores(screen, features, **named))
    assert row["label"] == "Mechanism" and row["unit"] == "well"


def test_many_labels_are_refused(screen, monkeypatch):
    monkeypatch.setattr(task, "MAX_LABELS", 3)
    with pytest.raises(Skip, match="Mechanism has 4 values, not 2 to 3"):
        task.splits(screen, OPTIONS)
