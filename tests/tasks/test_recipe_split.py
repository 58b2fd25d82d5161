"""Parts of a screen: disjoint, together all, and alike in their labels."""

import numpy as np
import pytest

from gandl_jax.profiles import table
from gandl_jax.tasks import control_classification as controls
from gandl_jax.tasks import recipe_split
from gandl_jax.tasks.skip import Skip
from gandl_jax.tasks.splits import Split

OPTIONS = {
    "splits": ("plate",),
    "max_folds": 4,
    "repeats": 1,
    "bootstrap_unit": "well",
    "seed": 0,
    "aside_frac": 1 / 3,
    "part": "reporting",
}


def cut(metadata, split, **options):
    return recipe_split.cut(
        metadata,
        table.control_classes(metadata),
        split,
        key="config.evaluate.splits",
        classes=controls.CLASSES,
        options={**OPTIONS, **options},
    )


def judged_by(split):
    return np.concatenate([test for _, test in split.folds])


@pytest.mark.parametrize("unit", ["plate", "well"])
def test_parts_are_disjoint_and_together_all(control_wells, unit):
    metadata = control_wells(plates=9, wells=4, sites=2)
    wanted = {**OPTIONS, "splits": (unit,)}
    (split,) = controls.splits(metadata, wanted)
    found = {p: cut(metadata, split, part=p) for p in ("reporting", "selection")}
    every = [judged_by(part.split) for part in found.values()]
    np.testing.assert_array_equal(
        np.sort(np.concatenate(every)), np.sort(judged_by(split))
    )
    of = {"plate": table.plates, "well": table.wells}[unit](metadata)
    groups = [set(of[rows]) for rows in every]
    assert not groups[0] & groups[1]
    total = len(set(of))
    assert len(groups[1]) == total // 3
    for part, own in zip(found.values(), groups, strict=True):
        assert part.counted == f"{len(own)} of {total} {unit}s"
        codes = table.control_classes(metadata)[judged_by(part.split)]
        assert np.bincount(codes).tolist() == [len(codes) // 2] * 2
    np.testing.assert_equal(
        cut(metadata, split, aside_frac=0.0).split.folds, split.folds
    )


def test_learning_is_the_same_for_both_parts(control_wells):
    metadata = control_wells(plates=9, wells=4, sites=1)
    (split,) = controls.splits(metadata, OPTIONS)
    trains = {train.tobytes() for train, _ in split.folds}
    for part in ("reporting", "selection"):
        for train, test in cut(metadata, split, part=part).split.folds:
            assert train.tobytes() in trains and len(test)
            assert not np.isin(test, train).any()


def test_the_seed_deals_and_nothing_else(control_wells):
    metadata = control_wells(plates=9, wells=4, sites=1)
    (split,) = controls.splits(metadata, OPTIONS)
    rows = [
        judged_by(cut(metadata, split, seed=s).split).tolist() for s in (0, 0, 1, 2)
    ]
    assert rows[0] == rows[1] and (rows[0] != rows[2] or rows[0] != rows[3])


def test_a_part_without_a_class_is_told(control_wells):
    metadata = control_wells(plates=3, wells=4, sites=1)
    codes = table.control_classes(metadata)
    train, test = np.flatnonzero(codes >= 0), np.flatnonzero(codes == 0)[:1]
    other = np.flatnonzero(codes == 1)[-1:]
    folds = ((np.setdiff1d(train, test), test), (np.setdiff1d(train, other), other))
    split = Split("well", "M", False, folds, "control")
    # Of two wells that are tested one part or the other lacks some class.
    told = []
    for part in ("reporting", "selection"):
        try:
            cut(metadata, split, part=part, aside_frac=0.5)
        except Skip as reason:
            told.append(str(reason))
    assert told and all("has no test record of response_" in words for words in told)
    given = Split("given", "M", False, folds, "control")
    with pytest.raises(Skip, match="'given' names no kind of group to set aside"):
        cut(metadata, given)
    assert cut(metadata, given, aside_frac=0.0).counted == "2 of 2 wells"
