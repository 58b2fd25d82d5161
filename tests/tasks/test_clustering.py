"""Planted clusters are called, those of plates are no finding, and what is said."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from gandl_jax.errors import InputError
from gandl_jax.profiles import held_out
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.profiles.seen import Seen
from gandl_jax.tasks import clustering, clusters, marks, steps
from gandl_jax.tasks.skip import LeftOut, Skip

OPTIONS = {
    "features": "b8",
    "normalize": "standard",
    "records": 200,
    "min_sizes": (10, 20, 50),
    "label": "Treatment",
    "bootstrap_draws": 50,
    "seed": 0,
}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Fewer Gaussians and epochs than a verdict should rest on."""
    monkeypatch.setattr(clusters, "GAUSSIANS", 4)
    monkeypatch.setattr(clusters, "EPOCHS", 60)


def screen(records=120, models=("M",)):
    """Two records a well, three treatments on every one of four plates."""
    rows = [
        {
            "Metadata_Cell_Type": model,
            "Metadata_Record_ID": f"{model}_{i}",
            "Metadata_Plate": str(i // 2 % 4),
            "Metadata_Well": f"{'ABCDEFGH'[i // 8 % 8]}{i // 64 + 1:02d}",
            "Metadata_Treatment": "abc"[i // 8 % 3],
        }
        for model in models
        for i in range(records)
    ]
    return pd.DataFrame(rows)


def features_of(metadata, column, apart=12.0, width=6):
    """Unit Gaussians, one for each value of a column."""
    codes, names = pd.factorize(metadata[column])
    centers = np.eye(len(names), width) * apart / np.sqrt(2)
    noise = np.random.default_rng(0).normal(size=(len(metadata), width))
    return (centers[codes] + noise).astype(np.float32)


def said(metadata, **changed):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", LeftOut)
        clustering.check(metadata, OPTIONS | changed)
    return [str(warning.message) for warning in caught]


def run(metadata, features, **changed):
    sets = {
        name: FeatureSet(name, metadata, x, Seen.alike(len(metadata), False))
        for name, x in features.items()
    }
    return clustering.run(sets, [], **OPTIONS | changed)


def test_clusters_of_treatments_are_called_and_those_of_plates_count_nothing():
    metadata = screen()
    by = {"gan@9/b8": "Treatment", "gan@0/b8": "Plate"}
    sets = {n: features_of(metadata, f"Metadata_{of}") for n, of in by.items()}
    sets["gan@9/b16"] = sets["gan@0/b8"]  # no headline: not judged
    best, plates = run(metadata, sets)
    assert (best["set"], plates["set"]) == ("gan@9/b8", "gan@0/b8")
    found = best["map"]["cluster"]
    assert adjusted_rand_score(metadata["Metadata_Treatment"], found) == 1
    assert best["called"] and best["clusters"] == 3 and best["consistency"] == 1
    assert best["label_share"] == pytest.approx(1) and abs(best["plate_share"]) < 0.1
    share = 1 - max(0.0, best["plate_share"])
    wanted = (best["silhouette"] - best["gaussian_mean"]) * share
    assert best["value"] == pytest.approx(wanted)
    assert best["low"] < best["value"] < best["high"]
    assert plates["called"] and plates["plate_share"] == pytest.approx(1)
    assert plates["value"] == pytest.approx(0, abs=1e-9)
    gain = best["differences"]["untrained"]
    assert gain["value"] == pytest.approx(best["value"] - plates["value"])
    assert [one["min_size"] for one in best["by_size"]] == [10, 20, 50]
    assert best["map"]["plate"] == metadata["Metadata_Plate"].tolist()
    text = clustering.table([best, plates])
    assert "Gaussians' 95 %" in text and "gan@0" in text


def test_where_no_clusters_are_called_the_score_is_none():
    metadata = screen()
    noise = np.random.default_rng(3).normal(size=(120, 6)).astype("f4")
    (row,) = run(metadata, {"s": noise})
    if not row["called"]:  # one in five of 4 Gaussians, were the seed another
        assert (row["value"], row["low"]) == (0, 0)
    assert not row["called"] and clustering.count_text(row).startswith("none")


def test_records_that_are_all_alike_have_no_clusters():
    metadata = screen(64)
    (row,) = run(metadata, {"s": np.ones((64, 3), np.float32)}, min_sizes=(30,))
    assert row["value"] >= 0 and np.isfinite(row["gaussian_95"])


def test_what_is_counted_gives_the_same_scores():
    metadata = screen(models=("M", "N"))
    features = features_of(metadata, "Metadata_Treatment")
    rows = run(metadata, {"s": features})
    asked = clustering.counting(metadata, OPTIONS)
    answers = asked.answers(FeatureSet("s", metadata, features))
    for row, question, answer in zip(rows, asked.questions, answers, strict=True):
        assert question.about["group"] == row["group"]
        score = answer.right.sum() / question.counted.total.sum()
        assert score == pytest.approx(row["value"]) and score > 0.2
        assert question.counted.total.sum() == 120
    assert asked.floors() == {}


def test_every_epoch_of_every_map_is_counted(monkeypatch):
    class Listener:
        total = done_ = 0

        def begin(self, total, unit):
            self.total = total

        def done(self, count):
            self.done_ += count

    monkeypatch.setattr(clusters, "MAPS", 4 + 3)
    metadata, listener = screen(80), Listener()
    features = features_of(metadata, "Metadata_Treatment")
    with steps.reported_to(listener):
        run(metadata, {"s": features})
    assert listener.total == listener.done_ == 7 * 60


def test_too_few_records_are_said():
    metadata = screen(60, models=("M", "N"))
    few = (metadata["Metadata_Cell_Type"] == "M") | (metadata.index % 2 == 0)
    metadata = metadata[few].reset_index(drop=True)
    assert said(metadata) == [
        "M: minimum cluster sizes 50 are left out, for two such clusters are more than "
        "60 records",
        "N has 30 records, and 32 are needed for two clusters of the smallest minimum "
        "size and a map of each half",
    ]
    with pytest.raises(Skip, match="M has 60 records, and 100 are needed"):
        said(metadata, min_sizes=(50,))
    with pytest.raises(InputError, match=r"min_sizes is \(1,\)"):
        said(metadata, min_sizes=(1,))


def test_labels_are_not_needed():
    metadata = screen()
    features = features_of(metadata, "Metadata_Treatment")
    bare = metadata.drop(columns=["Metadata_Treatment", "Metadata_Plate"])
    assert said(bare, min_sizes=(10,)) == [
        "the screen has no column Metadata_Treatment"
    ]
    (row,) = run(bare, {"s": features})
    assert row["label_share"] is None and row["plate_share"] == 0
    assert row["value"] > 0.2
    (same,) = run(metadata, {"s": features}, label="treatment")
    assert same["label_share"] == pytest.approx(1)


def test_many_records_are_drawn_evenly_over_plates():
    metadata = screen(400)
    words = "M: 200 of 400 records, drawn at random, are clustered"
    assert any(line.startswith(words) for line in said(metadata))
    (row,) = run(metadata, {"s": features_of(metadata, "Metadata_Treatment")})
    assert np.unique(row["map"]["plate"], return_counts=True)[1].tolist() == [50] * 4
    assert (row["records"], row["sampled_from"]) == (200, 400)


def test_what_was_held_out_is_clustered_alone():
    metadata = screen(200)
    sides = np.where(metadata["Metadata_Plate"].isin(["0", "1"]), "test", "train")
    metadata[held_out.COLUMN] = sides
    kinds = [(True, "Class") if side == "train" else (False, "") for side in sides]
    features = features_of(metadata, "Metadata_Treatment")
    one = FeatureSet("s", metadata, features, Seen.from_pairs(kinds))
    (row,) = clustering.run({"s": one}, [], **OPTIONS)
    assert row["split"] == "held_out" and row["records"] == 100
    assert set(row["map"]["plate"]) == {"0", "1"} and row[marks.LABELS] is False
