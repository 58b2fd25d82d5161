"""Retrieval against average precisions worked out by hand and by scikit-learn."""

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score
from sklearn.preprocessing import StandardScaler

from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.profiles.seen import Seen
from gandl_jax.tasks import retrieval
from gandl_jax.tasks.skip import LeftOut, Skip

OPTIONS = {"normalize": "standard", "bootstrap_draws": 200, "seed": 0}


def screen(plates=3, treatments=6, controls=8, doses=(1.0,), mechanisms=None, sites=1):
    """A plate per replicate: each has every treatment and dose once, and controls."""
    rows = []
    for plate in range(plates):
        kinds = [("response_0", "", np.nan)] * controls
        kinds += [("response_1", "", np.nan)] * controls
        kinds += [
            ("treated", f"t{i}", dose) for i in range(treatments) for dose in doses
        ]
        for well, (role, treatment, dose) in enumerate(kinds):
            rows += [
                (plate, well, site, role, treatment, dose) for site in range(sites)
            ]
    columns = ["plate", "well", "site", "role", "treatment", "dose"]
    table = pd.DataFrame(rows, columns=columns)
    made = pd.DataFrame(
        {
            "Metadata_Record_ID": [f"r{i}" for i in range(len(table))],
            "Metadata_Experiment": "E",
            "Metadata_Plate": table["plate"].astype(str),
            "Metadata_Well": [
                f"{'ABCDEFGH'[w % 8]}{w // 8 + 1:02d}" for w in table.well
            ],
            "Metadata_Treatment": table["treatment"],
            "Metadata_Concentration_uM": table["dose"],
            "Metadata_Role": table["role"],
        }
    )
    if mechanisms:
        which = made["Metadata_Treatment"].str[1:].replace("", "-1").astype(int)
        made["Metadata_Mechanism"] = [mechanisms[i] if i >= 0 else "" for i in which]
    return made


def profiles(metadata, strength, *, by="Metadata_Treatment", width=12, seed=0):
    """Noise, and for every treatment a direction of its own."""
    rng = np.random.default_rng(seed)
    codes, names = pd.factorize(metadata[by])
    directions = rng.normal(size=(len(names), width))
    treated = (metadata["Metadata_Role"] == "treated").to_numpy()
    features = rng.normal(size=(len(metadata), width))
    features[treated] += strength * directions[codes[treated]]
    return features.astype(np.float32)


def run(metadata, features, **options):
    sets = {
        name: FeatureSet(name, metadata, x, Seen.alike(len(metadata), True))
        for name, x in features.items()
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LeftOut)
        retrieval.check(metadata, OPTIONS)
    rows = retrieval.run(sets, [], **OPTIONS | options)
    return {(row["kind"], row["set"]): row for row in rows}


def search_of(metadata, kind="replicate"):
    wells = retrieval._wells(metadata)
    searches = list(retrieval._searches(wells, 0))
    return wells, next(s for s in searches if s.kind == kind)


def test_precision_by_hand(tmp_path):
    """Two replicates and three controls, all seen by the first from other plates."""
    search = retrieval.Search(
        kind="replicate",
        group="all",
        reference=np.arange(5),
        wells=np.arange(6),
        profile=np.arange(6),
        pairs=pd.DataFrame(
            {
                "label": ["a", "a", "a", "c1", "c2", "c3"],
                "treatment": ["a", "a", "a", "c1", "c2", "c3"],
                "plate": ["1", "2", "3", "4", "4", "4"],
                "side": ["query"] * 3 + ["control"] * 3,
            }
        ),
        rules={
            "pos_sameby": ["label"],
            "pos_diffby": ["plate"],
            "neg_sameby": [],
            "neg_diffby": ["side", "plate"],
        },
        against="response_0",
        across_plates=True,
        sampled_from=3,
    )
    degrees = np.deg2rad([0, 10, 50, 20, 60, 180])
    directions = np.column_stack([np.cos(degrees), np.sin(degrees)])
    found = retrieval.run_search(directions, search, seed=0, cache=str(tmp_path))
    # Ranks of the two others among five: from 0 deg 1 and 3, from 10 deg (controls at
    # 10, 50 and 170 deg away) 1 or 2 and 3 or 4 by the tie at 10, from 50 deg
    # (controls at 30, 10, 130) 3 and 4.
    first, last = (1 / 1 + 2 / 3) / 2, (1 / 3 + 2 / 4) / 2
    ties = [(1 / a + 2 / b) / 2 for a, b in itertools.product((1, 2), (3, 4))]
    assert found.queries == 3 and found.treatment.tolist() == ["a"]
    sums = [(first + last + tie) / 3 for tie in ties]
    assert np.abs(np.array(sums) - found.precision[0]).min() < 1e-6


