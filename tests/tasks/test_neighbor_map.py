"""UMAP against principal components, and by itself with the same neighbours."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors

from gandl_jax.tasks import neighbor_map


def test_the_map_keeps_more_neighbours_than_principal_components():
    rng = np.random.default_rng(0)
    points = np.repeat(rng.normal(0, 4, (20, 10)), 20, 0) + rng.normal(size=(400, 10))
    found = neighbor_map.make(points, epochs=200, seed=1)
    linear = PCA(2).fit_transform(points)
    kept = [trustworthiness(points, x, n_neighbors=10) for x in (found, linear)]
    assert kept[0] > 0.9 and kept[0] > kept[1] + 0.03


def test_groups_stay_together_and_the_map_is_the_same_again():
    rng = np.random.default_rng(0)
    centers = rng.normal(0, 30, (4, 10))
    points = np.repeat(centers, 30, 0) + rng.normal(size=(120, 10))
    found, again = (neighbor_map.make(points, epochs=500, seed=1) for _ in range(2))
    np.testing.assert_array_equal(found, again)
    near = NearestNeighbors(n_neighbors=6).fit(found).kneighbors(found)[1][:, 1:]
    group = np.repeat(np.arange(4), 30)
    assert (group[near] == group[:, None]).mean() > 0.95


@pytest.mark.parametrize("count", [40, pytest.param(10_001, marks=pytest.mark.slow)])
def test_it_takes_as_many_epochs_as_umap_by_itself(count):
    import umap

    points = np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        alone = umap.UMAP(
            random_state=3,
            n_jobs=1,
            precomputed_knn=neighbor_map.neighbors(points),
            force_approximation_algorithm=True,
        ).fit_transform(points)
    found = neighbor_map.make(points, epochs=neighbor_map.epochs(count), seed=3)
    np.testing.assert_array_equal(found, alone)


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17])
def test_few_points(count):
    points = np.random.default_rng(0).normal(size=(count, 3))
    found = neighbor_map.make(points, epochs=5, seed=0)
    assert found.shape == (count, 2)
    assert np.isfinite(found).all() == (count > neighbor_map.NEIGHBORS or not count)


@pytest.mark.slow
def test_umap_does_not_load_tensorflow():
    """In a process of its own: here others may have loaded it."""
    code = (
        "import sys, numpy as np\n"
        "from gandl_jax.tasks import neighbor_map\n"
        "assert 'umap' not in sys.modules\n"
        "neighbor_map._umap()\n"
        "assert 'umap' in sys.modules and 'tensorflow' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
