"""Bounds of a median beside scipy's, and how often they hold."""

import numpy as np
import pytest
from scipy import special, stats

from gandl_jax.tasks import median_bound


@pytest.mark.parametrize("count", [*range(1, 13), 30])
def test_order_statistics_are_those_of_scipys_quantile_test(count):
    values = np.random.default_rng(count).permutation(count).astype(float)
    found = median_bound.order_statistic(values)
    test = stats.quantile_test(values, q=0, p=0.5, alternative="less")
    expected = test.confidence_interval(0.95).high
    if count < 5:
        assert found is None and not np.isfinite(expected)
    else:
        assert found == expected


def test_five_wells_need_all_and_six_too():
    assert median_bound.order_statistic(np.array([3.0, 1, 5, 2, 4])) == 5
    assert median_bound.order_statistic(np.arange(6.0)) == 5
    assert median_bound.order_statistic(np.arange(8.0)) == 6  # 9 in 256 are fewer


@pytest.mark.parametrize("count", [5, 8])
@pytest.mark.parametrize("law", [stats.expon, stats.beta(0.3, 0.3)])
def test_order_statistics_hold_whatever_the_distribution(count, law):
    draws = law.rvs(size=(3000, count), random_state=np.random.default_rng(0))
    held = [median_bound.order_statistic(x) >= law.median() for x in draws]
    expected = 1 - stats.binom.cdf(_place(count), count, 0.5)
    assert 0.95 - 0.01 < np.mean(held)
    assert np.mean(held) == pytest.approx(1 - expected, abs=0.02)


def _place(count):
    """The number of wells that may lie below the median beside the bound's own."""
    return next(k for k in range(count) if stats.binom.cdf(k, count, 0.5) >= 0.95)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_bounds_of_few_wells_hold_where_doses_scatter_alike(count):
    """24 doses of 2 wells tell the scatter; the bound is of another dose's median."""
    rng, held = np.random.default_rng(count), []
    for _ in range(1500):
        centres = rng.normal(0, 2, 24)
        doses = rng.normal(centres[:, None], 0.8, (24, 2))
        sd, freedom = median_bound.scatter(doses)
        own = special.expit(rng.normal(-0.5, 0.8, count))
        bound, how = median_bound.upper(own, sd, freedom)
        assert how == median_bound.SHARED
        held.append(bound >= special.expit(-0.5))
    assert freedom == 24
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)


def test_the_shared_scatter_is_that_of_an_analysis_of_variance():
    rng = np.random.default_rng(0)
    groups = [rng.normal(i, 1.0, size) for i, size in enumerate((2, 3, 5, 1))]
    sd, freedom = median_bound.scatter(groups)
    squares = sum(one.var() * len(one) for one in groups)
    assert freedom == 7 and sd == pytest.approx(np.sqrt(squares / 7))
    low, high = stats.t.interval(0.9, 7, groups[1].mean(), sd / np.sqrt(3))
    assert median_bound.shared(groups[1], sd, 7) == pytest.approx(high)


def test_too_few_wells_have_no_bound_and_none_lies_below_the_median():
    assert median_bound.upper(np.array([0.1, 0.2]), 1.0, 4) == (None, None)
    skewed = np.array([1e-9, 0.4, 0.4])
    bound, _ = median_bound.upper(skewed, 1e-6, 20)
    assert bound == 0.4
