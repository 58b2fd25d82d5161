"""Newton's method against scikit-learn's LinearSVC and finite differences."""

import numpy as np
import pytest
from scipy import optimize
from sklearn.svm import LinearSVC

from gandl_jax.tasks import linear_svm
from gandl_jax.tasks.linear_svm import Problems


def normal(n, width, seed=0):
    return np.random.default_rng(seed).normal(size=(n, width)) / np.sqrt(width)


def noisy(x, noise, seed=1):
    rng = np.random.default_rng(seed)
    truth = x @ rng.normal(size=x.shape[1])
    return np.where(truth + noise * rng.normal(size=len(x)) > 0, 1.0, -1.0)


def cases():
    x = normal(300, 20)
    yield "overlapping", x, noisy(x, 1.0), 1.0
    yield "apart", x, noisy(x, 0.0), 10.0
    yield "rare", x, np.where(np.arange(300) < 4, 1.0, -1.0), 1.0
    yield "twice", np.repeat(x[:100], 3, 0), np.repeat(noisy(x[:100], 0.5), 3), 1.0
    wide = normal(40, 200)
    yield "wide", wide, noisy(wide, 0.5), 1.0
    yield "constant", np.c_[x, np.full(300, 3.0)], noisy(x, 1.0), 1.0
    yield "zero", np.c_[x, np.zeros(300)], noisy(x, 1.0), 0.01
    alike = normal(300, 3) @ np.random.default_rng(2).normal(size=(3, 50))
    yield "correlated", alike + 1e-3 * normal(300, 50), noisy(alike, 0.3), 100.0


CASES = {name: values for name, *values in cases()}


def balanced(y, c):
    return np.where(y > 0, c * len(y) / (2 * sum(y > 0)), c * len(y) / (2 * sum(y < 0)))


def liblinears(x, y, c):
    svm = LinearSVC(
        C=c, class_weight="balanced", dual=False, tol=1e-10, max_iter=1_000_000
    )
    return svm.fit(x, y)


def solve_one(x, y, costs):
    rows = linear_svm.with_ones(x)
    return rows, linear_svm.solve(Problems(rows, y[None], costs[None]))


@pytest.mark.parametrize("name", CASES)
def test_decisions_are_liblinears(name):
    x, y, c = CASES[name]
    rows, weights = solve_one(x, y, balanced(y, c))
    expected = liblinears(x, y, c).decision_function(x)
    found = linear_svm.scores(rows, weights)[0]
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", CASES)
def test_nothing_lies_lower(name):
    """By finite differences of the objective, written out."""
    x, y, c = CASES[name]
    costs = balanced(y, c)
    rows, weights = solve_one(x, y, costs)

    def objective(u):
        return u @ u / 2 + (costs * np.maximum(0, 1 - y * (rows @ u)) ** 2).sum()

    slopes = optimize.approx_fprime(weights[0], objective, 1e-7)
    # A difference of 1e-7 to one side tells the slope to 1e-7 of half the curvature.
    curvature = 1 + 2 * (costs[:, None] * rows**2).sum(0)
    assert (np.abs(slopes) < 1e-6 * curvature + 1e-7 * objective(weights[0])).all()


def several(kind=np.float64, count=6):
    """Folds of two classes and their Problems, each without a sixth of the rows."""
    x = normal(240, 30).astype(kind)
    y, fold = noisy(x, 1.0), np.arange(240) % count
    learnt = np.stack([fold != i for i in range(count)])
    costs = np.zeros(learnt.shape)
    for own, kept in zip(costs, learnt, strict=True):
        own[kept] = balanced(y[kept], 1.0)
    signs = np.broadcast_to(y, learnt.shape)
    return x, y, learnt, Problems(linear_svm.with_ones(x), signs, costs)


def test_folds_side_by_side_are_each_by_itself():
    x, y, learnt, problems = several()
    weights = linear_svm.solve(problems)
    for kept, found in zip(
        learnt, linear_svm.scores(problems.rows, weights), strict=True
    ):
        expected = liblinears(x[kept], y[kept], 1.0).decision_function(x)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_labels_that_are_not_learnt_from_change_nothing():
    """Those of other folds act on how fast a minimum is found, not on where it is."""
    _, _, learnt, problems = several()
    weights = linear_svm.solve(problems)
    signs = np.where(learnt[0], problems.signs, -problems.signs)
    others = Problems(problems.rows, signs, problems.costs)
    np.testing.assert_allclose(linear_svm.solve(others)[0], weights[0], atol=1e-9)


def test_a_centre_and_scale_are_those_of_features():
    _, _, _, plain = several()
    rng = np.random.default_rng(3)
    shift, scale = rng.normal(size=(6, 30)), rng.uniform(0.5, 2, (6, 30))
    problems = Problems(plain.rows, plain.signs, plain.costs, shift, scale)
    found = linear_svm.scores(problems.rows, linear_svm.solve(problems))
    for i in range(6):
        rows = linear_svm.with_ones((plain.rows[:, :-1] - shift[i]) / scale[i])
        alone = Problems(rows, plain.signs[[i]], plain.costs[[i]])
        expected = linear_svm.scores(rows, linear_svm.solve(alone))[0]
        np.testing.assert_allclose(found[i], expected, atol=1e-7)


def test_float32_in_blocks_is_float64(monkeypatch):
    _, _, _, problems = several(np.float32)
    monkeypatch.setattr(linear_svm, "ROWS", 50)
    rows = problems.rows.astype(np.float64)
    expected = linear_svm.solve(Problems(rows, problems.signs, problems.costs))
    np.testing.assert_allclose(linear_svm.solve(problems), expected, atol=1e-9)


def test_problems_that_are_hard_together_are_solved_one_by_one(monkeypatch):
    """With hardly any turns, the mean Hessian of several is not good enough."""
    _, _, _, plain = several()
    rng = np.random.default_rng(3)
    shift, scale = rng.normal(size=(6, 30)), rng.uniform(0.5, 2, (6, 30))
    problems = Problems(plain.rows, plain.signs, plain.costs, shift, scale)
    expected = linear_svm.solve(problems)
    monkeypatch.setattr(linear_svm, "MOST_TURNS", 1)
    monkeypatch.setattr(linear_svm, "MOST_STEPS", 12)
    assert not linear_svm._descend(problems)[1].all()
    np.testing.assert_allclose(linear_svm.solve(problems), expected, atol=1e-7)


def test_what_is_not_found_is_told(monkeypatch):
    monkeypatch.setattr(linear_svm, "MOST_STEPS", 1)
    _, _, _, problems = several()
    assert linear_svm.solve(problems) is None
