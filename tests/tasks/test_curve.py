"""The four-parameter logistic against truth, scipy, integrals and closed forms."""

import numpy as np
import pytest
from scipy import integrate, optimize, special, stats

from gandl_jax.tasks import curve

DOSES = np.repeat(np.geomspace(0.01, 3, 6), 3)  # RxRx19a's half-log doses
HALF_LOG = 10.0 ** np.arange(-2.5, 1.1, 0.5)  # 8 doses, 0.003 to 10 uM
SLOPES = (0.7, 1.0, 1.5, 2.5)


def drawn(rng, noise, log_ec50=None, bottom=0.0, replicates=(2, 3, 4)):
    """Wells of one curve and its log10 EC50, by default within the doses."""
    dose = np.repeat(HALF_LOG, rng.choice(replicates))
    if log_ec50 is None:
        log_ec50 = rng.uniform(*np.log10(HALF_LOG[[0, -1]]))
    clean = curve.logistic(
        dose, bottom, rng.uniform(0.6, 1.0), 10**log_ec50, rng.choice(SLOPES)
    )
    return dose, clean + rng.normal(0, noise, len(dose)), log_ec50


def known(noise, bottom_sd=0.1):
    return curve.Prior(noise, 30, bottom_sd)


def interval(fitted):
    """The log10 EC50s that are allowed; a bound is open on one side."""
    low, high = fitted.ec50_low_um or 0.0, fitted.ec50_high_um or np.inf
    with np.errstate(divide="ignore"):
        return np.log10(low), np.log10(high)


def coverage(noise, count, with_known, seed=0, **options):
    rng = np.random.default_rng(seed)
    inside = []
    for _ in range(count):
        dose, response, truth = drawn(rng, noise, **options)
        low, high = interval(
            curve.fit(dose, response, known(noise) if with_known else None)
        )
        inside.append(low <= truth <= high)
    return np.mean(inside)


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
    np.testing.assert_allclose(found, truth, rtol=5e-3, atol=5e-3)
    assert fitted.status == "fitted"
    assert fitted.r2 > 0.9999 and fitted.r2_dose_means > 0.9999
    assert fitted.ec50_low_um <= fitted.ec50_um <= fitted.ec50_high_um
    bottom, top, ec50, slope = truth
    reached = bottom + (top - bottom) * 3**slope / (3**slope + ec50**slope)
    assert fitted.response_at_highest_dose == pytest.approx(reached, abs=5e-3)
    assert fitted.rescue == pytest.approx(reached, abs=5e-3)


def test_little_noise_gives_scipys_least_squares():
    rng = np.random.default_rng(0)
    truth = (0.0, 0.9, 0.15, 1.5)
    for _ in range(5):
        response = curve.logistic(DOSES, *truth) + rng.normal(0, 0.005, len(DOSES))
        fitted = curve.fit(DOSES, response)
        found, covariance = optimize.curve_fit(
            curve.logistic, DOSES, response, p0=truth
        )
        assert fitted.ec50_um == pytest.approx(found[2], rel=0.01)
        assert fitted.top == pytest.approx(found[1], abs=0.01)
        t = stats.t.ppf(0.975, len(DOSES) - 4)
        width = 2 * t * np.sqrt(covariance[2, 2])
        assert fitted.ec50_high_um - fitted.ec50_low_um == pytest.approx(width, rel=0.2)
        left = ((response - curve.logistic(DOSES, *found)) ** 2).sum()
        total = ((response - response.mean()) ** 2).sum()
        assert fitted.r2 == pytest.approx(1 - left / total, abs=1e-4)


