"""The spread of projections beside NumPy's, and what a collapse is."""

import jax.numpy as jnp
import numpy as np
import pytest

from gandl_jax import config as configs
from gandl_jax.methods import spread
from gandl_jax.models import unit_length


def test_spread_is_the_root_mean_square_distance_from_the_mean():
    x = np.random.default_rng(0).normal(0.5, 1, (50, 6))
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    found = unit_length.unit(jnp.float32(x))
    np.testing.assert_allclose(found, unit, atol=1e-6)
    away = np.square(unit - unit.mean(0)).sum(1)
    np.testing.assert_allclose(
        spread.spread(found.mean(0)), np.sqrt(away.mean()), rtol=1e-5
    )
    assert spread.spread(jnp.float32([0.6, 0.8])) == 0
    assert np.isfinite(unit_length.unit(jnp.zeros((2, 3)))).all()


def test_a_collapse_is_a_spread_that_was_there():
    options = configs.default("byol").method
    options.update(least_spread=0.02, spread_every_images=7)
    check = spread.check("byol", lambda state, images: state * images, options)
    assert check.every_images == 7
    images = jnp.float32([[1, 0], [0, 1]])
    found = check.fn(2.0, {"images": images}, None)
    assert found == {"byol/fixed_spread": pytest.approx(0.5**0.5)}
    history = [{"byol/fixed_spread": x} for x in (0.01, 0.5, 0.01)]
    assert check.trouble(history[:1]) is None and check.trouble(history[:2]) is None
    trouble = check.trouble(history)
    assert "byol/fixed_spread is 0.01" in trouble.why and trouble.least == 0.04
    options.least_spread = 0.0
    never = spread.check("byol", lambda state, images: images, options)
    assert never.trouble([{"byol/fixed_spread": x} for x in (0.5, 0.0)]) is None
