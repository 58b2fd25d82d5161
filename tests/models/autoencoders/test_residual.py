"""The residual autoencoder beside NumPy's: its blocks, its sum of skip outputs."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gandl_jax.models.autoencoders import residual

SIDE, WIDTHS, CODE, CHANNELS = 8, (3, 4), 5, 2


@pytest.fixture(scope="module")
def net():
    return residual.network(channels=CHANNELS, side=SIDE, widths=WIDTHS, code=CODE)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (2, SIDE, SIDE, CHANNELS)).astype(np.float32)


@pytest.fixture(scope="module")
def params(net, images):
    """Drawn anew, biases and scales too, so that all of them count."""
    shapes = jax.eval_shape(net.init, jax.random.key(0), images)["params"]
    rng = np.random.default_rng(1)
    return jax.tree.map(
        lambda x: jnp.asarray(rng.uniform(-0.6, 0.6, x.shape), jnp.float32), shapes
    )


def conv(x, layer):
    """A convolution of 1 x 1 or 3 x 3, zeros around."""
    kernel = np.float64(layer["kernel"])
    side, edge = x.shape[1], kernel.shape[0] // 2
    padded = np.pad(x, ((0, 0), (edge, edge), (edge, edge), (0, 0)))
    out = np.zeros((*x.shape[:3], kernel.shape[3]))
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            out += padded[:, i : i + side, j : j + side] @ kernel[i, j]
    return out + np.float64(layer.get("bias", 0))


def group_norm(x, layer):
    """With widths below 8 a group is one channel, or what divides both evenly."""
    groups = np.gcd(8, x.shape[-1])
    apart = x.reshape(*x.shape[:3], groups, -1)
    mean, var = (f(apart, axis=(1, 2, 4), keepdims=True) for f in (np.mean, np.var))
    normed = ((apart - mean) / np.sqrt(var + 1e-6)).reshape(x.shape)
    return normed * np.float64(layer["scale"]) + np.float64(layer["bias"])


def layer_of(x, layer, stride=1):
    x = conv(x, layer["conv"])
    if stride == 2:  # "SAME" of an even side pads at its far edge alone
        x = x[:, 1::2, 1::2]
    return np.maximum(group_norm(x, layer["norm"]), 0)


def upsampled(x):
    """Zeros between pixels, then [1, 3, 3, 1] / 4 along each axis (gain 2 each)."""
    taps = np.array([1, 3, 3, 1]) / 4
    for axis in (1, 2):
        shape = list(x.shape)
        shape[axis] *= 2
        spread = np.zeros(shape)
        index = [slice(None)] * 4
        index[axis] = slice(0, None, 2)
        spread[tuple(index)] = x
        filtered = functools.partial(np.convolve, v=taps)
        whole = np.apply_along_axis(lambda line, f=filtered: f(line), axis, spread)
        x = whole.take(range(1, shape[axis] + 1), axis)
    return x


def test_every_resolution_adds_to_the_image(net, params, images):
    code = np.random.default_rng(2).normal(size=(2, CODE)).astype(np.float32)
    found = net.apply({"params": params}, code, method=lambda m, x: m.decoder(x))
    p = params["decoder"]
    x = code @ np.float64(p["from_code"]["kernel"]) + np.float64(p["from_code"]["bias"])
    x = layer_of(x.reshape(2, 2, 2, 4), p["b2_conv"])
    image = conv(x, p["b2_image"])
    for side in (4, 8):
        x = x.repeat(2, 1).repeat(2, 2)
        for number in (0, 1):
            x = layer_of(x, p[f"b{side}_conv{number}"])
        image = upsampled(image) + conv(x, p[f"b{side}_image"])
    np.testing.assert_allclose(found, image, rtol=2e-4, atol=2e-5)


def test_blocks_add_their_shortcut(net, params, images):
    maps = net.apply({"params": params}, images, method="encode")
    assert list(maps) == ["code", "b8", "b4"]
    p = params["encoder"]
    x = conv(np.float64(images), p["from_image"])
    for side in (8, 4):
        block = p[f"b{side}"]
        half = x.reshape(2, side // 2, 2, side // 2, 2, -1).mean((2, 4))
        shortcut = conv(half, block["shortcut"])
        x = layer_of(layer_of(x, block["keep"]), block["halve"], stride=2)
        x = (x + shortcut) / np.sqrt(2)
        np.testing.assert_allclose(maps[f"b{side}"], x, rtol=2e-4, atol=2e-5)
    kernel, bias = (np.float64(params["to_code"][k]) for k in ("kernel", "bias"))
    expected = x.reshape(2, -1) @ kernel + bias
    np.testing.assert_allclose(maps["code"], expected, rtol=2e-4, atol=2e-5)


def test_other_channels(net, params, images):
    rebuilt = net.apply({"params": params}, images)
    swapped = residual.with_channels(params, (1, 0))
    found = net.apply({"params": swapped}, images[..., ::-1])
    np.testing.assert_allclose(found[..., ::-1], rebuilt, rtol=1e-4, atol=1e-5)