def test_the_likelihood_is_the_integral_over_all_else():
    """Against scipy: plateaus by the multivariate normal, slope and scatter by quad."""
    rng = np.random.default_rng(0)
    dose, response, _ = drawn(rng, 0.2, log_ec50=-0.5)
    told = curve.Prior(0.2, 12.0, 0.15)
    wells = curve.Wells.from_arrays(dose, response)
    free = len(dose) - curve.PARAMETERS + told.freedom
    grid = curve._integrated(wells, told, curve._test(wells, told)[1], free)
    nodes, height = grid.profile
    some = np.flatnonzero(height > height.max() - 8)[::10]

    def density(log_ec50, log_slope, log_variance):
        variance = np.exp(log_variance)
        rise = curve.logistic(dose, 0, 1, 10**log_ec50, np.exp(log_slope))
        mean = curve.TOP * rise
        cov = np.diag(np.full(len(dose), variance))
        cov += told.bottom_sd**2 * np.outer(1 - rise, 1 - rise)
        cov += curve.TOP_SD**2 * np.outer(rise, rise)
        log = stats.multivariate_normal.logpdf(response, mean, cov)
        log += stats.norm.logpdf(log_slope, curve.SLOPE_CENTER, curve.SLOPE_SD)
        scaled = told.freedom * told.sd**2 / variance
        return np.exp(log) * stats.chi2.pdf(scaled, told.freedom) * scaled

    reach = 3 * curve.SLOPE_SD
    expected = [
        integrate.fixed_quad(
            lambda slopes, u=u: [
                integrate.fixed_quad(
                    lambda logs, s=s, u=u: [density(u, s, v) for v in logs],
                    2 * np.log(0.08),
                    2 * np.log(0.6),
                    n=20,
                )[0]
                for s in slopes
            ],
            curve.SLOPE_CENTER - reach,
            curve.SLOPE_CENTER + reach,
            n=20,
        )[0]
        for u in nodes[some]
    ]
    found, expected = height[some], np.log(expected)
    assert len(some) > 4 and np.ptp(found) > 2
    np.testing.assert_allclose(found - found[0], expected - expected[0], atol=0.05)


def test_p_effect_is_the_f_test_of_nested_least_squares():
    rng = np.random.default_rng(3)
    dose, response, _ = drawn(rng, 0.3, log_ec50=-0.5)
    starts = [(0.0, 1.0, 10**u, 1.2) for u in (-1.5, -0.5, 0.5)]
    bounds = ([-9, -9, 1e-4, 0.32], [9, 9, 300, 4.7])
    least = min(
        (
            (response - curve.logistic(dose, *optimize.curve_fit(
                curve.logistic, dose, response, p0=p0, bounds=bounds, maxfev=9000
            )[0])) ** 2
        ).sum()
        for p0 in starts
    )  # fmt: skip
    flat = ((response - response.mean()) ** 2).sum()
    freedom = len(dose) - 4
    expected = stats.f.sf((flat - least) / 3 / (least / freedom), 3, freedom)
    assert curve.fit(dose, response).p_effect == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("with_known", [True, False])
@pytest.mark.parametrize("noise", [0.1, 0.4])
def test_intervals_cover_the_truth(noise, with_known):
    """200 curves: within three binomial standard errors of 95 %."""
    found = coverage(noise, 200, with_known)
    assert abs(found - 0.95) < 3 * np.sqrt(0.95 * 0.05 / 200)


@pytest.mark.slow
@pytest.mark.parametrize("with_known", [True, False])
@pytest.mark.parametrize("noise", [0.05, 0.1, 0.2, 0.4])
def test_intervals_cover_the_truth_in_93_to_97_percent(noise, with_known):
    assert 0.93 <= coverage(noise, 1000, with_known, seed=1) <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize(("bottom", "least"), [(0.1, 0.92), (0.2, 0.75)])
def test_bottoms_off_the_untreated_wells_cost_coverage(bottom, least):
    """A tenth is what `known` allows for; two tenths are two standard deviations."""
    assert least < coverage(0.2, 1000, True, bottom=bottom) <= 0.98


def flat_calls(noise, count, with_known, seed=0):
    rng = np.random.default_rng(seed)
    dose = np.repeat(HALF_LOG, 2)
    told = known(noise) if with_known else None
    p_values = [
        curve.fit(dose, rng.normal(0, noise, len(dose)), told).p_effect
        for _ in range(count)
    ]
    return np.mean(np.less(p_values, 0.05))


@pytest.mark.parametrize("with_known", [True, False])
def test_flat_curves_are_called_flat(with_known):
    found = flat_calls(0.2, 250, with_known)
    assert found <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 250)


@pytest.mark.slow
@pytest.mark.parametrize("with_known", [True, False])
@pytest.mark.parametrize("noise", [0.05, 0.4])
def test_flat_curves_are_called_flat_in_1000(noise, with_known):
    found = flat_calls(noise, 1000, with_known, seed=1)
    assert found <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 1000)


def test_a_constant_has_no_effect():
    constant = curve.fit(DOSES, np.full(18, 0.3))
    assert constant.status == "no effect" and constant.ec50_um is None
    assert constant.rescue == pytest.approx(0.3)


