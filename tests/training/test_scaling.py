"""Crops scaled on the device beside Pillow's, which filters as wide."""

import jax
import numpy as np
import pytest
from PIL import Image

from gandl_jax import config as configs
from gandl_jax.methods.scaled import scaled
from gandl_jax.methods.source import Source
from gandl_jax.training import opening

IMAGES = np.random.default_rng(0).uniform(-1, 1, (3, 12, 12, 2)).astype(np.float32)


def by_pillow(images, px):
    def resized(plane):
        return np.asarray(Image.fromarray(plane).resize((px, px), Image.BILINEAR))

    planes = [[resized(image[..., c]) for c in range(2)] for image in images]
    return np.moveaxis(np.array(planes), 1, -1)


@pytest.mark.parametrize("px", [8, 16, 24, 5])
def test_it_is_pillows_bilinear(px):
    np.testing.assert_allclose(scaled(IMAGES, px), by_pillow(IMAGES, px), atol=1e-5)


def test_nothing_is_done_where_the_side_fits():
    assert scaled(IMAGES, 12) is IMAGES


def test_every_hook_of_a_method_sees_scaled_images():
    config = configs.default("autoencoder")
    configs.smoke(config)
    config.data.crop_px, config.model.input_px, config.train.batch = 12, 16, 3
    source = Source(("a", "b"))
    method = opening.make_method(config, source)
    config.data.crop_px, config.model.input_px = 16, 0
    plain = opening.make_method(config, source)
    state = jax.jit(plain.init)(jax.random.key(0))
    encoder, larger = plain.items(state)["encoder"], by_pillow(IMAGES, 16)
    for name, features in plain.embed(encoder, larger).items():
        found = method.embed(encoder, IMAGES)[name]
        np.testing.assert_allclose(found, features, atol=1e-4)
    batch = {"images": IMAGES, "labels": {}}
    whole = batch | {"images": larger}
    np.testing.assert_allclose(
        method.validate(state, batch)["loss"],
        plain.validate(state, whole)["loss"],
        rtol=1e-4,
    )
    assert method.show(state, batch, None)[0].left.shape == (3, 16, 16, 2)
    assert not hasattr(method, "samples") and not hasattr(method, "answer")
    assert method.unit == 1