def test_replicates_are_found_as_scikit_learn_scores_them():
    metadata = screen(doses=(0.1, 1.0), sites=2)
    features = profiles(metadata, 1.0)
    row = run(metadata, {"theirs": features})["replicate", "theirs"]
    assert row["across_plates"] and row["against"] == "response_0"
    wells, search = search_of(metadata)
    own = pd.DataFrame(features).groupby(
        [metadata["Metadata_Plate"], metadata["Metadata_Well"]]
    )
    names = pd.MultiIndex.from_frame(wells[["Metadata_Plate", "Metadata_Well"]])
    means = own.mean().loc[names]
    scaled, plates = np.empty(means.shape), wells["Metadata_Plate"].to_numpy()
    for plate in "012":
        reference = search.reference[plates[search.reference] == plate]
        scaler = StandardScaler().fit(means.to_numpy()[reference])
        scaled[plates == plate] = scaler.transform(means.to_numpy()[plates == plate])
    scaled /= np.linalg.norm(scaled, axis=1, keepdims=True)
    searched = search.wells[(search.pairs["side"] == "control").to_numpy()]
    assert not set(searched) & set(search.reference) and len(searched) == 12
    dose = wells["Metadata_Concentration_uM"]
    labels = (wells["Metadata_Treatment"] + dose.astype(str)).to_numpy()
    expected = {}
    for query in np.flatnonzero(wells["Metadata_Role"] == "treated"):
        others = plates != plates[query]
        positive = np.flatnonzero(others & (labels == labels[query]))
        negative = searched[others[searched]]
        truth = np.r_[np.ones(len(positive)), np.zeros(len(negative))]
        cosines = scaled[np.r_[positive, negative]] @ scaled[query]
        precision = average_precision_score(truth, cosines)
        expected.setdefault(labels[query], []).append(precision)
    means = [np.mean(values) for values in expected.values()]
    assert row["value"] == pytest.approx(np.mean(means), abs=1e-4)
    assert row["queries"] == 36 and len(row["by_label"]) == 12
    assert [one["map"] for one in row["by_label"]] == pytest.approx(
        sorted(means, reverse=True), abs=1e-4
    )


def test_what_is_counted_gives_the_same_scores():
    metadata = screen(doses=(1.0, 2.0))
    features = {"a": profiles(metadata, 0.5), "b": profiles(metadata, 2.0, seed=1)}
    rows = run(metadata, features)
    asked = retrieval.counting(metadata, OPTIONS)
    (question,) = asked.questions
    for name, x in features.items():
        (found,) = asked.answers(FeatureSet(name, metadata, x))
        score = found.right.sum() / question.counted.total.sum()
        assert score == pytest.approx(rows["replicate", name]["value"])
    assert question.about["chance"] == pytest.approx(rows["replicate", "a"]["chance"])
    for name, (found,) in asked.floors().items():
        score = found.right.sum() / question.counted.total.sum()
        assert score == pytest.approx(rows["replicate", name]["value"])


def test_what_chance_gives():
    """All orders of 2 among 5, one as likely as the other."""
    orders = list(itertools.combinations(range(1, 6), 2))
    mean = np.mean([(1 / a + 2 / b) / 2 for a, b in orders])
    found = retrieval.expected_precision(np.array([2]), np.array([5]))
    np.testing.assert_allclose(found, mean)


