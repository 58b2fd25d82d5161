"""Keys compare as numbers where they are numbers; the oracle is Python's Decimal."""

import decimal

import pandas as pd
import pytest

from gandl_jax import names
from gandl_jax.profiles import key_values


def plain(*values):
    return key_values.as_numbers(names.cleaned(pd.Series(values))).tolist()


def test_numbers_are_equal_where_decimals_are():
    texts = "1 01 1.0 1.00 10 100 0 -0 00 0.0 -1 -1.50 1.5 0.1 .1x 12345678901234567890"
    texts = [*texts.split(), "12345678901234567891", "0.30000000000000004", "0.3"]
    forms = dict(zip(texts, plain(*texts), strict=True))
    for one in texts:
        for other in texts:
            equal = one == other
            if "x" not in one + other:
                equal = decimal.Decimal(one) == decimal.Decimal(other)
            assert (forms[one] == forms[other]) == equal, (one, other)


@pytest.mark.parametrize("name", ["1e3", "A01", "P-1", "1,5", "1.5.2", "", "٣", "nan"])
def test_names_stay_as_they_are(name):
    assert plain(name) == [name]


def test_blanks_and_unicode():
    assert plain(" A1 ", "u\u0308", "1\t") == ["A1", "\u00fc", "1"]


def test_a_column_whose_names_would_collide_is_text():
    assert key_values.are_numbers(pd.Series(["1", "2", "1"]))
    assert not key_values.are_numbers(pd.Series(["1", "01"]))
