"""Clusters of points: UMAP, then HDBSCAN, and whether they are more than a Gaussian's.

A map of points without any clusters has clumps as well, which HDBSCAN finds. Whether
there are clusters is therefore told by Gaussians of the points' own covariance, that
go the same way.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from sklearn import metrics
from sklearn.cluster import HDBSCAN
from sklearn.neighbors import NearestNeighbors

from gandl_jax.tasks import neighbor_map

EPOCHS = 200  # of a map (ours; UMAP's default for many points)
GAUSSIANS = 20  # that a silhouette is held against
LEVEL = 0.95  # of them that it lies above, where there are clusters
MAPS = 1 + GAUSSIANS + 2  # of points, Gaussians and both halves


@dataclasses.dataclass(frozen=True)
class Clusters:
    """What HDBSCAN found on a map.

    Attributes:
      min_size: points that a cluster has at least.
      labels: [n] int cluster of each point, from 0; -1 is noise.
      silhouettes: [n] float64 in [-1, 1]; 0 of noise, and of all points where there are
        no two clusters.
    """

    min_size: int
    labels: np.ndarray
    silhouettes: np.ndarray

    @property
    def count(self) -> int:
        """How many clusters there are."""
        return int(self.labels.max(initial=-1)) + 1

    @property
    def noise(self) -> float:
        """The share of points that are in no cluster."""
        return float((self.labels < 0).mean())

    @property
    def silhouette(self) -> float:
        """The mean over all points: who leaves most of them out cannot win."""
        return float(self.silhouettes.mean())


def mapped(points: np.ndarray, seed: int) -> np.ndarray:
    """[n, 2] float32 places of points [n, D] on a map."""
    return neighbor_map.make_quickly(points, epochs=EPOCHS, seed=seed)


def find(places: np.ndarray, min_size: int) -> Clusters:
    """Finds clusters on a map.

    Args:
      places: [n, 2] float.
      min_size: points that a cluster has at least; of fewer points there are none.
    """
    labels = np.full(len(places), -1)
    if len(places) >= min_size:
        labels = HDBSCAN(min_cluster_size=min_size, copy=True).fit_predict(places)
    silhouettes, kept = np.zeros(len(places)), labels >= 0
    if labels.max(initial=-1) > 0:
        silhouettes[kept] = metrics.silhouette_samples(places[kept], labels[kept])
    return Clusters(min_size, labels, silhouettes)


def find_all(places: np.ndarray, sizes: Sequence[int]) -> list[Clusters]:
    """Finds clusters on a map by each minimum size."""
    return [find(places, size) for size in sizes]


def best(found: Sequence[Clusters]) -> Clusters:
    """Those of the highest silhouette, the first of equals."""
    return max(found, key=lambda one: one.silhouette)


def indices(places: np.ndarray, found: Clusters) -> dict[str, float | None]:
    """Calinski and Harabasz's index (higher is better), Davies and Bouldin's (lower).

    Args:
      places: [n, 2] on the map.
      found: its clusters; noise is left out.

    Returns:
      "calinski_harabasz" and "davies_bouldin", None where there are no two clusters.
    """
    kept = found.labels >= 0
    scores = {
        "calinski_harabasz": metrics.calinski_harabasz_score,
        "davies_bouldin": metrics.davies_bouldin_score,
    }
    if found.count < 2:
        return dict.fromkeys(scores)
    return {n: float(of(places[kept], found.labels[kept])) for n, of in scores.items()}


def gaussian(points: np.ndarray, seed: int) -> np.ndarray:
    """As many points of a Gaussian that has the same covariance.

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


def of_gaussians(points: np.ndarray, sizes: Sequence[int], seed: int) -> np.ndarray:
    """[GAUSSIANS] the best silhouette of each Gaussian of the points' covariance."""
    silhouettes = []
    for number in range(GAUSSIANS):
        places = mapped(gaussian(points, seed + number), seed + number)
        silhouettes.append(best(find_all(places, sizes)).silhouette)
    return np.array(silhouettes)


def threshold(silhouettes: np.ndarray) -> float:
    """Above which a silhouette lies by chance in one of 20 cases, of [n] Gaussians'."""
    return float(np.quantile(silhouettes, LEVEL, method="weibull"))


def consistency(points: np.ndarray, min_size: int, seed: int) -> float:
    """How far random halves agree on the clusters: their mean adjusted Rand index.

    Each half is mapped and clustered by itself, with half the minimum size. Its points
    are then also told by the other half: each by its nearest point there. Points that
    are noise to either are left out.

    Args:
      points: [n, D] float.
      min_size: of clusters of all points.
      seed: of the halves and maps.

    Returns:
      1 where halves agree, 0 where they do as by chance or have no clusters.
    """
    order = np.random.default_rng(seed).permutation(len(points))
    halves = [points[order[side::2]] for side in (0, 1)]
    own = [find(mapped(half, seed), max(2, min_size // 2)).labels for half in halves]
    return float(np.mean([_agreement(halves, own, side) for side in (0, 1)]))


def _agreement(halves, labels, side: int) -> float:
    """The adjusted Rand index of a half's own labels and those by the other half."""
    search = NearestNeighbors(n_neighbors=1).fit(halves[1 - side])
    nearest = search.kneighbors(halves[side], return_distance=False)[:, 0]
    ours, theirs = labels[side], labels[1 - side][nearest]
    both = (ours >= 0) & (theirs >= 0)
    if len(set(ours[both])) < 2 or len(set(theirs[both])) < 2:
        return 0.0
    return float(metrics.adjusted_rand_score(ours[both], theirs[both]))
