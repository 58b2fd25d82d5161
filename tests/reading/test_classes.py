"""Classes of a conditional network are the values of a column."""

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
def test_names_are_sorted_and_blanks_are_a_class(label):
    names, codes = classes.read(TABLE, label)
    assert names == ("", "Mock", "UV")
    assert codes.dtype == np.int32 and codes.tolist() == [2, 0, 1, 2, 0]


def test_numbers_are_classes_too():
    names, codes = classes.read(TABLE, "Concentration_uM")
    assert [names[code] for code in codes] == ["0.5", "", "10.0", "0.5", "2.0"]


def test_without_a_label_there_are_none():
    assert classes.read(TABLE, "") == ((), None)


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


def test_records_without_a_label_are_told_with_their_count():
    table = pd.DataFrame({"Metadata_Mechanism": ["a", "", "b", None, "a"]})
    found = classes.read(table, "Mechanism")
    assert classes.note(found, "Mechanism").startswith("2 of 5 records have a blank Me")
    assert classes.note(classes.read(table[::2], "Mechanism"), "Mechanism") == ""
    assert classes.note(classes.Classes(), "") == ""
