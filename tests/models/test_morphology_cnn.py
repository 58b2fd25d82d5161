"""The study's small network beside NumPy's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gandl_jax import modules
from gandl_jax.models import morphology_cnn

IMAGES = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def net():
    return morphology_cnn.Autoencoder(2)


@pytest.fixture(scope="module")
def params(net):
    """Drawn anew, biases too, so that all of them count."""
    shapes = jax.eval_shape(net.init, jax.random.key(0), IMAGES)["params"]
    rng = np.random.default_rng(1)
    return jax.tree.map(
        lambda x: jnp.asarray(rng.uniform(-0.1, 0.1, x.shape), jnp.float32), shapes
    )


def conv(x, layer):
    kernel, side = np.float64(layer["kernel"]), x.shape[1]
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    places = np.ndindex(3, 3)
    out = sum(padded[:, i : i + side, j : j + side] @ kernel[i, j] for i, j in places)
    return out + np.float64(layer["bias"])


def leaky(x):
    return np.where(x > 0, x, 0.01 * x)


def pool(x):
    return x.reshape(len(x), x.shape[1] // 2, 2, -1, 2, x.shape[3]).max((2, 4))


def test_an_image_is_coded_and_rebuilt(net, params):
    x, maps = np.float64(IMAGES), []
    for number in (1, 2, 3, 4):
        x = leaky(conv(x, params["encoder"][f"conv{number}"]))
        x = pool(x) if number < 3 else x
        maps.append(x)
    found = net.apply({"params": params}, IMAGES, method="encode")
    assert list(found) == ["code", "conv1", "conv2", "conv3", "conv4"]
    for number, wanted in enumerate(maps, 1):
        np.testing.assert_allclose(found[f"conv{number}"], wanted, atol=1e-5)
    np.testing.assert_allclose(found["code"], x.reshape(2, -1), atol=1e-5)
    for number in (1, 2, 3):
        x = leaky(conv(x, params["decoder"][f"conv{number}"]))
        x = x.repeat(2, 1).repeat(2, 2) if number < 3 else x
    wanted = 1 / (1 + np.exp(-conv(x, params["decoder"]["to_image"])))
    rebuilt = net.apply({"params": params}, IMAGES)
    np.testing.assert_allclose((rebuilt + 1) / 2, wanted, atol=1e-5)


def test_64_px_give_2048_features():
    net = modules.load("models/autoencoders", "morphology_cnn").network(
        channels=1, side=64, widths=(), code=0, dtype=jnp.float32
    )
    images = jax.ShapeDtypeStruct((1, 64, 64, 1), jnp.float32)
    shapes = jax.eval_shape(net.init, jax.random.key(0), images)
    widths = {
        name: shapes["params"]["encoder"][name]["kernel"].shape
        for name in ("conv1", "conv2", "conv3", "conv4")
    }
    assert list(widths.values()) == [
        (3, 3, 1, 64),
        (3, 3, 64, 32),
        (3, 3, 32, 16),
        (3, 3, 16, 8),
    ]
    found = jax.eval_shape(
        lambda v, x: net.apply(v, x, method="encode"), shapes, images
    )
    assert found["code"].shape == (1, 2048)


def test_other_channels(net, params):
    rebuilt = net.apply({"params": params}, IMAGES)
    swapped = morphology_cnn.with_channels(params, (1, 0))
    found = net.apply({"params": swapped}, IMAGES[..., ::-1])
    np.testing.assert_allclose(found[..., ::-1], rebuilt, atol=1e-5)
