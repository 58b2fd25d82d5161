"""Several seeds: means and differences beside NumPy's and those of one seed."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from gandl_jax.jobs.report.job_chapters import compare_seeds as seeds_of_report
from gandl_jax.profiles import table
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.profiles.seen import Seen
from gandl_jax.tasks import (
    choice,
    classification,
    marks,
    nested,
    seed_plan,
    seed_table,
)
from gandl_jax.tasks import control_classification as controls
from gandl_jax.tasks.seeds import Comparison, SeedTally
from gandl_jax.tasks.skip import LeftOut

OPTIONS = {
    "splits": ("plate",),
    "max_folds": 10,
    "repeats": 1,
    "normalize": "standard",
    "svm_c": 1.0,
    "inner_folds": 2,
    "bootstrap_unit": "well",
    "bootstrap_draws": 200,
    "seed": 0,
    "aside_frac": 0.0,
    "part": "reporting",
    "nested": True,
}
CHOOSE = {**OPTIONS, "normalize": ("standard",), "svm_c": (1.0,)}
NAMES = ["gan@5/b8", "gan@5/b16", "gan@0/b8", "gan@0/b16"]
SITES, WELLS = "balanced_accuracy", "balanced_accuracy_wells"


def training(metadata, seed, strength=1.5):
    rng = np.random.default_rng(seed)
    features = {name: rng.normal(size=(len(metadata), 4)) for name in NAMES}
    features["gan@5/b16"][:, 0] += strength * table.control_classes(metadata)
    return {
        name: FeatureSet(
            name,
            metadata,
            x.astype(np.float32),
            Seen.alike(len(metadata), name[4] != "0"),
        )
        for name, x in features.items()
    }


def compare(metadata, trainings, **options):
    options = {**OPTIONS, **options}
    plan = seed_plan.plan(controls, metadata, options)
    asked = Comparison(
        plan,
        NAMES,
        metadata,
        options,
        {**CHOOSE, **options, **{key: CHOOSE[key] for key in ("normalize", "svm_c")}},
    )
    fitted = []
    for seed, sets in trainings.items():
        asked.add(seed, sets, fitted.append)
    assert sum(fitted) == asked.fits * len(trainings)
    return asked.rows()


def row_of(rows, name, metric=SITES):
    (row,) = [r for r in rows if r["set"] == name and r["metric"] == metric]
    return row


def test_means_and_differences_are_numpys(control_wells):
    """Decisions are made up; sites vote by their mean within wells, as pandas says."""
    metadata = control_wells(plates=3, wells=6, sites=3)
    codes, wells = table.control_classes(metadata), table.wells(metadata)
    (split,) = controls.splits(metadata, {**OPTIONS, "splits": ("plate",)})
    task = classification.Task("control_classification", controls._codes)
    tally = SeedTally(metadata, [split], task, OPTIONS)
    order = np.concatenate([test for _, test in split.folds])
    ends = np.cumsum([len(test) for _, test in split.folds])[:-1]
    rng, expected = np.random.default_rng(0), {}
    for seed in (4, 2, 9):
        for name, lift in (("gan@5/b8", 0.7), ("gan@0/b8", 0.2)):
            decision = rng.normal(size=(len(codes), 2))
            decision[np.arange(len(codes)), codes] += lift
            own = [marks.NOTHING | {marks.IMAGES: seed == 9}]
            tally.add(seed, name, [np.split(decision[order], ends)], own)
            said = pd.DataFrame(decision).groupby(wells).mean()
            truth = pd.Series(codes).groupby(wells).first()
            right = {
                SITES: (decision.argmax(1) == codes, codes),
                WELLS: (said.to_numpy().argmax(1) == truth, truth),
            }
            for metric, (is_right, of) in right.items():
                value = np.mean([np.mean(is_right[of == c]) for c in (0, 1)])
                expected.setdefault((name, metric), []).append(value)
    rows = tally.rows()
    assert len(rows) == 4 and {row["encoder"] for row in rows} == {"gan@5", "gan@0"}
    for (name, metric), values in expected.items():
        row = row_of(rows, name, metric)
        np.testing.assert_allclose(row["of_seeds"], values)
        assert row["value"] == pytest.approx(np.mean(values))
        assert row["lowest"] == pytest.approx(min(values)) and row["seeds"] == [4, 2, 9]
        assert row["low"] <= row["value"] <= row["high"]
        assert row["encoder_saw_test_images"] is True
    for metric in (SITES, WELLS):
        gain = row_of(rows, "gan@5/b8", metric)["differences"]["untrained"]
        pairs = zip(*(expected[f"gan@{s}/b8", metric] for s in (5, 0)), strict=True)
        each = [a - b for a, b in pairs]
        np.testing.assert_allclose(gain["of_seeds"], each)
        assert gain["value"] == pytest.approx(np.mean(each))
        assert gain["lowest"] == pytest.approx(min(each))
        assert gain["low"] < gain["value"] < gain["high"]


def test_one_training_several_times_is_that_training(control_wells):
    """Intervals too: those of the plain classification and of the plain choice."""
    metadata = control_wells(plates=3, wells=8, sites=1)
    sets = training(metadata, 0)
    rows = compare(metadata, {seed: sets for seed in range(3)})
    asked = nested.apart(controls, metadata, OPTIONS)
    ((task, plan),) = asked
    plain = classification.judge(sets, plan, task, OPTIONS)
    (question,) = nested.plan(controls, metadata, OPTIONS)
    chosen, _ = choice.choose(sets, metadata, question, CHOOSE, lambda count: None)
    expected = [r for r in plain if r["set"] in NAMES]
    expected += [r for r in chosen if r["features"] == choice.CHOSEN]
    assert len(rows) == len(expected) == 6
    for row in expected:
        own = row_of(rows, row["set"], row["metric"])
        for key in ("value", "low", "high", "wells", "normalize"):
            assert own[key] == pytest.approx(row[key]), key
        assert own["of_seeds"] == pytest.approx([row["value"]] * 3)
        if gain := row["differences"].get("untrained"):
            kept = {key: own["differences"]["untrained"][key] for key in gain}
            assert kept == pytest.approx(gain)


def test_several_trainings_are_each_of_them(control_wells):
    metadata = control_wells(plates=3, wells=8, sites=1)
    trainings = {seed: training(metadata, seed) for seed in (1, 2)}
    together = compare(metadata, trainings)
    alone = {s: compare(metadata, {s: sets}) for s, sets in trainings.items()}
    for row in together:
        each = [row_of(rows, row["set"], row["metric"]) for rows in alone.values()]
        assert row["of_seeds"] == pytest.approx([one["value"] for one in each])
        assert row["value"] == pytest.approx(np.mean([one["value"] for one in each]))
    gains = [row for row in together if "untrained" in row["differences"]]
    assert {row["set"] for row in gains} == {*NAMES[:2], "gan@5/chosen"}
    text = seed_table.text(together)
    assert "seeds 1, 2" in text and "3 of 3 plates" in text
    assert [("chosen" in line) for line in text.splitlines()[2:]] == [
        True,
        False,
        False,
    ]


def test_a_marked_score_and_its_difference_are_both_marked(control_wells):
    """As `evaluate` marks them; the untrained network's score is not."""
    metadata = control_wells(plates=3, wells=8, sites=1)
    sets = training(metadata, 1)
    learnt = {
        name: dataclasses.replace(
            one, seen=Seen.alike(len(metadata), name[4] != "0", "Role")
        )
        for name, one in sets.items()
    }
    for of, numbers in ((sets, 0), (learnt, 2)):
        rows = compare(metadata, {1: of})
        for line in seed_table.text(rows).splitlines()[2:]:
            assert line.count(f"] ({marks.WORDS})") == numbers, line
        content = {"rows": rows, "part": "all", "counted": [], "left_out": []}
        page = str(seeds_of_report.section("s", {"control": content}, None))
        assert page.count(f'"leaky">{marks.WORDS}<') == 3 * numbers


