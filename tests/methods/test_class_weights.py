"""Class weights beside scikit-learn's."""

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from gandl_jax.methods import class_weights


def test_balanced_weights_are_those_of_scikit_learn():
    labels = np.repeat([0, 1, 2], [7, 2, 1])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(class_weights.balanced((7, 2, 1)), expected, rtol=1e-6)


def test_equal_weights_are_one():
    np.testing.assert_array_equal(class_weights.equal((7, 2, 1)), np.ones(3))
