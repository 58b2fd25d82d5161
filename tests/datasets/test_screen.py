"""Screens: which there are, and their metadata as tables."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from gandl_jax import modules
from gandl_jax.datasets import screen
from gandl_jax.errors import InputError


def rxrx19a_rows(*rows):
    """RxRx19a's columns with (site_id, condition, treatment, dose, smiles) rows."""
    columns = "site_id disease_condition treatment treatment_conc SMILES".split()
    same = {"well_id": "x", "cell_type": "VERO", "experiment": "VERO-1", "plate": "1"}
    return pd.DataFrame(rows, columns=columns).assign(**same, well="A", site="1")


def test_names_are_the_files_that_define_a_screen():
    found = set(modules.names("datasets", "SCREEN"))
    assert {"rxrx19a", "bbbc013", "simulated"} <= found
    assert not {"screen", "stream", "shards", "prepared"} & found


def test_every_screen_carries_its_file_name():
    for name in modules.names("datasets", "SCREEN"):
        assert screen.load(name).name == name


def test_unknown_screen_names_the_nearest():
    with pytest.raises(InputError, match="'rxrx19'.*did you mean 'rxrx19a'"):
        screen.load("rxrx19")


def test_roles_of_rxrx19a():
    metadata = rxrx19a_rows(
        ("1", "Active SARS-CoV-2", "", "", ""),
        ("2", "Mock", "", "", ""),
        ("3", "Active SARS-CoV-2", "Ribavirin", "0.03", "CCO |c:6,t:3|"),
        ("4", "UV Inactivated SARS-CoV-2", "", "", ""),
        ("5", "", "", "", ""),
    )
    table = screen.table(screen.load("rxrx19a"), metadata)
    roles = ["response_0", "response_1", "treated", "other", "other"]
    assert table["Metadata_Role"].tolist() == roles
    assert table["Metadata_SMILES"].tolist() == ["", "", "CCO", "", ""]
    np.testing.assert_array_equal(
        table["Metadata_Concentration_uM"], [np.nan, np.nan, 0.03, np.nan, np.nan]
    )


def test_a_screen_without_controls_has_treated_and_other_wells():
    spec = dataclasses.replace(
        screen.load("rxrx19a"), response_0=None, response_1=None, treated=None
    )
    metadata = rxrx19a_rows(("1", "", "", "", ""), ("2", "", "Drug", "1", ""))
    roles = screen.table(spec, metadata)["Metadata_Role"].tolist()
    assert roles == ["other", "treated"]


@pytest.mark.parametrize("text", ["1 uM", "inf", "-inf", "1e999", "-0.3", "nan"])
def test_wrong_concentration_is_named(text):
    metadata = rxrx19a_rows(
        ("1", "Mock", "Drug", "0", ""), ("2", "Mock", "Drug", text, "")
    )
    message = rf"^1 concentrations \(column treatment_conc\).*'{text}'"
    with pytest.raises(InputError, match=message):
        screen.table(screen.load("rxrx19a"), metadata)


def test_metadata_keeps_text_as_it_is(tmp_path):
    rows = rxrx19a_rows(("007", "Mock", "NA", "1.0", ""))
    rows.to_csv(tmp_path / "metadata.csv", index=False)
    read = screen.read_metadata(screen.load("rxrx19a"), str(tmp_path))
    assert read[["site_id", "treatment", "treatment_conc", "SMILES"]].iloc[
        0
    ].tolist() == ["007", "NA", "1.0", ""]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="plate"), "lacks the column plate"),
        (lambda t: pd.concat([t, t]), r"2 rows whose key \(site_id\).*the first 1"),
        (lambda t: t.iloc[:0], "no rows"),
    ],
)
def test_bad_metadata(tmp_path, change, message):
    rows = rxrx19a_rows(("1", "Mock", "", "", ""), ("2", "Mock", "", "", ""))
    change(rows).to_csv(tmp_path / "metadata.csv", index=False)
    with pytest.raises(InputError, match=message):
        screen.read_metadata(screen.load("rxrx19a"), str(tmp_path))


def test_missing_directory_and_metadata(tmp_path):
    spec = screen.load("rxrx19a")
    with pytest.raises(InputError, match="nowhere.*does not exist"):
        screen.read_metadata(spec, str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="no metadata.csv"):
        screen.read_metadata(spec, str(tmp_path))


def test_garbled_metadata(tmp_path):
    (tmp_path / "metadata.csv").write_bytes(b"\xff\xfe\x00\x01,\x80\n" * 3)
    with pytest.raises(InputError, match="not a readable CSV"):
        screen.read_metadata(screen.load("rxrx19a"), str(tmp_path))


@pytest.mark.real_data
def test_roles_of_the_published_vero_metadata(shared):
    rows = pd.read_csv(
        shared / "data/rxrx19a_published/metadata_vero.csv",
        dtype=str,
        keep_default_na=False,
    )
    counts = screen.table(screen.load("rxrx19a"), rows)["Metadata_Role"].value_counts()
    assert counts.to_dict() == {
        "treated": 16384,
        "response_0": 3296,
        "other": 480 + 640,
        "response_1": 640,
    }


@pytest.mark.real_data
def test_roles_of_bbbc013(shared):
    spec = screen.load("bbbc013")
    metadata = screen.read_metadata(spec, str(shared / "data/bbbc013_rows_a_d"))
    table = screen.table(spec, metadata)
    counts = table["Metadata_Role"].value_counts().to_dict()
    assert counts == {"response_0": 8, "response_1": 4, "treated": 36}
    treated = table[table["Metadata_Role"] == "treated"]
    assert treated["Metadata_Concentration_uM"].nunique() == 9
