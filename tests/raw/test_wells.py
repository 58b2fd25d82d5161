"""Well names: one notation out of many."""

import string

import pandas as pd
import pytest

from gandl_jax.errors import InputError
from gandl_jax.raw import wells

NOTATIONS = (
    "{letters}{column}",
    "{letters}{column:02}",
    "{letters}{column:03}",
    "{letters}-{column:02}",
    "{letters}_{column}",
    "{letters} - {column:02}",
    " {letters} {column} ",
    "Well {letters}{column:02}",
    "well_{letters}{column}",
    "R{row:02}C{column:02}",
    "r{row}c{column}",
    "R{row}_C{column}",
    "Row {row}, Col {column}",
    "row{row}column{column}",
    "{row:03}{column:03}",
)
LETTERS = [*string.ascii_uppercase, *(f"A{x}" for x in string.ascii_uppercase)]


def canonical(*names):
    return wells.canonical(pd.Series(names, dtype=str), "well").tolist()


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("case", [str.upper, str.lower])
def test_every_well_of_a_1536_well_plate_in_every_notation(notation, case):
    places = [(row, column) for row in range(1, 33) for column in range(1, 49)]
    names = [
        case(notation.format(letters=LETTERS[row - 1], row=row, column=column))
        for row, column in places
    ]
    wanted = [f"{LETTERS[row - 1]}{column:02}" for row, column in places]
    assert canonical(*names) == wanted


def test_the_largest_plate():
    assert canonical("AV72", "R48C72") == ["AV72", "AV72"]


@pytest.mark.parametrize(
    "name",
    ["", "7", "12", "0203", "A", "A0", "A00", "A73", "AW01", "R00C01", "B2C3"]
    + ["1A", "A1B2", "A01.5", "002000", "nan", "ABC1", "Plate1-A01", "A--01"],
)
def test_what_could_mean_another_well_is_refused(name):
    message = rf"^1 well names \(column well\).*the first {name!r}; write them as A01"
    with pytest.raises(InputError, match=message):
        canonical("B02", name)


def test_numbers_along_the_rows():
    numbers = ["1", "12", "W00013", "w96", "B02"]
    found = wells.canonical(pd.Series(numbers), "well", wells_per_row=12)
    assert found.tolist() == ["A01", "A12", "B01", "H12", "B02"]
    assert wells.texts_of_well("B01", numbers, wells_per_row=12) == {"W00013"}
    with pytest.raises(InputError, match="'13'.*config.screen.wells_per_row"):
        canonical("13")
    with pytest.raises(InputError, match="'0'"):
        wells.canonical(pd.Series(["0"]), "well", wells_per_row=12)
