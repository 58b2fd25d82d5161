"""Columns are known by their names and by what they hold; controls by their values."""

import pandas as pd
import pytest

from gandl_jax.jobs.init import columns, controls


def test_columns_are_known_by_their_names():
    table = pd.DataFrame(
        {
            "Metadata_Plate": ["1", "1"],
            "Well ID": ["A1", "b02"],
            "Compound": ["x", ""],
            "conc (uM)": ["0.1", "3"],
            "MoA": ["a", "b"],
        }
    )
    assert columns.roles(table) == {
        "plate": "Metadata_Plate",
        "well": "Well ID",
        "treatment": "Compound",
        "concentration_um": "conc (uM)",
        "mechanism": "MoA",
    }


@pytest.mark.parametrize(
    "column, cells",
    [("well", ["1", "13"]), ("dose", ["low", "high"]), ("dose", ["-1", "2"])],
)
def test_what_holds_other_things_is_no_such_column(column, cells):
    assert columns.roles(pd.DataFrame({column: cells})) == {}


@pytest.mark.parametrize(
    "name, other", [("dose_nM", True), ("conc_uM", False), ("dose", False)]
)
def test_other_units_are_told_by_the_name(name, other):
    assert columns.has_other_unit(name) == other


def test_a_key_is_the_fewest_columns_that_tell_rows_apart():
    table = pd.DataFrame(
        {
            "plate": ["1", "1", "2", "2"],
            "well": ["A01", "A02"] * 2,
            "site_id": ["a", "a", "b", "b"],
            "file": list("wxyz"),
        }
    )
    roles = columns.roles(table)
    assert columns.key(table, roles, "file") == ("plate", "well")
    assert columns.key(table, {}, "file") == ("file",)
    assert columns.key(table.assign(well="A01"), roles, "") == ()
    cells = table.assign(cell=["1", "2"] * 2)
    assert columns.key(cells, columns.roles(cells), "") == ("site_id", "cell")


def test_columns_of_few_values_are_kept_to_colour_by():
    cells = {"class": list("aabb"), "id": list("wxyz"), "one": "1"}
    table = pd.DataFrame(cells | {"Unnamed: 0": list("0101")})
    assert columns.extra(table, ()) == ["class"]
    assert columns.extra(table, ["class"]) == []
    assert columns.label(["donor", "stage", "class"]) == "class"


@pytest.mark.parametrize(
    "cells, expected",
    [
        (
            {"treatment": ["DMSO", "x", "Positive control"]},
            ("treatment=DMSO", "treatment=Positive control"),
        ),
        (
            {
                "condition": ["Mock", "Active SARS-CoV-2", "UV Inactivated SARS-CoV-2"],
                "treatment": ["", "x", ""],
            },
            ("condition=Active SARS-CoV-2; treatment=", "condition=Mock"),
        ),
        (
            {"condition": ["negative_control", "treated", "x"]},
            ("condition=negative_control", ""),
        ),
        ({"treatment": ["a", "b", "c"]}, ("", "")),
    ],
)
def test_controls_are_guessed_by_their_values(cells, expected):
    table = pd.DataFrame(cells)
    assert tuple(controls.guess(table, {name: name for name in cells})) == expected
