"""Features on one scale: undefined values, columns that do not differ, far values."""

import numpy as np

from gandl_jax.training.generated_quality.standardised import FARTHEST, scale_of


def test_what_is_undefined_is_the_mean_and_what_never_differs_is_left_out():
    values = np.array(
        [[1, 5, np.nan, 0.1], [3, 5, np.nan, np.inf], [np.nan, 5, 2, 0.3]]
    )
    scale = scale_of(values)
    assert scale.kept.tolist() == [True, False, False, True]
    np.testing.assert_allclose(scale.apply(values), [[-1, -1], [1, FARTHEST], [0, 1]])
    far = np.array([[1e9, 0, 0, -1e9]])
    np.testing.assert_allclose(scale.apply(far), [[FARTHEST, -FARTHEST]])


def test_it_is_the_mean_and_the_deviation():
    values = np.random.default_rng(0).normal(7, 3, (50, 4)).astype(np.float32)
    expected = (values - values.mean(0)) / values.std(0)
    np.testing.assert_allclose(scale_of(values).apply(values), expected, atol=1e-5)
