"""Intervals against closed forms of proportions, and of clusters."""

import math

import numpy as np
import pytest
from scipy import stats

from gandl_jax.tasks import bootstrap


def one_each(right):
    """Units of one record each: right is a list of [n] bool per class."""
    classes = np.repeat(np.arange(len(right)), [len(r) for r in right])
    total = np.eye(len(right))[classes]
    return total * np.concatenate(right)[:, None], total


@pytest.mark.parametrize("classes", [2, 3])
def test_a_recall_is_drawn_from_the_posterior_of_a_proportion(classes):
    right = [np.arange(12) < 9] * (classes - 1) + [np.ones(5, bool)]
    drawn = bootstrap.recalls(*one_each(right), draws=4000, seed=0)
    chance = 1 / classes
    for k, own in enumerate(right):
        posterior = stats.beta(own.sum() + chance, (~own).sum() + 1 - chance)
        assert stats.kstest(drawn[:, k], posterior.cdf).pvalue > 0.01


def test_the_spread_over_clusters_is_that_of_the_linearised_ratio():
    """Wells of unlike size whose sites are right together."""
    rng = np.random.default_rng(0)
    total = rng.integers(1, 9, (400, 1)) * np.eye(2)[rng.integers(0, 2, 400)]
    share = rng.beta(2, 1, 400)
    correct = rng.binomial(total.astype(int), share[:, None])
    drawn = bootstrap.recalls(correct, total, draws=4000, seed=1)
    recall = correct.sum(0) / total.sum(0)
    residual = (correct - recall * total) / total.sum(0)
    error = np.sqrt((residual**2).sum(0))
    np.testing.assert_allclose(drawn.std(0), error, rtol=0.05)
    np.testing.assert_allclose(drawn.mean(0), recall, atol=0.01)


def test_a_unit_of_two_classes_moves_both():
    """Plates that are good at all or at nothing."""
    right = np.arange(20) % 2
    total = np.full((20, 2), 8.0)
    drawn = bootstrap.recalls(total * right[:, None], total, draws=500, seed=0)
    assert np.corrcoef(drawn.T)[0, 1] > 0.9


def test_draws_are_paired_by_their_seed(monkeypatch):
    correct, total = one_each([np.arange(30) % 3 > 0] * 2)
    drawn = bootstrap.recalls(correct, total, draws=60, seed=4)
    again = bootstrap.recalls(correct, total, draws=60, seed=4)
    np.testing.assert_array_equal(drawn, again)
    assert (drawn != bootstrap.recalls(correct, total, draws=60, seed=5)).all()
    monkeypatch.setattr(bootstrap, "BLOCK", 7 * len(total))  # a part at a time
    blocks = bootstrap.recalls(correct, total, draws=60, seed=4)
    np.testing.assert_allclose(blocks, drawn, rtol=1e-12)


def test_scores_that_are_right_on_the_same_records_may_differ():
    """By a few of 200: 3 / 200 at most where none was (the rule of three)."""
    units = one_each([np.arange(100) % 10 > 0] * 2)
    one, two = (
        bootstrap.recalls(*units, draws=4000, seed=0, prior=p).mean(1) for p in (1, 2)
    )
    low, high = bootstrap.interval(0.0, one - two, stretch=1.0, lowest=-1.0)
    assert -0.03 < low < -0.005 and 0.005 < high < 0.03
    assert np.corrcoef(one, two)[0, 1] > 0.9  # the same units were drawn


def test_the_interval_is_the_draws_spread_about_the_value():
    draws = stats.norm(0.7, 0.05).ppf((np.arange(4000) + 0.5) / 4000)
    low, high = bootstrap.interval(0.7, draws, stretch=1.0)
    np.testing.assert_allclose([low, high], [0.602, 0.798], atol=5e-4)
    low, high = bootstrap.interval(0.7, draws, stretch=2.0)
    np.testing.assert_allclose([low, high], [0.504, 0.896], atol=5e-4)
    low, high = bootstrap.interval(0.85, draws, stretch=1.0)
    np.testing.assert_allclose([low, high], [0.752, 0.948], atol=5e-4)
    assert bootstrap.interval(0.7, draws, stretch=20.0) == (0.0, 1.0)
    assert bootstrap.interval(0.1, draws - 0.6, stretch=20.0, lowest=-1.0)[0] == -1
    assert bootstrap.interval(0.7, draws, stretch=math.inf) == (0.0, 1.0)


def test_stretch():
    total = np.eye(2)[np.arange(30) % 2]
    got = bootstrap.stretch(total, tested=30, trained=22.5)
    assert got == pytest.approx(
        math.sqrt(15 / 14 * (1 + 4 / 3)) * stats.t.ppf(0.975, 28) / 1.959964
    )
    plates = np.full((4, 2), 20)
    got = bootstrap.stretch(plates, tested=80, trained=60)
    assert got == pytest.approx(
        math.sqrt(4 / 3 * (1 + 4 / 3)) * 3.182446 / 1.959964, rel=1e-5
    )
    assert bootstrap.stretch(np.eye(2), tested=2, trained=9) == math.inf


