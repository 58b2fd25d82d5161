"""What a masked autoencoder sees, hides and makes."""

import jax
import numpy as np
import pytest

from gandl_jax.models import masked_vit

NET = masked_vit.MaskedAutoencoder(2, 4, 8, 1, 2, 8, 1, 2)


@pytest.fixture(scope="module")
def made():
    """Parameters, images [2, 16, 16, 2], and an order of their 16 patches."""
    images = np.random.default_rng(0).normal(size=(2, 16, 16, 2)).astype(np.float32)
    order = masked_vit.orders(jax.random.split(jax.random.key(1), 2), 16)
    params = jax.jit(NET.init, static_argnums=3)(jax.random.key(0), images, order, 4)
    return params, images, np.asarray(order)


def rebuilt(params, images, order):
    return np.asarray(jax.jit(NET.apply, static_argnums=3)(params, images, order, 4))


def test_orders_hold_every_patch_once_and_differ():
    order = masked_vit.orders(jax.random.split(jax.random.key(0), 500), 16)
    assert (np.sort(order, 1) == np.arange(16)).all()
    first = np.bincount(np.asarray(order)[:, 0], minlength=16)
    assert first.min() > 10  # of about 31


def test_hidden_patches_change_nothing_and_seen_ones_do(made):
    params, images, order = made
    before = rebuilt(params, images, order)
    for patch, changes in ((order[0, 4], False), (order[0, 3], True)):
        other = images.copy()
        row, column = divmod(int(patch), 4)
        other[0, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4] += 1
        after = rebuilt(params, other, order)
        assert (np.abs(after[0] - before[0]).max() > 1e-4) == changes
        np.testing.assert_array_equal(after[1], before[1])


def test_the_order_of_what_is_seen_and_of_what_is_hidden_is_nothing(made):
    params, images, order = made
    other = np.concatenate([order[:, 3::-1], order[:, :3:-1]], 1)
    assert (np.sort(other, 1) == np.arange(16)).all() and (other != order).any()
    np.testing.assert_allclose(
        rebuilt(params, images, other), rebuilt(params, images, order), atol=1e-5
    )


def test_other_channels_are_taken_and_made(made):
    params, images, order = made
    before = rebuilt(params, images, order).reshape(2, 16, 16, 2)
    swapped = {"params": masked_vit.with_channels(params["params"], (1, 0), 4)}
    after = rebuilt(swapped, images[..., ::-1], order).reshape(2, 16, 16, 2)
    np.testing.assert_allclose(after[..., ::-1], before, atol=1e-5)
