"""Densities are those of their definition, ball by ball."""

import numpy as np

from gandl_jax.jobs.generate.selection import density


def test_the_density_counts_the_balls_that_hold_an_image():
    rng = np.random.default_rng(0)
    real, drawn = rng.normal(size=(40, 3)), rng.normal(0, 2, (30, 3))
    between = np.linalg.norm(real[:, None] - real[None], axis=-1)
    radius = np.sort(between, 1)[:, density.NEAREST]  # the nearest is itself
    expected = [
        sum(np.linalg.norm(x - y) <= r for y, r in zip(real, radius, strict=True))
        for x in drawn
    ]
    found = density.density(real, drawn)
    np.testing.assert_allclose(found, np.array(expected) / density.NEAREST)
    kept = density.passing(real, drawn)
    assert kept.tolist() == np.flatnonzero(expected).tolist() and 0 < len(kept) < 30


def test_features_are_what_is_measured():
    images = np.zeros((2, 4, 4, 1))
    found = density.measured(images, lambda x: x.reshape(2, -1)[:, :3] + 1)
    np.testing.assert_array_equal(found, np.ones((2, 3)))


def test_two_real_images_have_balls_too():
    real = np.array([[0.0], [2.0]])
    assert density.passing(real, np.array([[1.0], [9.0]])).tolist() == [0]
