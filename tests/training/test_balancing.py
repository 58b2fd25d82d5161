"""Every class is shown as often as the largest."""

import numpy as np
import pytest

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.reading.classes import Classes
from gandl_jax.training import balancing


def test_rows_come_again_until_classes_are_alike():
    codes = np.array([0, 0, 0, 0, 0, 1, 1, 2, -1, 1])
    rows = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8])  # the last is held out
    found = balancing.oversampled(codes, rows, 0)
    assert (np.diff(found) >= 0).all() and 9 not in found
    times = np.bincount(found, minlength=10)
    assert times[:5].tolist() == [1] * 5 and times[8] == 1
    assert times[7] == 5
    assert sorted(times[5:7].tolist()) == [2, 3]
    np.testing.assert_array_equal(found, balancing.oversampled(codes, rows, 0))


def test_one_column_alone_is_balanced():
    config = configs.default("classifier")
    config.data.oversample = True
    one = Classes("State", ("a", "b"), np.array([0, 1], np.int32))
    assert balancing.one_column(config, {"State": one}) is one
    for found in ({}, {"State": one, "Other": one}):
        with pytest.raises(InputError, match=r"oversample balances .* learns \d"):
            balancing.one_column(config, found)
