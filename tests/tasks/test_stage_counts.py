"""Rates are scikit-learn's, and intervals hold the truth as often as they say."""

import numpy as np
from sklearn import metrics

from gandl_jax.tasks import bootstrap, stage_counts


def counter(codes, unit, classes, draws=200, learnt_from=1e9):
    return stage_counts.Counter(
        codes, unit, np.array(classes), learnt_from, draws=draws, seed=0
    )


def test_rates_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    codes, decided = rng.choice([1, 4, 6], (2, 300))
    found = counter(codes, rng.integers(0, 40, 300), [1, 4, 6]).score(decided, prior=1)
    recall = metrics.recall_score(codes, decided, average=None)
    f1 = metrics.f1_score(codes, decided, average=None)
    np.testing.assert_allclose(found.by_class, [recall, f1])
    np.testing.assert_allclose(found.values, [recall.mean(), f1.mean()])
    np.testing.assert_array_equal(
        found.confusion, metrics.confusion_matrix(codes, decided)
    )


def test_chance_is_what_guessing_gives():
    rng = np.random.default_rng(1)
    codes = np.repeat([0, 1, 2], [600, 300, 100])
    count = counter(codes, np.arange(1000) // 20, [0, 1, 2], draws=2)
    guesses = [rng.integers(0, 3, 1000) for _ in range(100)]
    mean = np.mean([count.score(g, prior=1).values for g in guesses], 0)
    np.testing.assert_allclose(count.chance, mean, atol=0.01)


def test_draws_of_the_recall_are_those_of_the_other_tasks():
    rng = np.random.default_rng(2)
    codes, unit = rng.integers(0, 2, 400), rng.integers(0, 50, 400)
    decided = np.where(rng.random(400) < 0.8, codes, 1 - codes)
    found = counter(codes, unit, [0, 1], draws=4000).score(decided, prior=1)
    table = np.zeros((2, 50, 2))
    np.add.at(table[0], (unit, codes), decided == codes)
    np.add.at(table[1], (unit, codes), 1)
    other = bootstrap.recalls(*table, draws=4000, seed=0).mean(1)
    ends = [2.5, 50, 97.5]
    np.testing.assert_allclose(
        np.percentile(found.draws[:, 0], ends), np.percentile(other, ends), atol=0.005
    )


def test_the_same_decisions_of_two_kinds_do_not_differ_for_certain():
    codes, unit = np.repeat([0, 1], 50), np.arange(100) // 5
    count = counter(codes, unit, [0, 1])
    one, other = (count.score(codes, prior=prior) for prior in (1, 2))
    assert one.values.tolist() == other.values.tolist() == [1, 1]
    assert (one.draws - other.draws).std() > 0
