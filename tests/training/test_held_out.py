"""Records held out and set aside, beside sets of row numbers that pandas gives."""

import numpy as np
import pandas as pd
import pytest

from gandl_jax.errors import InputError
from gandl_jax.training import held_out

rng = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {
        "Metadata_Experiment": np.repeat(["A", "B"], 30),
        "Metadata_Plate": np.tile(np.repeat(["1", "2", "3"], 10), 2),
        "Metadata_Treatment": [f"t{i % 7}" if i % 7 else "" for i in range(60)],
        "Metadata_Cell_Type": np.repeat(["A", "B"], 30),
        "Metadata_Split": np.where(np.arange(60) % 4, "train", "Test"),
    }
)
PLATES = TABLE["Metadata_Experiment"] + "/" + TABLE["Metadata_Plate"]


def test_nothing_is_held_out_unless_it_is_asked_for():
    rows = held_out.resolve(TABLE, "", "")
    assert rows.trained.tolist() == list(range(60))
    assert not len(rows.validated) and not len(rows.held_out)


def test_named_plates_are_held_out():
    rows = held_out.resolve(TABLE, "plate:A/1+B/3", "")
    expected = np.flatnonzero(PLATES.isin(["A/1", "B/3"]))
    np.testing.assert_array_equal(rows.held_out, expected)
    np.testing.assert_array_equal(rows.trained, np.setdiff1d(range(60), expected))


def test_the_publishers_own_test_part_is_held_out():
    rows = held_out.resolve(TABLE, "given", "")
    np.testing.assert_array_equal(rows.held_out, np.arange(0, 60, 4))


@pytest.mark.parametrize("text, count", [("plate:0.34", 2), ("treatment:0.5", 3)])
def test_a_share_is_of_whole_groups_of_every_cell_type(text, count):
    unit = PLATES if "plate" in text else TABLE["Metadata_Treatment"]
    rows = held_out.resolve(TABLE, text, "")
    held = unit[rows.held_out]
    assert held.nunique() == count and set(held) & set(unit[rows.trained]) == set()
    assert "" not in set(held)  # blanks are no group
    if "plate" in text:
        assert set(held.str[0]) == {"A", "B"}
    again = held_out.resolve(TABLE, text, "")
    np.testing.assert_array_equal(again.held_out, rows.held_out)


def test_folds_are_disjoint_and_together_all():
    found = [held_out.resolve(TABLE, f"plate#{k}/3", "").held_out for k in (1, 2, 3)]
    np.testing.assert_array_equal(np.sort(np.concatenate(found)), np.arange(60))
    for rows in found:
        assert PLATES[rows].nunique() == 2
        assert set(PLATES[rows].str[0]) == {"A", "B"}


def test_validation_is_of_what_is_left():
    rows = held_out.resolve(TABLE, "plate:A/1", "plate:A/2")
    np.testing.assert_array_equal(rows.validated, np.flatnonzero(PLATES == "A/2"))
    assert not set(rows.validated) & set(rows.trained)
    with pytest.raises(InputError, match="no plate is called 'A/1'"):
        held_out.resolve(TABLE, "plate:A/1", "plate:A/1")


@pytest.mark.parametrize(
    "text, told",
    [
        ("plate:A/9", "no plate is called 'A/9'.*did you mean"),
        ("plate:A/1+A/2+A/3+B/1+B/2+B/3", "holds all 60 records"),
        ("plate", "does not say which: name some, as in plate:A"),
        ("plates:A/1", "'plates', which is nothing that records have"),
        ("well:A01", "has no column Metadata_Well"),
        ("plate#4/3", "should name a fold"),
        ("plate#1/7", "deals 6 groups to 7 folds"),
        ("given:x", "takes nothing after it"),
    ],
)
def test_what_cannot_be_held_out_is_one_sentence(text, told):
    with pytest.raises(InputError, match=told) as caught:
        held_out.resolve(TABLE, text, "")
    assert "config.train.hold_out" in str(caught.value)


@pytest.mark.parametrize(
    "text, divides",
    [("", False), ("plate:A/1", False), ("plate#1/3", False), ("treatment:0.5", True)],
)
def test_held_out_records_share_plates_where_other_groups_are_held_out(text, divides):
    rows = held_out.resolve(TABLE, text, "")
    assert held_out.divides_plates(TABLE, rows) == divides
