"""Probabilities of infection: told, or calibrated on controls as scikit-learn does."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import infection


def test_the_sigmoid_is_that_of_a_logistic_regression_on_softened_labels():
    rng = np.random.default_rng(0)
    classes = np.array([0] * 12 + [1] * 20 + [-1] * 5)
    places = rng.normal(np.where(classes == 1, 1.0, 0.0), 0.4)
    slope, offset = infection.platt(places, classes)
    known = classes >= 0
    x, infected = places[known][:, None], classes[known] == 0
    wanted = np.where(infected, 13 / 14, 1 / 14)
    share = np.where(infected, 0.5 / 12, 0.5 / 20) * 1e6
    oracle = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(
        np.concatenate([x, x]),
        np.repeat([1, 0], len(x)),
        sample_weight=np.concatenate([share * wanted, share * (1 - wanted)]),
    )
    assert slope == pytest.approx(oracle.coef_[0, 0], rel=1e-3) and slope < 0
    assert offset == pytest.approx(oracle.intercept_[0], rel=1e-3)


def test_half_lies_between_controls_whatever_their_numbers():
    places = np.r_[np.zeros(100), np.ones(5)] + np.tile([-0.2, 0, 0.2], 35)
    slope, offset = infection.platt(places, np.repeat([0, 1], [100, 5]))
    assert -offset / slope == pytest.approx(0.5, abs=0.1)


@pytest.fixture
def screen(control_wells):
    """Metadata of 3 plates of controls; half of the wells are of response 1."""
    return control_wells(wells=8, sites=2)


def told(metadata, values, name="deemd@9/infection"):
    return FeatureSet(name, metadata, np.float32(values).reshape(-1, 1))


def test_an_encoders_own_probabilities_are_means_over_sites(screen):
    healthy = (screen["Metadata_Role"] == "response_1").to_numpy()
    rng = np.random.default_rng(0)
    values = np.where(healthy, 0.2, 0.8) + rng.uniform(-0.1, 0.1, len(screen))
    found = infection.find(told(screen, values), "standard")
    assert infection.holds_probabilities(told(screen, values)) and found.why_not == ""
    wells = found.metadata["Metadata_Record_ID"]
    assert len(wells) == 24 and wells.iloc[0] == "M-1/0/A01"
    first = screen["Metadata_Well"].eq("A01") & screen["Metadata_Plate"].eq("0")
    assert found.probability[0] == pytest.approx(values[first].mean(), rel=1e-6)


def test_only_one_column_of_probabilities_is_an_infection(screen):
    assert not infection.holds_probabilities(told(screen, np.full(len(screen), 1.5)))
    assert not infection.holds_probabilities(
        told(screen, np.zeros(len(screen)), "gan@9/b8")
    )


def test_nothing_is_told_where_controls_are_alike_or_untreated_wells_are_low(screen):
    values = np.random.default_rng(0).uniform(0.4, 0.6, len(screen))
    found = infection.find(told(screen, values), "standard")
    assert found.probability is None and found.why_not.startswith(infection.NOT_APART)
    assert "more than 4 are asked" in found.why_not
    healthy = (screen["Metadata_Role"] == "response_1").to_numpy()
    low = np.where(healthy, 0.1, 0.3) + values / 100
    found = infection.find(told(screen, low), "standard")
    assert found.probability is None and found.why_not == infection.BELOW


def test_other_features_are_learnt_from_controls_without_their_own_wells(screen):
    healthy = (screen["Metadata_Role"] == "response_1").to_numpy(float)
    rng = np.random.default_rng(0)
    features = rng.normal(size=(len(screen), 30)) + 3 * np.outer(healthy, np.ones(30))
    signal = FeatureSet("gan@9/b8", screen, np.float32(features))
    found = infection.find(signal, "standard")
    infected = (found.metadata["Metadata_Role"] == "response_0").to_numpy()
    assert found.probability[infected].min() > 0.5 > found.probability[~infected].max()
    noise = rng.normal(size=(len(screen), 30))  # more features than wells
    found = infection.find(
        FeatureSet("gan@9/b8", screen, np.float32(noise)), "standard"
    )
    assert found.probability is None and found.why_not.startswith(infection.NOT_APART)
    assert "more than 4 are asked" in found.why_not
