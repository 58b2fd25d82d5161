"""Drugs against controls: measures of known decisions, labels, and what is refused."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from gandl_jax.errors import InputError
from gandl_jax.profiles import held_out
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.profiles.seen import Seen
from gandl_jax.tasks import classification, drug_control, marks
from gandl_jax.tasks.skip import LeftOut, Skip

OPTIONS = {
    "splits": ("plate",),
    "max_folds": 10,
    "repeats": 3,
    "normalize": "standard",
    "svm_c": 1.0,
    "bootstrap_unit": "well",
    "bootstrap_draws": 100,
    "seed": 0,
    "label": "",
    "control": "",
}


def screen(plates=3, drugs=12, controls=6):
    roles = ["treated"] * drugs + ["response_0"] * controls + ["response_1"] * 4
    rows = [
        {
            "Metadata_Plate": str(plate),
            "Metadata_Well": f"{'ABCDEFGH'[well % 8]}{well // 8 + 1:02d}",
            "Metadata_Role": role,
            "Metadata_Class": {"treated": "active", "response_0": "rest"}.get(role, ""),
            "Metadata_Record_ID": f"{plate}_{well}_{site}",
        }
        for plate in range(plates)
        for well, role in enumerate(roles)
        for site in range(2)
    ]
    return pd.DataFrame(rows)


def features_of(metadata, strength=2.0):
    made = np.random.default_rng(0).normal(size=(len(metadata), 5))
    made[(metadata["Metadata_Role"] == "treated").to_numpy(), 0] += strength
    return made.astype(np.float32)


def run(metadata, sets=None, **changed):
    options = OPTIONS | changed
    sets = sets or {"s": FeatureSet("s", metadata, features_of(metadata))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LeftOut)
        plan = drug_control.splits(metadata, options)
    others = {key: value for key, value in options.items() if key != "splits"}
    return plan, drug_control.run(sets, plan, **others)


def test_scores_are_scikit_learns_of_the_same_decisions():
    metadata = screen()
    one = FeatureSet("s", metadata, features_of(metadata))
    (split,), rows = run(metadata)
    codes = np.where(metadata["Metadata_Role"] == "treated", 1, 0)
    task = classification.Task("", lambda m: (codes, drug_control.CLASSES))
    decided = classification.decide(one.features, metadata, codes, split, task, OPTIONS)
    tests = [test for _, test in split.folds]
    truth = codes[np.concatenate(tests)]
    said = np.concatenate(decided).argmax(1)
    found = {row["metric"]: row for row in rows if row["set"] == "s"}
    assert found["recall"]["records"] == 3 * 18 * 2  # none of response 1
    for name in ("accuracy", "precision", "recall", "f1", "balanced_accuracy"):
        wanted = getattr(metrics, f"{name}_score")(truth, said)
        assert found[name]["value"] == pytest.approx(wanted)
    specificity = metrics.recall_score(truth, said, pos_label=0)
    assert found["specificity"]["value"] == pytest.approx(specificity)
    areas = [  # all plates have as many pairs
        metrics.roc_auc_score(codes[test], own[:, 1])
        for test, own in zip(tests, decided, strict=True)
    ]
    assert found["roc_auc"]["value"] == pytest.approx(np.mean(areas))
    for row in rows:
        assert 0 <= row["low"] <= row["value"] <= row["high"] <= 1


def test_chance_is_a_coins_toss():
    _, rows = run(screen())
    chance = {row["metric"]: row["chance"] for row in rows}
    frequency = 12 / 18
    halves = dict.fromkeys(drug_control.MEASURES, 0.5)
    halves |= {"precision": frequency, "f1": frequency / (frequency + 0.5)}
    assert chance == pytest.approx(halves)
    assert {row["frequency"] for row in rows} == {frequency}


def test_floors_stand_beside_the_sets():
    metadata = screen()
    features = features_of(metadata)
    noise = np.random.default_rng(1).normal(size=features.shape).astype("f4")
    sets = {
        name: FeatureSet(name, metadata, x)
        for name, x in {"gan@9/b8": features, "gan@0/b8": noise}.items()
    }
    _, rows = run(metadata, sets)
    found = {(row["set"], row["metric"]): row for row in rows}
    assert {name for name, _ in found} == {*sets, "plate", "position"}
    best, other = (found[name, "accuracy"] for name in sets)
    gain = best["differences"]["untrained"]
    assert gain["value"] == pytest.approx(best["value"] - other["value"])
    assert gain["low"] <= gain["value"] <= gain["high"]
    assert best["differences"]["plate"]["against"] in ("plate", "chance")
    text = drug_control.table(rows)
    for words in ("ROC-AUC", "F1", "balanced accuracy, wells", "specificity"):
        assert words in text


def test_any_column_can_tell_drugs_from_controls():
    """A screen without roles; all plates are then normalised as one."""
    metadata = screen()
    metadata = metadata[metadata["Metadata_Class"] != ""].reset_index(drop=True)
    metadata = metadata.drop(columns="Metadata_Role")
    sets = {"s": FeatureSet("s", metadata, np.zeros((len(metadata), 2), np.float32))}
    _, rows = run(metadata, sets, label="class", control="rest")
    assert {row["records"] for row in rows} == {3 * 18 * 2}
    assert rows[0]["normalize"] == "standard, all plates together"
    _, same = run(metadata, sets, label="Class", control="rest")
    assert same == rows
    with pytest.raises(InputError, match=r"names 'rst', .*did you mean 'rest'"):
        run(metadata, sets, label="Class", control="rst")
    with pytest.raises(Skip, match="no column Metadata_Role"):
        run(metadata, sets)
    with pytest.raises(Skip, match="no records of a drug"):
        run(metadata, sets, label="Class", control="rest+active")


def test_what_was_held_out_is_judged_alone_and_marked():
    metadata = screen()
    sides = np.where(metadata["Metadata_Plate"] == "2", "test", "train")
    metadata[held_out.COLUMN] = sides
    kinds = [(True, "Role") if side == "train" else (False, "") for side in sides]
    one = FeatureSet("s", metadata, features_of(metadata), Seen.from_pairs(kinds))
    _, rows = run(metadata, {"s": one})
    learnt = {row["split"]: row[marks.LABELS] for row in rows if row["set"] == "s"}
    assert learnt == {"plate": True, "held_out": False}


def test_no_area_where_no_fold_tests_both_classes():
    metadata = screen()
    treated = metadata["Metadata_Role"] == "treated"
    side = metadata["Metadata_Plate"].astype(int) % 2
    metadata["Metadata_Batch"] = np.where(treated, "drugs ", "controls ") + side.map(
        str
    )
    _, rows = run(metadata, splits=("batch",))
    measures = {row["metric"] for row in rows}
    assert measures == set(drug_control.MEASURES) - {drug_control.AUC}


def test_a_comparison_asks_the_same():
    metadata = screen()
    plan, rows = run(metadata)
    ((task, own),) = drug_control.questions(plan, OPTIONS)
    judged = classification.judge(
        {"s": FeatureSet("s", metadata, features_of(metadata))}, own, task, OPTIONS
    )
    for metric in (classification.SITES, classification.WELLS):
        both = [
            next(r for r in of if r["set"] == "s" and r["metric"] == metric)
            for of in (rows, judged)
        ]
        for key in ("value", "low", "high", "chance"):
            assert both[0][key] == pytest.approx(both[1][key])
