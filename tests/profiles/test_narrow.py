"""Features become float32: NumPy's rounding, and a word where it costs digits."""

import numpy as np
import pytest

from gandl_jax.errors import InputError
from gandl_jax.profiles.narrow import Narrow


def test_values_are_numpys_and_whole_numbers_that_change_are_told():
    values = np.array([[0.1, 2.0**24 + 1, 3.0, np.nan], [np.pi, 5.0, 2.0**30, 1.0]])
    narrow = Narrow("t.csv", list("abcd"))
    np.testing.assert_array_equal(narrow(values), values.astype(np.float32))
    assert narrow.note().startswith("1 column") and "'b'" in narrow.note()
    quiet = Narrow("t.csv", list("abcd"))
    quiet(values[1:])
    assert quiet.note() is None


def test_a_number_that_would_become_nothing_is_told():
    narrow = Narrow("t.csv", ["a"])
    narrow(np.array([[1e-60]]))
    assert "'a'" in narrow.note()


def test_numbers_beyond_float32_are_refused():
    with pytest.raises(InputError, match="t.csv: column 'b' holds 1e.39, beyond the"):
        Narrow("t.csv", ["a", "b"])(np.array([[1.0, 2.0], [3.0, 1e39]]))
    Narrow("t.csv", ["a"])(np.array([[np.inf]]))  # is told as not finite, later
