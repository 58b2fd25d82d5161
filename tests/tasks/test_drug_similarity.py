"""Drugs of planted mechanisms, pairs of wells counted by hand, and what is said."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist

from gandl_jax.errors import InputError
from gandl_jax.profiles import held_out
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.profiles.seen import Seen
from gandl_jax.tasks import drug_similarity, drug_wells, marks
from gandl_jax.tasks.skip import LeftOut, Skip

OPTIONS = {
    "normalize": "standard",
    "distances": ("euclidean", "cosine", "correlation", "braycurtis"),
    "doses": "highest",
    "bootstrap_draws": 200,
    "seed": 0,
}
MECHANISMS = {"a": "X", "b": "X", "c": "Y", "d": "Y", "e": "Y", "f": "Z"}


def screen(plates=4, replicates=2, controls=10, doses=(1.0,), mechanisms=MECHANISMS):
    """Every drug `replicates` times a plate at each dose, beside both controls."""
    rows = []
    for plate in range(plates):
        kinds = [("response_0", "", np.nan)] * controls
        kinds += [("response_1", "", np.nan)] * controls
        kinds += [
            ("treated", drug, dose) for drug in mechanisms for dose in doses
        ] * replicates
        for well, (role, treatment, dose) in enumerate(kinds):
            rows.append(
                {
                    "Metadata_Record_ID": f"{plate}_{well}",
                    "Metadata_Plate": str(plate),
                    "Metadata_Well": f"{'ABCDEFGH'[well % 8]}{well // 8 + 1:02d}",
                    "Metadata_Role": role,
                    "Metadata_Treatment": treatment,
                    "Metadata_Concentration_uM": dose,
                    "Metadata_Mechanism": mechanisms.get(treatment, ""),
                }
            )
    return pd.DataFrame(rows)


def features_of(metadata, strength, seed=0, width=12):
    """Noise, and a direction for each mechanism, the same for all seeds."""
    codes, names = pd.factorize(metadata["Metadata_Mechanism"], sort=True)
    directions = np.random.default_rng(9).normal(size=(len(names), width))
    directions[names == ""] = 0
    made = np.random.default_rng(seed).normal(size=(len(metadata), width))
    return (made + strength * directions[codes]).astype(np.float32)


def said(metadata, **changed):
    """The sentences on what is left out."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", LeftOut)
        drug_similarity.check(metadata, OPTIONS | changed)
    return [str(warning.message) for warning in caught]


def run(metadata, features, **changed):
    sets = {
        name: FeatureSet(name, metadata, x, Seen.alike(len(metadata), False))
        for name, x in features.items()
    }
    rows = drug_similarity.run(sets, [], **OPTIONS | changed)
    return {(row["kind"], row["set"]): row for row in rows}


def test_pairs_of_wells_counted_by_hand():
    metadata = screen(plates=2)
    features = features_of(metadata, 1.0)
    (chosen,), _ = drug_wells.choose(metadata, OPTIONS)
    assert chosen.against == "controls" and chosen.names == ["X", "Y"]
    rows = run(metadata, {"s": features}, normalize="none")
    names = metadata["Metadata_Treatment"].to_numpy()
    kinds = metadata["Metadata_Mechanism"].to_numpy()
    # Wells are sorted by name; here a record is a well.
    order = np.argsort([f"{p}/{w}" for p, w in zip(
        metadata["Metadata_Plate"], metadata["Metadata_Well"], strict=True
    )])  # fmt: skip
    controls = order[chosen.wells[len(chosen.drug) :]]
    assert (metadata["Metadata_Role"].iloc[controls] == "response_0").all()
    assert len(controls) == 10  # half of them
    for how in OPTIONS["distances"]:
        distance = cdist(features, features, how)
        values, within, against = [], [], []
        for kind in ("X", "Y"):
            own = np.flatnonzero(kinds == kind)
            of_wells = []
            for well in own:
                near = distance[well, own[names[own] != names[well]]]
                far = distance[well, controls]
                of_wells.append((near[:, None] < far).mean())
            values.append(np.mean(of_wells))
            one, other = np.nonzero(names[own][:, None] < names[own])
            within.append(np.median(distance[own[one], own[other]]))
            against.append(np.median(distance[np.ix_(own, controls)]))
        row = rows[how, "s"]
        assert row["value"] == pytest.approx(np.mean(values), abs=1e-6)
        assert row["median_within"] == pytest.approx(np.mean(within), rel=1e-5)
        assert row["median_against"] == pytest.approx(np.mean(against), rel=1e-5)
        found = {one["mechanism"]: one for one in row["by_mechanism"]}
        assert found["X"]["value"] == pytest.approx(values[0], abs=1e-6)
        assert (found["Y"]["drugs"], found["Y"]["wells"]) == (3, 12)
        for key in ("median_within", "median_against"):
            assert row[f"{key}_low"] <= row[key] <= row[f"{key}_high"]


