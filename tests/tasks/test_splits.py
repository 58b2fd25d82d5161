"""What lies on which side of a fold."""

import numpy as np
import pytest

from gandl_jax.tasks.splits import leave_groups_out, random_records

RECORDS = np.arange(100, 160)
LABELS = np.repeat([0, 1], [40, 20])


def test_random_records_are_a_quarter_of_each_class():
    split = random_records(RECORDS, LABELS, group="M", repeats=3, seed=0)
    assert split.leaky and split.name == "record" and len(split.folds) == 3
    for train, test in split.folds:
        assert sorted([*train, *test]) == RECORDS.tolist()
        assert (test < 140).sum() == 10 and (test >= 140).sum() == 5
    tests = [tuple(test) for _, test in split.folds]
    assert len(set(tests)) == 3
    again = random_records(RECORDS, LABELS, group="M", repeats=3, seed=0)
    assert tests == [tuple(test) for _, test in again.folds]


def test_every_record_is_as_likely_to_be_held_apart():
    split = random_records(RECORDS, LABELS, group="M", repeats=4000, seed=1)
    times = np.bincount(np.concatenate([t for _, t in split.folds]) - 100)
    deviation = np.sqrt(4000 * 0.25 * 0.75)
    assert np.abs(times - 1000).max() < 5 * deviation


def test_a_class_of_one_record_cannot_be_split():
    labels = np.array([0, 0, 1])
    assert not random_records(np.arange(3), labels, group="M", repeats=2, seed=0).folds


def test_groups_are_whole_and_training_parts_have_both_classes():
    groups = np.tile(["P1", "P2", "P3"], 20)
    split = leave_groups_out(RECORDS, LABELS, groups, name="plate", group="M")
    assert not split.leaky and len(split.folds) == 3
    for train, test in split.folds:
        assert not set(groups[train - 100]) & set(groups[test - 100])
    tests = np.concatenate([test for _, test in split.folds])
    assert sorted(tests) == RECORDS.tolist()


@pytest.mark.parametrize(("held", "folds"), [(["A"] * 60, 0), (["A"] * 45, 1)])
def test_folds_that_could_not_be_learnt_are_left_out(held, folds):
    groups = np.array(held + ["B"] * (60 - len(held)))  # B has response 1 only
    split = leave_groups_out(RECORDS, LABELS, groups, name="row", group="M")
    assert len(split.folds) == folds
