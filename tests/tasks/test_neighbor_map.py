"""Maps by neighbours that were searched elsewhere; others are the well map's tests."""

import numpy as np
from sklearn.manifold import trustworthiness

from gandl_jax.tasks import neighbor_map


def test_a_quick_map_is_the_same_again_and_as_good_as_the_other():
    rng = np.random.default_rng(0)
    points = np.repeat(rng.normal(0, 3, (4, 10)), 30, 0) + rng.normal(size=(120, 10))
    found, again = (
        neighbor_map.make_quickly(points, epochs=200, seed=1) for _ in range(2)
    )
    np.testing.assert_array_equal(found, again)
    usual = neighbor_map.make(points, epochs=200, seed=1)
    kept = [trustworthiness(points, x, n_neighbors=10) for x in (found, usual)]
    assert kept[0] > kept[1] - 0.03
