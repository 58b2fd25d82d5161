"""The networks' sizes and their names at each source, as those document them."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gandl_jax import modules
from gandl_jax.models.backbones import preprocessing
from gandl_jax.models.conv_norm import TORCH, Layers
from gandl_jax.models.densenet import DenseNet
from gandl_jax.models.weights import keras, lite0_wheel, timm, torchvision

PARAMETERS = {  # with 1,000 classes and three colours, as the sources publish them
    "densenet161": 28_681_000,
    "efficientnet_lite0": 4_652_008,
    "resnet50": 25_557_032,
}
NORM = ("weight", "bias", "running_mean", "running_var")


def module(name):
    return importlib.import_module(f"gandl_jax.models.backbones.{name}")


def shapes_of(name, side=32, channels=3, **options):
    net, images = module(name).network(**options), (1, side, side, channels)
    return jax.eval_shape(
        lambda key: net.init(key, jnp.zeros(images), train=False), jax.random.key(0)
    )


@pytest.fixture(scope="module")
def shapes():
    """Name to the shapes of parameters and statistics, with 1,000 classes."""
    return {name: shapes_of(name, classes=1000) for name in PARAMETERS}


def paths(tree):
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return [tuple(key.key for key in path) for path, _ in leaves]


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_as_many_as_published(shapes, name):
    sizes = [leaf.size for leaf in jax.tree.leaves(shapes[name]["params"])]
    assert sum(sizes) == PARAMETERS[name]


def layers(module, layer, *arrays):
    return [f"{module}.{layer}.{array}".lstrip(".") for array in arrays]


def names_of_densenet161():
    yield from layers("features", "conv0", "weight")
    yield from layers("features", "norm0", *NORM)
    for block, count in enumerate((6, 12, 36, 24), 1):
        for layer in range(1, count + 1):
            at = f"features.denseblock{block}.denselayer{layer}"
            for part in (1, 2):
                yield from layers(at, f"norm{part}", *NORM)
                yield from layers(at, f"conv{part}", "weight")
        if block < 4:
            yield from layers(f"features.transition{block}", "norm", *NORM)
            yield from layers(f"features.transition{block}", "conv", "weight")
    yield from layers("features", "norm5", *NORM)
    yield from layers("", "classifier", "weight", "bias")


def names_of_resnet50():
    yield from layers("", "conv1", "weight")
    yield from layers("", "bn1", *NORM)
    for stage, count in enumerate((3, 4, 6, 3), 1):
        for block in range(count):
            at = f"layer{stage}.{block}"
            for part in (1, 2, 3):
                yield from layers(at, f"conv{part}", "weight")
                yield from layers(at, f"bn{part}", *NORM)
            if block == 0:
                yield from layers(at, "downsample.0", "weight")
                yield from layers(at, "downsample.1", *NORM)
    yield from layers("", "fc", "weight", "bias")


def names_of_lite0_in_timm():
    yield from layers("", "conv_stem", "weight")
    yield from layers("", "bn1", *NORM)
    for stage, count in enumerate((1, 2, 2, 3, 3, 4, 1)):
        for block in range(count):
            at = f"blocks.{stage}.{block}"
            parts = ["conv_dw", "conv_pw"] if stage == 0 else []
            for number, part in enumerate(parts or ["conv_pw", "conv_dw", "conv_pwl"]):
                yield from layers(at, part, "weight")
                yield from layers(at, f"bn{number + 1}", *NORM)
    yield from layers("", "conv_head", "weight")
    yield from layers("", "bn2", *NORM)
    yield from layers("", "classifier", "weight", "bias")


def names_of_lite0_in_the_wheel():
    yield from layers("", "_conv_stem", "weight")
    yield from layers("", "_bn0", *NORM)
    for block in range(16):
        at = f"_blocks.{block}"
        parts = (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"))
        for conv, norm in (*parts[block == 0 :], ("_project_conv", "_bn2")):
            yield from layers(at, conv, "weight")
            yield from layers(at, norm, *NORM)
    yield from layers("", "_conv_head", "weight")
    yield from layers("", "_bn1", *NORM)
    yield from layers("", "_fc", "weight", "bias")


@pytest.mark.parametrize(
    "source, name, expected",
    [
        (torchvision, "densenet161", names_of_densenet161),
        (timm, "densenet161", names_of_densenet161),
        (torchvision, "resnet50", names_of_resnet50),
        (timm, "resnet50", names_of_resnet50),
        (timm, "efficientnet_lite0", names_of_lite0_in_timm),
        (lite0_wheel, "efficientnet_lite0", names_of_lite0_in_the_wheel),
    ],
)
def test_names_are_the_source_s(shapes, source, name, expected):
    names = source.NAMES[name]
    assert sorted(map(names.source_name, paths(shapes[name]))) == sorted(expected())


def test_densenets_of_2017_are_named_as_of_now():
    old = "features.denseblock2.denselayer12.norm.2.running_mean"
    new = "features.denseblock2.denselayer12.norm2.running_mean"
    assert torchvision.modern(old) == new == torchvision.modern(new)


def maps_of(net, side):
    images = jax.ShapeDtypeStruct((1, side, side, 2), jnp.float32)
    return jax.eval_shape(
        lambda x: net.init_with_output(jax.random.key(0), x, train=False)[0], images
    )


@pytest.mark.parametrize("name", ["resnet50", "efficientnet_lite0"])
def test_maps_and_features_are_as_the_file_says(name):
    found = module(name)
    maps = maps_of(found.network(), found.LEAST_PX)
    assert {maps[stage].shape[1:3] for stage in found.STAGES} == {(1, 1)}
    assert maps["pooled"].shape == (1, found.WIDTH)
    assert set(maps) == {*found.STAGES, "pooled"}


def test_a_densenet_s_least_side_leaves_a_pixel_of_every_map():
    """29 -> 15 -> 8 -> 4 -> 2 -> 1; one less ends at no pixel."""
    net = DenseNet(4, 2, (1, 1, 1, 1), TORCH, lambda x: x)
    for name in ("densenet121", "densenet121_keras", "densenet161"):
        found = module(name)
        for side, fewest in ((found.LEAST_PX, 1), (found.LEAST_PX - 1, 0)):
            maps = maps_of(net, side)
            assert set(maps) == {*found.STAGES, "pooled"}
            assert min(maps[stage].shape[1] for stage in found.STAGES) == fewest


def test_every_network_is_told_by_its_file():
    found = modules.names("models/backbones", "network")
    assert {"densenet121", "densenet161", "resnet50", "efficientnet_lite0"} <= {*found}
    for name in found:
        for key in ("WIDTH", "LEAST_PX", "STAGES"):
            assert modules.constant("models/backbones", name, key)
        assert any(name in s.NAMES for s in (torchvision, timm, keras, lite0_wheel))


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_levels_are_the_source_s(channels):
    levels = np.arange(0, 256, 15.0)
    images = np.tile(levels.reshape(-1, 1, 1, 1) / 127.5 - 1, (1, 1, 1, channels))
    for prepare, mean, deviation in (
        (preprocessing.IMAGENET, [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]),
        (preprocessing.IMAGENET_BGR, [103.939, 116.779, 123.68], [1, 1, 1]),
        (preprocessing.LITE, [127] * 3, [128] * 3),
    ):
        if channels != 3:
            mean, deviation = [np.mean(mean)], [np.mean(deviation)]
        expected = (levels[:, None] - mean) / deviation
        found = np.asarray(prepare(jnp.asarray(images, jnp.float32)))[:, 0, 0]
        expected = np.broadcast_to(expected, found.shape)
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_halving_pads_as_tensorflow_does_or_as_torch_does():
    """On 4 pixels: TensorFlow's 3 x 3 begins at the first, torch's one before it."""
    rows = np.arange(1, 5.0).reshape(1, 4, 1, 1)
    images = np.broadcast_to(rows, (1, 4, 4, 1)).astype(np.float32)
    sums = {}
    for padding in ("SAME", "torch"):
        options = {"padding": padding} if padding == "SAME" else {}
        conv = Layers(TORCH, False).conv(1, 3, None, stride=2, **options)
        kernel = {"params": {"kernel": np.ones((3, 3, 1, 1), np.float32)}}
        sums[padding] = np.asarray(conv.apply(kernel, images))[0, :, 0, 0]
    assert sums["SAME"].tolist() == [3 * (1 + 2 + 3), 3 * (3 + 4)]
    assert sums["torch"].tolist() == [2 * (1 + 2), 2 * (2 + 3 + 4)]