@pytest.mark.parametrize("plates", [1, 3])
def test_noise_is_found_no_more_often_than_by_chance(plates):
    """Also where wells share the error of their plate's centre, of few controls."""
    metadata = screen(plates, treatments=60, controls=10)
    if plates == 1:  # replicates on one plate
        metadata["Metadata_Treatment"] = metadata["Metadata_Treatment"].replace(
            {f"t{i}": f"t{i - i % 3}" for i in range(60)}
        )
    values = []
    for seed in range(6):
        features = profiles(metadata, 0, width=60, seed=seed)
        row = run(metadata, {"x": features}, seed=seed)["replicate", "x"]
        assert row["across_plates"] == (plates == 3)
        values.append(row["value"] - row["chance"])
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 4 * error + 0.01


def test_strong_effects_are_all_found_and_weak_ones_less():
    metadata = screen(treatments=20)
    features = {
        "gan@9/b8": profiles(metadata, 4.0),
        "gan@0/b8": profiles(metadata, 1.0),
        "intensity": profiles(metadata, 0.0),
    }
    rows = run(metadata, features)
    best = rows["replicate", "gan@9/b8"]
    assert best["value"] > 0.97 and best["share_significant"] > 0.9
    assert best["low"] <= best["value"] <= best["high"] <= 1
    assert rows["replicate", "intensity"]["share_significant"] < 0.2
    for kind, other in (("untrained", "gan@0/b8"), ("intensity", "intensity")):
        difference = best["differences"][kind]
        assert difference["against"] == other
        expected = best["value"] - rows["replicate", other]["value"]
        assert difference["value"] == pytest.approx(expected)
        assert 0 < difference["low"] < difference["value"] < difference["high"]
    assert set(best["differences"]) == {"untrained", "intensity", "plate", "position"}
    assert rows["replicate", "plate"]["differences"] == {}
    # A plate tells nothing here, but every treatment has its own place.
    plate = rows["replicate", "plate"]
    assert plate["value"] == pytest.approx(plate["chance"], abs=0.1)
    assert rows["replicate", "position"]["value"] > 0.99
    assert best["differences"]["position"]["high"] < 0.05
    assert best["encoder_saw_test_images"] and not plate["encoder_saw_test_images"]


def test_mechanisms_are_found_by_other_treatments():
    mechanisms = ["a", "a", "a", "b", "b", "c", ""]
    metadata = screen(treatments=7, doses=(0.1, 1.0), mechanisms=mechanisms)
    by = {"by": "Metadata_Mechanism"}
    features = {"theirs": profiles(metadata, 4.0, **by), "intensity": 0}
    features["intensity"] = profiles(metadata, 0.0)
    rows = run(metadata, features)
    row = rows["mechanism", "theirs"]
    assert row["value"] == 1.0
    assert row["queries"] == row["treatments"] == 5  # c is alone, "" is unknown
    assert {one["label"] for one in row["by_label"]} == {"a", "b"}
    wells, search = search_of(metadata, "mechanism")
    assert len(search.pairs) == 6  # c is there to be told from
    means = retrieval._normalized(
        FeatureSet("x", wells, _ordered(metadata, wells, features["intensity"])),
        search,
        "standard",
    )
    means = means / np.linalg.norm(means, axis=1, keepdims=True)
    labels = search.pairs["label"].to_numpy()
    expected = [
        average_precision_score(
            np.delete(labels == labels[i], i), np.delete(means @ means[i], i)
        )
        for i in np.flatnonzero(labels != "c")
    ]
    found = rows["mechanism", "intensity"]["value"]
    assert found == pytest.approx(np.mean(expected), abs=1e-4)


def _ordered(metadata, wells, features):
    names = metadata["Metadata_Plate"] + metadata["Metadata_Well"]
    wanted = wells["Metadata_Plate"] + wells["Metadata_Well"]
    return features[pd.Index(names).get_indexer(wanted)]


def test_without_controls_other_treatments_are_told_from():
    metadata = screen(controls=0, treatments=8)
    row = run(metadata, {"x": profiles(metadata, 4.0)})["replicate", "x"]
    assert row["against"] == "other treatments"
    assert row["value"] > 0.9 and row["queries"] == 24


