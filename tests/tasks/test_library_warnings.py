"""scikit-learn's warnings become one sentence of our own, with their number."""

import warnings

import numpy as np
import pytest
from sklearn import metrics
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from gandl_jax.tasks import library_warnings, remarks
from gandl_jax.tasks.skip import LeftOut


def test_fits_that_did_not_converge_and_scores_that_are_not_defined_are_counted():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 9)), rng.integers(0, 2, 60)
    with remarks.collected() as found, library_warnings.as_remarks():
        for _ in range(3):
            LogisticRegression(max_iter=1, C=1e6).fit(x, y)
        for _ in range(2):
            metrics.precision_score([0, 1], [0, 0])
    first, second = remarks.sentences(found)
    assert first.startswith("3 fits stopped at their largest number of iterations")
    assert second.startswith("2 scores are not defined")


def test_other_warnings_stay_warnings():
    with pytest.warns(LeftOut, match="one plate"), remarks.collected() as found:
        with library_warnings.as_remarks():
            warnings.warn("one plate", LeftOut, stacklevel=1)
    assert not found


def test_nobody_hears_of_them_outside_of_a_task():
    with library_warnings.as_remarks():
        warnings.warn("no", ConvergenceWarning, stacklevel=1)
