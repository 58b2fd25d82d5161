"""PlateScaler against scikit-learn's StandardScaler on each plate."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler

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
