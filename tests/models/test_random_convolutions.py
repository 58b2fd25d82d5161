"""Random convolutions by scipy's, layer by layer."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import signal

from gandl_jax.models.random_convolutions import RandomConvolutions


def convolved(image, kernel, bias):
    """[H, W, D] of [H, W, C], by sums of scipy's correlations."""
    return np.stack(
        [
            sum(
                signal.correlate2d(image[..., c], kernel[..., c, d], "same")
                for c in range(image.shape[-1])
            )
            + bias[d]
            for d in range(kernel.shape[-1])
        ],
        -1,
    )


def test_they_are_scipys():
    net = RandomConvolutions((3, 4))
    image = np.random.default_rng(0).uniform(-1, 1, (8, 8, 2)).astype(np.float32)
    params = net.init(jax.random.key(0), jnp.zeros((1, 8, 8, 2)))
    (found,) = net.apply(params, image[None])
    x, expected = image.astype(np.float64), []
    for layer in ("Conv_0", "Conv_1"):
        own = {k: np.asarray(v, np.float64) for k, v in params["params"][layer].items()}
        assert np.abs(own["bias"]).max() > 0
        x = convolved(x, own["kernel"], own["bias"])
        x = np.where(x > 0, x, 0.2 * x)
        expected += [x.mean((0, 1)), x.std((0, 1))]
        x = x.reshape(len(x) // 2, 2, -1, 2, x.shape[-1]).mean((1, 3))
    np.testing.assert_allclose(found, np.concatenate(expected), rtol=1e-4, atol=1e-5)
