"""Entropies are SciPy's; what passes lies near the real mean and follows its bins."""

import numpy as np
import pytest
from scipy import stats

from gandl_jax.jobs.generate.selection import entropy


def test_entropy_is_that_of_the_grey_levels_in_bits():
    rng = np.random.default_rng(0)
    images = np.tanh(rng.normal(size=(3, 8, 8, 2)) * [[[[0.1, 2.0]]]])
    found = entropy.measured(images, None)
    for image, bits in zip(images, found[:, 0], strict=True):
        each = []
        for channel in range(2):
            levels = np.round((image[..., channel] + 1) / 2 * 255)
            _, counts = np.unique(levels, return_counts=True)
            each.append(stats.entropy(counts, base=2))
        assert bits == pytest.approx(np.mean(each))
    flat = entropy.measured(np.full((1, 4, 4, 1), 0.3), None)
    halves = entropy.measured(np.array([-1.0, 1.0] * 8).reshape(1, 4, 4, 1), None)
    assert flat[0, 0] == 0 and halves[0, 0] == pytest.approx(1)


def test_what_lies_within_a_standard_deviation_passes():
    real = np.array([[4.0], [5.0], [6.0]])  # deviation sqrt(2 / 3)
    drawn = np.array([[4.1], [4.2], [5.0], [5.8], [5.9], [9.0]])
    assert entropy.passing(real, drawn).tolist() == [1, 2, 3]


def test_what_is_kept_follows_the_real_histogram():
    rng = np.random.default_rng(1)
    real = rng.normal(5, 1, (4000, 1))
    drawn = np.sort(rng.uniform(4, 6, (3000, 1)), 0)  # flat, and in order
    drawn = drawn[entropy.passing(real, drawn)]
    chosen = entropy.chosen(real, drawn, 500)
    assert (np.diff(chosen) > 0).all() and len(chosen) == 500
    low, high = real.mean() - real.std(), real.mean() + real.std()
    edges = np.linspace(low, high, entropy.BINS + 1)
    wanted = np.histogram(real, edges)[0] / np.histogram(real, edges)[0].sum()
    found = np.histogram(drawn[chosen], edges)[0] / 500
    np.testing.assert_allclose(found, wanted, atol=1 / 500)


def test_where_a_bin_has_too_few_the_others_give_more():
    real = np.linspace(4, 6, 1000)[:, None]  # flat
    drawn = np.concatenate([np.full(3, 4.6), np.full(100, 5.4)])[:, None]
    chosen = entropy.chosen(real, drawn, 40)
    assert len(chosen) == 40 and {0, 1, 2} <= set(chosen.tolist())
    none = entropy.chosen(real, drawn[3:], 100)
    assert none.tolist() == list(range(100))
