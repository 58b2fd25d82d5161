"""Choosing features: the signal is found, and the test part is judged without it."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC

from gandl_jax.profiles import table
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import choice, nested, ranking
from gandl_jax.tasks import classification as engine
from gandl_jax.tasks import control_classification as controls
from gandl_jax.tasks import label_classification as labels
from gandl_jax.tasks.choice import ANY, SCORE
from gandl_jax.tasks.skip import LeftOut, Skip

OPTIONS = {
    "splits": ("record", "plate"),
    "label": "Mechanism",
    "controls": True,
    "max_folds": 10,
    "repeats": 2,
    "normalize": ("standard",),
    "svm_c": (1.0,),
    "inner_folds": 5,
    "bootstrap_unit": "well",
    "bootstrap_draws": 200,
    "seed": 0,
}
WELLS = "balanced_accuracy_wells"


def noise(metadata, names, width=5, seed=0):
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(size=(len(metadata), width)).astype(np.float32)
        for name in names
    }


def choose(metadata, features, module=controls, question=None, **options):
    options = {**OPTIONS, **options}
    sets = {n: FeatureSet(n, metadata, x) for n, x in features.items()}
    if question is None:
        (question,) = nested.plan(module, metadata, options)
    fitted = []
    made = choice.choose(sets, metadata, question, options, fitted.append)
    count = len(choice.candidates(sets, options))
    assert sum(fitted) == count * nested.inner_folds([question])
    return made


def row_of(rows, name, metric=WELLS):
    (row,) = [r for r in rows if r["set"] == name and r["metric"] == metric]
    return row


def test_what_carries_the_signal_is_chosen_in_every_fold(control_wells):
    metadata = control_wells(plates=4, wells=12, sites=2)
    features = noise(metadata, ["gan@5/b8", "gan@5/b16", "gan@0/b8", "intensity"])
    features["gan@5/b16"][:, 0] += 4 * table.control_classes(metadata)
    rows, found = choose(metadata, features, normalize=("standard", "robust"))
    trained, any_ = row_of(rows, "gan@5/chosen"), row_of(rows, ANY)
    for row in (trained, any_):
        assert {one["set"] for one in row["taken"]} == {"gan@5/b16"}
        assert sum(one["folds"] for one in row["taken"]) == 4
        assert row["value"] > 0.9
    assert {one["set"] for one in row_of(rows, "gan@0/chosen")["taken"]} == {"gan@0/b8"}
    gain = trained["differences"]["untrained"]
    assert gain["against"] == "gan@0/chosen" and gain["low"] > 0
    assert any_["differences"]["untrained"]["against"] == "gan@0/chosen"
    assert "untrained" in row_of(rows, "intensity")["differences"]
    assert row_of(rows, "plate")["taken"] == []
    best = ranking.recommendation("control_classification", found)
    assert best["set"] == "gan@5/b16" and best["note"] == ""
    assert best["flags"] == (
        "--config.evaluate.features=b16 "
        "--config.evaluate.control_classification.normalize="
        + best["normalize"]
        + " --config.evaluate.svm_c=1.0"
    )


def test_scores_are_those_of_scikit_learns_nested_cross_validation(control_wells):
    """Inner scores and outer decisions, from its own estimators and splitters."""
    metadata = control_wells(plates=4, wells=12, sites=2)
    codes, plates = table.control_classes(metadata), table.plates(metadata)
    features = noise(metadata, ["a", "b", "c"], width=7)
    for name, strength in (("a", 0.8), ("b", 1.0), ("c", 0.9)):
        features[name][:, 0] += strength * codes
    pipeline = make_pipeline(
        StandardScaler(),
        FunctionTransformer(lambda x: x / np.sqrt(7)),
        LinearSVC(C=1.0, class_weight="balanced", max_iter=10_000),
    )

    def by_wells(rows, decision):
        own = pd.DataFrame({"decision": decision, "truth": codes[rows]})
        own = own.groupby(table.wells(metadata.iloc[rows])).mean()
        return balanced_accuracy_score(own["truth"], own["decision"] > 0)

    inner = {name: [] for name in features}
    decision = {name: np.empty(len(codes)) for name in features}
    nested_decision = np.empty(len(codes))
    for train, test in LeaveOneGroupOut().split(codes, codes, plates):
        for name, x in features.items():
            said = cross_val_predict(
                pipeline,
                x[train],
                codes[train],
                groups=plates[train],
                cv=LeaveOneGroupOut(),
                method="decision_function",
            )
            inner[name].append(by_wells(train, said))
            fitted = pipeline.fit(x[train], codes[train])
            decision[name][test] = fitted.decision_function(x[test])
        best = max(inner, key=lambda name: inner[name][-1])
        nested_decision[test] = decision[best][test]
    # Without plates: all are as one, as for scikit-learn's scaler.
    task = engine.Task("t", controls._codes, per_plate=False, floors=False)
    ((_, plan),) = nested.plan(controls, metadata, OPTIONS)
    rows, found = choose(metadata, features, question=(task, plan))
    for row in found:
        assert row[SCORE] == pytest.approx(np.mean(inner[row["set"]]))
    everything = np.arange(len(codes))
    expected = by_wells(everything, nested_decision)
    assert row_of(rows, ANY)["value"] == pytest.approx(expected)
    for name in features:  # a pool of one is the plain cross-validation
        expected = by_wells(everything, decision[name])
        assert row_of(rows, name)["value"] == pytest.approx(expected)


@pytest.mark.slow
def test_of_many_candidates_of_noise_the_best_is_chance(control_wells):
    metadata = control_wells(plates=4, wells=10, sites=1)
    names = [f"gan@5/n{i}" for i in range(30)]
    nested_values, best_values, held = [], [], []
    for seed in range(2):
        features = noise(metadata, names, seed=seed)
        rows, _ = choose(metadata, features)
        row = row_of(rows, "gan@5/chosen")
        nested_values.append(row["value"])
        held.append(row["low"] <= 0.5 <= row["high"])
        sets = {n: FeatureSet(n, metadata, x) for n, x in features.items()}
        plan = controls.splits(metadata, {**OPTIONS, "splits": ("plate",)})
        plain = {k: v for k, v in OPTIONS.items() if k != "splits"}
        plain |= {"normalize": "standard", "svm_c": 1.0, "bootstrap_draws": 2}
        scored = controls.run(sets, plan, **plain)
        own = [r for r in scored if r["metric"] == WELLS and r["set"] in sets]
        best_values.append(max(r["value"] for r in own))
    assert all(held)
    assert np.mean(nested_values) < 0.58 and np.mean(best_values) > 0.65


def test_the_test_part_of_a_fold_has_no_say_in_its_choice(control_wells):
    """Other features, labels and controls there: what is chosen stays the same."""
    metadata = control_wells(plates=4, wells=12, sites=2)
    names = [f"gan@5/n{i}" for i in range(8)]
    features = noise(metadata, names)
    ((task, plan),) = nested.plan(controls, metadata, OPTIONS)
    _, test = plan[0].split.folds[1]
    other = {name: x.copy() for name, x in features.items()}
    swapped = metadata.copy()
    roles = swapped["Metadata_Role"].to_numpy().copy()
    roles[test] = np.where(roles[test] == "response_0", "response_1", "response_0")
    swapped["Metadata_Role"] = roles
    rng = np.random.default_rng(9)
    for x in other.values():
        x[test] = 100 * rng.normal(size=x[test].shape)
    found = {}
    for key, table_, x in (("as is", metadata, features), ("other", swapped, other)):
        ((task, plan),) = nested.plan(controls, table_, OPTIONS)
        sets = {n: FeatureSet(n, table_, values) for n, values in x.items()}
        candidates = choice.candidates(sets, OPTIONS)
        found[key] = choice.inner_scores(
            sets, table_, (task, plan), candidates, OPTIONS, lambda count: None
        ).scores[0]
    np.testing.assert_array_equal(found["as is"][:, 1], found["other"][:, 1])
    assert (found["as is"][:, 0] != found["other"][:, 0]).any()


def test_no_record_is_on_two_sides():
    """Records of the outer test parts, the inner ones and what is learnt from."""
    metadata = compounds()
    ((_, plan),) = nested.plan(labels, metadata, {**OPTIONS, "splits": ("treatment",)})
    treatment = metadata["Metadata_Treatment"].to_numpy()
    for one in plan:
        assert len(one.within) == len(one.split.folds) > 1
        for (train, test), inner in zip(one.split.folds, one.within, strict=True):
            assert 2 <= len(inner.folds) <= OPTIONS["inner_folds"]
            for learnt, judged in inner.folds:
                sides = [set(treatment[rows]) for rows in (learnt, judged, test)]
                assert not sides[0] & sides[1] and not (sides[0] | sides[1]) & sides[2]
                assert np.isin(np.concatenate([learnt, judged]), train).all()


def compounds():
    """One plate: 16 compounds of 2 mechanisms in 2 wells each."""
    rows = [
        (f"drug {c:02d}", f"mechanism {c % 2}", f"{'ABCDEFGH'[r]}{c + 1:02d}")
        for c in range(16)
        for r in range(2)
    ]
    names = ["Treatment", "Mechanism", "Well"]
    metadata = pd.DataFrame(rows, columns=[f"Metadata_{n}" for n in names])
    ids = [str(i) for i in range(len(rows))]
    return metadata.assign(
        Metadata_Plate="1", Metadata_Role="treated", Metadata_Record_ID=ids
    )


def test_labels_with_compounds_left_out():
    metadata = compounds()
    features = noise(metadata, ["x", "y"])
    codes = (metadata["Metadata_Mechanism"] == "mechanism 1").to_numpy()
    features["y"][:, 0] += 5 * codes
    options = {"splits": ("treatment",), "svm_c": (0.1, 1.0)}
    rows, found = choose(metadata, features, labels, **options)
    row = row_of(rows, ANY, "balanced_accuracy")  # a well has one record
    assert {one["set"] for one in row["taken"]} == {"y"}
    assert row["split"] == "treatment" and row["unit"] == "treatment"
    best = ranking.recommendation("label_classification", found)
    assert "--config.evaluate.svm_c=" in best["flags"]


def test_training_parts_that_are_too_small_are_told(control_wells):
    metadata = control_wells(plates=2, wells=12, sites=1)
    with pytest.raises(Skip, match="within a training part of .*'plate'.* one plate"):
        nested.plan(controls, metadata, {**OPTIONS, "splits": ("plate",)})
    wanted = {**OPTIONS, "splits": ("plate", "well")}
    with pytest.warns(LeftOut, match="nothing can be chosen"):
        ((_, plan),) = nested.plan(controls, metadata, wanted)
    assert [one.split.name for one in plan] == ["well"]
    sites = control_wells(plates=2, wells=12, sites=2)
    with pytest.raises(Skip, match="no split holds wells apart; name 'plate'"):
        nested.plan(controls, sites, {**OPTIONS, "splits": ("record",)})


def test_a_publishers_split_is_chosen_within_by_its_plates(control_wells):
    metadata = control_wells(plates=4, wells=12, sites=1)
    half = np.where(metadata["Metadata_Plate"].isin(["0", "1"]), "train", "test")
    metadata["Metadata_Split"] = half
    ((_, (plan,)),) = nested.plan(controls, metadata, {**OPTIONS, "splits": ("given",)})
    (within,) = plan.within
    plates = metadata["Metadata_Plate"].to_numpy()
    assert [{*plates[test]} for _, test in within.folds] == [{"0"}, {"1"}]


def test_of_large_training_parts_some_records_choose(control_wells, monkeypatch):
    metadata = control_wells(plates=3, wells=12, sites=2)
    monkeypatch.setattr(nested, "MAX_RECORDS", 20)
    ((_, plan),) = nested.plan(controls, metadata, OPTIONS)
    for inner in plan[0].within:
        assert len(np.concatenate([test for _, test in inner.folds])) == 20
    assert all(len(train) == 48 for train, _ in plan[0].split.folds)


def test_the_mean_over_splits_ranks_and_another_encoders_victory_is_told():
    def rows(encoder, features, *values):
        return [
            dict(zip(ranking.KEYS, key, strict=True)) | {SCORE: value}
            for value in values
            for key in [(f"{encoder}/{features}", encoder, features, "whiten", 1.0)]
        ]

    found = [
        *rows("gan@5", "b8", 0.9, 0.5),
        *rows("gan@0", "b16", 0.8, 0.7),
        *rows("gan@5", "b16", 0.7, 0.72),
    ]
    ranked = ranking.best_first(found)
    assert [row["set"] for row in ranked] == ["gan@0/b16", "gan@5/b16", "gan@5/b8"]
    np.testing.assert_allclose([row[SCORE] for row in ranked], [0.75, 0.71, 0.7])
    best = ranking.recommendation("control_classification", found)
    assert best["set"] == "gan@0/b16" and "svm_c" in best["flags"]
    assert "not of the last trained encoder, gan@5, whose best is b16" in best["note"]


def test_sets_are_read_one_at_a_time(control_wells):
    metadata = control_wells(plates=3, wells=8, sites=1)
    features, reads = noise(metadata, ["a", "b"]), []

    class Counted(dict):
        def __getitem__(self, name):
            reads.append(name)
            return FeatureSet(name, metadata, features[name])

        values = items = None

    (question,) = nested.plan(controls, metadata, OPTIONS)
    sets = Counted(a=None, b=None)
    choice.choose(sets, metadata, question, OPTIONS, lambda count: None)
    assert reads == ["a", "b", "a", "b"]
