"""Nearness against pairs counted one by one, and its influences by differences."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from gandl_jax.tasks import nearness


def by_hand(a, b, how):
    if how == "euclidean":
        return np.sqrt(((a - b) ** 2).sum())
    if how == "braycurtis":
        return np.abs(a - b).sum() / np.abs(a + b).sum()
    if how == "correlation":
        a, b = a - a.mean(), b - b.mean()
    return 1 - a @ b / np.sqrt((a @ a) * (b @ b))


@pytest.mark.parametrize("how", nearness.DISTANCES)
def test_distances(how):
    rng = np.random.default_rng(0)
    rows, others = rng.normal(size=(3, 5)), rng.normal(size=(4, 5))
    found = nearness.distances(rows, others, how)
    wanted = [[by_hand(a, b, how) for b in others] for a in rows]
    np.testing.assert_allclose(found, wanted)


def test_distances_of_rows_without_direction():
    rows = np.array([[0.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    assert nearness.distances(rows, rows, "cosine")[0].tolist() == [1, 1, 1]
    found = nearness.distances(rows, rows, "correlation")
    assert found[:2, :].tolist() == [[1, 1, 1]] * 2
    assert nearness.distances(rows, rows, "braycurtis")[0].tolist() == [0, 1, 1]


def example(rows=6, far=5, seed=1):
    """Distances with equals among them; each row is near to those of other parity."""
    rng = np.random.default_rng(seed)
    near = rng.integers(0, 6, (rows, rows)).astype(float)
    near = near + near.T
    parity = np.arange(rows) % 2
    is_near = parity[:, None] != parity
    distant = rng.integers(2, 12, (rows, far)).astype(float)
    is_far = rng.random((rows, far)) < 0.8
    is_far[:, 0] = True
    return near, is_near, distant, is_far


def test_nearness_is_the_area_under_a_curve():
    near, is_near, far, is_far = example()
    found = nearness.compare(near, is_near, far, is_far)
    for i in range(len(near)):
        ours, theirs = near[i, is_near[i]], far[i, is_far[i]]
        truth = np.r_[np.ones(len(ours)), np.zeros(len(theirs))]
        area = roc_auc_score(truth, -np.r_[ours, theirs])
        assert found.of_rows[i] == pytest.approx(area)
        assert np.nanmean(found.of_near[i]) == pytest.approx(area)
        assert np.nanmean(found.of_far[i]) == pytest.approx(area)
        assert (np.isnan(found.of_near[i]) == ~is_near[i]).all()
        assert (np.isnan(found.of_far[i]) == ~is_far[i]).all()


def test_a_row_without_near_or_far_ones_has_no_nearness():
    near, is_near, far, is_far = example()
    is_near[0], is_far[1] = False, False
    found = nearness.compare(near, is_near, far, is_far)
    assert np.isnan(found.of_rows).tolist() == [True, True, *[False] * 4]


def weighted(near, is_near, far, is_far, rows, weights):
    """The mean nearness of rows where units weigh differently: far ones come last."""
    values, size = [], len(near)
    for i in rows:
        over = under = 0.0
        pairs = itertools.product(np.flatnonzero(is_near[i]), np.flatnonzero(is_far[i]))
        for j, k in pairs:
            weight = weights[j] * weights[size + k]
            order = np.sign(far[i, k] - near[i, j])
            over, under = over + weight * (1 + order) / 2, under + weight
        values.append(over / under)
    return np.average(values, weights=weights[rows])


def test_influences_are_what_weights_change():
    near, is_near, far, is_far = example()
    found = nearness.compare(near, is_near, far, is_far)
    rows, units = np.array([0, 2, 4]), np.arange(len(near) + far.shape[1])
    got = nearness.influences(found, rows, units[: len(near)], units[len(near) :])
    step, wanted = 1e-5, []
    for unit in units:
        ends = []
        for sign in (1, -1):
            weights = np.ones(len(units))
            weights[unit] += sign * step
            ends.append(weighted(near, is_near, far, is_far, rows, weights))
        wanted.append((ends[0] - ends[1]) / (2 * step))
    np.testing.assert_allclose(got, wanted, atol=1e-8)
    assert got.sum() == pytest.approx(0, abs=1e-12)


def test_drawn_medians_count_pairs_by_the_weights_of_both_ends():
    rng = np.random.default_rng(3)
    pairs = rng.integers(0, 5, (2, 30))
    values, weights = rng.normal(size=30), rng.integers(0, 4, (8, 5)).astype(float)
    weights[:, 0] += 1
    pairs[:, 0] = 0
    found = nearness.drawn_medians(values, tuple(pairs), weights)
    for draw, weight in zip(found, weights, strict=True):
        counts = (weight[pairs[0]] * weight[pairs[1]]).astype(int)
        every = np.repeat(values, counts)
        assert draw == np.quantile(every, 0.5, method="inverted_cdf")
