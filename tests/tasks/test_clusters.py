"""Planted clusters are found, Gaussians have none, and halves agree or do not."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_samples

from gandl_jax.tasks import clustering, clusters

SIZES = (10, 20, 50)


def planted(count=3, size=60, apart=12.0, width=8, seed=0):
    """Points of as many unit Gaussians, each two `apart`, and which is whose."""
    rng = np.random.default_rng(seed)
    centers = np.eye(count, width) * apart / np.sqrt(2)
    truth = np.repeat(np.arange(count), size)
    return centers[truth] + rng.normal(size=(len(truth), width)), truth


def test_planted_clusters_are_found():
    points, truth = planted()
    found = clusters.best(clusters.find_all(clusters.mapped(points, 0), SIZES))
    assert adjusted_rand_score(truth, found.labels) == 1
    assert (found.count, found.noise) == (3, 0) and found.silhouette > 0.8
    assert clusters.consistency(points, found.min_size, 0) == 1


def test_halves_of_a_gaussian_agree_on_little():
    points = np.random.default_rng(0).normal(size=(200, 5))
    assert clusters.consistency(points, 10, 0) < 0.6


def test_halves_without_clusters_agree_on_nothing():
    points = np.random.default_rng(0).normal(size=(80, 5))
    assert clusters.consistency(points, 60, 0) == 0


def test_noise_counts_nothing():
    rng = np.random.default_rng(0)
    places = np.repeat([[0.0, 0.0], [9.0, 0.0]], 20, 0) + rng.normal(0, 0.1, (40, 2))
    places = np.vstack([places, [[4.0, 40.0], [4.0, -40.0]]])
    found = clusters.find(places, 10)
    kept = found.labels >= 0
    assert kept[:40].all() and not kept[40:].any()
    assert found.noise == pytest.approx(2 / 42)
    wanted = silhouette_samples(places[:40], np.repeat([0, 1], 20)).sum() / 42
    assert found.silhouette == pytest.approx(wanted)


@pytest.mark.parametrize("count", [5, 30])
def test_too_few_points_for_clusters(count):
    """Fewer than a cluster has at least, and too few for two of them."""
    places = np.random.default_rng(0).normal(size=(count, 2))
    found = clusters.find(places, 20)
    assert (found.count, found.noise, found.silhouette) == (0, 1, 0)
    none = {"calinski_harabasz": None, "davies_bouldin": None}
    assert clusters.indices(places, found) == none


def test_indices_by_their_formulas():
    rng = np.random.default_rng(1)
    places = rng.normal(size=(30, 2)) + np.repeat([[0, 0], [5, 1], [2, 6]], 10, 0)
    labels = np.repeat([0, 1, 2], 10)
    places, labels = np.vstack([places, [[50.0, 50.0]]]), np.append(labels, -1)
    found = clusters.indices(places, clusters.Clusters(5, labels, np.zeros(31)))
    own = [places[labels == k] for k in range(3)]
    means = np.stack([one.mean(0) for one in own])
    within = sum(((one - one.mean(0)) ** 2).sum() for one in own)
    between = 10 * ((means - places[:30].mean(0)) ** 2).sum()
    wanted = (between / 2) / (within / 27)  # Calinski and Harabasz 1974
    assert found["calinski_harabasz"] == pytest.approx(wanted)
    spread = [np.linalg.norm(one - one.mean(0), axis=1).mean() for one in own]
    worst = [  # Davies and Bouldin 1979
        max(
            (spread[i] + spread[j]) / np.linalg.norm(means[i] - means[j])
            for j in range(3)
            if j != i
        )
        for i in range(3)
    ]
    assert found["davies_bouldin"] == pytest.approx(np.mean(worst))


def test_a_gaussian_has_the_points_covariance():
    points = np.random.default_rng(0).normal(size=(400, 3)) @ np.array(
        [[2.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.5, 0.2]]
    )
    drawn = np.vstack([clusters.gaussian(points, seed) for seed in range(200)])
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(points.T), rtol=0.03, atol=0.01)
    np.testing.assert_allclose(drawn.mean(0), 0, atol=0.05)


def test_a_further_gaussian_lies_above_the_threshold_in_one_of_20_cases():
    rng = np.random.default_rng(0)
    drawn = rng.gamma(2.0, size=(8000, clusters.GAUSSIANS + 1))
    above = [one[0] > clusters.threshold(one[1:]) for one in drawn]
    assert np.mean(above) == pytest.approx(0.05, abs=0.01)


@pytest.mark.slow
def test_single_gaussians_are_seldom_called_clustered():
    """Of 50 by the task's own settings, at a rate of 1 in 20, 2 or 3 are expected."""
    called, sizes = 0, (10, 20, 50, 100)
    for seed in range(50):
        rng = np.random.default_rng(seed)
        points = rng.normal(size=(200, 20)) * np.linspace(3, 0.5, 20)
        points = clustering._components(points.astype(np.float32), seed)
        places = clusters.mapped(points, seed)
        own = clusters.best(clusters.find_all(places, sizes)).silhouette
        gaussians = clusters.gaussian_silhouettes(points, sizes, 1000 * (seed + 1))
        called += own > clusters.threshold(gaussians)
    assert called <= 6


@pytest.mark.slow
def test_planted_clusters_lie_above_gaussians_of_their_covariance():
    points, _ = planted()
    found = clusters.best(clusters.find_all(clusters.mapped(points, 0), SIZES))
    gaussians = clusters.gaussian_silhouettes(points, SIZES, 0)
    assert found.silhouette > clusters.threshold(gaussians) + 0.2
