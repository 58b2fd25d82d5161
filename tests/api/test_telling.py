"""Warnings name the line of whoever called, and only what tasks left out is changed."""

import warnings

import pytest

from gandl_jax.api import telling
from gandl_jax.tasks.skip import LeftOut


def test_a_warning_names_the_callers_line():
    with pytest.warns(UserWarning, match="in doubt") as caught:
        telling.warn_caller("in doubt")
    assert caught[0].filename == __file__


def test_what_is_left_out_is_told_and_other_warnings_stay():
    with pytest.warns() as caught, telling.warn_of_left_out():
        warnings.warn("no plates", LeftOut, stacklevel=1)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert [(str(w.message), w.category) for w in caught] == [
        ("no plates", UserWarning),
        ("old", DeprecationWarning),
    ]
