"""When to stop, on hand-made losses."""

import pytest

from gandl_jax.methods.early_stopping import reason


@pytest.mark.parametrize(
    "losses, patience, stops",
    [
        ([], 2, False),
        ([3, 2, 1], 2, False),
        ([3, 1, 2], 2, False),
        ([3, 1, 2, 1.5], 2, True),
        ([3, 1, 2, 0.5], 2, False),
        ([1, 1, 1], 2, True),  # no lower is no better
        ([3, 1, 2, 2, 2], 0, False),
    ],
)
def test_it_stops_after_so_many_looks_without_a_lower_loss(losses, patience, stops):
    assert bool(reason(losses, patience)) == stops


def test_it_says_which_loss_was_lowest():
    assert reason([3, 1.25, 2], 1).startswith("the validation loss was lowest, 1.25, 1")
