"""Losses against closed forms and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np

from gandl_jax.methods import games, losses


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


def test_the_least_squares_are_those_of_the_two_targets():
    real, fake = np.array([0.3, -1.0, 4.0]), np.array([2.0, -0.5, 0.1])
    d = ((real - 1) ** 2).mean() / 2 + (fake**2).mean() / 2
    np.testing.assert_allclose(games.d_loss("least_squares", real, fake), d, rtol=1e-6)
    g = ((fake - 1) ** 2).mean() / 2
    np.testing.assert_allclose(games.g_loss("least_squares", fake, None), g, rtol=1e-6)


def test_the_wasserstein_losses_are_differences_of_means():
    real, fake = np.array([0.3, -1.0, 4.0]), np.array([2.0, -0.5, 0.1])
    d = fake.mean() - real.mean()
    np.testing.assert_allclose(games.d_loss("wgan_gp", real, fake), d, rtol=1e-5)
    g = games.g_loss("wgan_gp", fake, None)
    np.testing.assert_allclose(g, -fake.mean(), rtol=1e-6)


def test_signs_of_real_scores_are_beyond_what_says_neither():
    real, fake = np.array([0.3, -1.0, 0.7, 4.0]), np.array([2.0, -1.5, 0.1, 5.0])
    for game, expected in (
        ("logistic", (1 - 1 + 1 + 1) / 4),
        ("least_squares", (-1 - 1 + 1 + 1) / 4),
        ("wgan_gp", (-1 + 1 + 1 - 1) / 4),
        ("relativistic", (-1 + 1 + 1 - 1) / 4),
    ):
        assert games.real_sign(game, jnp.array(real), jnp.array(fake)) == expected, game


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
