"""The control probe on screens whose answer is known."""

import math
import warnings

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
from gandl_jax.tasks.skip import LeftOut, Skip

OPTIONS = {
    "splits": ("record", "plate"),
    "max_folds": 10,
    "repeats": 3,
    "normalize": "standard",
    "svm_c": 1.0,
    "bootstrap_unit": "well",
    "bootstrap_draws": 200,
    "seed": 0,
}


def scores(metadata, features, *wanted):
    options = {**OPTIONS, "splits": wanted or OPTIONS["splits"]}
    plan = probe.splits(metadata, options)
    del options["splits"]
    sets = {"s": FeatureSet("s", metadata, features.astype(np.float32))}
    return pd.DataFrame(probe.run(sets, plan, **options))


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
    pipeline = make_pipeline(
        StandardScaler(),
        FunctionTransformer(lambda x: x / math.sqrt(20)),
        LinearSVC(C=1.0, class_weight="balanced", max_iter=10_000),
    )
    groups = metadata["Metadata_Well"].str[0]
    said = cross_val_predict(
        pipeline, features, labels, groups=groups, cv=LeaveOneGroupOut()
    )
    rows = scores(metadata, features, "row")
    score = value(rows, set="s", metric="balanced_accuracy")
    assert score == pytest.approx(balanced_accuracy_score(labels, said))


def test_a_planted_signal_has_its_closed_form_score(control_wells):
    """Classes two deviations apart: a site is right with Phi(1), a well with Phi(2)."""
    metadata = control_wells(plates=5, wells=160, sites=4)
    labels = table.control_classes(metadata)
    rng = np.random.default_rng(0)
    plate = metadata["Metadata_Plate"].astype(float).to_numpy()
    features = rng.normal(size=(len(labels), 1)) + 2.0 * labels[:, None]
    rows = scores(metadata, features, "plate")
    got = value(rows, set="s", metric="balanced_accuracy")
    assert got == pytest.approx(norm.cdf(1), abs=0.02)
    got = value(rows, set="s", metric="balanced_accuracy_wells")
    assert got == pytest.approx(norm.cdf(2), abs=0.02)

    moved = features * (1 + plate[:, None]) + 50 * plate[:, None]
    rows = scores(metadata, moved, "record")
    got = value(rows, set="s", metric="balanced_accuracy")
    assert got == pytest.approx(norm.cdf(1), abs=0.03)  # gain and offset are removed


def test_a_random_split_of_sites_leaks_and_says_so(control_wells):
    """Each well has a look of its own that has nothing to do with its class."""
    metadata = control_wells(plates=4, wells=20, sites=6)
    rng = np.random.default_rng(0)
    look = np.repeat(rng.normal(size=(80, 200)), 6, axis=0)
    rows = scores(metadata, look + 0.1 * rng.normal(size=look.shape))
    own = rows[rows["set"] == "s"]
    assert value(own, split="record", metric="balanced_accuracy") > 0.95
    assert abs(value(own, split="plate", metric="balanced_accuracy") - 0.5) < 0.17
    assert own.groupby("split")["leaky"].all().to_dict() == {
        "plate": False,
        "record": True,
    }
    # The position floor shows the leak: on other plates a well's place tells nothing.
    floor = rows[rows["set"] == "position"]
    assert value(floor, split="record", metric="balanced_accuracy_wells") == 1


def test_what_a_cell_model_lacks_is_said_and_not_replaced(control_wells):
    metadata = control_wells(plates=2, models=("A", "B"))
    one_plate = (metadata["Metadata_Cell_Type"] == "A") | (
        metadata["Metadata_Plate"] == "0"
    )
    metadata = metadata[one_plate].reset_index(drop=True)
    with pytest.warns(
        LeftOut, match="B: no split 'plate' for control: all its records"
    ):
        made = probe.splits(metadata, OPTIONS)
    assert [(s.group, s.name) for s in made] == [
        ("A", "record"),
        ("A", "plate"),
        ("B", "record"),
    ]
    alone = metadata[metadata["Metadata_Cell_Type"] == "B"]
    with pytest.raises(Skip, match="all its records are of one plate; change config"):
        probe.splits(alone, {**OPTIONS, "splits": ("plate",)})


