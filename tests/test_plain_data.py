"""Shapes of plain data."""

import pytest

from gandl_jax.plain_data import fits

SHAPE = {"name": str, "rows": [{"n": int, "x?": (float, None)}], "more?": {str: float}}


@pytest.mark.parametrize(
    "value, expected",
    [
        ({"name": "a", "rows": []}, True),
        ({"name": "a", "rows": [{"n": 1}, {"n": 2, "x": 1}], "other": 1}, True),
        ({"name": "a", "rows": [{"n": 1, "x": None}], "more": {"b": 0.5}}, True),
        ({"rows": []}, False),
        ({"name": None, "rows": []}, False),
        ({"name": "a", "rows": [{"n": 1.0}]}, False),
        ({"name": "a", "rows": [{"n": True}]}, False),
        ({"name": "a", "rows": [{"n": 1, "x": "1"}]}, False),
        ({"name": "a", "rows": {}}, False),
        ({"name": "a", "rows": [], "more": {"b": "0.5"}}, False),
        ([], False),
        (None, False),
    ],
)
def test_fits(value, expected):
    assert fits(value, SHAPE) == expected
