"""Filters of a screen's table: what they choose, and how they are refused."""

import pandas as pd
import pytest

from gandl_jax.errors import InputError
from gandl_jax.raw import filters

TABLE = pd.DataFrame(
    {
        "drug": ["DMSO", "DMSO", "Taxol", "Taxol", "Taxol", "x"],
        "dose": ["", "", "1", "1.0", "10", "0.30000000000000004"],
        "plate": ["007", "7", "1", "1.0", "x", "07"],
        "well": ["A01", "A2", "a-1", "R01C01", "B02", "B03"],
    }
)


def chosen(**rule):
    found = filters.matches(rule, TABLE, dose="dose", well="well")
    return [int(i) for i in found.nonzero()[0]]


@pytest.mark.parametrize("text", ["1", "1.0", "1e0", "+1", " 1 ", "01", "1.000000"])
def test_numbers_compare_as_numbers(text):
    """The oracle is pandas' own reading of the column."""
    wanted = (pd.to_numeric(TABLE["dose"]) == float(text)).to_numpy().nonzero()[0]
    assert chosen(dose=(text,)) == wanted.tolist() == [2, 3]


def test_rounding_is_no_other_dose():
    assert chosen(dose=("0.3",)) == [5]
    assert chosen(dose=("0.3000001",)) == []


def test_names_compare_as_names():
    assert chosen(plate=("7",)) == [1] and chosen(plate=("1",)) == [2]
    assert chosen(drug=("dmso",)) == [] and chosen(dose=("",)) == [0, 1]
    assert chosen(drug=("DMSO", "x"), dose=("", "0.3")) == [0, 1, 5]
    assert filters.matches(None, TABLE).sum() == 0


def test_wells_compare_in_any_notation():
    assert chosen(well=("A1",)) == [0, 2, 3] and chosen(well=("C01",)) == []


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"drug": ("Taxl",)}, "drug is never 'Taxl', but 'Taxol', .*'x'"),
        ({"drug": ("dmso",)}, "drug is never 'dmso', but 'DMSO', "),
        (
            {"drug": ("Taxol",), "dose": ("0.3",)},
            "'drug=Taxol; dose=0.3'.*dose is never '0.3' where drug=Taxol, but '1', ",
        ),
        ({"dose": ("9", "8")}, "dose is never '9' or '8', but '10', "),
        ({"drug": ("",)}, "drug is never blank, but"),
    ],
)
def test_a_filter_without_records_is_refused(rule, message):
    with pytest.raises(InputError, match=message) as caught:
        filters.check("response_1", rule, TABLE, dose="dose", well="well")
    assert str(caught.value).startswith("config.screen.response_1=")
    filters.check("response_1", {"dose": ("1",)}, TABLE, dose="dose")


def test_many_values_are_not_all_listed():
    table = pd.DataFrame({"drug": [f"drug{i}" for i in range(50)]})
    with pytest.raises(InputError, match="'drug7', .* and 42 more"):
        filters.check("treated", {"drug": ("drug7x",)}, table)


def test_values_that_no_record_holds():
    rule = {"drug": ("Taxol", "x", "y"), "dose": ("1", "10")}
    assert [*filters.unmet(rule, TABLE, dose="dose")] == ["drug=x", "drug=y"]
    assert [*filters.unmet({"drug": ("y",)}, TABLE)] == []  # which `check` refuses
