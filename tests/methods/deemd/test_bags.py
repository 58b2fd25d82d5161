"""Tiles, the highest answers, targets and the loss beside NumPy written out."""

import jax
import numpy as np
import pytest

from gandl_jax.methods.deemd import bags

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("side, tile, count", [(16, 8, 9), (16, 4, 49), (12, 8, 4)])
def test_tiles_are_slices_with_half_overlap(side, tile, count):
    images = RNG.normal(size=(2, side, side, 3)).astype(np.float32)
    found = np.asarray(bags.tiles(images, tile))
    assert found.shape == (2, count, tile, tile, 3)
    places = [
        (y, x)
        for y in range(0, side - tile + 1, tile // 2)
        for x in range(0, side - tile + 1, tile // 2)
    ]
    for number, (y, x) in enumerate(places):
        expected = images[:, y : y + tile, x : x + tile]
        np.testing.assert_array_equal(found[:, number], expected)


def test_the_mean_of_the_highest_and_its_gradient_are_numpys():
    logits = RNG.normal(size=(4, 9)).astype(np.float32)

    def pooled(x):
        return bags.top(x, 3).mean(1)

    order = np.argsort(logits, 1)[:, -3:]
    expected = np.take_along_axis(logits, order, 1).mean(1)
    np.testing.assert_allclose(pooled(logits), expected, rtol=1e-5)
    gradient = np.zeros_like(logits)
    np.put_along_axis(gradient, order, 1 / 3, 1)
    found = jax.grad(lambda x: pooled(x).sum())(logits)
    np.testing.assert_allclose(found, gradient, rtol=1e-5)


def test_targets_are_of_any_column_and_infected_comes_first():
    classes = {"Role": ("response_0", "response_1"), "Condition": ("UV",)}
    labels = {
        "Role": np.array([0, 1, -1, -1, 0]),
        "Condition": np.array([-1, -1, 0, -1, 0]),
    }
    found = bags.targets(labels, classes, ["response_0"], ["response_1", "UV"])
    assert found.tolist() == [1, 0, 0, -1, 1]


def test_the_loss_is_binary_cross_entropy_of_known_bags():
    logits = RNG.normal(0, 3, 6).astype(np.float32)
    target = np.array([1, 0, -1, 1, 0, -1], np.int32)
    weights = np.array([0.5, 2.0], np.float32)
    chance = 1 / (1 + np.exp(-logits.astype(np.float64)))
    expected = np.where(
        target == 1, -2.0 * np.log(chance), -0.5 * np.log(1 - chance)
    ) * (target >= 0)
    found = bags.cross_entropy(logits, target, jax.numpy.asarray(weights))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    slope = jax.grad(
        lambda x: bags.cross_entropy(x, target, jax.numpy.asarray(weights)).sum()
    )(logits)
    known = np.where(target == 1, 2.0 * (chance - 1), 0.5 * chance) * (target >= 0)
    np.testing.assert_allclose(slope, known, rtol=1e-5)


def test_huge_logits_cost_what_they_are_wrong_by():
    logits, target = np.float32([1e4, -1e4]), np.int32([0, 1])
    found = bags.cross_entropy(logits, target, jax.numpy.ones(2))
    np.testing.assert_allclose(found, [1e4, 1e4])