def test_plates_without_controls_do_not_count(control_wells):
    """A plate of one control only is judged by the others, and teaches them."""
    metadata = control_wells(plates=4)
    plate = metadata["Metadata_Plate"]
    roles = metadata["Metadata_Role"].mask(plate == "3", "treated")
    roles = roles.mask((plate == "2") & (roles == "response_1"), "other")
    metadata["Metadata_Role"] = roles
    (split,) = probe.splits(metadata, {**OPTIONS, "splits": ("plate",)})
    held = [set(plate[test]) for _, test in split.folds]
    assert held == [{"0"}, {"1"}, {"2"}]


@pytest.mark.parametrize("role", ["response_0", "response_1", "response_[01]"])
def test_a_screen_without_controls_is_skipped(control_wells, role):
    metadata = control_wells()
    metadata["Metadata_Role"] = metadata["Metadata_Role"].str.replace(
        role, "other", regex=True
    )
    missing = role if "[" not in role else "response_0 and response_1"
    with pytest.raises(Skip, match=f"no wells of the control {missing}"):
        probe.splits(metadata, OPTIONS)


def test_one_well_of_a_control_is_no_replicate(control_wells):
    metadata = control_wells(plates=1, wells=9, sites=2)
    roles = metadata["Metadata_Role"].where(metadata["Metadata_Well"] == "B01", "x")
    metadata["Metadata_Role"] = roles.replace("x", "response_0")
    with pytest.raises(Skip, match="response_1 (has one|lies on one side)"):
        probe.splits(metadata, {**OPTIONS, "splits": ("well",)})


def test_a_missing_column_is_a_skip_a_wrong_word_an_error(control_wells):
    metadata = control_wells()
    with pytest.raises(Skip, match="the screen has no column Metadata_Role"):
        probe.splits(metadata.drop(columns="Metadata_Role"), OPTIONS)
    bare = metadata.drop(columns=["Metadata_Plate", "Metadata_Well"])
    with pytest.warns(LeftOut, match="the screen has no column Metadata_Plate"):
        (split,) = probe.splits(bare, OPTIONS)
    assert split.name == "record"
    with pytest.raises(InputError, match="config.evaluate.splits names 'plates'"):
        probe.splits(metadata, {**OPTIONS, "splits": ("record", "plates")})
    with pytest.raises(InputError, match="bootstrap_unit names 'wells'"):
        probe.splits(metadata, {**OPTIONS, "bootstrap_unit": "wells"})


def test_without_cell_models_all_cells_are_one_group(control_wells):
    metadata = control_wells().drop(columns="Metadata_Cell_Type")
    made = [(s.group, s.name) for s in probe.splits(metadata, OPTIONS)]
    assert made == [("all", "record"), ("all", "plate")]


def test_nothing_is_said_where_all_is_possible(control_wells):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        probe.splits(control_wells(), OPTIONS)


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
            "Metadata_Record_ID": raw["site_id"],
            "Metadata_Role": raw["disease_condition"].map(roles).fillna("treated"),
        }
    )
    noise = np.random.default_rng(0).normal(size=(len(raw), 3))
    noise[:, 0] += 9 * (metadata["Metadata_Role"] == "response_1")
    rows = scores(metadata, noise, "row")
    row = rows[(rows["set"] == "s") & (rows["metric"] == "balanced_accuracy")]
    (row,) = row.to_dict("records")
    assert row["value"] == row["high"] == 1 and 0.5 < row["low"] < 0.9
    assert (row["records"], row["plates"], len(row["folds"])) == (12, 1, 4)


def test_cell_models_without_controls_are_told(control_wells):
    metadata = control_wells(plates=2, wells=8, sites=1)
    other = metadata.assign(Metadata_Cell_Type="Z", Metadata_Role="treated")
    both = pd.concat([metadata, other], ignore_index=True)
    both["Metadata_Record_ID"] = [str(i) for i in range(len(both))]
    with pytest.warns(LeftOut, match=rf"Z: left out \({len(other)} records\), without"):
        plan = probe.splits(both, OPTIONS)
    assert "Z" not in {split.group for split in plan}
