"""DenseNet-121 and ResNet-50 beside keras.applications, whose weights they read."""

import importlib
import os
import pathlib
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gandl_jax.models.weights import keras, read

HERE = pathlib.Path(__file__).parent
NETWORKS = {
    "densenet121_keras": ("DenseNet121", "densenet"),
    "resnet50_keras": ("ResNet50", "resnet50"),
}
FORMS = ("weights.h5", "weights.keras", "weights.weights.h5")


@pytest.fixture(scope="module", params=NETWORKS)
def reference(request, tmp_path_factory):
    """(backbone, folder with its weights, Keras's numbers)"""
    folder = tmp_path_factory.mktemp(request.param)
    words = [HERE / "keras_reference.py", *NETWORKS[request.param], folder]
    variables = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
    subprocess.run([sys.executable, *map(str, words)], check=True, env=variables)
    return request.param, folder, np.load(folder / "reference.npz")


def network(backbone, **options):
    module = importlib.import_module(f"gandl_jax.models.backbones.{backbone}")
    return module.network(**options)


def images(backbone, numbers):
    """In the network's order of colours: Keras turns RGB into BGR for its ResNet."""
    found = numbers["images"]
    return found[..., ::-1] if backbone == "resnet50_keras" else found


def weights(backbone, folder, form=FORMS[0]):
    like = jax.eval_shape(
        lambda key: network(backbone).init(key, jnp.zeros((1, 64, 64, 3)), train=False),
        jax.random.key(0),
    )
    with open(folder / form, "rb") as file:
        return read.variables(file, form, backbone, like)


def as_float64(tree):
    return jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), tree)


def by_name(backbone, collection, tree):
    names = keras.NAMES[backbone]
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {
        names.source_name((collection, *(key.key for key in path))): np.asarray(leaf)
        for path, leaf in leaves
    }


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["fixed", "batch"])
def test_features_and_gradients_are_keras_s_in_float64(reference, mode):
    backbone, folder, numbers = reference
    found = weights(backbone, folder)
    with jax.enable_x64(True):
        net = network(backbone, dtype=jnp.float64)
        shown = jnp.asarray(images(backbone, numbers))
        direction, rest = jnp.asarray(numbers["direction"]), found["batch_stats"]

        @jax.jit
        def value_and_more(params, statistics):
            def value(params):
                maps, moved = net.apply(
                    {"params": params, "batch_stats": statistics},
                    shown,
                    train=mode == "batch",
                    mutable=["batch_stats"],
                )
                return (maps["pooled"] * direction).sum(), (maps["pooled"], moved)

            return jax.grad(value, has_aux=True)(params)

        gradients, (pooled, moved) = value_and_more(
            as_float64(found["params"]), as_float64(rest)
        )
        np.testing.assert_allclose(pooled, numbers[mode], atol=1e-9, rtol=1e-9)
        ours = by_name(backbone, "params", gradients)
        theirs = {
            key.partition(":")[2]: numbers[key]
            for key in numbers.files
            if key.startswith(f"{mode}:")
        }
        assert ours.keys() == theirs.keys()
        for name, gradient in theirs.items():
            size = max(1.0, np.abs(gradient).max())
            np.testing.assert_allclose(
                ours[name] / size, gradient / size, atol=1e-7, err_msg=name
            )
        if mode == "batch":
            statistics = by_name(backbone, "batch_stats", moved["batch_stats"])
            for name, statistic in statistics.items():
                expected = numbers[f"moved:{name}"]
                np.testing.assert_allclose(statistic, expected, atol=1e-9, rtol=1e-9)


@pytest.mark.slow
def test_features_are_keras_s_in_float32(reference):
    backbone, folder, numbers = reference
    shown = jnp.asarray(images(backbone, numbers), jnp.float32)
    apply = jax.jit(lambda v: network(backbone).apply(v, shown, train=False)["pooled"])
    pooled = apply(weights(backbone, folder))
    size = np.abs(numbers["fixed"]).max()
    np.testing.assert_allclose(pooled / size, numbers["fixed"] / size, atol=1e-5)


@pytest.mark.slow
def test_all_of_keras_s_files_hold_the_same(reference):
    backbone, folder, _ = reference
    first, *others = (weights(backbone, folder, form) for form in FORMS)
    for other in others:
        jax.tree.map(np.testing.assert_array_equal, other, first)
