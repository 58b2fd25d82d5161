"""Networks for other channels: what they see and draw, against the ones they were."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gandl_jax.models.stylegan2 import image_channels, stylegan2

SIZES = {"size": 8, "base": 64, "widest": 8}


def noisy(init, *inputs):
    """Parameters of random numbers, none of which is zero."""
    shapes = jax.eval_shape(init, jax.random.key(0), *inputs)["params"]
    leaves, tree = jax.tree.flatten(shapes)
    rng = np.random.default_rng(1)
    return tree.unflatten([rng.normal(size=x.shape).astype("f4") for x in leaves])


@pytest.fixture(scope="module")
def discriminator():
    module = stylegan2.Discriminator(group=2, **SIZES)
    return module, noisy(module.init, jnp.zeros((2, 8, 8, 3)))


def seen(module, params, images):
    return module.apply({"params": params}, images, method="features")["b8"]


@pytest.mark.parametrize(
    "sources",
    [(None,) * 5, (0, 1, 2, None, None), (2, 0, 1), (None,), (0, 1, 2, 2, 1, 0)],
)
def test_a_grey_image_is_seen_as_before(discriminator, sources):
    module, params = discriminator
    grey = np.random.default_rng(0).normal(size=(2, 8, 8, 1)).astype("f4")
    before = seen(module, params, np.repeat(grey, 3, -1))
    adapted = image_channels.discriminator(params, sources)
    after = seen(module, adapted, np.repeat(grey, len(sources), -1))
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-5)


def test_a_new_channel_counts_as_its_source_does(discriminator):
    """The image is in one channel; old and new responses are linear in it."""
    module, params = discriminator
    rng = np.random.default_rng(0)
    params = params | {"from_image": params["from_image"] | {"bias": np.zeros(8, "f4")}}
    one = rng.normal(size=(2, 8, 8)).astype("f4")

    def first(params, channel, count):
        images = np.zeros((2, 8, 8, count), "f4")
        images[..., channel] = one
        layer = params["from_image"]["weight"][0, 0]
        return images @ (layer / np.sqrt(count))

    adapted = image_channels.discriminator(params, (1, None))
    old = [first(params, channel, 3) for channel in range(3)]
    np.testing.assert_allclose(first(adapted, 0, 2), old[1] * 3 / 2, atol=1e-5)
    mean = np.mean(old, 0)
    np.testing.assert_allclose(first(adapted, 1, 2), mean * 3 / 2, atol=1e-5)


def test_new_channels_are_drawn_as_their_sources():
    def drawn(params, channels):
        module = stylegan2.Synthesis(channels=channels, **SIZES)
        ws = jax.random.normal(jax.random.key(2), (2, 4, 6))
        draw = jax.jit(lambda params: module.apply({"params": params}, ws, None))
        return np.asarray(draw(params))

    module = stylegan2.Synthesis(channels=3, **SIZES)
    params = noisy(lambda key, ws: module.init(key, ws, None), jnp.zeros((1, 4, 6)))
    before = drawn(params, 3)
    after = drawn(image_channels.synthesis(params, (2, None, 0, 2, None)), 5)
    mean = before.mean(-1)
    expected = [before[..., 2], mean, before[..., 0], before[..., 2], mean]
    np.testing.assert_allclose(after, np.stack(expected, -1), rtol=1e-4, atol=1e-4)