MIXED = np.random.default_rng(3).integers(1, 9, (14, 8)) * (
    np.random.default_rng(4).random((14, 8)) < 0.4
)  # plates, each of some of 8 classes


def test_squares_of_few_units_have_this_mean_and_these_degrees():
    """Effects of units at random: chi-squared by its mean and variance."""
    share = MIXED / MIXED.sum(0)
    effects = np.random.default_rng(0).normal(size=(50_000, len(MIXED)))
    residuals = effects * share.sum(1) - effects @ share @ share.T
    squares = (residuals**2).sum(1)
    expected = 2 * squares.mean() ** 2 / squares.var()
    inflation, degrees = bootstrap.few_units(MIXED)
    assert degrees == pytest.approx(expected, rel=0.04) and degrees < len(MIXED) - 1
    score = effects @ share.sum(1)
    assert inflation == pytest.approx(score.var() / squares.mean(), rel=0.04)
    assert bootstrap.few_units(np.eye(3)) == (1, 0)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 1.0])
def test_a_unit_is_worth_its_independent_records(correlation):
    """The variance of a mean of correlated records is that of fewer."""
    rng = np.random.default_rng(0)
    total = np.full((3000, 2), 9)
    if correlation in (0, 1):
        share = (
            np.full((3000, 1), 0.7) if not correlation else rng.random((3000, 1)) < 0.7
        )
    else:
        prior = 1 / correlation - 1
        share = rng.beta(0.7 * prior, 0.3 * prior, (3000, 1))
    correct = rng.binomial(total, share)
    expected = 1 + 8 * correlation
    np.testing.assert_allclose(bootstrap.worth(correct, total), expected, rtol=0.1)
    assert (bootstrap.worth(total, total) == 9).all()  # no error: nothing is known
    ones = np.ones((5, 2), int)
    assert (bootstrap.worth(ones, ones) == 1).all()


def test_a_difference_over_groups_is_covered_and_not_twice_as_wide():
    """Compounds of 40 images; two networks that are as good on each."""
    rng = np.random.default_rng(0)
    total = np.eye(6)[np.arange(30) % 6] * 40
    stretch = bootstrap.stretch(total, tested=0, trained=1)
    found, widths, covered = [], [], []
    for i in range(150):
        share = rng.beta(6, 3, (30, 1))
        scores = [rng.binomial(total.astype(int), share) for _ in range(2)]
        value = np.diff([(one.sum(0) / total.sum(0)).mean() for one in scores])[0]
        drawn = [
            bootstrap.recalls(one, total, draws=300, seed=i, prior=j).mean(1)
            for j, one in enumerate(scores)
        ]
        low, high = bootstrap.interval(
            value, drawn[1] - drawn[0], stretch=stretch, lowest=-1.0
        )
        found.append(value)
        widths.append(high - low)
        covered.append(low <= 0 <= high)
    assert np.mean(covered) > 0.92
    assert np.mean(widths) < 2.2 * 2 * stats.t.ppf(0.975, 24) * np.std(found)


@pytest.mark.parametrize("low_share", [0.3, 0.85])
def test_few_plates_of_many_classes_are_covered(low_share):
    rng = np.random.default_rng(0)
    stretch = bootstrap.stretch(MIXED, tested=0, trained=1)
    covered, widths = [], []
    for i in range(150):
        share = rng.uniform(low_share, low_share + 0.15, 8)
        correct = rng.binomial(MIXED, rng.beta(9 * share, 9 * (1 - share), MIXED.shape))
        drawn = bootstrap.recalls(correct, MIXED, draws=300, seed=i).mean(1)
        value = (correct.sum(0) / MIXED.sum(0)).mean()
        low, high = bootstrap.interval(value, drawn, stretch=stretch)
        covered.append(low <= share.mean() <= high)
        widths.append(high - low)
    assert np.mean(covered) > 0.92 and np.mean(widths) < 0.35


@pytest.mark.parametrize("share", [0.75, 0.97])
def test_a_proportion_is_covered(share):
    """Without a classifier: balanced accuracy is the mean of two proportions."""
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(300):
        correct, total = one_each(list(rng.random((2, 40)) < share))
        drawn = bootstrap.recalls(correct, total, draws=300, seed=0).mean(1)
        value = correct.sum() / total.sum()
        low, high = bootstrap.interval(value, drawn, stretch=1.0)
        covered.append(low <= share <= high)
    assert 0.92 < np.mean(covered) < 0.99


def test_no_error_is_no_certainty():
    drawn = bootstrap.recalls(*one_each([np.ones(12, bool)] * 2), draws=1000, seed=0)
    low, high = bootstrap.interval(1.0, drawn.mean(1), stretch=1.0)
    assert high == 1 and 0.85 < low < 0.95
