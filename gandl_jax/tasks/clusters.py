"""Clusters of points: UMAP, then HDBSCAN, compared with those of Gaussians.

A map of points without any clusters has clumps as well, which HDBSCAN finds. Clusters
are therefore tested against those of Gaussians of the points' own covariance, mapped
and clustered alike.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from sklearn import metrics
from sklearn.cluster import HDBSCAN
from sklearn.neighbors import NearestNeighbors

from gandl_jax.tasks import neighbor_map

EPOCHS = 200  # of a map (ours; UMAP's default for many points)
GAUSSIANS = 20  # that a silhouette is compared with
LEVEL = 0.95  # share of them below the silhouette of called clusters
MAPS = 1 + GAUSSIANS + 2  # of points, Gaussians and both halves


@dataclasses.dataclass(frozen=True)
class Clusters:
    """Clusters that HDBSCAN finds on a map.

    Attributes:
      min_size: minimum number of points in a cluster.
      labels: [n] int cluster of each point, from 0; -1 is noise.
      silhouettes: [n] float64 in [-1, 1]; 0 for noise, and for all points if there are
        fewer than two clusters.
    """

    min_size: int
    labels: np.ndarray
    silhouettes: np.ndarray

    @property
    def count(self) -> int:
        """Number of clusters."""
        return int(self.labels.max(initial=-1)) + 1

    @property
    def noise(self) -> float:
        """Share of points that are in no cluster."""
        return float((self.labels < 0).mean())

    @property
    def silhouette(self) -> float:
        """Mean over all points, so that leaving most of them out does not help."""
        return float(self.silhouettes.mean())


def mapped(points: np.ndarray, seed: int) -> np.ndarray:
    """Maps points [n, D] to [n, 2] float32."""
    return neighbor_map.make(points, epochs=EPOCHS, seed=seed)


def find(positions: np.ndarray, min_size: int) -> Clusters:
    """Finds clusters on a map.

    Args:
      positions: [n, 2] float.
      min_size: minimum number of points in a cluster; fewer points have none.
    """
    labels = np.full(len(positions), -1)
    if len(positions) >= min_size:
        labels = HDBSCAN(min_cluster_size=min_size, copy=True).fit_predict(positions)
    silhouettes, in_cluster = np.zeros(len(positions)), labels >= 0
    if labels.max(initial=-1) > 0:
        silhouettes[in_cluster] = metrics.silhouette_samples(
            positions[in_cluster], labels[in_cluster]
        )
    return Clusters(min_size, labels, silhouettes)


def find_all(positions: np.ndarray, sizes: Sequence[int]) -> list[Clusters]:
    """Finds clusters on a map for each minimum size."""
    return [find(positions, size) for size in sizes]


def best(candidates: Sequence[Clusters]) -> Clusters:
    """Returns the clusters of the highest silhouette, the first of equals."""
    return max(candidates, key=lambda clusters: clusters.silhouette)


def indices(positions: np.ndarray, clusters: Clusters) -> dict[str, float | None]:
    """Computes the indices of Calinski and Harabasz, and of Davies and Bouldin.

    The former is better if higher, the latter if lower.

    Args:
      positions: [n, 2] on the map.
      clusters: of the map; noise is left out.

    Returns:
      "calinski_harabasz" and "davies_bouldin"; None if there are fewer than 2 clusters.
    """
    in_cluster = clusters.labels >= 0
    scores = {
        "calinski_harabasz": metrics.calinski_harabasz_score,
        "davies_bouldin": metrics.davies_bouldin_score,
    }
    if clusters.count < 2:
        return dict.fromkeys(scores)
    return {
        name: float(score(positions[in_cluster], clusters.labels[in_cluster]))
        for name, score in scores.items()
    }


def gaussian(points: np.ndarray, seed: int) -> np.ndarray:
    """Draws n points of a Gaussian with the covariance of the points.

    Args:
      points: [n, D] float.
      seed: of the draw.

    Returns:
      [n, D] float64, of mean 0.
    """
    _, values, directions = np.linalg.svd(points - points.mean(0), full_matrices=False)
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=(len(points), len(values)))
    return drawn * (values / np.sqrt(len(points) - 1)) @ directions


def gaussian_silhouettes(
    points: np.ndarray, sizes: Sequence[int], seed: int
) -> np.ndarray:
    """Returns [GAUSSIANS]: the best silhouette of each drawn Gaussian."""
    silhouettes = []
    for number in range(GAUSSIANS):
        positions = mapped(gaussian(points, seed + number), seed + number)
        silhouettes.append(best(find_all(positions, sizes)).silhouette)
    return np.array(silhouettes)


def threshold(silhouettes: np.ndarray) -> float:
    """Returns the level that Gaussians' silhouettes [n] exceed in 1 of 20 cases."""
    return float(np.quantile(silhouettes, LEVEL, method="weibull"))


def consistency(points: np.ndarray, min_size: int, seed: int) -> float:
    """Returns the agreement of random halves on clusters, as mean adjusted Rand index.

    Each half is mapped and clustered by itself, with half the minimum size. Its points
    then also get the clusters of their nearest points in the other half. Points that
    are noise by either are left out.

    Args:
      points: [n, D] float.
      min_size: of clusters of all points.
      seed: of the halves and maps.

    Returns:
      1 if halves agree, 0 if they agree as by chance or have no clusters.
    """
    order = np.random.default_rng(seed).permutation(len(points))
    halves = [points[order[side::2]] for side in (0, 1)]
    labels = [find(mapped(half, seed), max(2, min_size // 2)).labels for half in halves]
    return float(np.mean([_agreement(halves, labels, side) for side in (0, 1)]))


def _agreement(halves, labels, side: int) -> float:
    """Compares a half's own labels to those by the other half: adjusted Rand index."""
    search = NearestNeighbors(n_neighbors=1).fit(halves[1 - side])
    nearest = search.kneighbors(halves[side], return_distance=False)[:, 0]
    own_labels, other_labels = labels[side], labels[1 - side][nearest]
    in_both = (own_labels >= 0) & (other_labels >= 0)
    if len(set(own_labels[in_both])) < 2 or len(set(other_labels[in_both])) < 2:
        return 0.0
    return float(
        metrics.adjusted_rand_score(own_labels[in_both], other_labels[in_both])
    )
