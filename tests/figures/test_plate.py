"""Plates: every well lies in its place and has its response's colour."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from gandl_jax.figures import plate, style
from gandl_jax.profiles import table


def squares(svg):
    """(row, column) from 1 -> colour."""
    found = {}
    for path in ElementTree.fromstring(svg).iter("path"):
        if path.get("fill"):
            for column, row in re.findall(r"M(\d+) (\d+)h", path.get("d")):
                place = int(row) + 1, int(column) + 1
                assert place not in found
                found[place] = path.get("fill")
    return found


def test_every_well_has_its_place_and_colour():
    rng = np.random.default_rng(0)
    places = [(row, column) for row in range(1, 33) for column in range(1, 49)]
    places = [places[i] for i in rng.permutation(len(places))[:700]]
    values = rng.uniform(-1, 2, len(places))
    found = squares(plate.draw(places, values, {}, (32, 48), "t"))
    assert set(found) == set(places), "the other wells stay blank"
    # NumPy's digitize as the oracle of the level.
    edges = np.linspace(*plate.LIMITS, len(style.DIVERGING) + 1)[1:-1]
    for place, value in zip(places, values, strict=True):
        assert found[place] == style.DIVERGING[np.digitize(value, edges)]


def test_controls_colours_and_what_is_unknown():
    zero, half, one = (plate.colour(value) for value in (0.0, 0.5, 1.0))
    assert half == style.DIVERGING[len(style.DIVERGING) // 2]
    assert int(zero[1:3], 16) > int(zero[5:7], 16), "response 0 is reddish"
    assert int(one[1:3], 16) < int(one[5:7], 16), "response 1 is bluish"
    assert plate.colour(9.0) == style.DIVERGING[-1]
    assert plate.colour(-9.0) == style.DIVERGING[0]
    assert plate.colour(np.nan) == plate.UNKNOWN not in style.DIVERGING


def test_marks_lie_in_the_middle_of_their_wells():
    marks = {"response_0": [(3, 5)], "response_1": [(1, 1), (2, 24)]}
    svg = plate.draw([(1, 1)], [0.0], marks, (16, 24), "t")
    dots = [
        re.findall(r"M([\d.]+) ([\d.]+)h0", path.get("d"))
        for path in ElementTree.fromstring(svg).iter("path")
        if path.get("stroke-linecap")
    ]
    places = [
        [(int(float(y)) + 1, int(float(x)) + 1) for x, y in these] for these in dots
    ]
    assert places == [[(3, 5)], [(3, 5)], [(1, 1), (2, 24)]]  # a ring is two dots


@pytest.mark.parametrize(
    ("farthest", "size"),
    [
        ((8, 12), (8, 12)),
        ((3, 13), (16, 24)),
        ((16, 24), (16, 24)),
        ((17, 2), (32, 48)),
        ((31, 47), (32, 48)),
        ((33, 2), (33, 2)),
    ],
)
def test_the_smallest_format_that_holds_all_wells(farthest, size):
    assert plate.shape([(1, 1), farthest]) == size


@pytest.mark.parametrize("row", [1, 26, 27, 32, 702])
def test_row_names_are_those_of_wells(row):
    assert table.parse_well(f"{plate.row_name(row)}01") == (row, 1)


def test_a_plate_of_1536_wells_stays_small_and_its_title_harmless():
    places = [(row, column) for row in range(1, 33) for column in range(1, 49)]
    svg = plate.draw(places, np.linspace(-1, 2, 1536), {}, (32, 48), "<b> & \"'")
    assert len(svg) < 60_000
    assert ElementTree.fromstring(svg).find("title").text == "<b> & \"'"
