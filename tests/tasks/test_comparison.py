"""Differences, intervals and ranks of entrants, beside scipy's and by coverage."""

import numpy as np
import pytest
from scipy import stats

from gandl_jax.tasks import comparison
from gandl_jax.tasks.comparison import Counted, Scores, Seeds

DRAWS = 1_000


def counted(units, classes=1, per=1):
    total = np.zeros((units, classes))
    total[np.arange(units), np.arange(units) % classes] = per
    return Counted(total, tested=1, trained=np.inf, chance=1 / max(classes, 2))


def scored(question, right, prior, seed=0, draws=DRAWS, **options):
    return comparison.scores(
        question, right, draws=draws, seed=seed, prior=prior, **options
    )


def test_a_score_is_the_mean_over_classes_and_seeds():
    question = counted(6, classes=2, per=4)
    right = [np.tile([[3.0, 0], [0, 1]], (3, 1)), np.tile([[4.0, 0], [0, 4]], (3, 1))]
    found = scored(question, right, 1)
    np.testing.assert_allclose(found.values, [(3 / 4 + 1 / 4) / 2, 1])
    assert found.draws.shape == (2, DRAWS)
    assert found.value == pytest.approx(0.75)


def test_a_score_is_a_share_of_each_seeds_own_total():
    """As F1, whose total grows with what is decided to be of a class."""
    question = counted(6, classes=2, per=4)
    right = [np.tile([[3.0, 0], [0, 1]], (3, 1))] * 2
    own = np.tile([[6.0, 2], [2, 6]], (3, 1))
    found = scored(question, right, 1, totals=[None, own])
    np.testing.assert_allclose(found.values, [(3 / 4 + 1 / 4) / 2, (3 / 8 + 1 / 8) / 2])
    plain = scored(question, right[:1], 1)
    np.testing.assert_array_equal(found.draws[0], plain.draws[0])
    assert found.draws[1].mean() == pytest.approx(found.values[1], abs=0.05)
    assert 0 < found.draws[1].std() < 0.2


def test_a_difference_of_one_seed_is_the_paired_t_test():
    rng = np.random.default_rng(0)
    one = rng.uniform(0.3, 1, 1_000)
    other = one - rng.normal(0.005, 0.1, 1_000).clip(-0.2, 0.2)
    question = counted(1_000)
    found = comparison.difference(
        question,
        scored(question, [one[:, None]], 1, draws=4_000),
        scored(question, [other[:, None]], 2, draws=4_000),
        Seeds(),
    )
    wanted = stats.ttest_rel(one, other)
    low, high = wanted.confidence_interval()
    assert found["value"] == pytest.approx(np.mean(one - other))
    assert found["low"] == pytest.approx(low, abs=0.002)
    assert found["high"] == pytest.approx(high, abs=0.002)
    assert found["p"] == pytest.approx(wanted.pvalue, rel=0.35)


def fixed(values):
    """Scores that no unit changes."""
    return Scores(values, np.repeat(values[:, None], DRAWS, 1))


def test_seeds_add_what_units_do_not_explain():
    values = np.array([0.7, 0.8, 0.9])
    still, pair, alone = (fixed(x) for x in (values, values[:2] / 2, values[:1]))
    floor = Scores(still.values, still.draws, has_seeds=False)
    found = comparison.pooled([still, pair, alone, floor])
    squares = 2 * values.var(ddof=1) + (values[:2] / 2).var(ddof=1)
    assert found == Seeds(pytest.approx(squares / 3), pytest.approx(0), 3)
    assert comparison.pooled([alone]) == Seeds()
    noise = np.random.default_rng(0).normal(scale=0.5, size=(3, DRAWS))
    noisy = comparison.pooled([Scores(values, values[:, None] + noise)])
    assert noisy.by_units == pytest.approx(0.25, rel=0.1)


def test_seeds_that_belong_together_are_compared_one_by_one():
    """What differs between seeds, but not within one, counts in no difference."""
    question, rng = counted(60), np.random.default_rng(1)
    of_seeds = [rng.uniform(0.2, 0.4, 60) + s for s in (0.0, 0.3, 0.5)]
    right = [x[:, None] for x in of_seeds]
    trained = scored(question, [x + 0.05 for x in right], 1)
    untrained = scored(question, right, 2)
    both = trained.minus(untrained)
    close = comparison.gain(question, both, comparison.pooled([both]))
    seeds = comparison.pooled([trained, untrained])
    wide = comparison.difference(question, trained, untrained, seeds)
    assert [close["value"], wide["value"]] == pytest.approx([0.05, 0.05])
    assert close["low"] > 0 > wide["low"]


