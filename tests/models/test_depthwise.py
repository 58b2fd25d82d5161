"""Depthwise convolutions beside SciPy's correlations and finite differences."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax.test_util import check_grads
from scipy.signal import correlate2d

from gandl_jax.models import depthwise

CASES = list(itertools.product((3, 5), (1, 2), ("SAME", "VALID", [(2, 1), (0, 2)])))


@pytest.fixture
def float64():
    with jax.enable_x64(True):
        yield


def convolve(images, kernel, stride, padding):
    conv = nn.Conv(
        images.shape[-1],
        kernel.shape[:2],
        (stride, stride),
        padding=padding,
        feature_group_count=images.shape[-1],
        use_bias=False,
        param_dtype=kernel.dtype,
        conv_general_dilated=depthwise.convolve,
    )
    return conv.apply({"params": {"kernel": kernel}}, images)


def draw(side):
    rng = np.random.default_rng(0)
    return rng.normal(size=(2, 9, 8, 3)), rng.normal(size=(side, side, 1, 3))


def edges(size, side, stride):
    """TensorFlow's rule: as many outputs as strides begin, the odd row at the end."""
    missing = max((-(-size // stride) - 1) * stride + side - size, 0)
    return missing // 2, missing - missing // 2


@pytest.mark.parametrize("side, stride, padding", CASES)
def test_each_channel_is_correlated_with_its_own_kernel(side, stride, padding, float64):
    images, kernel = draw(side)
    added = padding
    if padding == "SAME":
        added = [edges(size, side, stride) for size in images.shape[1:3]]
    if padding == "VALID":
        added = [(0, 0), (0, 0)]
    padded = np.pad(images, [(0, 0), *added, (0, 0)])
    found = convolve(images, kernel, stride, padding)
    for image, channel in itertools.product(range(2), range(3)):
        expected = correlate2d(
            padded[image, :, :, channel], kernel[:, :, 0, channel], "valid"
        )[::stride, ::stride]
        np.testing.assert_allclose(found[image, :, :, channel], expected, atol=1e-12)


def test_gradients_are_finite_differences(float64):
    images, kernel = draw(3)
    check_grads(
        lambda *args: jnp.sin(convolve(*args, 2, "SAME")), (images, kernel), order=1
    )


def test_other_processors_have_xla_s_own():
    images, kernel = (x.astype(np.float32) for x in draw(3))
    jitted = jax.jit(lambda *args: convolve(*args, 2, "SAME"))
    on_tpu = jitted.trace(images, kernel).lower(lowering_platforms=("tpu",)).as_text()
    here = jitted.trace(images, kernel).lower().as_text()
    assert on_tpu.count("stablehlo.convolution") == 1
    assert "stablehlo.convolution" not in here
