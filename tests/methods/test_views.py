"""Two views of each image: the sample's own, wherever it is computed."""

import jax
import numpy as np

from gandl_jax.methods import views
from gandl_jax.methods.phase import sample_keys

KINDS = ("shifts", "intensity")


def test_views_differ_and_belong_to_their_sample_alone():
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (4, 8, 8, 2)).astype(np.float32)
    keys = sample_keys(jax.random.key(0), np.arange(4))
    first, second = views.two_views(images, keys, prob=1.0, kinds=KINDS)
    assert (np.abs(first - second).max((1, 2, 3)) > 0.05).all()
    # The last two alone, as another device would have them.
    parts = views.two_views(images[2:], keys[2:], prob=1.0, kinds=KINDS)
    np.testing.assert_allclose(parts[0], first[2:], atol=1e-6)
    np.testing.assert_allclose(parts[1], second[2:], atol=1e-6)
    never, _ = views.two_views(images, keys, prob=0.0, kinds=KINDS)
    np.testing.assert_allclose(never, images, atol=1e-6)
