"""Transformers against scikit-learn, pycytominer and SciPy, plate by plate."""

import numpy as np
import pandas as pd
import pytest
from pycytominer.operations.transform import RobustMAD, Spherize
from scipy import linalg, stats
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler

from gandl_jax.errors import InputError
from gandl_jax.profiles import normalize
from gandl_jax.profiles.normalize import PlateScaler


@pytest.fixture
def screen():
    rng = np.random.default_rng(0)
    plates = rng.choice(["P1", "P2", "P10"], 90)
    gain = np.array([{"P1": 1, "P2": 5, "P10": 0.2}[p] for p in plates])
    features = gain[:, None] * rng.normal(size=(90, 4)) + gain[:, None]
    reference = rng.random(90) < 0.5
    return features.astype(np.float32), plates, reference


def test_each_plate_is_scaled_as_by_scikit_learn(screen):
    features, plates, reference = screen
    scaler = PlateScaler().fit(features[reference], plates=plates[reference])
    scaled = scaler.transform(features, plates=plates)
    assert scaled.dtype == np.float32
    for plate in np.unique(plates):
        own = plates == plate
        oracle = StandardScaler().fit(features[own & reference])
        expected = oracle.transform(features[own])
        np.testing.assert_allclose(scaled[own], expected, rtol=1e-4, atol=1e-5)


def test_a_plate_without_reference_rows_is_pooled(screen):
    features, plates, reference = screen
    features = features.astype(float)
    train = reference & (plates != "P2")
    scaler = PlateScaler().fit(features[train], plates=plates[train])
    residuals = [
        features[train & (plates == p)] - features[train & (plates == p)].mean(0)
        for p in ("P1", "P10")
    ]
    within = np.sqrt((np.concatenate(residuals) ** 2).mean(0))
    unseen = features[plates == "P2"]
    expected = (unseen - features[train].mean(0)) / within
    scaled = scaler.transform(unseen, plates=np.full(len(unseen), "P2"))
    np.testing.assert_allclose(scaled, expected, rtol=1e-5, atol=1e-6)


def test_a_plate_with_four_reference_rows_is_pooled():
    """Two nearly equal rows would make every other row of their plate enormous."""
    rng = np.random.default_rng(0)
    plates = np.repeat(["A", "B", "C"], [20, 4, 5])
    features = rng.normal(size=(29, 3))
    features[plates == "B"] = features[20] + 1e-3 * rng.normal(size=(4, 3))
    scaler = PlateScaler().fit(features, plates=plates)
    own = [features[plates == p] for p in "ABC"]
    within = np.concatenate([x - x.mean(0) for x in own]).std(0)
    scaled = scaler.transform(features, plates=plates)
    expected = (own[1] - features.mean(0)) / within
    np.testing.assert_allclose(scaled[plates == "B"], expected, rtol=1e-5)
    expected = StandardScaler().fit_transform(own[2])
    np.testing.assert_allclose(scaled[plates == "C"], expected, rtol=1e-4)


def test_only_reference_rows_are_looked_at(screen):
    features, plates, reference = screen
    scaler = PlateScaler().fit(features[reference], plates=plates[reference])
    changed = features.copy()
    changed[~reference] *= 100
    before = scaler.transform(features, plates=plates)
    after = scaler.transform(changed, plates=plates)
    np.testing.assert_array_equal(before[reference], after[reference])


def test_constant_columns_stay_finite():
    plates = np.repeat(["A", "B", "C"], [10, 10, 1])
    rng = np.random.default_rng(1)
    features = rng.normal(size=(21, 3)).astype(np.float32)
    features[:, 0] = 0.1  # constant everywhere
    features[plates == "A", 1] = 0.3  # constant on one plate; on C all are
    scaler = PlateScaler().fit(features, plates=plates)
    assert scaler.plates_.tolist() == ["A", "B"]
    assert np.isfinite(scaler.transform(features * 2, plates=plates)).all()
    assert (scaler.scales_[:, 0] == 1).all()
    pooled = scaler.scales_[-1]
    assert scaler.scales_[0, 1] == pooled[1]


def test_it_is_a_scikit_learn_transformer(screen):
    assert clone(PlateScaler()).get_params() == {}
    with pytest.raises(NotFittedError):
        PlateScaler().transform(screen[0], plates=screen[1])


@pytest.fixture(scope="module")
def profiles():
    """Float32 columns like an encoder's: far from 0, few factors, two nearly one."""
    rng = np.random.default_rng(3)
    factors = rng.normal(size=(400, 6)) @ rng.normal(size=(6, 40))
    features = 20 + factors + 0.05 * rng.normal(size=(400, 40))
    features[:, 1] = 3 * features[:, 0] + 1e-3 * rng.normal(size=400)
    plates = rng.choice(["E-1/1", "E-1/2", "E-2/1"], 400)
    features *= np.where(plates == "E-2/1", 1.5, 1.0)[:, None]
    return features.astype(np.float32), plates


def per_plate(features, plates, scaler):
    out = np.empty(features.shape)
    for plate in np.unique(plates):
        own = plates == plate
        out[own] = scaler().fit_transform(features[own].astype(np.float64))
    return out


def test_the_robust_scaler_is_pycytominers(profiles):
    features, plates = profiles
    scaled = normalize.make("robust").fit(features, plates=plates)
    scaled = scaled.transform(features, plates=plates)
    for plate in np.unique(plates):
        own = pd.DataFrame(features[plates == plate].astype(np.float64))
        expected = RobustMAD().fit(own).transform(own)
        np.testing.assert_allclose(scaled[plates == plate], expected, atol=1e-3)


