"""Looks at a training: when they are due, what they remember, what they raise."""

import jax
import numpy as np
import pytest

from gandl_jax.methods.contract import Check, Unsound
from gandl_jax.training import looks
from gandl_jax.training.soundness import Trouble

BATCH = 10


def fallen(history):
    """In trouble where it is lower than the highest so far."""
    values = [look["x/level"] for look in history]
    return Unsound("fell", "x/level", 2.0) if values[-1] < max(values) else None


def level(state, batch, key):
    del key
    return {"x/level": state + batch["images"].sum()}


@pytest.fixture
def make():
    """Function of notes and a check's interval in images to its looks."""

    def make(notes=None, every_images=30, trouble=fallen):
        return looks.Looks(
            [Check("level", every_images, level, trouble)],
            fixed=lambda: {"images": np.zeros((2, 1, 1, 1), np.float32)},
            key=jax.random.key(0),
            batch=BATCH,
            notes=notes or {},
        )

    return make


def test_they_are_due_at_their_interval_and_before_what_is_kept(make):
    taken = make()
    assert [step for step in range(1, 8) if taken.due(step, all_are=False)] == [3, 6]
    assert taken.due(4, all_are=True)
    assert not make(every_images=0).due(4, all_are=True)


def test_what_was_seen_before_a_resume_counts(make):
    before = make()
    due = before.due(3, all_are=False)
    assert before.take(3, np.float32(5), due) == [{"x/level": 5.0}]
    after = make(before.notes())
    with pytest.raises(Trouble, match="fell") as raised:
        after.take(6, np.float32(4), due)
    told = raised.value
    assert (told.what, told.metric, told.least) == ("level", "x/level", 2.0)


def test_a_look_aside_is_noted_with_its_checkpoint_and_forgotten(make):
    taken = make()
    due = taken.due(3, all_are=False)
    taken.take_aside(2, np.float32(9))  # it has nothing to compare with yet
    assert taken.notes()[looks.FOUND] == {}
    taken.take(3, np.float32(5), due)
    taken.take_aside(4, np.float32(8))
    assert looks.found_at(taken.notes(), ()) == {"x/level": 8.0}
    taken.take(6, np.float32(6), due)  # not below 5
    with pytest.raises(Trouble, match="fell"):
        taken.take_aside(7, np.float32(5.5))


def test_numbers_that_are_not_finite_are_trouble_of_any_check(make):
    taken = make(trouble=lambda history: None)
    with pytest.raises(Trouble, match="x/level is nan") as raised:
        taken.take(3, np.float32(np.nan), taken.due(3, all_are=True))
    assert raised.value.what == "numbers"


def test_the_records_that_are_looked_at_are_the_first_of_the_stream():
    rng = np.random.default_rng(0)
    batches = [
        {
            "images": rng.normal(size=(7, 2, 2, 1)),
            "labels": {"Dose": rng.integers(0, 3, 7, np.int32)},
            "index": np.arange(7, dtype=np.int32),
        }
        for _ in range(4)
    ]
    found = looks.first_records(iter(batches))
    images = np.concatenate([one["images"] for one in batches])[:16]
    labels = np.concatenate([one["labels"]["Dose"] for one in batches])[:16]
    np.testing.assert_array_equal(found["images"], images)
    np.testing.assert_array_equal(found["labels"]["Dose"], labels)
    np.testing.assert_array_equal(found["index"], np.arange(16))
