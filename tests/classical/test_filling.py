"""Measurements that are undefined, and those that tell nothing."""

import numpy as np
import pytest

from gandl_jax.classical import filling
from gandl_jax.errors import InputError

NAMES = ("sound", "holes", "constant", "undefined", "constant where it is")
NAN, INF = np.nan, np.inf
VALUES = np.array(
    [
        [1, 1, 5, NAN, 2],
        [2, NAN, 5, NAN, NAN],
        [3, 3, 5, INF, 2],
        [5, INF, 5, NAN, 2],
        [4, 9, 5, -INF, 2],
    ],
    np.float32,
)


def test_holes_get_the_median_of_the_others():
    rule = filling.rule(NAMES, VALUES)
    expected = [[1, 1], [2, 3], [3, 3], [5, 3], [4, 9]]
    np.testing.assert_array_equal(rule.apply(VALUES), np.float32(expected))
    assert rule.apply(VALUES).dtype == np.float32
    new = np.float32([[7, -INF, 0, 0, 0]])
    np.testing.assert_array_equal(rule.apply(new), [[7, 3]])


def test_what_was_done_is_named():
    rule = filling.rule(NAMES, VALUES)
    tables = rule.tables()
    assert tables["columns"] == [
        {"column": 0, "measurement": "sound", "filled": 0},
        {"column": 1, "measurement": "holes", "filled": 2},
    ]
    assert {row["measurement"]: row["why"] for row in tables["left out"]} == {
        "constant": "the same in every record",
        "constant where it is": "the same in every record",
        "undefined": "undefined in every record",
    }
    told = " ".join(rule.sentences())
    for words in ("2 columns", "(undefined)", "up to 2 records", "median", "(holes)"):
        assert words in told


def test_rounding_of_float32_is_no_difference():
    near = np.stack([np.full(9, 1e3), np.arange(9)], 1).astype(np.float32)
    near[0, 0] = np.nextafter(np.float32(1e3), np.float32(2e3))
    assert filling.rule(("near", "far"), near).kept.tolist() == [False, True]


def test_records_that_are_all_alike_are_refused():
    with pytest.raises(InputError, match="classical=off"):
        filling.rule(("a", "b"), np.float32([[1, NAN], [1, NAN]]))
