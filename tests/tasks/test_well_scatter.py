"""The common scatter of curves: planted draws, and the closed forms at the ends."""

import numpy as np
import pytest

from gandl_jax.tasks import well_scatter


@pytest.mark.parametrize(("sd", "freedom"), [(0.3, 4.0), (2.0, 20.0)])
def test_planted_scatter_is_found(sd, freedom):
    rng = np.random.default_rng(0)
    own = rng.integers(4, 30, 20_000)
    true = sd**2 * freedom / rng.chisquare(freedom, len(own))
    found = well_scatter.common(true * rng.chisquare(own) / own, own)
    np.testing.assert_allclose(found, (sd, freedom), rtol=0.05)


def test_equal_variances_are_pooled():
    """Curves that scatter alike: the mean variance, worth all their freedom."""
    rng = np.random.default_rng(1)
    own = np.full(40, 12)
    variances = 0.5 * rng.chisquare(12, 40) / 12
    variances = 0.5 + (variances - variances.mean()) * 0.3  # less unlike than by chance
    sd, freedom = well_scatter.common(variances, own)
    assert freedom == 40 * 12
    assert sd**2 == pytest.approx(0.5, rel=0.1)


def test_variances_of_other_worlds_tell_nothing():
    variances = 10.0 ** np.arange(-40, 41, 10)
    assert well_scatter.common(variances, np.full(9, 12))[1] < 0.1


def test_two_curves_and_perfect_ones_tell_nothing():
    assert well_scatter.common(np.array([1.0, 2.0]), np.array([5, 5]))[1] == 0
    perfect = np.array([0.0, 0.0, 0.0, 1.0])
    assert well_scatter.common(perfect, np.full(4, 5))[1] == 0
