"""Intervals over seeds beside Student's, rank correlations beside ranks by hand."""

import numpy as np
import pytest
from scipy import stats

from gandl_jax.jobs.channel_importance import weights

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("seeds", [2, 5, 30])
def test_intervals_are_scipy_s_of_a_mean(seeds):
    own = RNG.normal(0.5, 0.02, (seeds, 3))
    found = weights.over_seeds(own)
    expected = stats.ttest_1samp(own, 0.5).confidence_interval(0.95)
    np.testing.assert_allclose(found["mean"], own.mean(0))
    np.testing.assert_allclose(found["sd"] / np.sqrt(seeds), stats.sem(own))
    np.testing.assert_allclose(found["low"], expected.low)
    np.testing.assert_allclose(found["high"], expected.high)


def test_intervals_stay_between_0_and_1():
    found = weights.over_seeds(np.array([[0.1, 0.9], [0.3, 0.7]]))
    assert found["low"].tolist() == [0, 0] and found["high"].tolist() == [1, 1]


def test_one_seed_tells_nothing_of_others():
    found = weights.over_seeds(np.array([[0.2, 0.8]]))
    assert found["low"].tolist() == [0, 0] and found["high"].tolist() == [1, 1]


def test_rank_correlations_are_those_of_ranks():
    one, other = [0.1, 0.4, 0.2, 0.3], [3.0, 9.0, 7.0, 5.0]
    assert weights.spearman([1, 4, 2, 3], [1, 4, 2, 3]) == pytest.approx(1)
    ranks = np.array([0, 3, 1, 2]) - np.array([0, 3, 2, 1])
    expected = 1 - 6 * (ranks**2).sum() / (4 * 15)
    assert weights.spearman(one, other) == pytest.approx(expected)
    assert weights.spearman([1, 2], [2, 1]) is None  # which two numbers cannot tell
    assert weights.spearman([1, 1, 1], [1, 2, 3]) is None


def test_yardsticks_are_held_against_each_other_once():
    rows = weights.agreements({"a": [1, 2, 3], "b": [1, 3, 2], "c": [3, 2, 1]})
    told = {(row["one"], row["other"]): row for row in rows}
    assert told["a", "b"]["spearman"] == pytest.approx(0.5)
    assert told["a", "c"]["spearman"] == pytest.approx(-1)
    assert [row["same_first"] for row in rows] == [False, False, False]
    assert len(rows) == 3


def test_seeds_are_counted_by_the_channel_that_they_have_first():
    own = np.array([[0.5, 0.3, 0.2], [0.6, 0.3, 0.1], [0.2, 0.5, 0.3]])
    found = weights.agreement_of_seeds(own)
    assert found["first"] == [2, 1, 0]
    assert found["spearman"] == pytest.approx((1 - 0.5 - 0.5) / 3)
