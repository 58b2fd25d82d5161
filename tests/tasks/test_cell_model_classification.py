"""Cell types told apart, where batches are and are not in the way."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from gandl_jax.errors import InputError
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.profiles.seen import Seen
from gandl_jax.tasks import cell_model_classification as task
from gandl_jax.tasks.skip import LeftOut, Skip

OPTIONS = {
    "splits": ("record", "experiment"),
    "max_folds": 10,
    "repeats": 2,
    "normalize": "standard",
    "svm_c": 1.0,
    "bootstrap_unit": "well",
    "bootstrap_draws": 200,
    "seed": 0,
}


@pytest.fixture
def screen():
    """3 cell types, each in 3 experiments of one plate of 30 wells, 2 sites a well."""
    rows = [
        (cell, f"{cell}-{experiment}", "1", f"{'ABC'[well // 10]}{well % 10 + 1:02d}")
        for cell in ("HUVEC", "RPE", "U2OS")
        for experiment in range(3)
        for well in range(30)
        for _ in range(2)
    ]
    names = ["Cell_Type", "Experiment", "Plate", "Well"]
    metadata = pd.DataFrame(rows, columns=[f"Metadata_{n}" for n in names])
    return metadata.assign(Metadata_Record_ID=[str(i) for i in range(len(rows))])


def scores(metadata, features, *wanted):
    options = {**OPTIONS, "splits": wanted}
    plan = task.splits(metadata, options)
    sets = {
        "s": FeatureSet(
            "s", metadata, features.astype(np.float32), Seen.alike(len(metadata), False)
        )
    }
    others = {key: value for key, value in options.items() if key != "splits"}
    return pd.DataFrame(task.run(sets, plan, **others))


def numbers(metadata, column):
    return np.unique(metadata[f"Metadata_{column}"], return_inverse=True)[1]


def test_one_row_per_cell_type_and_one_for_all(screen):
    """Types two deviations from one another along an axis each: closed form for two."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(len(screen), 3))
    features += 30 * np.eye(3)[numbers(screen, "Cell_Type")]
    rows = scores(screen, features, "experiment")
    own = rows[rows["set"] == "s"]
    assert own["metric"].tolist() == ["balanced_accuracy"] + 3 * ["recall"]
    assert own["class"].tolist()[1:] == ["HUVEC", "RPE", "U2OS"]
    assert (own["value"] == 1).all() and (own["chance"] == 1 / 3).all()
    assert (own["low"].between(0.8, 0.999)).all() and (own["high"] == 1).all()
    assert set(own["normalize"]) == {"standard, all plates together"}
    assert set(own["group"]) == {"all"} and set(own["records"]) == {540}
    for row in own.to_dict("records"):  # "always HUVEC" has all of HUVEC
        floors = {"plate", "position"} if row["metric"] != "recall" else set()
        assert set(row["differences"]) == floors


def test_a_comparison_counts_what_evaluate_scores_without_leaks(screen):
    features = np.random.default_rng(0).normal(size=(len(screen), 3))
    features += np.eye(3)[numbers(screen, "Cell_Type")]
    rows = scores(screen, features, "record", "experiment")
    own = rows[(rows["set"] == "s") & (rows["metric"] == "balanced_accuracy")]
    own = own.set_index("split")["value"]
    counting = task.counting(screen, OPTIONS)
    (question,) = counting.questions
    assert question.about["split"] == "experiment"
    one = FeatureSet("s", screen, features.astype(np.float32))
    (answer,) = counting.answers(one)
    found = (answer.right.sum(0) / question.counted.total.sum(0)).mean()
    assert found == pytest.approx(own["experiment"]) != own["record"]
    with pytest.raises(Skip, match="name 'plate'"):
        task.counting(screen, {**OPTIONS, "splits": ("record",)})


def test_two_types_have_their_closed_form_recall(screen):
    two = screen[screen["Metadata_Cell_Type"] != "RPE"].reset_index(drop=True)
    rng = np.random.default_rng(1)
    features = rng.normal(size=(len(two), 1)) + 2 * numbers(two, "Cell_Type")[:, None]
    rows = scores(two, features, "experiment")
    recalls = rows[(rows["set"] == "s") & (rows["metric"] == "recall")]["value"]
    error = np.sqrt(norm.cdf(1) * norm.cdf(-1) / 180)
    np.testing.assert_allclose(recalls, norm.cdf(1), atol=4 * error)


def test_what_tells_experiments_apart_does_not_tell_other_ones(screen):
    """Batches that look unlike each other: random records leak, experiments do not."""
    rng = np.random.default_rng(2)
    batch = rng.normal(size=(9, 40))[numbers(screen, "Experiment")]
    rows = scores(
        screen, 5 * batch + rng.normal(size=batch.shape), *("record", "experiment")
    )
    own = rows[(rows["set"] == "s") & (rows["metric"] == "balanced_accuracy")]
    assert own["value"].tolist()[0] == 1 and own["value"].tolist()[1] < 0.8
    # An experiment is of one type: its name is what a plate floor learns.
    floor = rows[(rows["set"] == "plate") & (rows["metric"] == "balanced_accuracy")]
    assert floor["value"].tolist()[0] == 1 and floor["value"].tolist()[1] <= 0.5


def test_types_of_one_experiment_are_left_out(screen):
    few = screen[~screen["Metadata_Experiment"].isin(["U2OS-1", "U2OS-2"])]
    with pytest.warns(LeftOut, match=r"1 of 3 classes \(U2OS; 60 records\)"):
        plan = task.splits(few, OPTIONS)
    assert [(s.name, len(s.folds)) for s in plan] == [("record", 2), ("experiment", 6)]
    one_each = screen[screen["Metadata_Experiment"].str.endswith("0")]
    with pytest.warns(LeftOut, match="no split 'experiment' for cell type"):
        (split,) = task.splits(one_each, OPTIONS)
    assert split.leaky


def test_large_screens_are_drawn_from(screen, monkeypatch):
    monkeypatch.setattr(task, "MAX_RECORDS", 120)
    with pytest.warns(LeftOut, match="cell types: 120 of 540 records, drawn at random"):
        plan = task.splits(screen, OPTIONS)
    for split in plan:
        used = np.unique(np.concatenate([np.concatenate(fold) for fold in split.folds]))
        counts = screen.iloc[used]["Metadata_Cell_Type"].value_counts()
        assert (counts == 40).all() and len(counts) == 3


def test_what_is_skipped_and_what_is_refused(screen):
    with pytest.raises(Skip, match="no column Metadata_Cell_Type"):
        task.splits(screen.drop(columns="Metadata_Cell_Type"), OPTIONS)
    with pytest.raises(Skip, match="all cells are of one type: RPE"):
        task.splits(screen[screen["Metadata_Cell_Type"] == "RPE"], OPTIONS)
    with pytest.raises(Skip, match="all cells are of one type: blank"):
        task.splits(screen.assign(Metadata_Cell_Type=""), OPTIONS)
    wrong = {**OPTIONS, "splits": ("experimnt",)}
    with pytest.raises(InputError, match="splits names .*'experiment'"):
        task.splits(screen, wrong)


def test_blank_cell_types_are_told(screen):
    blank = screen.copy()
    blank.loc[blank.index[:7], "Metadata_Cell_Type"] = ""
    words = "7 of 540 records have a blank Cell_Type and are left out"
    with pytest.warns(LeftOut, match=words):
        task.splits(blank, OPTIONS)
