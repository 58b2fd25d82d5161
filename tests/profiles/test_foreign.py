"""Tables of others: CSV and Parquet in pieces, against pandas."""

import gzip

import numpy as np
import pandas as pd
import pytest

from gandl_jax.errors import InputError
from gandl_jax.profiles import foreign


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    made = pd.DataFrame(rng.normal(size=(300, 7)), columns=[f"f{i}" for i in range(7)])
    made["f6"] = np.arange(300)  # whole numbers are numbers
    made.insert(0, "plate", np.repeat([1, 2, 3], 100))
    made.insert(0, "site", [f"s,{i}" for i in range(300)])  # a comma within quotes
    return made


def write(frame, path):
    if path.suffix == ".parquet":
        frame.to_parquet(path, row_group_size=120)
    else:
        frame.to_csv(path, index=False, sep="\t" if ".tsv" in path.name else ",")
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.tsv", "t.parquet"])
def test_every_form_reads_as_pandas_does(frame, tmp_path, monkeypatch, name):
    monkeypatch.setattr(foreign, "BLOCK_BYTES", 4096)
    monkeypatch.setattr(foreign, "ROWS", 64)
    table = foreign.open_table(write(frame, tmp_path / name))
    assert table.columns == tuple(frame.columns)
    wanted = ["f3", "f0", "f6"]
    pieces = list(table.rows(("site", "plate"), wanted))
    assert len(pieces) > 3
    keys = pd.concat([keys for keys, _ in pieces], ignore_index=True)
    assert keys["site"].tolist() == frame["site"].tolist()
    assert keys["plate"].tolist() == frame["plate"].astype(str).tolist()
    values = np.concatenate([values for _, values in pieces])
    np.testing.assert_array_equal(values, frame[wanted].to_numpy(np.float64))
    again = pd.concat([k for k, _ in table.rows(("plate",), ())], ignore_index=True)
    assert again["plate"].tolist() == keys["plate"].tolist()


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_a_blank_is_not_a_number(frame, tmp_path, name):
    frame.loc[5, "f2"] = np.nan
    table = foreign.open_table(write(frame, tmp_path / name))
    values = np.concatenate([v for _, v in table.rows(("site",), ["f1", "f2"])])
    assert np.argwhere(np.isnan(values)).tolist() == [[5, 1]]


def refuse(path, message, features=("f1", "f2")):
    with pytest.raises(InputError, match=message):
        list(foreign.open_table(path).rows(("site",), list(features)))


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_text_in_a_feature_is_named(frame, tmp_path, name):
    frame["f2"] = frame["f2"].astype(str)
    frame.loc[7, "f2"] = "much"
    refuse(write(frame, tmp_path / name), "column 'f2' holds ('much'|no numbers)")


def test_a_line_that_was_cut(frame, tmp_path):
    path = write(frame, tmp_path / "t.csv")
    path.write_bytes(path.read_bytes()[:-60])
    refuse(path, r"t.csv: line 301 has \d cells where the header names 9 .*cut short")


def test_files_that_are_no_tables(tmp_path, frame):
    refuse(tmp_path / "no.csv", "there is no file .*no.csv")
    (tmp_path / "empty.csv").touch()
    refuse(tmp_path / "empty.csv", "empty.csv is empty")
    (tmp_path / "text.parquet").write_text("site,f1\n")
    refuse(tmp_path / "text.parquet", "text.parquet: not readable as a table")
    (tmp_path / "two.csv").write_text("site,f1,f1\na,1,2\n")
    refuse(tmp_path / "two.csv", "two columns 'f1'")
    whole = gzip.compress(write(frame, tmp_path / "t.csv").read_bytes())
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    refuse(tmp_path / "cut.csv.gz", "cut.csv.gz: ")
    (tmp_path / "latin.csv").write_bytes("site,f1,f2\n\xe4,1,2\n".encode("latin-1"))
    refuse(tmp_path / "latin.csv", "latin.csv .*line 2 holds the byte 0xe4")


def test_semicolons_are_told(tmp_path):
    (tmp_path / "a.csv").write_text("site_id;x\ns1;0,5\n")
    with pytest.raises(InputError, match="a.csv looks separated by ';'"):
        foreign.open_table(tmp_path / "a.csv")
