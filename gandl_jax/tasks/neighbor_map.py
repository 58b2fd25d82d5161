"""UMAP of wells (McInnes et al. 2018), which tells how far it is."""

import importlib
import sys
import warnings
from types import ModuleType
from typing import Any

import numpy as np
from sklearn.neighbors import NearestNeighbors

from gandl_jax.tasks import steps

NEIGHBORS = 15  # UMAP's default


def epochs(count: int) -> int:
    """How many epochs a map of so many points takes: UMAP's default."""
    return 500 if count <= 10_000 else 200


def make(points: np.ndarray, *, epochs: int, seed: int) -> np.ndarray:
    """Draws the map: the same for the same points and seed.

    Args:
      points: [N, d] float, finite.
      epochs: that it takes, each of which is a step of the task.
      seed: of its draws.

    Returns:
      [N, 2] float32; NaN where there are no more points than neighbours of one: the
      principal components show those as well, and at once.
    """
    told = _Epochs()
    if len(points) <= NEIGHBORS:
        made = np.full((len(points), 2), np.nan, np.float32)
    else:
        made = _fitted(points, epochs, seed, told)
    told.reach(epochs)
    return made


def make_quickly(points: np.ndarray, *, epochs: int, seed: int) -> np.ndarray:
    """As `make`, of neighbours that scikit-learn searches.

    Of 2,000 points it takes a quarter of the time; UMAP alone compares all of them in
    Python. There must be more points than neighbours of one.
    """
    told = _Epochs()
    search = NearestNeighbors(n_neighbors=NEIGHBORS).fit(points)
    distances, indices = search.kneighbors(points)
    known = {
        "precomputed_knn": (indices, distances.astype(np.float32)),
        "force_approximation_algorithm": True,  # otherwise it searches again
    }
    made = _fitted(points, epochs, seed, told, **known)
    told.reach(epochs)
    return made


class _Epochs:
    """A file for tqdm, UMAP's progress bar: of what it writes the number is read."""

    def __init__(self):
        self._done = 0

    def write(self, text: str) -> None:
        number = text.strip()
        if number.isdecimal():
            self.reach(int(number))

    def flush(self) -> None:
        """Has nothing to write."""

    def reach(self, number: int) -> None:
        """Tells that so many epochs are done in all."""
        steps.add(number - self._done)
        self._done = number


def _fitted(
    points: np.ndarray, epochs: int, seed: int, told: _Epochs, **more: Any
) -> np.ndarray:
    bar = {"disable": False, "file": told, "bar_format": "{n}"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numba, and that seeds forbid threads
        mapper = _umap().UMAP(
            n_neighbors=NEIGHBORS,
            n_epochs=epochs,
            random_state=seed,
            n_jobs=1,
            tqdm_kwds=bar,
            **more,
        )
        return mapper.fit_transform(points.astype(np.float32))


def _umap() -> ModuleType:
    """The library, without tensorflow: it would load that for a part not used here."""
    hidden = "tensorflow" not in sys.modules
    if hidden:
        sys.modules["tensorflow"] = None  # an import of it fails
    try:
        return importlib.import_module("umap")
    finally:
        if hidden:
            del sys.modules["tensorflow"]