def beyond(decades, noise, count, seed=0):
    """Share of the curves called an effect that get the right bound."""
    rng = np.random.default_rng(seed)
    end = HALF_LOG[-1] if decades > 0 else HALF_LOG[0]
    side = "above" if decades > 0 else "below"
    right = []
    for _ in range(count):
        dose, response, truth = drawn(rng, noise, log_ec50=np.log10(end) + decades)
        fitted = curve.fit(dose, response, known(noise))
        if fitted.p_effect < 0.05:
            assert (fitted.status == "fitted") == (fitted.ec50_um is not None)
            assert fitted.status.startswith("bound") == (fitted.ec50_bound is not None)
            right.append(fitted.ec50_bound == side)
    return np.mean(right), len(right)


@pytest.mark.parametrize("decades", [0.5, -0.5])
def test_an_ec50_beyond_the_doses_is_a_bound(decades):
    share, called = beyond(decades, 0.05, 100)
    assert share >= 0.95 - 2 * np.sqrt(0.05 * 0.95 / called) and called > 50


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.05, 0.2])
@pytest.mark.parametrize("decades", [0.5, 0.3, -0.3, -1.0])
def test_an_ec50_beyond_the_doses_is_a_bound_in_95_percent(decades, noise):
    share, called = beyond(decades, noise, 500)
    assert share >= 0.95 - 2 * np.sqrt(0.05 * 0.95 / called)


def test_the_rescue_interval_covers_the_response_at_the_highest_dose():
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(200):
        dose = np.repeat(HALF_LOG, 2)
        clean = curve.logistic(dose, 0, 0.9, 10 ** rng.uniform(-2, 0.5), 1.3)
        fitted = curve.fit(dose, clean + rng.normal(0, 0.2, 16), known(0.2))
        inside.append(fitted.rescue_low <= clean[-1] <= fitted.rescue_high)
    assert abs(np.mean(inside) - 0.95) < 3 * np.sqrt(0.95 * 0.05 / 200)


def test_what_the_screen_tells_narrows_the_interval():
    """Dose 0 at the untreated wells, and scatter that need not be guessed."""
    rng = np.random.default_rng(0)
    widths = []
    for _ in range(30):
        dose, response, _ = drawn(rng, 0.2, log_ec50=-0.7, replicates=[2])
        both = [curve.fit(dose, response, told) for told in (known(0.2), None)]
        if all(one.status == "fitted" for one in both):
            widths.append([np.ptp(interval(one)) for one in both])
    told, alone = np.median(widths, axis=0)
    assert len(widths) > 15 and told < 0.9 * alone


@pytest.mark.parametrize("keep", [DOSES < 0.05, np.arange(18) % 4 == 0])
def test_too_few_wells_or_doses(keep):
    found = curve.fit(DOSES[keep], np.arange(keep.sum()))
    assert found.status.startswith("not identified: only")


def test_one_well_per_dose_is_enough_where_the_scatter_is_known():
    dose = HALF_LOG[1::2]  # four wells for four parameters
    response = curve.logistic(dose, 0, 1, 0.1, 1.2)
    assert curve.fit(dose, response).status.startswith("not identified: only")
    fitted = curve.fit(dose, response, curve.Prior(0.02, 100, 0.02))
    assert fitted.ec50_low_um < 0.1 < fitted.ec50_high_um


def test_residual_variance_is_that_of_the_wells():
    rng = np.random.default_rng(0)
    clean = curve.logistic(DOSES, 0, 1, 0.2, 1.5)
    found = [
        curve.residual_variance(
            curve.Wells.from_arrays(DOSES, clean + rng.normal(0, 0.3, 18))
        )
        for _ in range(200)
    ]
    variances, freedoms = np.transpose(found)
    assert set(freedoms) == {14}
    assert variances.mean() == pytest.approx(0.09, rel=0.08)
    assert (
        curve.residual_variance(curve.Wells.from_arrays(DOSES[:4], clean[:4])) is None
    )


def test_rise_is_the_logistic_of_scipy():
    log_dose = np.linspace(-400, 400, 9)  # no overflow however far
    found = curve._rise(log_dose, 0.0, 2.0)
    np.testing.assert_allclose(found, special.expit(2 * np.log(10) * log_dose))
