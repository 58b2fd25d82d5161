"""The transformer beside NumPy written out, in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import erf

from gandl_jax.models import vit


@pytest.fixture(scope="module")
def wide():
    """float64 while a module's tests run."""
    jax.config.update("jax_enable_x64", True)
    yield jnp.float64
    jax.config.update("jax_enable_x64", False)


def random_like(tree, seed=0):
    """Parameters of the same shapes, none of them 0."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda x: rng.normal(0, 0.5, x.shape), tree)


def norm(x, of):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6) * of["scale"] + of["bias"]


def dense(x, of):
    return x @ of["kernel"] + of["bias"]


def block(x, of, heads):
    """One image: [P, D]."""
    y = dense(norm(x, of["norm1"]), of["attention"]["qkv"])
    q, k, v = np.split(y, 3, -1)
    size, mixed = x.shape[1] // heads, []
    for h in range(heads):
        own = slice(h * size, (h + 1) * size)
        alike = np.exp(q[:, own] @ k[:, own].T / np.sqrt(size))
        mixed.append(alike / alike.sum(1, keepdims=True) @ v[:, own])
    x = x + dense(np.concatenate(mixed, 1), of["attention"]["out"])
    y = dense(norm(x, of["norm2"]), of["hidden"])
    return x + dense(y * (1 + erf(y / np.sqrt(2))) / 2, of["out"])


def test_the_network_is_numpys(wide):
    net = vit.VisionTransformer(2, 8, 2, 2, class_token=True, dtype=wide)
    images = np.random.default_rng(1).normal(size=(2, 4, 6, 3))
    kept = np.array([[5, 0, 3], [1, 2, 4]])
    shapes = jax.eval_shape(net.init, jax.random.key(0), images)["params"]
    params = random_like(shapes)
    found = jax.jit(net.apply)({"params": params}, images, kept)
    rate = 1e4 ** -np.array([0, 0.5])
    for number, one in enumerate(images):
        tokens = [params["class_token"][0, 0]]
        for patch in kept[number]:
            row, column = divmod(patch, 3)
            cut = one[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            at = [f(p * rate) for p in (row, column) for f in (np.sin, np.cos)]
            token = dense(cut.reshape(-1), params["patches"])
            tokens.append(token + np.concatenate(at))
        x = np.stack(tokens)
        for name in ("block1", "block2"):
            x = block(x, params["blocks"][name], 2)
            np.testing.assert_allclose(found[name][number], x, rtol=1e-6, atol=1e-6)
        x = norm(x, params["blocks"]["norm"])
        np.testing.assert_allclose(found["tokens"][number], x, rtol=1e-6, atol=1e-6)


def test_patches_are_those_that_slicing_gives_and_go_back():
    images = np.random.default_rng(0).normal(size=(2, 6, 6, 2)).astype(np.float32)
    cut = vit.patches(jnp.asarray(images), 3)
    np.testing.assert_array_equal(cut[1, 2], images[1, 3:6, 0:3].reshape(-1))
    np.testing.assert_array_equal(vit.image(cut, 6, 3), images)


def test_positions_of_the_same_grid_are_its_own_and_others_keep_the_edges():
    own = vit.positions(4, 4, 16)
    np.testing.assert_array_equal(vit.positions(4, 4, 16, grid=4), own)
    assert len(np.unique(own.round(6), axis=0)) == 16
    # Two patches across four: centres at 0.5 and 2.5 of the four's.
    few = vit.positions(2, 2, 16, grid=4)
    rate = 1e4 ** -(np.arange(4) / 4)
    wanted = [f(p * rate) for p in (2.5, 0.5) for f in (np.sin, np.cos)]
    np.testing.assert_allclose(few[2], np.concatenate(wanted), atol=1e-12)


def test_a_grey_image_is_seen_as_before_by_a_network_of_other_channels():
    net = vit.VisionTransformer(2, 8, 1, 2)
    grey = np.random.default_rng(0).normal(size=(1, 4, 4, 1)).astype(np.float32)
    params = net.init(jax.random.key(0), grey.repeat(2, 3))["params"]
    before = net.apply({"params": params}, grey.repeat(2, 3))["tokens"]
    for sources in ((None,), (None, None, None), (1, 0)):
        other = vit.with_channels(params, sources, 2)
        after = net.apply({"params": other}, grey.repeat(len(sources), 3))["tokens"]
        np.testing.assert_allclose(after, before, atol=1e-5)


def test_products_in_bfloat16_leave_tokens_float32():
    net = vit.VisionTransformer(2, 8, 2, 2, dtype=jnp.bfloat16)
    images = np.random.default_rng(0).normal(size=(1, 4, 4, 1)).astype(np.float32)
    params = net.init(jax.random.key(0), images)
    found = net.apply(params, images)
    exact = net.clone(dtype=jnp.float32).apply(params, images)
    for name, x in found.items():
        assert x.dtype == jnp.float32
        np.testing.assert_allclose(x, exact[name], atol=0.1)
