"""A number that follows D's mean signs, against a loop in NumPy."""

import jax.numpy as jnp
import numpy as np

from gandl_jax.methods.gan import controller


def test_it_moves_by_the_mean_of_the_steps_since_it_last_moved():
    signs = np.random.default_rng(0).uniform(-0.5, 1, 60)
    value, total, found = jnp.float32(0.2), jnp.float32(0), []
    for step, sign in enumerate(signs):
        value, total = controller.follow(
            value,
            total,
            jnp.float32(sign),
            jnp.int32(step),
            target=0.3,
            every=3,
            move=0.25,
            lowest=-0.5,
            highest=0.5,
        )
        found.append(float(value))
    expected, level = [], 0.2
    for step in range(60):
        if step % 3 == 2:
            rises = signs[step - 2 : step + 1].mean() > 0.3
            level = np.clip(level + (0.25 if rises else -0.25), -0.5, 0.5)
        expected.append(level)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert {-0.5, 0.5} <= {round(one, 6) for one in found}  # both ends were met
