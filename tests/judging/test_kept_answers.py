"""Answers that are kept: read again as they were, and only where nothing changed."""

import numpy as np
import pytest

from gandl_jax.judging.kept_answers import KeptAnswers
from gandl_jax.tasks import marks, steps
from gandl_jax.tasks.counting import Answer

SEEN = dict(zip(marks.NOTHING, (True, False, None), strict=True))
ANSWERS = [
    Answer(np.array([[1.0, 0.0], [1 / 3, 2.5]]), SEEN),
    Answer(np.array([[7], [9]]), marks.NOTHING),
    Answer(np.array([[1], [2]]), marks.NOTHING, np.array([[1.5], [4.0]])),
]


def never():
    raise AssertionError("it was made again")


@pytest.fixture
def kept(tmp_path):
    def of(**shared):
        return KeptAnswers(tmp_path / "answers", {"code": "a", **shared})

    of().read_or_make({"set": "gan@2/b8"}, 2, lambda: ANSWERS)
    return of


def test_they_are_read_as_they_were(kept):
    found = kept().read_or_make({"set": "gan@2/b8"}, 2, never)
    for one, other in zip(found, ANSWERS, strict=True):
        np.testing.assert_array_equal(one.right, other.right)
        assert one.right.dtype == other.right.dtype
        assert one.mark == other.mark
        np.testing.assert_array_equal(one.total, other.total)


def test_other_sets_and_other_inputs_are_asked_anew(kept):
    assert kept().read_or_make({"set": "gan@0/b8"}, 2, lambda: []) == []
    assert kept(code="b").read_or_make({"set": "gan@2/b8"}, 2, lambda: []) == []


def test_what_is_damaged_is_made_again(kept, tmp_path, capsys):
    (path,) = (tmp_path / "answers").iterdir()
    path.write_bytes(path.read_bytes()[:-30])
    assert kept().read_or_make({"set": "gan@2/b8"}, 2, lambda: ANSWERS) is ANSWERS
    assert "damaged" in capsys.readouterr().out
    assert len(kept().read_or_make({"set": "gan@2/b8"}, 2, never)) == len(ANSWERS)


def test_what_nobody_asks_for_any_more_goes(kept, tmp_path):
    other = kept(code="b")
    other.read_or_make({"set": "gan@2/b8"}, 2, lambda: ANSWERS)
    assert len(list((tmp_path / "answers").iterdir())) == 2
    other.delete_unused()
    other.read_or_make({"set": "gan@2/b8"}, 2, never)
    assert len(list((tmp_path / "answers").iterdir())) == 1


def test_what_is_found_counts_as_done(kept):
    class Listener:
        total = 0

        def begin(self, total, unit):
            pass

        def done(self, count):
            self.total += count

    listener = Listener()
    with steps.reported_to(listener), steps.counted(2, "fits"):
        kept().read_or_make({"set": "gan@2/b8"}, 2, never)
    assert listener.total == 2
