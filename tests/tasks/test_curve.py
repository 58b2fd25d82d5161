"""The four-parameter logistic against truth, scipy and closed forms."""

import numpy as np
import pytest
from scipy import optimize

from gandl_jax.tasks import curve

DOSES = np.repeat(np.geomspace(0.01, 3, 6), 3)  # RxRx19a's half-log doses


def test_logistic_is_half_way_at_the_ec50():
    dose = np.array([1e-9, 0.2, 1e9])
    np.testing.assert_allclose(curve.logistic(dose, -1, 3, 0.2, 1.5), [-1, 1, 3])
    slope = (
        curve.logistic(np.array([0.2001]), 0, 1, 0.2, 1.5)
        - curve.logistic(np.array([0.1999]), 0, 1, 0.2, 1.5)
    ) / (np.log(0.2001) - np.log(0.1999))
    np.testing.assert_allclose(slope, 1.5 / 4, rtol=1e-5)  # slope / 4 in log dose


@pytest.mark.parametrize(
    "truth",
    [(0, 1, 0.2, 1.0), (0.1, 0.8, 0.05, 2.5), (1, -0.3, 0.5, 1.5), (-2, 40, 1.0, 0.8)],
)
def test_exact_data_give_back_their_parameters(truth):
    fitted = curve.fit(DOSES, curve.logistic(DOSES, *truth))
    found = (fitted.bottom, fitted.top, fitted.ec50_um, fitted.slope)
    np.testing.assert_allclose(found, truth, rtol=1e-3, atol=1e-3)
    assert fitted.status == "fitted"
    assert fitted.r2 > 0.9999 and fitted.r2_dose_means > 0.9999
    assert fitted.ec50_low_um <= fitted.ec50_um <= fitted.ec50_high_um
    bottom, top, ec50, slope = truth
    reached = bottom + (top - bottom) * 3**slope / (3**slope + ec50**slope)
    assert fitted.response_at_highest_dose == pytest.approx(reached, abs=1e-3)


def test_the_fit_is_scipys():
    rng = np.random.default_rng(0)
    truth = (0.0, 0.9, 0.15, 1.5)
    for _ in range(5):
        response = curve.logistic(DOSES, *truth) + rng.normal(0, 0.08, len(DOSES))
        fitted = curve.fit(DOSES, response)
        found, _ = optimize.curve_fit(curve.logistic, DOSES, response, p0=truth)
        np.testing.assert_allclose(fitted.ec50_um, found[2], rtol=1e-3)
        np.testing.assert_allclose(fitted.top, found[1], rtol=1e-3)
        left = ((response - curve.logistic(DOSES, *found)) ** 2).sum()
        total = ((response - response.mean()) ** 2).sum()
        assert fitted.r2 == pytest.approx(1 - left / total, abs=1e-6)


def test_plateaus_in_a_box_are_scipys():
    rng = np.random.default_rng(0)
    for _ in range(50):
        rise, means = np.sort(rng.random(6)), rng.normal(size=6)
        counts, box = rng.integers(1, 4, 6), tuple(np.sort(rng.normal(size=2)))
        bottom, top, least = curve._best_plateaus(rise[None, None], means, counts, box)
        root = np.sqrt(counts)
        design = np.stack([1 - rise, rise], axis=1) * root[:, None]
        found = optimize.lsq_linear(design, means * root, bounds=box, tol=1e-12)
        np.testing.assert_allclose(least.item(), 2 * found.cost, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose([bottom.item(), top.item()], found.x, atol=1e-3)


def test_the_interval_covers_the_truth():
    rng = np.random.default_rng(0)
    clean = curve.logistic(DOSES, 0, 0.9, 0.2, 1.3)
    fits = [curve.fit(DOSES, clean + rng.normal(0, 0.1, 18)) for _ in range(300)]
    low = np.array([f.ec50_low_um or 0.0 for f in fits])
    high = np.array([f.ec50_high_um or np.inf for f in fits])
    covered = ((low <= 0.2) & (high >= 0.2)).mean()
    assert 0.95 - 3 * np.sqrt(0.05 * 0.95 / 300) < covered < 0.99


def test_flat_data_have_no_effect():
    rng = np.random.default_rng(0)
    p_values = [curve.fit(DOSES, rng.normal(size=18)).p_effect for _ in range(400)]
    assert np.mean(np.less(p_values, 0.05)) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 400)
    constant = curve.fit(DOSES, np.full(18, 0.3))
    assert constant.status == "no effect" and constant.ec50_um is None


def test_an_ec50_beyond_the_doses_is_no_number_with_two_ends():
    rng = np.random.default_rng(0)
    response = curve.logistic(DOSES, 0, 1, 20.0, 1.0) + rng.normal(0, 0.01, 18)
    assert curve.fit(DOSES, response).status.startswith("not identified")


@pytest.mark.parametrize("keep", [DOSES < 0.05, np.arange(18) % 4 == 0])
def test_too_few_wells_or_doses(keep):
    found = curve.fit(DOSES[keep], np.arange(keep.sum()))
    assert found.status.startswith("not identified: only")
