"""Means over validation records, and the history that a resume goes on with."""

import numpy as np
import pytest

from gandl_jax.training import validation


def test_means_are_over_records_of_means_over_their_tiles():
    found = [
        (np.array([4, 4, 7]), {"loss": [1.0, 3.0, 5.0]}, np.ones(3, bool)),
        (np.array([7, 9, 0]), {"loss": [7.0, np.nan, 9e9]}, np.array([1, 1, 0], bool)),
    ]
    means = validation.mean_over_records(iter(found))
    assert means == {"loss": pytest.approx(((1 + 3) / 2 + (5 + 7) / 2) / 2)}


def test_the_history_is_what_was_logged_and_noted_with_the_checkpoint():
    lines = [
        {"step": 2, "class/loss": 3.0, "validation/loss": 1.0},
        {"step": 4, "validation/loss": 0.5},
    ]
    found = validation.history(lines, [{"class/loss": 1.0}, {"validation/loss": 9}])
    assert [one["validation/loss"] for one in found] == [1.0, 0.5, 9]
