"""Checkpoints chosen by what a training logged."""

import numpy as np
import pytest

from gandl_jax.errors import InputError
from gandl_jax.methods import step_choice

SIGN = "d/real_sign"


def logged(signs, every=5):
    """A line every 5 steps."""
    return [{"step": every * (i + 1), SIGN: sign} for i, sign in enumerate(signs)]


def test_the_curve_is_of_the_means_between_checkpoints():
    signs = np.random.default_rng(0).uniform(0, 1, 12)
    found = step_choice.curve(logged(signs), [0, 20, 30, 60], "balanced_sign")
    means = {20: signs[:4].mean(), 30: signs[4:6].mean(), 60: signs[6:].mean()}
    assert found == pytest.approx({at: abs(m - 0.5) for at, m in means.items()})


def test_of_many_lines_the_last_count():
    signs = [0.0] * 30 + [0.5] * step_choice.MOST_LINES
    assert step_choice.curve(logged(signs), [200], "balanced_sign") == {200: 0}


def test_step_0_and_checkpoints_without_lines_are_passed_over():
    lines = logged([0.1, 0.9, 0.45])
    found = step_choice.curve(lines, [0, 3, 5, 10, 15, 40], "balanced_sign")
    assert list(found) == [5, 10, 15]
    assert step_choice.best(lines, [0, 5, 10, 15], "balanced_sign") == 15
    assert step_choice.best(lines, [0], "balanced_sign") is None
    assert step_choice.best([], [0, 5], "balanced_sign") is None


def test_names_stand_for_checkpoints():
    lines, steps = logged([0.1, 0.6, 0.2]), [0, 5, 10, 15]
    wanted = ("first", "balanced_sign", "all", "5")
    found = step_choice.named(wanted, steps, lines)
    assert found == {"balanced_sign": [10], "all": steps}
    assert step_choice.named(("first", "last"), steps, []) == {}
    with pytest.raises(InputError, match="every_images in training"):
        step_choice.named(("closest_images",), steps, lines)
    with pytest.raises(InputError, match="no checkpoint after step 0"):
        step_choice.choose(lines, [0], "balanced_sign")
    with pytest.raises(InputError, match="did you mean 'balanced_sign'"):
        step_choice.choose(lines, steps, "balanced_sing")


@pytest.mark.parametrize(
    "signs, patience, stops",
    [
        ([0.9, 0.5, 0.3, 0.2], 2, True),
        ([0.9, 0.5, 0.3, 0.2], 3, False),
        ([0.9, 0.5, 0.3, 0.5], 2, True),  # as good is not better
        ([0.9, 0.3, 0.4, 0.5], 1, False),
        ([], 1, False),
    ],
)
def test_it_stops_after_so_many_checkpoints_that_are_no_better(signs, patience, stops):
    steps = range(5, 21, 5)
    why = step_choice.why_done(logged(signs), steps, "balanced_sign", patience)
    assert bool(why) == stops
    assert not stops or "step 10 was best, 2 checkpoints ago" in why
