"""How diverse samples are, and when a generator has collapsed."""

import numpy as np
import pytest

from gandl_jax.methods import diversity


def test_diversity_is_the_distance_to_the_nearest_other():
    # Nearest others of three images of two pixels, by hand: 5, 5 and 5 apart.
    images = np.asarray([[0, 0], [3, 4], [0, 8]], float).reshape(3, 2, 1, 1)
    images = np.repeat(images, 2, 2)
    assert diversity.diversity(images, 2 * images) == pytest.approx(0.5)
    rng = np.random.default_rng(0)
    real, like = rng.uniform(-1, 1, (2, 16, 32, 32, 2))
    noise = 1e-2 * rng.normal(size=real.shape)
    assert diversity.diversity(like, real) == pytest.approx(1, abs=0.1)
    assert diversity.diversity(np.repeat(real[:1], 16, 0) + noise, real) < 0.02
    assert diversity.diversity(np.tile(real[:4], (4, 1, 1, 1)) + noise, real) < 0.02


def history(*values):
    return [{diversity.METRIC: value} for value in values]


def test_a_generator_that_never_was_diverse_is_still_learning():
    for looks in ((0.05,), (0.15, 0.05), (0.9, 0.12), (0.12, 0.9)):
        assert diversity.collapse(history(*looks), least=0.1) is None, looks
    told = diversity.collapse(history(0.15, 0.9, 0.12, 0.05), least=0.1)
    assert "collapsed" in told.why and "once 0.9" in told.why
    assert (told.metric, told.least) == (diversity.METRIC, 0.2)


def test_former_notes_are_a_history_of_the_highest_look_and_the_last():
    notes = {"most_diverse": 0.9, "diversity": 0.15}
    assert diversity.former(notes) == history(0.9, 0.15)
    assert diversity.former({"most_diverse": 0.0, "diversity": None}) == []
    assert diversity.former({}) == []
