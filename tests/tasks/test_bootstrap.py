"""Intervals against the closed form of a proportion."""

import numpy as np
from sklearn.metrics import balanced_accuracy_score

from gandl_jax.tasks import bootstrap


def test_balanced_accuracy_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    wells = rng.integers(0, 12, 80)
    truth = wells % 2
    said = np.where(rng.random(80) < 0.7, truth, 1 - truth)
    correct, total = np.bincount(wells, said == truth), np.bincount(wells)
    once = np.ones((1, 12))
    value = bootstrap.balanced_accuracies(once, np.arange(12) % 2, correct, total)
    np.testing.assert_allclose(value, balanced_accuracy_score(truth, said))


def test_a_sample_is_the_same_records_drawn_again():
    classes = np.array([0, 0, 0, 1, 1])
    times = bootstrap.multiplicities(classes, draws=50, seed=3)
    assert (times[:, :3].sum(1) == 3).all() and (times[:, 3:].sum(1) == 2).all()
    np.testing.assert_array_equal(
        times, bootstrap.multiplicities(classes, draws=50, seed=3)
    )
    correct, total = np.array([1, 4, 2, 3, 0]), np.array([4, 4, 4, 4, 4])
    values = bootstrap.balanced_accuracies(times, classes, correct, total)
    drawn = np.repeat(np.arange(5), times[7])
    recall = [(correct / 4)[drawn[classes[drawn] == k]].mean() for k in (0, 1)]
    np.testing.assert_allclose(values[7], np.mean(recall))


def test_interval_has_the_width_and_coverage_of_a_proportion():
    """One site per well: balanced accuracy is the mean of two proportions."""
    rng = np.random.default_rng(1)
    share, wells, repeats = 0.75, 60, 300
    classes = np.repeat([0, 1], wells)
    times = bootstrap.multiplicities(classes, draws=500, seed=0)
    total = np.ones(2 * wells)
    intervals = np.array(
        [
            bootstrap.interval(
                bootstrap.balanced_accuracies(
                    times, classes, (rng.random(2 * wells) < share) * 1.0, total
                )
            )
            for _ in range(repeats)
        ]
    )
    error = np.sqrt(share * (1 - share) / wells / 2)
    width = np.diff(intervals, axis=1).mean()
    np.testing.assert_allclose(width, 2 * 1.96 * error, rtol=0.05)
    covered = ((intervals[:, 0] <= share) & (share <= intervals[:, 1])).mean()
    assert 0.91 < covered < 0.985
