"""The moving average against its closed form."""

import jax.numpy as jnp
import numpy as np

from gandl_jax.methods import ema


def test_a_jump_is_half_forgotten_after_the_half_life():
    """With 10 images a step and a half-life of 30, after 3 steps."""
    average = {"x": jnp.zeros(2)}
    for step in range(1_000, 1_003):
        kept = ema.decay(step, 10, halflife_images=30, rampup_frac=0.5)
        average = ema.move_towards(average, {"x": jnp.ones(2)}, kept)
    np.testing.assert_allclose(average["x"], 0.5, rtol=1e-6)


def test_at_first_the_half_life_is_a_part_of_the_images_seen():
    # After the first of 10 images: a twentieth of 10 is half an image.
    kept = ema.decay(0, 10, halflife_images=30, rampup_frac=0.05)
    np.testing.assert_allclose(kept, 0.5 ** (10 / 0.5), rtol=1e-6)
