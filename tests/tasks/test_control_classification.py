"""The control probe on screens whose answer is known."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC

from gandl_jax.errors import InputError
from gandl_jax.profiles import table
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import control_classification as probe
from gandl_jax.tasks.skip import Skip

OPTIONS = {"svm_c": 1.0, "repeats": 3, "bootstrap_draws": 200, "seed": 0}


def scores(sets, options=OPTIONS):
    sets = {one.name: one for one in sets}
    splits = probe.splits(next(iter(sets.values())).metadata, options)
    return pd.DataFrame(probe.run(sets, splits, **options))


def value(rows, **where):
    for column, wanted in where.items():
        rows = rows[rows[column] == wanted]
    (found,) = rows["value"]
    return found


def test_rows_left_out_is_scikit_learns_cross_validation(control_wells):
    """On one plate, scaling per plate is StandardScaler inside each fold."""
    metadata = control_wells(plates=1, wells=32, sites=3)
    labels = table.control_classes(metadata)
    rng = np.random.default_rng(0)
    kept = (labels == 0) | (rng.random(len(labels)) < 0.4)  # classes of unequal size
    metadata, labels = metadata[kept].reset_index(drop=True), labels[kept]
    features = rng.normal(3, 2, size=(len(labels), 20)).astype(np.float32)
    features[:, 0] += 2 * labels
    sites = FeatureSet("s", metadata, features)
    random, split = probe.splits(metadata, OPTIONS)
    assert (random.name, split.name) == ("record", "row")

    pipeline = make_pipeline(
        StandardScaler(),
        FunctionTransformer(lambda x: x / math.sqrt(20)),
        LinearSVC(C=1.0, class_weight="balanced", max_iter=10_000),
    )
    expected = cross_val_predict(
        pipeline,
        features,
        labels,
        groups=metadata["Metadata_Well"].str[0],
        cv=LeaveOneGroupOut(),
        method="decision_function",
    )
    tests = np.concatenate([test for _, test in split.folds])
    judged = probe.predict(sites, split, c=1.0, seed=0)
    np.testing.assert_allclose(judged.decision, expected[tests], atol=2e-4)
    score = value(scores([sites]), split="row", metric="balanced_accuracy")
    assert score == pytest.approx(balanced_accuracy_score(labels, expected > 0))


def test_a_planted_signal_has_its_closed_form_score(control_wells):
    """Classes two deviations apart: a site is right with Phi(1), a well with Phi(2)."""
    metadata = control_wells(plates=5, wells=160, sites=4)
    labels = table.control_classes(metadata)
    rng = np.random.default_rng(0)
    plate = metadata["Metadata_Plate"].astype(float).to_numpy()
    features = rng.normal(size=(len(labels), 1)) + 2.0 * labels[:, None]
    sites = FeatureSet("s", metadata, features.astype(np.float32))
    rows = scores([sites])
    got = value(rows, split="plate", metric="balanced_accuracy")
    assert got == pytest.approx(norm.cdf(1), abs=0.02)
    got = value(rows, split="plate", metric="balanced_accuracy_wells")
    assert got == pytest.approx(norm.cdf(2), abs=0.02)

    moved = features * (1 + plate[:, None]) + 50 * plate[:, None]
    rows = scores([FeatureSet("s", metadata, moved.astype(np.float32))])
    got = value(rows, split="record", metric="balanced_accuracy")
    assert got == pytest.approx(norm.cdf(1), abs=0.03)  # gain and offset are removed


def test_noise_is_at_chance_with_plates_left_out(control_wells):
    metadata = control_wells(plates=4, wells=100, sites=1)
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(len(metadata), 50)).astype(np.float32)
    rows = scores([FeatureSet("s", metadata, noise)])
    error = math.sqrt(0.25 / len(metadata))
    got = value(rows, split="plate", metric="balanced_accuracy")
    assert abs(got - 0.5) < 3 * error


def test_a_random_split_of_sites_leaks_and_says_so(control_wells):
    """Each well has a look of its own that has nothing to do with its class."""
    metadata = control_wells(plates=4, wells=20, sites=6)
    rng = np.random.default_rng(0)
    look = np.repeat(rng.normal(size=(80, 200)), 6, axis=0)
    features = look + 0.1 * rng.normal(size=look.shape)
    rows = scores([FeatureSet("s", metadata, features.astype(np.float32))])
    assert value(rows, split="record", metric="balanced_accuracy") > 0.95
    assert abs(value(rows, split="plate", metric="balanced_accuracy") - 0.5) < 0.17
    assert rows.groupby("split")["leaky"].all().to_dict() == {
        "plate": False,
        "record": True,
    }


def test_differences_are_paired(control_wells):
    metadata = control_wells()
    rng = np.random.default_rng(0)
    features = rng.normal(size=(len(metadata), 4)).astype(np.float32)
    better = features + 3 * table.control_classes(metadata)[:, None]
    order = rng.permutation(len(metadata))  # stored in another order
    rows = scores(
        [
            FeatureSet("gan@0/b8", metadata, features),
            FeatureSet("gan@5/b8", metadata, features).take(order),
            FeatureSet("gan@9/b8", metadata, better.astype(np.float32)),
            FeatureSet("intensity", metadata, features),
        ]
    )
    of = dict(list(rows.groupby("encoder")))
    for row in of["gan@5"]["untrained_difference"]:
        assert row == {"against": "gan@0/b8", "value": 0.0, "low": 0.0, "high": 0.0}
    for found in of["gan@9"].itertuples():
        gain = found.untrained_difference
        assert gain["low"] <= gain["value"] <= gain["high"] and gain["low"] > 0
    for encoder in ("gan@0", "intensity"):
        assert of[encoder]["untrained_difference"].isna().all()


def test_c_means_the_same_at_every_width(control_wells):
    """Columns repeated four times change nothing once divided by sqrt(D)."""
    metadata = control_wells()
    rng = np.random.default_rng(0)
    features = rng.normal(size=(len(metadata), 5)).astype(np.float32)
    (split,) = [s for s in probe.splits(metadata, OPTIONS) if s.name == "plate"]
    narrow, wide = (
        probe.predict(FeatureSet("s", metadata, x), split, c=0.01, seed=0).decision
        for x in (features, np.tile(features, 4))
    )
    np.testing.assert_allclose(narrow, wide, atol=2e-3)


def test_every_cell_model_is_split_by_what_it_has(control_wells):
    metadata = control_wells(plates=2, models=("A", "B"))
    one_plate = (metadata["Metadata_Cell_Type"] == "A") | (
        metadata["Metadata_Plate"] == "0"
    )
    metadata = metadata[one_plate].reset_index(drop=True)
    made = [(s.group, s.name) for s in probe.splits(metadata, OPTIONS)]
    assert made == [("A", "record"), ("A", "plate"), ("B", "record"), ("B", "row")]


@pytest.mark.parametrize("role", ["response_0", "response_1", "response_[01]"])
def test_a_screen_without_controls_is_skipped(control_wells, role):
    metadata = control_wells()
    metadata["Metadata_Role"] = metadata["Metadata_Role"].str.replace(
        role, "other", regex=True
    )
    missing = role if "[" not in role else "response_0 and response_1"
    with pytest.raises(Skip, match=f"no wells of the control {missing}"):
        probe.splits(metadata, OPTIONS)


def test_sets_of_other_records_are_refused(control_wells):
    metadata = control_wells()
    x = np.zeros((len(metadata), 1), np.float32)
    fewer = FeatureSet("t", metadata, x).take(np.arange(5))
    with pytest.raises(InputError, match="not of the same records"):
        scores([FeatureSet("s", metadata, x), fewer])


def test_two_runs_are_the_same_bit_for_bit(control_wells):
    metadata = control_wells(plates=2, wells=16, sites=2)
    rng = np.random.default_rng(0)
    sets = [
        FeatureSet(f"s{i}", metadata, x.astype(np.float32))
        for i, x in enumerate(rng.normal(size=(13, len(metadata), 100)))
    ]
    pd.testing.assert_frame_equal(scores(sets), scores(sets), check_exact=True)


@pytest.mark.slow
def test_processes_change_nothing(control_wells, monkeypatch):
    metadata = control_wells(plates=2, wells=16, sites=2)
    rng = np.random.default_rng(0)
    sets = [
        FeatureSet(f"s{i}", metadata, x.astype(np.float32))
        for i, x in enumerate(rng.normal(size=(3, len(metadata), 100)))
    ]
    serial = scores(sets)
    monkeypatch.setattr(probe, "_processes", lambda sets: 2)
    pd.testing.assert_frame_equal(scores(sets), serial, check_exact=True)


@pytest.mark.parametrize("column", ["Well", "Plate", "Experiment", "Role"])
def test_a_missing_column_is_a_skip(control_wells, column):
    metadata = control_wells().drop(columns=f"Metadata_{column}")
    with pytest.raises(Skip, match=f"the screen has no column Metadata_{column}"):
        probe.splits(metadata, OPTIONS)


def test_without_cell_models_all_cells_are_one_group(control_wells):
    metadata = control_wells().drop(columns="Metadata_Cell_Type")
    made = [(s.group, s.name) for s in probe.splits(metadata, OPTIONS)]
    assert made == [("all", "record"), ("all", "plate")]


@pytest.mark.real_data
def test_rows_of_bbbc013_are_classified(shared):
    """One plate with 4 rows of 2 and 1 control wells: each fold learns from 9."""
    raw = pd.read_csv(
        shared / "data/bbbc013_rows_a_d/metadata.csv", dtype=str, keep_default_na=False
    )
    roles = {"negative_control": "response_0", "positive_control": "response_1"}
    metadata = pd.DataFrame(
        {
            "Metadata_Experiment": raw["experiment"],
            "Metadata_Plate": raw["plate"],
            "Metadata_Well": raw["well"],
            "Metadata_Site_ID": raw["site_id"],
            "Metadata_Role": raw["disease_condition"].map(roles).fillna("treated"),
        }
    )
    noise = np.random.default_rng(0).normal(size=(len(raw), 3))
    noise[:, 0] += 9 * (metadata["Metadata_Role"] == "response_1")
    rows = scores([FeatureSet("s", metadata, noise.astype(np.float32))])
    assert value(rows, split="row", metric="balanced_accuracy") == 1
    (row,) = rows[(rows["split"] == "row") & (rows["metric"] == "balanced_accuracy")][
        ["records", "plates"]
    ].to_numpy()
    assert row.tolist() == [12, 1]
