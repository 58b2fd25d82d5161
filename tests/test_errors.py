"""Errors are for people: no names of NumPy's types."""

import numpy as np
import pytest

from gandl_jax.errors import InputError, RunError, Skip, nearest
from gandl_jax.tasks.skip import LeftOut


@pytest.mark.parametrize("kind", [InputError, RunError, Skip, LeftOut])
@pytest.mark.parametrize(
    "value", ["HRCE-1/2", "it's", 'a "b"', "f(x)", 3, 0.5, True, -1e-9]
)
def test_a_numpy_scalar_is_told_as_its_value(kind, value):
    scalar = np.array([value])[0]
    assert str(kind(f"no plate is called {scalar!r}; say")) == (
        f"no plate is called {value!r}; say"
    )
    assert "np." not in str(kind(f"{[scalar, scalar]}"))


def test_other_words_stay_as_they_are():
    words = "use np.unique(x), np.load(a, b) or np.True_ness over 'np.str_'"
    assert str(InputError(words)) == words


def test_the_nearest_of_an_arrays_names():
    known = np.array(["HRCE-1/1", "HRCE-1/2", "VERO"])
    assert nearest("HRCE-1/22", known) == "did you mean 'HRCE-1/2'?"
