"""Losses against closed forms and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np

from gandl_jax.methods import losses


def test_logistic_losses_are_cross_entropies():
    real, fake = np.array([0.3, -1.0, 4.0]), np.array([2.0, -0.5, 0.1])

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    d = -np.log(sigmoid(real)).mean() - np.log(1 - sigmoid(fake)).mean()
    np.testing.assert_allclose(losses.discriminator(real, fake), d, rtol=1e-6)
    g = -np.log(sigmoid(fake)).mean()
    np.testing.assert_allclose(losses.generator(fake), g, rtol=1e-6)


def test_the_relativistic_loss_is_the_cross_entropy_of_a_pairs_order():
    real, fake = np.array([0.3, -1.0, 4.0]), np.array([2.0, -0.5, 0.1])
    chance_in_order = np.exp(real) / (np.exp(real) + np.exp(fake))
    d, g = losses.relativistic(real, fake), losses.relativistic(fake, real)
    np.testing.assert_allclose(d, -np.log(chance_in_order).mean(), rtol=1e-6)
    np.testing.assert_allclose(g, -np.log(1 - chance_in_order).mean(), rtol=1e-6)


def test_r1_of_a_quadratic_form_has_a_closed_form():
    images = jax.random.normal(jax.random.key(0), (3, 4, 4, 2))
    penalty = losses.r1(lambda x: jnp.square(x).sum((1, 2, 3)), images)
    expected = 4 * np.square(np.asarray(images)).sum((1, 2, 3))
    np.testing.assert_allclose(penalty, expected, rtol=1e-5)


def test_path_length_of_a_linear_map_is_the_norm_of_its_transpose():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(5, 2 * 2 * 3)).astype(np.float32)
    ws = rng.normal(size=(4, 2, 5)).astype(np.float32)
    noise = rng.normal(size=(4, 2, 2, 3)).astype(np.float32)

    def generate(w):
        return (w.sum(1) @ matrix).reshape(4, 2, 2, 3)

    expected = np.linalg.norm(noise.reshape(4, -1) @ matrix.T, axis=1)
    lengths = losses.path_lengths(generate, jnp.asarray(ws), jnp.asarray(noise))
    np.testing.assert_allclose(lengths, expected, rtol=1e-5)
