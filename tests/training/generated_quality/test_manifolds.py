"""Precision and recall of planted clusters, and by comparing every pair."""

import numpy as np

from gandl_jax.training.generated_quality import manifolds


def cluster(centre, count, seed):
    return np.random.default_rng(seed).normal(centre, 0.1, (count, 2))


def brute(manifold, asked, k):
    held = 0
    for point in asked:
        inside = False
        for i, middle in enumerate(manifold):
            others = [
                np.linalg.norm(middle - x) for j, x in enumerate(manifold) if j != i
            ]
            inside |= np.linalg.norm(point - middle) <= sorted(others)[k - 1]
        held += inside
    return held / len(asked)


def test_they_are_those_of_every_pair(monkeypatch):
    monkeypatch.setattr(manifolds, "ROWS", 7)
    rng = np.random.default_rng(0)
    real, generated = rng.normal(size=(40, 3)), rng.normal(0.7, 0.8, (33, 3))
    found = manifolds.precision_and_recall(real, generated)
    expected = brute(real, generated, 3), brute(generated, real, 3)
    np.testing.assert_allclose(found, expected)
    few = manifolds.precision_and_recall(real[:3], generated)
    np.testing.assert_allclose(few[0], brute(real[:3], generated, 2))


def test_a_kind_that_is_never_drawn_costs_recall_alone():
    real = np.concatenate([cluster(0, 50, 0), cluster(9, 50, 1)])
    precision, recall = manifolds.precision_and_recall(real, cluster(0, 50, 2))
    assert precision > 0.85 and 0.4 < recall <= 0.5
    half_off = np.concatenate([cluster(0, 25, 2), cluster(50, 25, 3)])
    precision, _ = manifolds.precision_and_recall(real, half_off)
    assert 0.4 < precision <= 0.5