def test_large_screens_are_sampled_by_whole_labels(monkeypatch):
    monkeypatch.setattr(retrieval, "MAX_WELLS", 10)
    metadata = screen(treatments=12)
    with pytest.warns(LeftOut, match="9 of 36 profiles"):
        retrieval.check(metadata, OPTIONS)
    sets = {"x": FeatureSet("x", metadata, profiles(metadata, 1.0))}
    row = retrieval.run(sets, [], **OPTIONS)[0]
    assert (row["queries"], row["sampled_from"], row["treatments"]) == (9, 36, 3)


def test_skips():
    with pytest.raises(Skip, match="one replicate only"):
        retrieval.check(screen(plates=1), OPTIONS)
    for column in ("Role", "Treatment"):
        with pytest.raises(Skip, match=f"no column Metadata_{column}"):
            retrieval.check(screen().drop(columns=f"Metadata_{column}"), OPTIONS)
    retrieval.check(screen().drop(columns="Metadata_Concentration_uM"), OPTIONS)


def test_cell_models_are_searched_apart():
    metadata = pd.concat([screen(), screen()], ignore_index=True)
    half = len(metadata) // 2
    metadata["Metadata_Cell_Type"] = ["A"] * half + ["B"] * half
    metadata["Metadata_Experiment"] = metadata["Metadata_Cell_Type"] + "-1"
    metadata["Metadata_Record_ID"] = [f"r{i}" for i in range(2 * half)]
    features = profiles(metadata, 4.0)
    features[half:] = profiles(metadata, 0.0)[half:]
    sets = {"x": FeatureSet("x", metadata, features)}
    rows = retrieval.run(sets, [], **OPTIONS)
    value = {r["group"]: r["value"] for r in rows if r["set"] == "x"}
    alone = run(screen(), {"x": features[:half]})["replicate", "x"]["value"]
    assert value["A"] == pytest.approx(alone, abs=0.05) and value["A"] > 0.9
    assert value["B"] < 0.6


def test_treatments_that_look_for_nothing_are_told_with_their_count():
    metadata = screen(mechanisms=["m", "m", "n", "", "o", "o"])
    alone = (metadata["Metadata_Treatment"] == "t4") & (
        metadata["Metadata_Plate"] != "0"
    )
    metadata = metadata[~alone].reset_index(drop=True)
    metadata.loc[metadata.index[-1:], "Metadata_Role"] = "other"
    with pytest.warns(LeftOut) as said:
        retrieval.check(metadata, OPTIONS)
    assert [str(one.message) for one in said] == [
        "replicate retrieval of all: 1 of 6 treatments and doses (1 wells, such as "
        "t4 1 uM) are left out, for none has a second well on another plate",
        "mechanism retrieval of all: 1 of 6 treatments have a blank mechanism and are "
        "left out",
        "mechanism retrieval of all: 1 of 3 mechanisms have one treatment, which looks "
        "for nothing and is there to be told from",
        "1 wells are neither treated nor controls: left out",
    ]


def test_cell_models_with_nothing_to_find_are_told():
    one = screen().assign(Metadata_Cell_Type="HRCE")
    other = screen(plates=1).assign(Metadata_Cell_Type="VERO", Metadata_Plate="9")
    both = pd.concat([one, other], ignore_index=True)
    both["Metadata_Record_ID"] = [str(i) for i in range(len(both))]
    with pytest.warns(LeftOut, match="VERO: nothing to find for its 6 treated wells"):
        retrieval.check(both, OPTIONS)


def test_doses_have_labels_of_their_own():
    """Six digits where they keep doses apart, else all."""
    doses = [0.3, 10 / 3, np.nan, 0.3]
    wells = pd.DataFrame(
        {"Metadata_Treatment": "a", "Metadata_Concentration_uM": doses}
    )
    assert retrieval._labels(wells).tolist() == [
        "a 0.3 uM",
        "a 3.33333 uM",
        "a",
        "a 0.3 uM",
    ]
    wells["Metadata_Concentration_uM"] = [1000001.0, 1000002.0, 1000001.0, np.nan]
    assert retrieval._labels(wells).tolist() == [
        "a 1000001.0 uM",
        "a 1000002.0 uM",
        "a 1000001.0 uM",
        "a",
    ]
