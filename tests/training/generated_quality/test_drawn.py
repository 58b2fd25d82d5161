"""Drawn images depend on seed, number and class, not on the batch."""

import jax
import numpy as np

from gandl_jax.methods.source import Source
from gandl_jax.training.generated_quality import drawn


class Noise:
    """Draws noise about the class."""

    def samples(self, state, keys, labels):
        noise = jax.vmap(lambda key: jax.random.normal(key, (2, 2, 1)))(keys)
        return state * noise + labels["Dose"].reshape(-1, 1, 1, 1)


def images(batch, seed=0, count=7):
    labels = {"Dose": np.arange(count) * 10}
    maker = drawn.Drawn(Noise(), seed, batch)
    return np.concatenate([*maker.batches(np.float32(1), labels, count)])[:count]


def test_they_are_the_same_in_other_batches():
    np.testing.assert_allclose(images(7), images(3), rtol=1e-6)
    assert np.abs(images(7).mean((1, 2, 3)) - np.arange(7) * 10).max() < 3
    assert np.abs(images(7) - images(7, seed=1)).max() > 0.1


def test_blank_classes_are_drawn_in_the_trainings_proportions():
    source = Source(("DNA",), {"Dose": ("a", "b", "c")}, {"Dose": (10, 0, 30)}, 40)
    codes = np.full(4000, -1)
    codes[:10] = 1
    found = drawn.classes_to_draw({"Dose": codes, "other": codes}, source, 0)
    assert list(found) == ["Dose"] and (found["Dose"][:10] == 1).all()
    shares = np.bincount(found["Dose"][10:], minlength=3) / 3990
    np.testing.assert_allclose(shares, [0.25, 0, 0.75], atol=0.03)
