"""UMAP of points (McInnes et al. 2018), which counts its epochs as steps."""

import importlib
import sys
import warnings
from types import ModuleType

import numpy as np
from sklearn.neighbors import NearestNeighbors

from gandl_jax.tasks import steps

NEIGHBORS = 15  # UMAP's default


def epochs(count: int) -> int:
    """Returns the number of epochs for a number of points: UMAP's default."""
    return 500 if count <= 10_000 else 200


def make(points: np.ndarray, *, epochs: int, seed: int) -> np.ndarray:
    """Computes the map: the same for the same points and seed.

    Args:
      points: [N, d] float, finite.
      epochs: number of epochs, each of which is a step of the task.
      seed: of UMAP.

    Returns:
      [N, 2] float32; NaN if there are no more points than neighbours of one: the
      principal components show so few as well.
    """
    progress = _Epochs()
    if len(points) <= NEIGHBORS:
        positions = np.full((len(points), 2), np.nan, np.float32)
    else:
        positions = _fitted(points, epochs, seed, progress)
    progress.reach(epochs)
    return positions


def neighbors(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Finds the nearest points of each, itself among them.

    UMAP itself would compare all points in Python: four times as long for 2,000.

    Args:
      points: [N, d] float, more than `NEIGHBORS`.

    Returns:
      [N, NEIGHBORS] int positions and [N, NEIGHBORS] float32 distances, nearest first.
    """
    search = NearestNeighbors(n_neighbors=NEIGHBORS).fit(points)
    distances, positions = search.kneighbors(points)
    return positions, distances.astype(np.float32)


class _Epochs:
    """A file for tqdm, UMAP's progress bar, from which the epoch is read."""

    def __init__(self):
        self._done = 0

    def write(self, text: str) -> None:
        number = text.strip()
        if number.isdecimal():
            self.reach(int(number))

    def flush(self) -> None:
        """Does nothing: nothing is buffered."""

    def reach(self, number: int) -> None:
        """Counts the epochs up to a number as steps."""
        steps.add(number - self._done)
        self._done = number


def _fitted(
    points: np.ndarray, epochs: int, seed: int, progress: _Epochs
) -> np.ndarray:
    bar = {"disable": False, "file": progress, "bar_format": "{n}"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numba, and that seeds forbid threads
        mapper = _umap().UMAP(
            n_neighbors=NEIGHBORS,
            n_epochs=epochs,
            random_state=seed,
            n_jobs=1,
            tqdm_kwds=bar,
            precomputed_knn=neighbors(points),
            force_approximation_algorithm=True,  # otherwise it searches again
        )
        return mapper.fit_transform(points.astype(np.float32))


def _umap() -> ModuleType:
    """Imports the library without tensorflow, which it loads for an unused part."""
    hidden = "tensorflow" not in sys.modules
    if hidden:
        sys.modules["tensorflow"] = None  # an import of it fails
    try:
        return importlib.import_module("umap")
    finally:
        if hidden:
            del sys.modules["tensorflow"]