def test_corrected_p_values_are_holms():
    found = comparison.holm([0.01, 0.04, 0.03, 0.005])
    np.testing.assert_allclose(found, [0.03, 0.06, 0.06, 0.02])
    assert comparison.holm([0.9, 0.8]) == [1.0, 1.0]


def test_ranks_of_what_differs_and_of_what_does_not():
    question, rng = counted(100), np.random.default_rng(2)
    base = rng.uniform(0.2, 0.4, (100, 1))
    levels = {"best": 0.4, "same": 0.0, "alike": 0.0}
    found = {
        name: scored(question, [base + level], i + 1)
        for i, (name, level) in enumerate(levels.items())
    }
    ranks = comparison.ranks(question, found, Seeds(), rng)
    assert ranks["best"] == {"rank": 1, "rank_low": 1, "rank_high": 1, "best": 1}
    for name in ("same", "alike"):
        assert ranks[name]["rank"] == 2.5
        assert (ranks[name]["rank_low"], ranks[name]["rank_high"]) == (2, 3)


def test_units_that_tell_nothing_leave_all_open():
    question = counted(1)
    one, other = (scored(question, [np.array([[x]])], i) for i, x in ((1, 0.9), (2, 0)))
    found = comparison.difference(question, one, other, Seeds())
    assert (found["low"], found["high"], found["p"]) == (-1, 1, 1)
    value = comparison.interval(question, one, Seeds(), np.random.default_rng(0))
    assert (value["low"], value["high"]) == (0, 1)


def drawn(rng, levels, *, units=40, seeds=3, of_units=0.7, of_seeds=0.4):
    """Decisions of entrants: a logistic model with effects of units and of seeds."""
    shared = rng.normal(size=units) * of_units
    made = []
    for level in levels:
        own = shared + rng.normal(size=units) * of_units / 2
        right = []
        for _ in range(seeds):
            logit = level + own + rng.normal() * of_seeds
            hits = rng.binomial(2, 1 / (1 + np.exp(-logit)))
            right.append(np.zeros((units, 2)))
            right[-1][np.arange(units), np.arange(units) % 2] = hits
        made.append(right)
    return made


def expected(level, of_units, of_seeds):
    """The accuracy over all units and seeds, by Gauss and Hermite."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    sd = np.sqrt(of_units**2 * 1.25 + of_seeds**2)
    return float(weights @ (1 / (1 + np.exp(-level - sd * nodes))) / weights.sum())


@pytest.mark.slow
@pytest.mark.parametrize(
    "seeds, of_units, of_seeds",
    [(1, 0.7, 0.0), (2, 0.7, 0.4), (3, 0.7, 0.4), (5, 0.7, 0.4)],
)
def test_intervals_of_the_difference_cover(seeds, of_units, of_seeds):
    levels, rng, covered = (1.2, 0.7), np.random.default_rng(3), 0
    truth = np.subtract(*(expected(x, of_units, of_seeds) for x in levels))
    question = counted(40, classes=2, per=2)
    for i in range(2_000):
        made = drawn(rng, levels, seeds=seeds, of_units=of_units, of_seeds=of_seeds)
        one, other = (
            scored(question, right, k + 1, seed=i, draws=200)
            for k, right in enumerate(made)
        )
        spread = comparison.pooled([one, other])
        found = comparison.difference(question, one, other, spread)
        covered += found["low"] <= truth <= found["high"]
    assert 0.93 <= covered / 2_000 <= 0.97


@pytest.mark.slow
def test_of_ten_equal_methods_few_pairs_are_called_different():
    rng, called, worlds = np.random.default_rng(4), 0, 300
    question = counted(40, classes=2, per=2)
    for i in range(worlds):
        found = [
            scored(question, right, k + 1, seed=i, draws=200)
            for k, right in enumerate(drawn(rng, [1.0] * 10))
        ]
        spread = comparison.pooled(found)
        p = [
            comparison.difference(question, a, b, spread)["p"]
            for k, a in enumerate(found)
            for b in found[:k]
        ]
        called += min(comparison.holm(p)) < 0.05
    assert called / worlds <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / worlds)
