"""A channel of other records: who gives it, and what the others keep."""

import numpy as np
import pandas as pd
import pytest

from gandl_jax.jobs.channel_importance import answers
from gandl_jax.jobs.channel_importance.answers import Question


@pytest.mark.parametrize("count", [2, 3, 7, 64])
def test_everyone_gets_from_another_and_gives_once(count):
    for seed in range(20):
        givers = answers.derangement(count, np.random.default_rng(seed))
        assert sorted(givers) == list(range(count))
        assert (givers != np.arange(count)).all()


def test_only_the_channel_comes_from_the_giver():
    tiles = np.random.default_rng(0).normal(size=(3, 2, 4, 4, 2))
    before = tiles.copy()
    found = answers.with_channel_of(tiles, 1, np.array([2, 0, 1]))
    np.testing.assert_array_equal(found[..., 0], before[..., 0])
    np.testing.assert_array_equal(found[0, ..., 1], before[2, ..., 1])
    np.testing.assert_array_equal(found[2, ..., 1], before[1, ..., 1])
    np.testing.assert_array_equal(tiles, before)


def test_each_channel_is_permuted_as_often_as_is_asked():
    asked = answers.questions(2, 3)
    assert asked[0] == Question() and len(asked) == 7
    assert [q.channel for q in asked[1:]] == [0, 0, 0, 1, 1, 1]
    names = [answers.column("Treatment", question) for question in asked]
    assert len(set(names)) == 7 and names[0] == "Treatment"


def test_a_record_is_as_right_as_its_permutations_are():
    named = {answers.column("T", Question(0, n)): own
             for n, own in enumerate(([0, 1, 1], [0, 0, 1]))}  # fmt: skip
    table = pd.DataFrame({"record": [4, 5, 9], "T": [0, 1, 0], **named})
    truth = np.array([0, 1, 0])

    def share(channel):
        return answers.right(table, "T", channel, 2, lambda own: own == truth)

    np.testing.assert_array_equal(share(None), [1, 1, 1])
    np.testing.assert_array_equal(share(0), [1, 0.5, 0])
