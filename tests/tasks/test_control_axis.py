"""Cross-fitted places against scikit-learn and linear algebra by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import linalg, stats
from sklearn.covariance import ledoit_wolf

from gandl_jax.tasks import control_axis
from gandl_jax.tasks.control_axis import Frame


def wells(plates):
    return pd.DataFrame({"Metadata_Experiment": "E", "Metadata_Plate": plates})


def test_every_fold_has_wells_of_all_plates_and_both_controls():
    rng = np.random.default_rng(0)
    plates = np.repeat(["1", "2", "3"], 20)
    classes = np.concatenate([rng.permutation(np.tile([0, 0, 1, -1], 5))] * 3)
    found = control_axis.folds(wells(plates), classes)
    np.testing.assert_array_equal(found < 0, classes < 0)
    assert found.max() == control_axis.MAX_FOLDS - 1
    for k in (0, 1):
        for plate in "123":
            counts = np.bincount(found[(classes == k) & (plates == plate)], minlength=5)
            assert np.ptp(counts) <= 1  # dealt evenly


def test_plates_with_few_controls_lack_as_many_in_every_fold():
    plates = np.repeat(["1", "2", "3"], 6)
    classes = np.tile([0, 0, 0, 0, 1, 1], 3)
    found = control_axis.folds(wells(plates), classes)
    for plate in "123":
        assert np.bincount(found[plates == plate]).tolist() == [3, 3]


@pytest.mark.parametrize(("zero", "one", "expected"), [(7, 3, 3), (9, 2, 2), (9, 1, 0)])
def test_no_fold_takes_all_of_a_control_away(zero, one, expected):
    classes = np.repeat([0, 1, -1], [zero, one, 4])
    found = control_axis.folds(wells(["1"] * len(classes)), classes)
    assert found.max() + 1 == expected
    for fold in range(expected):
        assert set(classes[(found != fold) & (classes >= 0)]) == {0, 1}


@pytest.mark.parametrize("width", [6, 80])
def test_frame_is_shrunken_mahalanobis_geometry(width):
    """Against the D x D scatter of scikit-learn and its inverse root by scipy."""
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(width, width))
    zero, one, others = (rng.normal(size=(n, width)) @ mixing for n in (20, 15, 9))
    one = one + 2
    residuals = np.concatenate([zero - zero.mean(0), one - one.mean(0)])
    variance = (residuals**2).mean(0)
    some = control_axis.USUAL_WELLS
    weights = ((35 * variance + some * variance.mean()) / (35 + some)) ** -0.5
    zero, one, others = (group * weights for group in (zero, one, others))
    scatter, _ = ledoit_wolf(residuals * weights, assume_centered=True)
    root = np.real(linalg.fractional_matrix_power(scatter, -0.5))
    frame = Frame.fit(zero / weights, one / weights)
    found = frame.whitened(others / weights)
    expected = (others - zero.mean(0)) @ root
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, rtol=1e-6)

    axis = np.linalg.solve(scatter, one.mean(0) - zero.mean(0))
    axis /= np.sqrt(axis @ scatter @ axis)  # the scatter is 1 along it
    places, _ = frame.judge(others / weights)
    np.testing.assert_allclose(places, (others - zero.mean(0)) @ axis, atol=1e-6)


def test_off_axis_length_is_what_was_planted_beside_the_axis():
    """Controls scatter by 1 in all of 30 directions; others lie 0, 6 or 20 beside."""
    rng = np.random.default_rng(2)
    zero, one = rng.normal(size=(2, 3000, 30))
    one[:, 0] += 5
    beside = np.repeat([0.0, 6.0, 20.0], 200)
    others = rng.normal(size=(600, 30))
    others[:, 0] += rng.uniform(0, 5, 600)  # along the axis: no length off it
    others[:, 1] += beside
    places, lengths = Frame.fit(zero, one).judge(others)
    np.testing.assert_allclose(places, others[:, 0], atol=0.5)
    noise = control_axis.OFF_AXIS_DIRECTIONS  # of variance 1 each, or a little more
    found = [lengths[beside == b].mean() for b in (0, 6, 20)]
    expected = [np.sqrt(noise + b**2) for b in (0, 6, 20)]
    np.testing.assert_allclose(found, expected, rtol=0.12)


def test_without_scatter_places_are_along_the_difference():
    zero, one = np.zeros((3, 4)), np.ones((2, 4))
    places, lengths = Frame.fit(zero, one).judge(np.diag([1.0, 2.0, 3.0, 4.0]))
    np.testing.assert_allclose(places, [0.5, 1.0, 1.5, 2.0])
    np.testing.assert_allclose(lengths**2, np.arange(1, 5) ** 2 * 0.75)  # Pythagoras


@pytest.mark.parametrize(("apart", "told"), [(3.0, True), (-3.0, False), (0.4, False)])
def test_told_apart_is_welchs_t_above_4(apart, told):
    rng = np.random.default_rng(1)
    classes = np.repeat([0, 1, -1], [12, 8, 5])
    places = rng.normal(size=25) + apart * (classes == 1)
    groups = places[classes == 1], places[classes == 0]
    t = stats.ttest_ind(*groups, equal_var=False).statistic
    assert (t > 4) == told
    assert control_axis.are_apart(places, classes) == told
    assert control_axis.apart_se(places, classes) == pytest.approx(t)


def test_controls_are_at_0_and_1_and_on_the_way():
    classes = np.array([0, 0, 1, 1, -1, -1])
    places = np.array([2.0, 2, 7, 7, 4.5, 12])
    lengths = np.array([1.0, 3, 3, 5, 8, 9])
    response, beside = control_axis.scaled_by_controls(places, lengths, classes)
    np.testing.assert_allclose(response, [0, 0, 1, 1, 0.5, 2])
    # Half way 3 is usual, and at the end and beyond it 4.
    np.testing.assert_allclose(beside, [-0.2, 0.2, -0.2, 0.2, 1.0, 1.0])
