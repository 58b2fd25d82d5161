"""DCGAN's layers beside NumPy's, and what an image's neighbours may change."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gandl_jax.models import dcgan

WIDTHS = (4, 6)


def drawn(shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def made(net, like, seed=0):
    """Variables far from those that training starts from, so that all of them count."""
    shapes = jax.eval_shape(lambda k: net.init(k, like, train=True), jax.random.key(0))
    rng = np.random.default_rng(seed)
    return jax.tree.map(
        lambda x: (
            jnp.asarray(rng.uniform(0.1, 0.5, x.shape), jnp.float32)
            * (1 if len(x.shape) == 1 else jnp.asarray(rng.choice([-1, 1], x.shape)))
        ),
        shapes,
    )


def strided(x, kernel):
    """[B, H, W, C] with a kernel of 4 x 4 at stride 2, an edge of zeros around."""
    x = np.pad(np.float64(x), ((0, 0), (1, 1), (1, 1), (0, 0)))
    half = (x.shape[1] - 2) // 2
    out = np.zeros((len(x), half, half, kernel.shape[3]))
    for i in range(half):
        for j in range(half):
            patch = x[:, 2 * i : 2 * i + 4, 2 * j : 2 * j + 4]
            out[:, i, j] = np.tensordot(patch, np.float64(kernel), 3)
    return out


def spread(x, kernel):
    """[B, H, W, C] doubled: every pixel adds its kernel of 4 x 4, two pixels apart.

    Flax lays that kernel with its last row and column first.
    """
    (count, side), kernel = x.shape[:2], kernel[::-1, ::-1]
    out = np.zeros((count, 2 * side + 2, 2 * side + 2, kernel.shape[3]))
    for i in range(side):
        for j in range(side):
            added = np.einsum("bc,ijcd->bijd", x[:, i, j], np.float64(kernel))
            out[:, 2 * i : 2 * i + 4, 2 * j : 2 * j + 4] += added
    return out[:, 1:-1, 1:-1]


def normed(x, axes, layer):
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    scaled = (x - mean) / np.sqrt(var + 1e-5)
    return scaled * np.float64(layer["scale"]) + np.float64(layer["bias"])


def leaky(x):
    return np.where(x > 0, x, 0.2 * x)


AXES = {"batch": (0, 1, 2), "layer": (1, 2, 3)}


@pytest.mark.parametrize("kind", dcgan.NORMALISATIONS)
def test_the_discriminator_is_numpys(kind):
    net = dcgan.Discriminator(WIDTHS, 5, kind)
    images = drawn((3, 8, 8, 2))
    variables = made(net, images)
    found, moved = net.apply(variables, images, train=True, mutable=["batch_stats"])
    p = jax.tree.map(np.float64, variables["params"])
    first = leaky(strided(images, p["b8_conv"]["kernel"]) + p["b8_conv"]["bias"])
    second = strided(first, p["b4_conv"]["kernel"]) + p["b4_conv"].get("bias", 0)
    if kind != "none":
        before, second = second, normed(second, AXES[kind], p["b4_norm"])
    second = leaky(second)
    dense = second.reshape(3, -1) @ p["dense"]["kernel"] + p["dense"]["bias"]
    score = leaky(dense) @ p["score"]["kernel"] + p["score"]["bias"]
    for name, expected in (
        ("b8", first),
        ("b4", second),
        ("penultimate", leaky(dense)),
        ("score", score[:, 0]),
    ):
        np.testing.assert_allclose(found[name], expected, rtol=2e-5, atol=2e-5)
    if kind != "batch":
        assert not jax.tree.leaves(moved)
        return
    old, new = variables["batch_stats"]["b4_norm"], moved["batch_stats"]["b4_norm"]
    for name, now in (
        ("mean", before.mean(AXES[kind])),
        ("var", before.var((0, 1, 2))),
    ):
        expected = 0.9 * np.float64(old[name]) + 0.1 * now
        np.testing.assert_allclose(new[name], expected, rtol=1e-5)


@pytest.mark.parametrize("doubling", ["transposed", "resize"])
def test_the_generator_is_numpys(doubling):
    net = dcgan.Generator(2, 8, WIDTHS, doubling)
    z = drawn((3, 5))
    variables = made(net, z)
    found, _ = net.apply(variables, z, train=True, mutable=["batch_stats"])
    p = jax.tree.map(np.float64, variables["params"])

    def doubled(x, layer):
        if doubling == "transposed":
            return spread(x, layer["kernel"])
        x = np.pad(x.repeat(2, 1).repeat(2, 2), ((0, 0), (1, 1), (1, 1), (0, 0)))
        side = x.shape[1] - 2
        taps = [(i, j) for i in range(3) for j in range(3)]
        return sum(
            x[:, i : i + side, j : j + side] @ layer["kernel"][i, j] for i, j in taps
        )

    x = (z @ p["from_z"]["kernel"]).reshape(3, 2, 2, 6)
    x = np.maximum(normed(x, (0, 1, 2), p["from_z_norm"]), 0)
    x = doubled(x, p["b4_conv"])
    x = np.maximum(normed(x, (0, 1, 2), p["b4_norm"]), 0)
    expected = np.tanh(doubled(x, p["to_image"]) + p["to_image"]["bias"])
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("kind", dcgan.NORMALISATIONS)
def test_only_batch_statistics_let_images_answer_for_one_another(kind):
    """By the score's gradient with respect to another image, which is 0 or is not."""
    net = dcgan.Discriminator(WIDTHS, 5, kind)
    images = jnp.asarray(drawn((3, 8, 8, 2)))
    variables = made(net, images)

    def first_score(x):
        maps, _ = net.apply(variables, x, train=True, mutable=["batch_stats"])
        return maps["score"][0]

    slope = np.abs(jax.grad(first_score)(images)).max((1, 2, 3))
    assert slope[0] > 0 and (slope[1:] > 0).all() == (kind == "batch")
    assert (slope[1:] == 0).all() == (kind != "batch")
    # With fixed statistics none does.
    alone, together = (
        net.apply(variables, x, train=False)["score"] for x in (images[:1], images)
    )
    np.testing.assert_allclose(alone, together[:1], rtol=1e-5)