def test_planted_mechanisms_are_alike_and_noise_is_not():
    metadata = screen()
    sets = {
        "gan@9/b8": features_of(metadata, 2.0),
        "gan@0/b8": features_of(metadata, 0.5, seed=1),
    }
    rows = run(metadata, sets)
    for how in OPTIONS["distances"]:
        best, weak = (rows[how, name] for name in sets)
        assert best["value"] > 0.95 and best["low"] > weak["value"] > 0.5
        gain = best["differences"]["untrained"]
        assert gain["value"] == pytest.approx(best["value"] - weak["value"])
        assert 0 < gain["low"] <= gain["value"] <= gain["high"]
        assert rows[how, "plate"]["value"] == pytest.approx(0.5, abs=0.1)
        assert best["median_within_high"] < best["median_against_low"]
    text = drug_similarity.table(list(rows.values()))
    assert "than to controls" in text and "braycurtis" in text


@pytest.mark.parametrize("how", ["euclidean", "cosine"])
def test_noise_is_at_chance(how):
    """Also where plates have few controls, which their centre lies near to."""
    metadata = screen(plates=6, controls=4)
    changed = {"distances": (how,), "bootstrap_draws": 2}
    every = [features_of(metadata, 0, seed=seed) for seed in range(12)]
    values = [run(metadata, {"s": x}, **changed)[how, "s"]["value"] for x in every]
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    assert abs(np.mean(values) - 0.5) < 3 * error + 0.01


def test_intervals_are_as_wide_as_other_wells_make_the_score_vary():
    metadata = screen(plates=3)
    values, widths = [], []
    for seed in range(24):
        row = run(
            metadata,
            {"s": features_of(metadata, 0.4, seed=seed)},
            distances=("euclidean",),
            normalize="none",
        )["euclidean", "s"]
        values.append(row["value"])
        widths.append((row["high"] - row["low"]) / (2 * 1.96))
    assert 0.7 < np.mean(widths) / np.std(values, ddof=1) < 1.5


def test_what_is_counted_gives_the_same_scores():
    metadata = screen(mechanisms={"a": "X", "b": "X", "c": "Y", "d": "Y"})
    features = features_of(metadata, 0.5)
    rows = run(metadata, {"s": features})
    asked = drug_similarity.counting(metadata, OPTIONS)
    found = asked.answers(FeatureSet("s", metadata, features))
    assert asked.fits == len(asked.questions) == len(found) == 4

    def score(question, answer):
        return (answer.right.sum(0) / question.counted.total.sum(0)).mean()

    for place, question in enumerate(asked.questions):
        how = question.about["kind"]
        value = score(question, found[place])
        assert value == pytest.approx(rows[how, "s"]["value"])
        for name, answers in asked.floors().items():
            value = score(question, answers[place])
            assert value == pytest.approx(rows[how, name]["value"])


