"""The masked autoencoder's loss, masks and features beside NumPy's."""

import functools

import jax
import numpy as np
import pytest

from gandl_jax.methods.phase import sample_keys, substream
from gandl_jax.models import masked_vit

SETTINGS = {"model.depth": 1, "train.batch": 8}


@pytest.fixture(scope="module", params=[True, False], ids=["normalised", "plain"])
def made(request, make_method):
    """(method, state, whether patches are normalised)."""
    setting = {"method.normalise_patches": request.param}
    # Small, for Adam makes whole steps of gradients that are 0 but for rounding, as
    # that of the keys' bias is.
    settings = SETTINGS | setting | {"method.learning_rate": 1e-6}
    return *make_method("masked_autoencoder", **settings), request.param


@pytest.fixture(scope="module")
def plain(make_method):
    """(method, state)."""
    return make_method("masked_autoencoder", **SETTINGS)


@functools.cache
def compiled(method):
    """Function of (parameters, images, order) to the pixels of all patches."""
    return jax.jit(lambda p, x, order: method._net.apply({"params": p}, x, order, 4))


def patches(images):
    """[B, 16, 32] of [B, 16, 16, 2], patches of 4 px."""
    cut = [
        images[:, y : y + 4, x : x + 4].reshape(len(images), -1)
        for y in range(0, 16, 4)
        for x in range(0, 16, 4)
    ]
    return np.stack(cut, 1).astype(np.float64)


def numpy_loss(method, params, images, order, normalise):
    """[B] mean square over the pixels of the last 12 patches of each order."""
    found = compiled(method)(params, images, order)
    wanted, losses = patches(images), []
    if normalise:
        mean = wanted.mean(-1, keepdims=True)
        wanted = (wanted - mean) / np.sqrt(wanted.var(-1, keepdims=True) + 1e-6)
    for i, one in enumerate(np.asarray(order)):
        hidden = one[4:]
        assert len(hidden) == 12  # three quarters of 16, exactly
        losses.append(np.mean((found[i, hidden] - wanted[i, hidden]) ** 2))
    return np.array(losses)


def test_the_loss_is_that_of_hidden_patches_on_any_number_of_devices(
    made, one_batch, trained
):
    """Masks are of a sample's index: 1 device and 8 learn the same."""
    method, state, normalise = made
    images, index = one_batch["images"], one_batch["index"]
    order = masked_vit.orders(sample_keys(jax.random.key(0), index), 16)
    expected = numpy_loss(method, state.net, images, order, normalise)
    found = jax.jit(method.validate)(state, one_batch)["loss"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    keys = substream(sample_keys(jax.random.key(0), index), 1)
    order = masked_vit.orders(keys, 16)
    expected = numpy_loss(method, state.net, images, order, normalise).mean()
    alone, metrics = trained(method, state, one_batch, 1)
    assert metrics["mae/loss"] == pytest.approx(expected, rel=1e-5)
    if normalise:
        others, theirs = trained(method, state, one_batch, 1, devices=8)
        assert theirs["mae/loss"] == pytest.approx(expected, rel=1e-5)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), alone, others
        )


@pytest.mark.slow
def test_it_learns_to_rebuild(make_method, one_batch, trained):
    settings = {"method.learning_rate": 0.01, "method.normalise_patches": False}
    method, state = make_method("masked_autoencoder", **SETTINGS, **settings)
    first = method.validate(state, one_batch)["loss"].mean()
    later, _ = trained(method, state, one_batch, 60)
    variance = one_batch["images"].var()  # what the mean grey alone leaves
    assert method.validate(later, one_batch)["loss"].mean() < min(first, variance) / 3


def test_seen_patches_are_shown_as_they_are(made, one_batch):
    method, state, normalise = made
    key = jax.random.key(3)
    (pair,) = jax.jit(method.show)(state, one_batch, key)
    assert pair.left_words == "original" and "4 of 16 patches seen" in pair.right_words
    before, after = patches(pair.left), patches(np.asarray(pair.right))
    order = np.asarray(masked_vit.orders(sample_keys(key, one_batch["index"]), 16))
    made = compiled(method)(state.net_average, pair.left, order)
    for i, one in enumerate(order):
        np.testing.assert_array_equal(after[i, one[:4]], before[i, one[:4]])
        wanted, hidden = np.asarray(made[i], np.float64), one[4:]
        if normalise:
            deviation = np.sqrt(before[i].var(-1, keepdims=True) + 1e-6)
            wanted = wanted * deviation + before[i].mean(-1, keepdims=True)
        np.testing.assert_allclose(after[i, hidden], wanted[hidden], atol=1e-5)


def test_features_are_means_and_deviations_of_whole_images(plain, one_batch):
    method, state = plain
    images = one_batch["images"]
    sets = jax.jit(method.embed)(method.items(state)["encoder"], images)
    found = method._net.apply({"params": state.net}, images, method="encode")
    tokens = np.asarray(found["tokens"], np.float64)
    assert tokens.shape == (8, 16, 16)
    np.testing.assert_allclose(sets["tokens"], tokens.mean(1), atol=1e-5)
    np.testing.assert_allclose(sets["tokens_std"], tokens.std(1), atol=1e-5)
    np.testing.assert_allclose(sets["blocks"], found["block1"].mean(1), atol=1e-5)


def test_another_training_starts_from_it_with_other_channels(plain, one_batch):
    method, state = plain
    swapped = method.start(state, method.trained(state).for_channels((1, 0)))
    other = one_batch | {"images": one_batch["images"][..., ::-1]}
    losses = [
        jax.jit(method.validate)(*of)["loss"]
        for of in ((state, one_batch), (swapped, other))
    ]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
