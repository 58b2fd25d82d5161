"""Classes of records are the values of a column."""

import numpy as np
import pandas as pd
import pytest

from gandl_jax.errors import InputError
from gandl_jax.reading import classes

TABLE = pd.DataFrame(
    {
        "Metadata_Condition": ["UV", "", "Mock", "UV", None],
        "Metadata_Plate": ["1"] * 5,
        "Metadata_Concentration_uM": [0.5, np.nan, 10.0, 0.5, 2.0],
        "shard": range(5),
    }
)


@pytest.mark.parametrize("label", ["Condition", "condition", " Condition\u00a0"])
def test_names_are_sorted_and_blanks_are_none_of_them(label):
    column, names, codes = classes.read(TABLE, label)
    assert column == "Condition" and names == ("Mock", "UV")
    assert codes.dtype == np.int32 and codes.tolist() == [1, -1, 0, 1, -1]


def test_numbers_are_classes_too():
    _, names, codes = classes.read(TABLE, "Concentration_uM")
    known = [names[code] for code in codes if code >= 0]
    assert known == ["0.5", "10.0", "0.5", "2.0"] and codes[1] == -1


def test_several_columns_are_told_apart():
    found = classes.read_all(TABLE, ("condition", "Concentration_uM"))
    assert list(found) == ["Condition", "Concentration_uM"]
    assert classes.read_all(TABLE, ()) == {}
    with pytest.raises(InputError, match="'Condition' twice"):
        classes.read_all(TABLE, ("condition", "Condition"))


@pytest.mark.parametrize(
    "label, told",
    [
        ("Conditon", "no column of the screen: it has Concentration_uM, Condition, P"),
        ("Plate", "has 1 different values, not 2 to 2,000: name another column of C"),
        ("shard", "'shard' is no column"),
    ],
)
def test_bad_labels_are_told_with_the_columns_that_there_are(label, told):
    with pytest.raises(InputError, match=told):
        classes.read(TABLE, label)


def test_too_many_classes_are_refused():
    many = pd.DataFrame({"Metadata_Well": [str(i) for i in range(2_001)]})
    with pytest.raises(InputError, match="2,001 different values"):
        classes.read(many, "Well")


def test_values_that_are_not_named_count_as_blank():
    found = classes.read_all(TABLE, ("Condition", "Concentration_uM"))
    kept = classes.only(found, ("UV", "2.0", "10.0"))
    assert kept["Condition"].names == ("UV",)
    assert kept["Condition"].codes.tolist() == [0, -1, -1, 0, -1]
    assert kept["Concentration_uM"].names == ("10.0", "2.0")
    assert kept["Concentration_uM"].codes.tolist() == [-1, -1, 0, -1, 1]
    assert classes.only(found, ()) == found
    with pytest.raises(InputError, match="names 'Mok', which no record has.*'Mock'"):
        classes.only(found, ("Mok",))
    with pytest.raises(InputError, match="names no value of Concentration_uM"):
        classes.only(found, ("UV", "Mock"))


def test_all_other_values_are_one_class_where_it_has_a_name():
    found = classes.read_all(TABLE, ("Concentration_uM",))
    kept = classes.only(found, ("2.0",), "another")["Concentration_uM"]
    assert kept.names == ("2.0", "another")
    assert kept.codes.tolist() == [1, -1, 1, 1, 0]
    with pytest.raises(InputError, match="label_rest=10.0 is a value of Concentration"):
        classes.only(found, ("2.0",), "10.0")
    with pytest.raises(InputError, match="label_values names none"):
        classes.only(found, (), "another")