def test_without_controls_drugs_are_compared_with_other_mechanisms():
    metadata = screen(controls=0)
    assert any(
        "other mechanisms, for fewer than 10" in words for words in said(metadata)
    )
    row = run(metadata, {"s": features_of(metadata, 2.0)})["cosine", "s"]
    assert row["against"] == "other mechanisms" and row["value"] > 0.9
    assert row["normalize"] == "standard, all plates together"
    own = {"a": "X", "b": "X"}
    with pytest.raises(Skip, match="no controls and no drug of another mechanism"):
        said(screen(controls=0, mechanisms=own))


def test_the_highest_dose_of_each_drug_is_judged():
    metadata = screen(doses=(0.1, 1.0))
    low = metadata["Metadata_Concentration_uM"] == 0.1
    features = features_of(metadata, 3.0)
    features[low] = features_of(metadata, 0.0)[low]
    rows = run(metadata, {"s": features})
    every = run(metadata, {"s": features}, doses="all")
    assert rows["cosine", "s"]["records"] * 2 == every["cosine", "s"]["records"]
    assert rows["cosine", "s"]["value"] > 0.95 > every["cosine", "s"]["value"]


def test_what_cannot_be_judged_is_said():
    metadata = screen(plates=2, replicates=1)
    single = (metadata["Metadata_Treatment"] != "a") | (
        metadata["Metadata_Plate"] == "0"
    )
    words = said(metadata[single].reset_index(drop=True))
    assert words == [
        "all: 1 of 6 drugs have one well (a): what is said of them is said of that "
        "well",
        "all: 1 of 3 mechanisms have one drug (Z) and are not judged",
    ]
    with pytest.raises(Skip, match="all: no mechanism has two drugs"):
        said(screen(mechanisms={"a": "X", "b": "Y"}))
    with pytest.raises(Skip, match="no treated well has a mechanism"):
        said(screen(mechanisms={"a": "", "b": ""}))
    with pytest.raises(Skip, match="no column Metadata_Mechanism"):
        said(metadata.drop(columns="Metadata_Mechanism"))
    with pytest.raises(InputError, match="'euclid'; did you mean 'euclidean'"):
        said(metadata, distances=("euclid",))
    with pytest.raises(InputError, match="doses names 'low'"):
        said(metadata, doses="low")


def test_one_well_of_each_of_two_drugs_has_no_interval():
    """There is nothing to tell how much other wells would differ."""
    metadata = screen(plates=1, replicates=1, mechanisms={"a": "X", "b": "X"})
    row = run(metadata, {"s": features_of(metadata, 2.0)})["cosine", "s"]
    assert 0 <= row["low"] <= row["value"] <= row["high"] <= 1
    assert row["records"] == 2


def test_many_wells_are_drawn_evenly_over_drugs(monkeypatch):
    monkeypatch.setattr(drug_wells, "MAX_WELLS", 20)
    metadata = screen()
    assert any("18 of 48 wells of drugs, drawn at random" in w for w in said(metadata))
    (chosen,), _ = drug_wells.choose(metadata, OPTIONS)
    assert np.bincount(chosen.drug).tolist() == [3] * 6


def test_what_was_held_out_is_judged_alone():
    metadata = screen()
    sides = np.where(metadata["Metadata_Plate"].isin(["0", "1"]), "test", "train")
    metadata[held_out.COLUMN] = sides
    own = metadata[sides == "test"].reset_index(drop=True)
    features = features_of(metadata, 1.0)
    kinds = [(True, "Mechanism") if s == "train" else (False, "") for s in sides]
    one = FeatureSet("s", metadata, features, Seen.from_pairs(kinds))
    rows = drug_similarity.run({"s": one}, [], **OPTIONS)
    alone = run(own.drop(columns=held_out.COLUMN), {"s": features[sides == "test"]})
    for row in rows:
        assert row["split"] == "held_out"
        assert row["value"] == alone[row["kind"], row["set"]]["value"]
        assert row[marks.LABELS] is False
    assert any("those that were held out of training" in w for w in said(metadata))
