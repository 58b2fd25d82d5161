"""The Frechet distance against scipy's root of a matrix, and a closed form."""

import numpy as np
import pytest
from scipy import linalg

from gandl_jax.training.generated_quality import frechet_distance


def by_root(x, y):
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = linalg.sqrtm(a @ b).real
    apart = np.square(x.mean(0) - y.mean(0)).sum()
    return apart + np.trace(a + b - 2 * root)


@pytest.mark.parametrize("sizes", [(50, 40), (50, 5), (5, 5)])
def test_it_is_that_by_the_root_of_the_product(sizes):
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(6, 6))
    x = rng.normal(size=(sizes[0], 6)) @ mixing
    y = rng.normal(1, 2, size=(sizes[1], 6))
    found = frechet_distance.distance(x, y)
    assert found == pytest.approx(by_root(x, y), rel=1e-4)
    assert found == pytest.approx(frechet_distance.distance(y, x), rel=1e-10)


def test_of_apart_normals_it_is_the_sum_over_columns():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(500, 3))
    x = (x - x.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    shift, scale = np.array([1.0, 0.0, -2.0]), np.array([1.0, 3.0, 0.5])
    expected = np.square(shift).sum() + np.square(scale - 1).sum()
    assert frechet_distance.distance(x, x * scale + shift) == pytest.approx(expected)
    assert frechet_distance.distance(x, x) == pytest.approx(0, abs=1e-10)
