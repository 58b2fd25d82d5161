"""The contrast loss against its definition."""

import jax.numpy as jnp
import numpy as np

from gandl_jax.methods.contrast import contrast


def test_contrast_is_the_cross_entropy_of_finding_the_other_view():
    rng = np.random.default_rng(0)
    views = rng.normal(size=(5, 2, 3)).astype(np.float32)
    views /= np.linalg.norm(views, axis=-1, keepdims=True)
    flat, wanted, right = views.reshape(10, 3), [], []
    for i, one in enumerate(flat):
        cosines = {j: flat[j] @ one / 0.2 for j in range(10) if j != i}
        chances = {j: np.exp(c) for j, c in cosines.items()}
        wanted.append(-np.log(chances[i ^ 1] / sum(chances.values())))
        right.append(max(cosines, key=cosines.get) == i ^ 1)
    loss, found = contrast(views, views, jnp.arange(5), 0.2)
    np.testing.assert_allclose(loss, np.mean(wanted), rtol=1e-5)
    np.testing.assert_allclose(found, np.mean(right))
    parts = [
        contrast(views[p], views, jnp.arange(5)[p], 0.2)[0]
        for p in (slice(0, 2), slice(2, 5))
    ]
    np.testing.assert_allclose((2 * parts[0] + 3 * parts[1]) / 5, loss, rtol=1e-5)
