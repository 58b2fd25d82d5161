"""The hinge game beside NumPy's."""

import numpy as np
import pytest

from gandl_jax.methods.projected_gan import hinge


def test_losses_are_sums_over_discriminators_of_means():
    rng = np.random.default_rng(0)
    real, fake = (
        {
            f"b{side}": (2 * rng.normal(size=(4, side, side))).astype(np.float32)
            for side in (3, 2)
        }
        for _ in range(2)
    )
    expected = sum(
        np.maximum(0, 1 - np.float64(real[name])).mean()
        + np.maximum(0, 1 + np.float64(fake[name])).mean()
        for name in real
    )
    assert hinge.d_loss(real, fake) == pytest.approx(expected, rel=1e-6)
    means = sum(np.float64(x).mean((1, 2)) for x in fake.values())
    np.testing.assert_allclose(hinge.scores(fake), means, rtol=1e-5)
    assert hinge.g_loss(fake) == pytest.approx(-means.mean(), rel=1e-5)
    sure = {"b2": np.full((4, 2, 2), 1.5)}
    refused = {"b2": np.full((4, 2, 2), -1.5)}
    assert hinge.d_loss(sure, refused) == 0
    assert hinge.d_loss(refused, sure) == 5