def test_robust_columns_that_are_mostly_equal_get_their_standard_deviation():
    plates = np.full(20, "A")
    features = np.zeros((20, 2))
    features[:6, 0] = np.arange(1, 7)
    features[:, 1] = np.arange(20)
    scaler = normalize.make("robust").fit(features, plates=plates)
    centre = np.median(features[:, 0])
    expected = np.sqrt(((features[:, 0] - centre) ** 2).mean())
    np.testing.assert_allclose(scaler.scales_[0, 0], expected)
    expected = stats.median_abs_deviation(features[:, 1], scale="normal")
    np.testing.assert_allclose(scaler.scales_[0, 1], expected, rtol=1e-4)


def test_whitening_is_pycytominers(profiles):
    features, plates = profiles
    whitener = normalize.make("whiten").fit(features, plates=plates)
    white = whitener.transform(features, plates=plates)
    scaled = pd.DataFrame(per_plate(features, plates, StandardScaler))
    oracle = Spherize(method="PCA", epsilon=0, return_numpy=True)
    expected = oracle.fit(scaled).transform(scaled)[:, : white.shape[1]]
    signs = np.sign((white * expected).sum(0))  # of a component are arbitrary
    np.testing.assert_allclose(white * signs, expected, atol=1e-4)


def test_whitened_controls_have_unit_covariance(profiles):
    features, plates = profiles
    reference = np.arange(len(features)) % 2 == 0  # n = 200 > 2 d = 80
    whitener = normalize.make("whiten").fit(
        features[reference], plates=plates[reference]
    )
    white = whitener.transform(features[reference], plates=plates[reference])
    assert white.dtype == np.float32 and white.shape == (200, 40)
    covariance = np.cov(white.astype(np.float64), rowvar=False)
    distance = np.linalg.norm(covariance - np.eye(40)) / np.sqrt(40)
    assert distance < 1e-6


def test_copies_of_columns_and_constants_are_not_whitened_into_noise(profiles):
    features, plates = profiles
    doubled = np.hstack([features, features[:, :5] * 4, np.full((400, 1), 7)])
    whitener = normalize.make("whiten").fit(doubled, plates=plates)
    white = whitener.transform(doubled, plates=plates).astype(np.float64)
    assert white.shape == (400, 40)
    covariance = np.cov(white, rowvar=False)
    assert np.linalg.norm(covariance - np.eye(40)) / np.sqrt(40) < 1e-6


def test_few_rows_keep_at_most_one_component_less(profiles):
    features, plates = profiles
    rows = np.flatnonzero(plates == "E-1/1")[:12]
    whitener = normalize.make("whiten").fit(features[rows], plates=plates[rows])
    white = whitener.transform(features[rows], plates=plates[rows])
    assert white.shape == (12, 11)
    np.testing.assert_allclose(np.cov(white, rowvar=False), np.eye(11), atol=1e-4)


def typical_variation(features, plates):
    """The oracle, by scikit-learn."""
    scaled = per_plate(features, plates, StandardScaler)
    rotated = PCA(svd_solver="full").fit_transform(scaled)
    return per_plate(rotated, plates, StandardScaler)


def test_typical_variation_is_scikit_learns_steps(profiles):
    features, plates = profiles
    made = normalize.make("tvn").fit(features, plates=plates)
    made = made.transform(features, plates=plates)
    expected = typical_variation(features, plates)
    signs = np.sign((made * expected).sum(0))
    np.testing.assert_allclose(made * signs, expected, atol=2e-3)


def test_coral_aligns_the_covariances_of_experiments(profiles):
    features, plates = profiles
    typical = normalize.make("tvn").fit(features, plates=plates)
    typical = typical.transform(features, plates=plates).astype(np.float64)
    made = normalize.make("coral").fit(features, plates=plates)
    made = made.transform(features, plates=plates)
    half = 0.5 * np.eye(40)
    target = linalg.sqrtm(np.cov(typical, rowvar=False) + half)
    for experiment in ("E-1", "E-2"):
        own = np.array([plate.startswith(experiment) for plate in plates])
        source = linalg.sqrtm(np.cov(typical[own], rowvar=False) + half)
        expected = typical[own] @ np.linalg.inv(source) @ target
        np.testing.assert_allclose(made[own], expected, atol=1e-4)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("rows", [1, 3])
def test_coral_without_a_batch_of_five_rows_is_the_typical_step(rows, profiles):
    features, plates = profiles
    made, typical = (
        normalize.make(name)
        .fit(features[:rows], plates=plates[:rows])
        .transform(features, plates=plates)
        for name in ("coral", "tvn")
    )
    np.testing.assert_array_equal(made, typical)


@pytest.mark.parametrize("name", ["standard", "robust", "whiten", "tvn", "coral"])
def test_only_reference_rows_are_learnt_from_and_unseen_plates_are_pooled(
    name, profiles
):
    features, plates = profiles
    train = plates != "E-2/1"
    changed = features.copy()
    changed[~train] += 5
    fitted = [
        normalize.make(name).fit(x[train], plates=plates[train])
        for x in (features, changed)
    ]
    one, two = (f.transform(features, plates=plates) for f in fitted)
    np.testing.assert_array_equal(one, two)
    moved = fitted[0].transform(features[train], plates=np.full(train.sum(), "E-3/1"))
    assert abs(np.median(moved)) < 1  # about the centre of all plates
    assert clone(normalize.make(name)).get_params() == {}


def test_none_changes_nothing_and_other_names_are_refused(profiles):
    features, plates = profiles
    made = normalize.make("none").fit(features, plates=plates)
    np.testing.assert_array_equal(made.transform(features, plates=plates), features)
    with pytest.raises(InputError, match="'standart'.*did you mean 'standard'"):
        normalize.make("standart")
