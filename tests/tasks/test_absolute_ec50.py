"""The absolute EC50 against closed forms and by simulation."""

import numpy as np
import pytest
from scipy import stats

from gandl_jax.tasks import absolute_ec50, curve

DOSES = 10.0 ** np.arange(-2.5, 1.1, 0.5)


def find(chance):
    return absolute_ec50.find(chance, np.log10(DOSES), 1.5, 0.95)


def normal(center, sd):
    return lambda log_doses: stats.norm.cdf(log_doses, center, sd)


@pytest.mark.parametrize("center", [-1.7, -0.3, 0.4])
@pytest.mark.parametrize("sd", [0.01, 0.1, 0.3])
def test_a_normal_distribution_gives_its_quantiles(center, sd):
    found = find(normal(center, sd))
    low, middle, high = 10 ** stats.norm.ppf((0.025, 0.5, 0.975), center, sd)
    assert found["absolute_ec50_um"] == pytest.approx(middle, rel=0.01)
    assert found["absolute_ec50_low_um"] == pytest.approx(low, rel=0.03)
    assert found["absolute_ec50_high_um"] == pytest.approx(high, rel=0.03)
    assert found["absolute_ec50_bound"] is None


def test_beyond_the_doses_it_is_a_bound_within_them():
    above = find(normal(1.1, 0.2))
    low = 10 ** stats.norm.ppf(0.05, 1.1, 0.2)
    assert above["absolute_ec50_low_um"] == pytest.approx(low, rel=0.03)
    assert above["absolute_ec50_bound"] == "above"
    assert above["absolute_ec50_um"] is above["absolute_ec50_high_um"] is None
    assert find(normal(2.3, 0.1))["absolute_ec50_low_um"] == pytest.approx(10.0)
    never = find(np.zeros_like)
    assert never["absolute_ec50_low_um"] == pytest.approx(10.0)
    at_once = find(np.ones_like)
    assert at_once["absolute_ec50_high_um"] == pytest.approx(DOSES[0])
    assert at_once["absolute_ec50_bound"] == "below"
    unknown = find(lambda log_doses: np.full_like(log_doses, 0.5))
    assert set(unknown.values()) == {None}


@pytest.mark.parametrize("top", [0.7, 1.0, 1.64, 2.0])
def test_half_way_between_the_controls_on_exact_curves(top):
    """The closed form: ec50 (1 / (2 top - 1))^(1 / slope), the bottom being 0."""
    dose = np.repeat(DOSES, 2)
    noise = np.tile([0.004, -0.004], 8)
    response = curve.logistic(dose, 0, top, 0.5, 1.5) + noise
    found = curve.fit(dose, response, curve.Prior(0.005, 30, 0.1))
    expected = 0.5 * (1 / (2 * top - 1)) ** (1 / 1.5)
    assert found.absolute_ec50_um == pytest.approx(expected, rel=0.02)
    assert found.absolute_ec50_low_um < expected < found.absolute_ec50_high_um
    assert found.ec50_um == pytest.approx(0.5, rel=0.03)


def test_a_rise_that_ends_before_half_way_and_a_fall_have_no_absolute_ec50():
    dose = np.repeat(DOSES, 2)
    rng = np.random.default_rng(0)
    for top in (0.3, -1.0):
        response = curve.logistic(dose, 0, top, 0.1, 1.5) + rng.normal(0, 0.03, 16)
        found = curve.fit(dose, response, curve.Prior(0.03, 30, 0.1))
        assert found.status == "fitted" and found.absolute_ec50_bound == "above"
        assert found.absolute_ec50_low_um == pytest.approx(10.0)


def test_a_relative_bound_may_come_with_an_absolute_ec50():
    """The issue's case: the top is beyond the doses, half way is not."""
    dose = np.repeat(DOSES, 2)
    rng = np.random.default_rng(1)
    response = curve.logistic(dose, 0, 3.0, 20.0, 1.0) + rng.normal(0, 0.05, 16)
    found = curve.fit(dose, response, curve.Prior(0.05, 30, 0.1))
    assert found.ec50_bound == "above" and "relative EC50" in found.status
    assert found.absolute_ec50_low_um < 4.0 < found.absolute_ec50_high_um


def test_what_is_not_known_of_the_controls_widens_it():
    dose = np.repeat(DOSES, 2)
    rng = np.random.default_rng(1)
    response = curve.logistic(dose, 0, 1.0, 0.3, 1.0) + rng.normal(0, 0.05, 16)
    widths = []
    for sd in (0.0, 0.1):
        found = curve.fit(dose, response, curve.Prior(0.05, 30, 0.1, sd))
        widths.append(np.log(found.absolute_ec50_high_um / found.absolute_ec50_low_um))
    assert widths[1] > 2 * widths[0]


def coverage(noise, count, seed):
    rng = np.random.default_rng(seed)
    inside = []
    for _ in range(count):
        dose = np.repeat(DOSES, rng.choice((2, 3, 4)))
        top, ec50 = rng.uniform(0.3, 1.6), 10 ** rng.uniform(-2.5, 1)
        slope = rng.choice((0.7, 1.0, 1.5, 2.5))
        clean = curve.logistic(dose, 0, top, ec50, slope)
        response = clean + rng.normal(0, noise, len(dose))
        found = curve.fit(dose, response, curve.Prior(noise, 30, 0.1))
        truth = np.inf if top <= 0.5 else ec50 * (0.5 / (top - 0.5)) ** (1 / slope)
        low = found.absolute_ec50_low_um or 0.0
        inside.append(low <= truth <= (found.absolute_ec50_high_um or np.inf))
    return np.mean(inside)


@pytest.mark.parametrize("noise", [0.1, 0.4])
def test_intervals_and_bounds_hold_the_truth(noise):
    assert coverage(noise, 100, seed=0) >= 0.95 - 3 * np.sqrt(0.0475 / 100)


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.05, 0.1, 0.2, 0.4])
def test_intervals_and_bounds_hold_the_truth_in_1000(noise):
    assert 0.93 <= coverage(noise, 1000, seed=1) <= 0.99