def test_training_that_changes_nothing_is_told_so(control_wells):
    metadata = control_wells(plates=4, wells=12, sites=1)
    trainings = {}
    for seed in range(2):
        sets = training(metadata, seed, strength=0)
        for name in NAMES[:2]:
            same = sets[name.replace("@5", "@0")].features
            sets[name] = FeatureSet(name, metadata, same)
        trainings[seed] = sets
    for row in compare(metadata, trainings):
        if "untrained" in row["differences"]:
            gain = row["differences"]["untrained"]
            assert gain["value"] == 0 and gain["of_seeds"] == [0, 0]
            # Not 0: a unit more of each class is made up, for either score its own.
            assert -0.1 < gain["low"] <= 0 <= gain["high"] < 0.1


def test_parts_count_apart_what_all_learn_from(control_wells):
    """The means of the parts, weighted by their wells, are that of the whole."""
    metadata = control_wells(plates=3, wells=8, sites=1)
    trainings = {seed: training(metadata, seed) for seed in range(2)}
    found = {
        key: compare(metadata, trainings, aside_frac=frac, part=part)
        for key, frac, part in (
            ("all", 0.0, "reporting"),
            ("reporting", 0.33, "reporting"),
            ("selection", 0.33, "selection"),
        )
    }
    for row in found["all"]:
        parts = [
            row_of(found[key], row["set"], row["metric"])
            for key in ("reporting", "selection")
        ]
        wells = [one["wells"] for one in parts]
        assert sum(wells) == row["wells"] and wells == [16, 8]
        values = np.average([one["of_seeds"] for one in parts], axis=0, weights=wells)
        assert values == pytest.approx(row["of_seeds"])
        assert [one["counted"] for one in parts] == ["2 of 3 plates", "1 of 3 plates"]


def test_without_a_choice_and_where_none_is_possible(control_wells):
    two = control_wells(plates=2, wells=8, sites=1)
    trainings = {seed: training(two, seed) for seed in range(2)}
    assert len(compare(two, trainings, nested=False)) == 4
    with pytest.warns(LeftOut, match="nothing can be chosen within a training part"):
        assert len(compare(two, trainings)) == 4


def test_lines_of_csv_have_columns_for_every_seed(control_wells):
    metadata = control_wells(plates=2, wells=8, sites=1)
    trainings = {seed: training(metadata, seed) for seed in (3, 1)}
    rows = compare(metadata, trainings, nested=False)
    row = row_of(rows, "gan@5/b16")
    line = seed_table.flat(row)
    assert [line["seed_3"], line["seed_1"]] == row["of_seeds"]
    gain = row["differences"]["untrained"]
    assert line["minus_untrained_low"] == gain["low"]
    assert line["minus_untrained_seed_1"] == gain["of_seeds"][1]
    assert line["minus_untrained_lowest"] == min(gain["of_seeds"])
    assert "minus_untrained_value" not in seed_table.flat(row_of(rows, "gan@0/b8"))
