"""Files of paths with open parts: the same as regular expressions find."""

import itertools
import re

import numpy as np
import pytest

from gandl_jax.errors import InputError
from gandl_jax.raw import wildcards


def by_expression(path, pattern):
    return re.fullmatch("[^/]*".join(map(re.escape, pattern.split("*"))), path)


def test_fitting_is_that_of_regular_expressions():
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ab/"), n)) for n in range(7) for _ in range(30)]
    patterns = [
        "".join(rng.choice(list("ab/*"), n)) for n in range(6) for _ in range(30)
    ]
    agree = [
        wildcards.fits(text, pattern) == bool(by_expression(text, pattern))
        for text, pattern in itertools.product(texts, patterns)
    ]
    assert all(agree)


@pytest.mark.parametrize(
    "pattern", ["P{p}/{w}_s1_w{c}*.tif", "*_{w}_*_w{c}*.tif", "P{p}/*{w}*w{c}_*"]
)
def test_each_path_has_the_file_that_an_expression_finds(pattern):
    wells = "A01", "A11", "B01", "B11"
    places = list(itertools.product((1, 2), wells, (1, 2)))
    if "{p}" not in pattern:
        places = [place for place in places if place[0] == 1]
    wanted = [pattern.format(p=p, w=w, c=c) for p, w, c in places]
    named = enumerate(places)
    there = sorted(f"P{p}/{w}_s1_w{c}_{7 * i % 5}.tif" for i, (p, w, c) in named)
    if pattern.startswith("*"):
        there = sorted(name.replace("/", "_") for name in there)
    found = wildcards.match(wanted, there)
    for path in wanted:
        assert [found.actual(path)] == [t for t in there if by_expression(t, path)]


def test_other_spellings_are_looked_for_where_none_is_there_as_written():
    wanted = ["P1/A1_w1*.tif", "P1/A2_w1*.tif", "P1/A3_w1*.tif"]
    there = ["P1/A01_w1xx.TIF", "P1/A2_w1.tif", "p1/a02_w1z.tif"]
    found = wildcards.match(wanted, there)
    assert [found.actual(path) for path in wanted[:2]] == there[:2]
    assert set(found.wanted()) == set(wanted[:2])


@pytest.mark.parametrize(
    ("wanted", "there", "message"),
    [
        (["a*.tif"], ["a1.tif", "a2.tif"], r"a1.tif and a2.tif both fit a\*.tif"),
        (["a*", "*b"], ["ab"], r"ab belongs to more than one .* a\* and \*b"),
        (["a1_*.tif"], ["A01_x.tif", "A1_y.tif"], "both fit"),
    ],
)
def test_nothing_is_guessed(wanted, there, message):
    with pytest.raises(InputError, match=message):
        wildcards.match(wanted, there)


def test_what_is_ignored():
    there = ["a/x_thumb1.tif", "a/x.tif", "a/x.tif", "thumb/x.tif"]
    assert wildcards.kept(there, ("*_thumb*",)) == ["a/x.tif", "thumb/x.tif"]
    assert wildcards.kept(there, ("a/*",)) == ["thumb/x.tif"]