def test_the_first_weights_have_the_papers_deviation():
    net = dcgan.Discriminator((64, 64), 64, "batch")
    params = net.init(jax.random.key(0), jnp.zeros((1, 8, 8, 3)), train=True)["params"]
    for layer in ("b4_conv", "dense"):
        kernel = np.asarray(params[layer]["kernel"])
        assert kernel.std() == pytest.approx(0.02, rel=0.05)
        assert abs(kernel.mean()) < 1e-3


def test_other_channels_of_both_networks():
    d, g = dcgan.Discriminator(WIDTHS, 5, "layer"), dcgan.Generator(2, 8, WIDTHS)
    images, z = drawn((2, 8, 8, 2)), drawn((2, 5))
    d_variables, g_variables = made(d, images), made(g, z)
    swapped = dcgan.discriminator_with_channels(d_variables["params"], (1, 0))
    score = d.apply(d_variables, images, train=True)["score"]
    other = d.apply({"params": swapped}, images[..., ::-1], train=True)["score"]
    np.testing.assert_allclose(other, score, rtol=1e-5)
    drawn_images = g.apply(g_variables, z, train=False)
    three = dcgan.generator_with_channels(g_variables["params"], (1, None, 0))
    wider = dcgan.Generator(3, 8, WIDTHS)
    found = wider.apply(g_variables | {"params": three}, z, train=False)
    np.testing.assert_allclose(found[..., ::2], drawn_images[..., ::-1], rtol=1e-5)
    mean = np.arctanh(np.float64(drawn_images)).mean(-1)
    np.testing.assert_allclose(found[..., 1], np.tanh(mean), atol=1e-4)
