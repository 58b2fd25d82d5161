"""Images mixed for an encoder of other channels: as if its filters had been taken."""

import types

import jax
import numpy as np
import pytest

from gandl_jax.models.small_cnn import takes_channels
from gandl_jax.models.stylegan2 import image_channels
from gandl_jax.training import other_channels

RNG = np.random.default_rng(0)
SOURCES = [(0, 1), (2, None), (1, 1, 0, None), (None,), (2, 1, 0)]


@pytest.mark.parametrize("sources", SOURCES)
def test_a_convolution_sees_what_its_taken_filters_would(sources):
    images = RNG.normal(size=(2, 9, 9, len(sources))).astype(np.float32)
    kernel = RNG.normal(size=(3, 3, 3, 4)).astype(np.float32)

    def convolved(images, kernel):
        form = ("NHWC", "HWIO", "NHWC")
        return jax.lax.conv_general_dilated(
            images, kernel, (1, 1), "SAME", dimension_numbers=form
        )

    mixed = images @ other_channels.mixture(sources, 3)
    wanted = convolved(images, takes_channels(kernel, sources, axis=2))
    np.testing.assert_allclose(convolved(mixed, kernel), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("sources", SOURCES)
def test_a_discriminators_first_layer_sees_the_same(sources):
    """1 x 1 filters, which count 1 / sqrt(channels) at run time."""
    images = RNG.normal(size=(5, len(sources)))
    weight = RNG.normal(size=(1, 1, 3, 4)).astype(np.float32)
    params = {"from_image": {"weight": weight}}
    changed = image_channels.discriminator(params, sources)["from_image"]["weight"]
    wanted = images @ changed[0, 0] / np.sqrt(len(sources))
    mixed = images @ other_channels.mixture(sources, 3)
    np.testing.assert_allclose(mixed @ weight[0, 0] / np.sqrt(3), wanted, rtol=1e-4)


def test_a_grey_image_stays_itself_and_hooks_are_the_methods():
    grey = np.ones((1, 4, 4, 2), np.float32)
    plain = types.SimpleNamespace(embed=lambda _, images: {"x": images}, unit=7)
    method = other_channels.OtherChannelsMethod(plain, (None, None), 5)
    np.testing.assert_allclose(method.embed(None, grey)["x"], np.ones((1, 4, 4, 5)))
    assert method.unit == 7 and not hasattr(method, "summary")
