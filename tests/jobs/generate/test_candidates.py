"""Candidates are drawn once each, and from other numbers anew."""

import numpy as np
from etils import epath

from gandl_jax.jobs.generate.candidates import Candidates
from gandl_jax.jobs.generate.drawn_by import SEEN, SHOWN
from gandl_jax.jobs.generate.selection import entropy, none


def drawing(asked):
    """Images of 4 px whose pixels tell class and number, and a list of calls."""
    calls = []

    def images(batch):
        calls.append((int(batch["code"][0]), batch["number"].tolist()))
        value = batch["code"] / 2 + batch["number"] / 100 - 1
        seen = np.broadcast_to(value[:, None, None, None], (len(value), 4, 4, 1))
        return {SEEN: seen, SHOWN: seen.repeat(2, 1).repeat(2, 2)}

    def ends(code, numbers):
        return np.tile([[[10.0], [210.0]]], (len(numbers), 1, 1))

    return images, ends, calls


def draw(candidates, asked, select=none):
    images, ends, calls = drawing(asked)
    candidates.draw(asked, images, ends, select, None, 8)
    return calls


def test_candidates_are_named_by_class_and_number(tmp_path):
    one = Candidates(epath.Path(tmp_path) / "c", 4)
    one.begin({"seed": 0})
    assert draw(one, {0: 6, 2: 3}) == [
        (0, [0, 1, 2, 3]),
        (0, [4, 5, 6, 7]),
        (2, [0, 1, 2, 3]),
    ]
    for code, number in ((0, 5), (2, 1)):
        share = (code / 2 + number / 100) / 2
        expected = np.full((8, 8, 1), round(10 + 200 * share), np.uint8)
        np.testing.assert_array_equal(one.levels(code, number), expected)
    assert one.measured(0, 6).shape == (6, 0)
    assert draw(one, {0: 12, 2: 3}) == [(0, [8, 9, 10, 11])], "the rest alone"


def test_a_file_that_was_not_finished_is_drawn_again(tmp_path):
    one = Candidates(epath.Path(tmp_path) / "c", 4)
    one.begin({"seed": 0})
    draw(one, {0: 8}, entropy)
    before = one.measured(0, 8)
    one._file(0, 1).unlink()
    one.begin({"seed": 0})
    assert draw(one, {0: 8}, entropy) == [(0, [4, 5, 6, 7])]
    np.testing.assert_array_equal(one.measured(0, 8), before)


def test_what_was_drawn_from_something_else_goes(tmp_path):
    one = Candidates(epath.Path(tmp_path) / "c", 4)
    one.begin({"seed": 0})
    draw(one, {0: 4})
    one.begin({"seed": 1})
    assert not one._file(0, 0).exists()
