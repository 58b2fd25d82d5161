"""Batch normalisation over all devices beside NumPy written out."""

import flax.linen as nn
import jax
import numpy as np
import pytest

from gandl_jax import parallel
from gandl_jax.models.conv_norm import Layers, NormSettings

SETTINGS = NormSettings(epsilon=1e-3, momentum=0.9)


class Small(nn.Module):
    """A convolution of 1 x 1 and its normalisation."""

    train: bool
    axis: str | None = None

    @nn.compact
    def __call__(self, x):
        make = Layers(SETTINGS, self.train, self.axis)
        return make.conv_norm(3, 1, "only", lambda x: x)(x)


@pytest.fixture(scope="module")
def problem():
    """Images with other means on each device, a direction, and variables."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(8, 4, 4, 2)) + np.arange(8).reshape(8, 1, 1, 1)
    direction = rng.normal(size=(8, 4, 4, 3))
    variables = {
        "params": {
            "only_conv": {"kernel": rng.normal(size=(1, 1, 2, 3))},
            "only_norm": {"scale": rng.uniform(1, 2, 3), "bias": rng.normal(size=3)},
        },
        "batch_stats": {
            "only_norm": {"mean": rng.normal(size=3), "var": rng.uniform(1, 2, 3)}
        },
    }
    as_single = jax.tree.map(np.float32, (images, direction, variables))
    return as_single


def written_out(images, direction, variables):
    """Result, new statistics, and the kernel's gradient of the mean over samples."""
    images, direction, variables = jax.tree.map(
        np.float64, (images, direction, variables)
    )
    params, old = variables["params"], variables["batch_stats"]["only_norm"]
    scale, bias = params["only_norm"]["scale"], params["only_norm"]["bias"]
    x = images @ params["only_conv"]["kernel"][0, 0]
    mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
    unit = (x - mean) / np.sqrt(var + SETTINGS.epsilon)
    dy = direction / len(images)
    dx = dy - dy.mean((0, 1, 2)) - unit * (dy * unit).mean((0, 1, 2))
    dx *= scale / np.sqrt(var + SETTINGS.epsilon)
    return {
        "result": unit * scale + bias,
        "mean": 0.9 * old["mean"] + 0.1 * mean,
        "var": 0.9 * old["var"] + 0.1 * var,
        "gradient": np.einsum("bhwc,bhwd->cd", images, dx),
    }


def slope(axis):
    """A function for one device: gradient, statistics, and the value over all."""

    def fn(variables, batch, key):
        del key

        def value(params):
            y, moved = Small(True, axis).apply(
                variables | {"params": params}, batch["images"], mutable=["batch_stats"]
            )
            value = (y * batch["direction"]).sum() / len(y)
            return value, moved["batch_stats"]["only_norm"]

        found = jax.value_and_grad(value, has_aux=True)(variables["params"])
        return jax.lax.pmean(found, parallel.AXIS)

    return fn


@pytest.mark.parametrize("devices", [1, 2, 8])
def test_statistics_are_those_of_all_devices(problem, devices):
    images, direction, variables = problem
    step = parallel.split(slope(parallel.AXIS), parallel.devices(devices))
    batch = {"images": images, "direction": direction}
    (value, moved), gradient = step(variables, batch, jax.random.key(0))
    expected = written_out(images, direction, variables)
    np.testing.assert_allclose(
        value, (expected["result"] * direction).sum() / 8, rtol=1e-5
    )
    for name in ("mean", "var"):
        np.testing.assert_allclose(moved[name], expected[name], rtol=1e-5)
    np.testing.assert_allclose(
        gradient["only_conv"]["kernel"][0, 0], expected["gradient"], atol=1e-5
    )


def test_without_an_axis_they_are_the_batch_s(problem):
    images, direction, variables = problem
    result, moved = Small(True).apply(variables, images, mutable=["batch_stats"])
    expected = written_out(images, direction, variables)
    np.testing.assert_allclose(result, expected["result"], atol=1e-5)
    mean = moved["batch_stats"]["only_norm"]["mean"]
    np.testing.assert_allclose(mean, expected["mean"], rtol=1e-5)


def test_fixed_ones_know_no_batch(problem):
    images, _, variables = problem
    result = Small(False, parallel.AXIS).apply(variables, images)
    params, fixed = variables["params"], variables["batch_stats"]["only_norm"]
    x = images @ params["only_conv"]["kernel"][0, 0]
    unit = (x - fixed["mean"]) / np.sqrt(fixed["var"] + SETTINGS.epsilon)
    expected = unit * params["only_norm"]["scale"] + params["only_norm"]["bias"]
    np.testing.assert_allclose(result, expected, atol=1e-5)
