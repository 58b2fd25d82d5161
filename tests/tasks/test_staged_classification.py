"""Planted colonies: time mends what frames get wrong; the rest is told or refused."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from gandl_jax.errors import InputError
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.profiles.seen import Seen
from gandl_jax.tasks import stage_probabilities
from gandl_jax.tasks import staged_classification as task
from gandl_jax.tasks.skip import LeftOut, Skip

NAMES = ["debris", "dense", "differentiated", "spread"]  # sorted, as codes are
ORDER = ("dense", "spread", "differentiated")
OPTIONS = {
    **task.OPTIONS,
    "label": "State",
    "order": "debris | dense > spread > differentiated",
    "group": "colony",
    "time": "hour",
    "normalize": "standard",
    "features": "penultimate",
    "max_folds": 5,
    "repeats": 3,
    "seed": 0,
    "bootstrap_draws": 200,
}


def colonies(count=40, times=12, seed=0):
    """Records of colonies that develop, in no order, and their states."""
    rng, rows = np.random.default_rng(seed), []
    for colony in range(count):
        turns = np.sort(rng.integers(1, times, 2))
        for hour in range(times):
            state = ORDER[int((hour >= turns).sum())]
            if rng.random() < 0.1:
                state = "debris"
            rows.append((f"c{colony}", str(hour), state))
    mixed = [rows[i] for i in rng.permutation(len(rows))]
    columns = ["Metadata_Colony", "Metadata_Hour", "Metadata_State"]
    table = pd.DataFrame(mixed, columns=columns)
    table["Metadata_Record_ID"] = [f"r{i}" for i in range(len(table))]
    return table


def leaves(metadata, seed=1, sharpness=1.5):
    """Probabilities that are right more often than not, [N, 4] float32."""
    rng = np.random.default_rng(seed)
    codes = np.array([NAMES.index(name) for name in metadata["Metadata_State"]])
    logits = rng.normal(0, 1, (len(codes), 4)) + sharpness * np.eye(4)[codes]
    raised = np.exp(logits)
    return np.float32(raised / raised.sum(1, keepdims=True)), codes


def planted(**options):
    """Sets of a classifier, its untrained network and intensities."""
    metadata = colonies()
    told, codes = leaves(metadata, **options)
    rng = np.random.default_rng(3)
    weak = np.float32(rng.normal(size=(len(codes), 6)) + 0.3 * codes[:, None])
    unseen = Seen.alike(len(codes), False)
    values = {
        "classifier@9/leaves_state": told,
        "classifier@9/penultimate": weak,
        "classifier@0/leaves_state": told[::-1].copy(),
        "classifier@0/penultimate": weak,
        "intensity": weak[:, :2],
    }
    return {n: FeatureSet(n, metadata, x, unseen) for n, x in values.items()}, codes


def judged(sets, **changed):
    options = OPTIONS | changed
    metadata = next(iter(sets.values())).metadata
    made = task.splits(metadata, options)
    return made, task.run(
        sets, made, **{k: options[k] for k in options if k != "splits"}
    )


def test_time_adds_to_the_networks_own_probabilities():
    sets, codes = planted()
    (split,), rows = judged(sets)
    assert {(row["set"], row["told_by"]) for row in rows} == {
        ("classifier@9/leaves_state", "the network"),
        ("classifier@0/penultimate", "a logistic regression"),
        ("intensity", "a logistic regression"),
        ("time alone", "its time"),
    }
    found = {
        (r["kind"], r["metric"]): r for r in rows if r["encoder"] == "classifier@9"
    }
    for metric in ("macro_tpr", "macro_f1"):
        alone, whole = found[task.FRAMES, metric], found[task.IN_TIME, metric]
        gain = whole["differences"][task.FRAMES]
        assert gain["value"] == pytest.approx(whole["value"] - alone["value"])
        assert gain["low"] > 0 and alone["low"] < alone["value"] < alone["high"]
        assert {"untrained", "intensity", "time alone"} <= alone["differences"].keys()
        assert (whole["groups"], whole["decided_alone"]) == (40, 0)
        assert whole["features"] == "penultimate" and whole["unit"] == "colony"
    told = sets["classifier@9/leaves_state"].features
    decided = np.empty(len(codes), int)
    for train, test in split.folds:
        share = np.bincount(codes[train], minlength=4) / len(train)
        decided[test] = (told[test] * share).argmax(1)
    tpr, f1 = (found[task.FRAMES, m]["value"] for m in ("macro_tpr", "macro_f1"))
    assert tpr == pytest.approx(metrics.balanced_accuracy_score(codes, decided))
    assert f1 == pytest.approx(metrics.f1_score(codes, decided, average="macro"))
    expected = metrics.confusion_matrix(codes, decided).tolist()
    assert found[task.FRAMES, "macro_f1"]["confusion"] == expected


def test_a_comparison_counts_what_the_task_scores():
    sets, codes = planted()
    (split,), rows = judged(sets)
    options = OPTIONS | {"features": "penultimate"}
    counting = task.counting(next(iter(sets.values())).metadata, options)
    assert counting.ways == (task.FRAMES, task.IN_TIME) and counting.fits == 1
    assert counting.judged(list(sets), "classifier@9/penultimate") == (
        "classifier@9/leaves_state"
    )
    for name in ("classifier@0/penultimate", "intensity"):
        assert counting.judged(list(sets), name) == name
    found = {(row["encoder"], row["kind"], row["metric"]): row["value"] for row in rows}
    metrics_of = [question.about["metric"] for question in counting.questions]
    assert metrics_of == ["macro_tpr", "macro_f1"]
    asked = [(way, q) for way in counting.ways for q in counting.questions]
    both = counting.answers(sets["classifier@9/leaves_state"]), "classifier@9"
    alone = counting.floors()[task.TIME_ALONE], task.TIME_ALONE
    for answers, encoder in (both, alone):
        for (way, question), answer in zip(asked, answers, strict=True):
            total = answer.total if answer.total is not None else question.counted.total
            assert answer.right.shape == total.shape == (40, 4), "colonies, classes"
            value = (answer.right.sum(0) / total.sum(0)).mean()
            metric = question.about["metric"]
            assert value == pytest.approx(found[encoder, way, metric])
    of_class = np.bincount(codes, minlength=4)
    for question in counting.questions:
        np.testing.assert_array_equal(question.counted.total.sum(0), of_class)


def test_no_group_goes_back_and_a_prior_of_one_class_draws_decisions_to_it():
    sets, codes = planted(sharpness=0.5)
    one = {"classifier@9/leaves_state": sets["classifier@9/leaves_state"]}
    options = OPTIONS | {"features": "leaves_state"}
    (split,) = task.splits(one["classifier@9/leaves_state"].metadata, options)
    for prior in ("training", "equal"):
        question = task.Question.from_split(
            next(iter(one.values())).metadata, split, options | {"prior": prior}
        )
        found = task._judge(next(iter(one.values())), question).decided
        tests = np.concatenate([test for _, test in split.folds])
        table = question.metadata.iloc[tests].assign(found=found[task.IN_TIME])
        table["hour"] = table["Metadata_Hour"].astype(int)
        for _, own in table.sort_values("hour").groupby("Metadata_Colony"):
            names = [NAMES[k] for k in own["found"] if NAMES[k] != "debris"]
            places = [ORDER.index(name) for name in names]
            assert places == sorted(places)
        share = np.mean(found[task.FRAMES] == NAMES.index("debris"))
        if prior == "training":
            rare = share
    assert rare < 0.7 * share, "debris is rare, and held to be so"


def test_leaves_of_another_label_or_number_are_no_probabilities():
    sets, _ = planted()
    one = sets["classifier@9/leaves_state"]
    assert stage_probabilities.holds_probabilities(one, 4, "State")
    assert not stage_probabilities.holds_probabilities(one, 3, "State")
    assert not stage_probabilities.holds_probabilities(one, 4, "Class")
    half = FeatureSet(one.name, one.metadata, one.features / 2, one.seen)
    assert not stage_probabilities.holds_probabilities(half, 4, "State")


def test_what_was_seen_of_test_records_is_marked():
    sets, codes = planted()
    one = sets["classifier@9/leaves_state"]
    learnt = Seen.alike(len(codes), True, "State")
    seen = FeatureSet(one.name, one.metadata, one.features, learnt)
    _, rows = judged(sets | {one.name: seen})
    marked = {row["encoder"] for row in rows if row["labels_seen"]}
    assert marked == {"classifier@9"}


def test_without_groups_intervals_are_over_records_and_nothing_is_decoded():
    sets, _ = planted()
    with pytest.warns(LeftOut, match="480 of 480 records are decided on alone"):
        _, rows = judged(sets, group="", time="")
    assert {(row["unit"], row["split"]) for row in rows} == {("record", "record")}
    assert {row["decided_alone"] for row in rows} == {rows[0]["records"]}
    own = {r["kind"]: r["value"] for r in rows if r["metric"] == "macro_f1"}
    assert own[task.FRAMES] == own[task.IN_TIME]
    assert not [row for row in rows if row["set"] == task.TIME_ALONE]
    options = OPTIONS | {"group": "", "time": "", "splits": ("colony",)}
    with pytest.warns(LeftOut):
        counting = task.counting(sets["intensity"].metadata, options)
    assert counting.ways == ("",) and counting.floors() == {}
    assert len(counting.answers(sets["intensity"])) == len(counting.questions)
    with pytest.raises(Skip, match="no split holds wells apart"), pytest.warns(LeftOut):
        task.counting(sets["intensity"].metadata, options | {"splits": ()})


def test_words_say_what_time_adds_and_can_touch():
    sets, _ = planted()
    _, rows = judged(sets)
    text = task.table([row for row in rows if row["encoder"] != "intensity"])
    assert "classifier@9, colony: time adds +" in text
    assert "480 of 480 records are of 40 groups that are followed, 0 are" in text
    words, counts, scores, about, confusion, *_ = task.chapter(rows)
    assert "each colony again as a whole" in words
    assert len(scores) == len(rows) and scores[0]["encoder"] == "classifier@9"
    assert [line["class"] for line in confusion] == NAMES


@pytest.mark.parametrize(
    "changed, words",
    [
        ({"order": "debris | dense > spread"}, "leaves out 'differentiated'"),
        ({"order": OPTIONS["order"] + " > dead"}, "names 'dead', which is no class"),
        ({"order": "debris > dense | spread > differentiated"}, "has 2 branches"),
        ({"absorbing": ("dead",)}, "absorbing names 'dead'"),
        ({"returns": ("spread>dead",)}, "returns names 'dead'"),
        ({"returns": ("spread",)}, "write a step back as two classes"),
        ({"prior": "even"}, "prior 'even'"),
        ({"group": "patient"}, "group names 'patient'"),
    ],
)
def test_bad_options_are_refused(changed, words):
    with pytest.raises(InputError, match=words):
        task.splits(colonies(4), OPTIONS | changed)


def test_a_screen_without_an_order_or_the_label_is_skipped():
    with pytest.raises(Skip, match="order is empty"):
        task.splits(colonies(4), OPTIONS | {"order": ""})
    with pytest.raises(Skip, match="no column Metadata_Class"):
        task.splits(colonies(4), OPTIONS | {"label": "Class"})


def test_a_colony_that_is_seen_once_is_counted():
    metadata = pd.concat(
        [
            colonies(),
            colonies(1, 12)
            .iloc[:1]
            .assign(Metadata_Colony="lone", Metadata_Record_ID="x"),
        ]
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", LeftOut)
        task.splits(metadata.reset_index(drop=True), OPTIONS)
    told = [str(w.message) for w in caught]
    assert any(
        "1 of 481 records are decided on alone, whose group is seen once" in t
        for t in told
    )
