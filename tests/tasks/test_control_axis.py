"""Cross-fitted places against scikit-learn's folds and by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.covariance import ledoit_wolf
from sklearn.model_selection import LeaveOneGroupOut

from gandl_jax.tasks import control_axis


def wells(plates, names):
    return pd.DataFrame(
        {
            "Metadata_Experiment": "E",
            "Metadata_Plate": plates,
            "Metadata_Well": names,
        }
    )


def test_plates_then_rows_then_single_wells():
    names = ["A01", "A02", "B01", "B02", "C05"]
    classes = np.array([0, 1, 0, 1, -1])
    found = control_axis.folds(wells(["1", "1", "2", "2", "2"], names), classes)
    assert found.tolist() == [0, 0, 1, 1, -1]
    found = control_axis.folds(wells(["1"] * 5, names), classes)
    assert found.tolist() == [0, 0, 1, 1, -1]
    classes = np.array([0, 0, 1, 1, -1])  # a row left out takes all of a control away
    found = control_axis.folds(wells(["1"] * 5, names), classes)
    assert found.tolist() == [0, 1, 0, 1, -1]
    classes = np.array([0, 0, 0, 1, -1])
    assert (control_axis.folds(wells(["1"] * 5, names), classes) == -1).all()


def test_places_are_on_the_axis_of_the_other_folds():
    rng = np.random.default_rng(0)
    classes = np.tile([0, 1, 0, -1], 6)
    folds = np.where(classes < 0, -1, np.arange(24) // 8)
    profiles = rng.normal(size=(24, 5)) + classes[:, None]
    expected = np.zeros((24, 3))
    controls = np.flatnonzero(classes >= 0)
    split = LeaveOneGroupOut().split(controls, groups=folds[controls])
    for number, (train, _) in enumerate(split):
        x, y = profiles[controls[train]], classes[controls[train]]
        zero, one = x[y == 0].mean(0), x[y == 1].mean(0)
        inner = x - np.where(y[:, None] == 1, one, zero)
        scatter, _ = ledoit_wolf(inner, assume_centered=True)
        axis = np.linalg.solve(scatter, one - zero)
        axis /= np.sqrt(axis @ scatter @ axis)
        expected[:, number] = (profiles - zero) @ axis
    expected = np.where(
        classes < 0, expected.mean(1), expected[np.arange(24), np.maximum(folds, 0)]
    )
    found = control_axis.places(profiles, classes, folds)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_fishers_axis_turns_away_from_what_scatters_within_a_control():
    """Two features tell the groups apart alike; one of them also scatters by itself."""
    rng = np.random.default_rng(0)
    sd = np.array([1.0, 10.0])
    zero, one = rng.normal(size=(2, 4000, 2)) * sd + np.array([[[0.0]], [[3.0]]])
    axis = control_axis.discriminant(zero, one)
    np.testing.assert_allclose(axis[0] / axis[1], 100, rtol=0.3)  # S is diagonal
    spread = (zero @ axis).std()
    np.testing.assert_allclose(spread, 1, rtol=0.05)


def test_without_scatter_the_axis_is_the_difference():
    zero, one = np.zeros((3, 4)), np.ones((2, 4))
    np.testing.assert_array_equal(control_axis.discriminant(zero, one), np.ones(4))


@pytest.mark.parametrize(("apart", "told"), [(3.0, True), (-3.0, False), (0.4, False)])
def test_told_apart_is_welchs_t_above_4(apart, told):
    rng = np.random.default_rng(1)
    classes = np.repeat([0, 1, -1], [12, 8, 5])
    places = rng.normal(size=25) + apart * (classes == 1)
    groups = places[classes == 1], places[classes == 0]
    t = stats.ttest_ind(*groups, equal_var=False).statistic
    assert (t > 4) == told
    assert control_axis.told_apart(places, classes) == told


def test_noise_is_seldom_told_apart():
    """Folds share their wells, so the rate is above that of a t of 4 (.02 %)."""
    rng = np.random.default_rng(0)
    classes = np.repeat([0, 1], [8, 4])
    folds = np.r_[np.arange(8) % 4, np.arange(4)]
    told = [
        control_axis.told_apart(
            control_axis.places(rng.normal(size=(12, 200)), classes, folds), classes
        )
        for _ in range(300)
    ]
    assert np.mean(told) < 0.05
