"""Which texts are one name or one number."""

import unicodedata

import numpy as np
import pandas as pd
import pytest

from gandl_jax import names


@pytest.mark.parametrize(
    "text",
    [
        "A549",
        " A549",
        "A549\t",
        "A549\u00a0",
        "\ufeffA549",
        "A5\u200b49",
        "A549\u2009\u200d",
        "\u200eA549\u200f",
        "A549\r\n",
    ],
)
def test_blanks_and_what_nobody_sees_make_no_other_name(text):
    assert names.clean(text) == "A549"


@pytest.mark.parametrize("text", ["Überprüfung", "α-Amanitin", "Å", "한글", "a b"])
def test_unicode_is_compared_in_nfc(text):
    for form in ("NFC", "NFD"):
        wanted = unicodedata.normalize("NFC", text)
        assert names.clean(unicodedata.normalize(form, f" {text} ")) == wanted
    assert names.clean(names.clean(text)) == names.clean(text)


@pytest.mark.parametrize("text", ["a  b", "a-b", "A549.", "_", "NA", "1.0", "µ"])
def test_all_else_stays(text):
    assert names.clean(text) == text


def test_a_column_is_cleaned_and_a_clean_one_is_the_same_object():
    column = pd.Series(["a", " a", "b|", "| b"])
    assert names.cleaned(column).tolist() == ["a", "a", "b|", "| b"]
    clean = pd.Series(["a", "b"] * 3)
    assert names.cleaned(clean) is clean
    mixed = pd.Series(["a ", None, 1.0], dtype=object)
    assert names.cleaned(mixed).tolist() == ["a", None, 1.0]


@pytest.mark.parametrize("text", ["1", "1.0", "1e0", "+1", "1.", "0.5", ".5", "-2e-3"])
def test_numbers_are_those_that_python_reads(text):
    assert float(names.number(text)) == float(text)


@pytest.mark.parametrize(
    "text",
    ["", "007", "01.5", "1_000", "1,5", "nan", "inf", "0x1", "1 0", "٣", ".", "1e9999"],
)
def test_what_is_no_number(text):
    assert names.number(text) is None


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("1", ["1.0", "10", "0.1"], {"1.0"}),
        (" 1e0 ", ["1", "1.00", "2"], {"1", "1.00"}),
        ("0.3", ["0.30000000000000004", ".3", "0.31"], {"0.30000000000000004", ".3"}),
        ("1", ["1.0", "DMSO"], set()),  # a column of names
        ("7", ["007", "8"], set()),
        ("1e5", ["1e5", "100000", "x"], {"1e5"}),
        ("12345678901234", ["12345678901235", "12345678901236"], set()),
        ("12345678901235.0", ["12345678901235", "12345678901236"], {"12345678901235"}),
        ("", ["", "1"], {""}),
        ("DMSO\u00a0", ["DMSO", "dmso"], {"DMSO"}),
    ],
)
def test_what_a_name_means_in_a_column(name, known, found):
    assert names.meant(name, known) == found


def test_padded_numbers_are_numbers_where_that_is_sure():
    assert names.meant("1", ["01", "10"], padded=True) == {"01"}


def test_one_spelling_of_each_number():
    """The oracle is the numbers' value."""
    texts = ["1", "1.0", "1.00", "2", "", "0.30000000000000004", "0.3", "1e1", "10"]
    found = names.one_spelling(pd.Series(texts))
    assert (
        found.nunique()
        == pd.Series(map(float, filter(None, texts))).round(9).nunique() + 1
    )
    pd.testing.assert_series_equal(
        pd.to_numeric(found), pd.to_numeric(pd.Series(texts))
    )
    assert found.tolist()[:6] == ["1", "1", "1", "2", "", "0.3"]
    for kept in (
        ["1", "1.0", "x"],
        ["007", "7", "07"],
        ["12345678901234", "12345678901235"],
    ):
        assert names.one_spelling(pd.Series(kept)).tolist() == kept


def test_doses_that_differ_by_rounding_are_one():
    """The oracle is numpy.isclose between each two doses before and after."""
    exact = np.array([0.0, 2.0**-18, 0.003, 0.1, 0.3, 1.0, 10 / 3, 1e-9, 1e6])
    noise = np.array([0, 1, -1, 3]) * 1e-15
    doses = np.append(np.outer(exact, 1 + noise).ravel(), [np.nan, 1 + 1e-6])
    found = names.one_dose(doses)
    known = ~np.isnan(doses)
    alike = np.isclose(doses[known, None], doses[known], rtol=1e-9, atol=0)
    np.testing.assert_array_equal(found[known, None] == found[known], alike)
    assert np.isnan(found[-2]) and set(exact) - {10 / 3} <= set(found)


def test_doses_that_are_apart_stay_to_the_bit():
    doses = np.random.default_rng(0).lognormal(size=200)
    assert names.one_dose(doses).tobytes() == doses.tobytes()
