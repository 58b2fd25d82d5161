"""Screens: which there are, and their metadata as tables."""

import dataclasses
import io

import numpy as np
import pandas as pd
import pytest

from gandl_jax import config, config_files, modules
from gandl_jax.errors import InputError
from gandl_jax.raw import screen


def load(name):
    """The spec of that name; for "own" one that `config.screen` describes."""
    c = config.default()
    c.data.name = name
    c.screen.update(name="own", file="{file}", channels=("dna",))
    return screen.load(c)


def rxrx19a_rows(*rows):
    """RxRx19a's columns with (site_id, condition, treatment, dose, smiles) rows."""
    columns = "site_id disease_condition treatment treatment_conc SMILES".split()
    same = {"well_id": "x", "cell_type": "VERO", "experiment": "VERO-1", "plate": "1"}
    return pd.DataFrame(rows, columns=columns).assign(**same, well="A01", site="1")


def test_names_are_the_files_that_define_a_screen():
    found = set(modules.names("screens", "SCREEN"))
    assert {"rxrx19a", "bbbc013", "simulated"} <= found
    assert not {"screen", "stream", "shards", "prepared"} & found


def test_every_screen_carries_its_file_name():
    for name in modules.names("screens", "SCREEN"):
        assert load(name).name == name


def test_unknown_screen_names_the_nearest():
    with pytest.raises(InputError, match="'rxrx19'.*did you mean 'rxrx19a'"):
        load("rxrx19")


BLANK = ["", " ", "\t ", "NA", " NA ", "nan", "NaN", "N/A", "#N/A", "<NA>"]


@pytest.mark.parametrize("blank", BLANK)
def test_what_stands_for_a_blank(blank):
    metadata = rxrx19a_rows(
        ("NA", "Active SARS-CoV-2", blank, blank, blank),
        ("2", "Mock", blank, blank, blank),
        ("3", "Active SARS-CoV-2", "Ribavirin", blank, blank),
        ("4", blank, blank, blank, blank),
        ("5", blank, "Ribavirin", "1", "C"),
    )
    table = screen.table(load("rxrx19a"), metadata)
    roles = ["response_0", "response_1", "treated", "other", "other"]
    assert table["Metadata_Role"].tolist() == roles
    wanted = ["", "", "Ribavirin", "", "Ribavirin"]
    assert table["Metadata_Treatment"].tolist() == wanted
    assert table["Metadata_Condition"].tolist()[3:] == ["", ""]
    assert table["Metadata_SMILES"].tolist() == ["", "", "", "", "C"]
    assert table["Metadata_Concentration_uM"].isna().tolist() == [True] * 4 + [False]
    assert table["Metadata_Record_ID"].tolist() == ["NA", "2", "3", "4", "5"]


def test_a_mark_that_a_filter_asks_for_is_no_blank():
    spec = dataclasses.replace(load("rxrx19a"), response_0={"treatment": ("NA",)})
    metadata = rxrx19a_rows(
        ("1", "Active SARS-CoV-2", "NA", "", "NA"),
        ("2", "Active SARS-CoV-2", "nan", "", ""),
    )
    table = screen.table(spec, metadata)
    assert table["Metadata_Role"].tolist() == ["response_0", "other"]
    assert table["Metadata_Treatment"].tolist() == ["NA", ""]


@pytest.mark.parametrize("name", ["Na", "None", "na", "NAN", "NA 1", "-"])
def test_what_may_be_a_name_is_no_blank(name):
    metadata = rxrx19a_rows(("1", "Active SARS-CoV-2", name, "1", ""))
    table = screen.table(load("rxrx19a"), metadata)
    assert table["Metadata_Treatment"].tolist() == [name]
    assert table["Metadata_Role"].tolist() == ["treated"]


def test_roles_of_rxrx19a():
    metadata = rxrx19a_rows(
        ("1", "Active SARS-CoV-2", "", "", ""),
        ("2", "Mock", "", "", ""),
        ("3", "Active SARS-CoV-2", "Ribavirin", "0.03", "CCO |c:6,t:3|"),
        ("4", "UV Inactivated SARS-CoV-2", "", "", ""),
        ("5", "", "", "", ""),
    )
    table = screen.table(load("rxrx19a"), metadata)
    roles = ["response_0", "response_1", "treated", "other", "other"]
    assert table["Metadata_Role"].tolist() == roles
    assert table["Metadata_SMILES"].tolist() == ["", "", "CCO", "", ""]
    np.testing.assert_array_equal(
        table["Metadata_Concentration_uM"], [np.nan, np.nan, 0.03, np.nan, np.nan]
    )


def test_a_screen_without_controls_has_treated_and_other_wells():
    spec = dataclasses.replace(
        load("rxrx19a"), response_0=None, response_1=None, treated=None
    )
    metadata = rxrx19a_rows(("1", "", "", "", ""), ("2", "", "Drug", "1", ""))
    roles = screen.table(spec, metadata)["Metadata_Role"].tolist()
    assert roles == ["other", "treated"]


@pytest.mark.parametrize("text", ["1 uM", "inf", "-inf", "1e999", "-0.3", "no"])
def test_wrong_concentration_is_named(text):
    metadata = rxrx19a_rows(
        ("1", "Mock", "Drug", "0", ""), ("2", "Mock", "Drug", text, "")
    )
    message = rf"^1 concentrations \(column treatment_conc\).*'{text}'"
    with pytest.raises(InputError, match=message):
        screen.table(load("rxrx19a"), metadata)


def test_metadata_keeps_text_as_it_is(tmp_path):
    rows = rxrx19a_rows(("007", "Mock", "NA", "1.0", ""))
    rows.to_csv(tmp_path / "metadata.csv", index=False)
    read = screen.read_metadata(load("rxrx19a"), str(tmp_path))
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
        screen.read_metadata(load("rxrx19a"), str(tmp_path))


def test_missing_directory_and_metadata(tmp_path):
    spec = load("rxrx19a")
    with pytest.raises(InputError, match="nowhere.*does not exist"):
        screen.read_metadata(spec, str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="no metadata.csv"):
        screen.read_metadata(spec, str(tmp_path))


def test_a_table_saved_by_excel(tmp_path):
    """It starts with a byte-order mark, which belongs to no column's name."""
    rows = rxrx19a_rows(("1", "Mock", "", "", ""))
    rows.to_csv(tmp_path / "metadata.csv", index=False, encoding="utf-8-sig")
    read = screen.read_metadata(load("rxrx19a"), str(tmp_path))
    assert list(read) == list(rows)


SMILES = "NC(=O)C1=NN(C=N1)[C@H]1O[C@H](CO)[C@@H](O)[C@H]1O"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),  # as on a Mac long ago
        lambda text: text + "\n\n",
        lambda text: text.rstrip("\n"),
        lambda text: "\ufeff" + text.replace("\n", "\r\n") + "\r\n",
        lambda text: text.replace("site_id", '"site_id"'),
    ],
)
def test_tables_as_programs_write_them(tmp_path, change):
    """Quoted cells hold commas and quotes; the oracle is written by hand."""
    text = (
        "site_id,well_id,cell_type,experiment,plate,well,site,disease_condition,"
        "treatment,treatment_conc,SMILES\n"
        f'a,x,VERO,V-1,1,A01,1,Mock,"3,4-D, ""pure""",0.1,"{SMILES} |c:6,t:3|"\n'
        "b,x,VERO,V-1,1,A02,1,,,,\n"
    )
    (tmp_path / "metadata.csv").write_bytes(change(text).encode())
    read = screen.read_metadata(load("rxrx19a"), str(tmp_path))
    table = screen.table(load("rxrx19a"), read)
    assert list(read)[0] == "site_id" and len(read) == 2
    assert read["SMILES"].tolist() == [f"{SMILES} |c:6,t:3|", ""]
    assert table["Metadata_SMILES"].tolist() == [SMILES, ""]
    assert table["Metadata_Treatment"].tolist() == ['3,4-D, "pure"', ""]
    assert table["Metadata_Record_ID"].tolist() == ["a", "b"]


def test_record_ids_are_the_keys_joined():
    spec = dataclasses.replace(load("rxrx19a"), key=("plate", "site_id", "site"))
    metadata = rxrx19a_rows(("a", "Mock", "", "", ""), ("b", "Mock", "", "", ""))
    found = screen.table(spec, metadata)["Metadata_Record_ID"]
    assert found.tolist() == ["1_a_1", "1_b_1"]
    one = screen.table(load("rxrx19a"), metadata)
    assert one["Metadata_Record_ID"].tolist() == ["a", "b"]


def test_keys_that_differ_but_join_to_one_name_are_refused(tmp_path):
    spec = dataclasses.replace(load("rxrx19a"), key=("site_id", "site"))
    rows = rxrx19a_rows(("a", "Mock", "", "", ""), ("a_1", "Mock", "", "", ""))
    rows.assign(site=["1_2", "2"]).to_csv(tmp_path / "metadata.csv", index=False)
    with pytest.raises(InputError, match="1 rows whose key.*the first a_1, 2"):
        screen.read_metadata(spec, str(tmp_path))


def test_well_names_become_canonical():
    metadata = rxrx19a_rows(*((str(i), "Mock", "", "", "") for i in range(3)))
    table = screen.table(
        load("rxrx19a"), metadata.assign(well=["a1", "R02C03", "AA02"])
    )
    assert table["Metadata_Well"].tolist() == ["A01", "B03", "AA02"]
    with pytest.raises(InputError, match=r"1 well names \(column well\).*'12'"):
        screen.table(load("rxrx19a"), metadata.assign(well=["A01", "12", "A02"]))


def test_a_column_is_blank_where_it_says_nothing():
    metadata = pd.DataFrame({"row": ["0", "1"], "classes": ["Cytosol", "Nucleoli|ER"]})
    metadata = metadata.assign(pure=["1", "0"], collage="a")
    table = screen.table(load("hpa_cells"), metadata)
    assert table["Metadata_Location"].tolist() == ["Cytosol", ""]
    assert table["Metadata_Role"].tolist() == ["other", "other"]


def test_rxrx1():
    """Rows as published: the roles, the publisher's split, both forms of a path."""
    columns = "site_id well_id cell_type dataset experiment plate well site well_type"
    rows = [
        "HUVEC-1_1_B02_1 HUVEC-1_1_B02 HUVEC test HUVEC-1 1 B02 1 negative_control",
        "HUVEC-1_1_B03_1 HUVEC-1_1_B03 HUVEC test HUVEC-1 1 B03 1 treatment",
        "U2OS-4_3_M23_2 U2OS-4_3_M23 U2OS train U2OS-4 3 M23 2 positive_control",
    ]
    metadata = pd.DataFrame([r.split() for r in rows], columns=columns.split())
    metadata["sirna"] = ["EMPTY", "s21721", "s15652"]
    spec = load("rxrx1")
    table = screen.table(spec, metadata)
    assert table["Metadata_Role"].tolist() == ["response_0", "treated", "treated"]
    assert table["Metadata_Split"].tolist() == ["test", "test", "train"]
    paths = spec.image_paths(metadata.iloc[2].to_dict())
    assert paths[2] == "images/U2OS-4/Plate3/M23_s2_w3.png" and len(paths) == 6


def test_rxrx1_without_mitochondria_has_the_channels_of_rxrx19a(request):
    file = request.config.rootpath.parent / "configs/rxrx1.py"
    five = config_files.load(f"{file}:five").data.channels
    assert five == load("rxrx19a").channels and set(five) < set(load("rxrx1").channels)


def test_garbled_metadata(tmp_path):
    (tmp_path / "metadata.csv").write_bytes(b"\xff\xfe\x00\x01,\x80\n" * 3)
    with pytest.raises(InputError, match="not a readable CSV"):
        screen.read_metadata(load("rxrx19a"), str(tmp_path))


def test_a_table_that_pandas_would_misread_is_refused_with_its_line(tmp_path):
    """The reader's own cases: test_csv_layout.py."""
    rows = rxrx19a_rows(*((str(i), "Mock", "", "", "") for i in range(9)))
    lines = rows.to_csv(index=False).splitlines()
    lines[3] = lines[3].replace("Mock", '"Mock')
    lines[6] = lines[6].replace("Mock", 'Mock"')
    text = "\n".join(lines) + "\n"
    assert len(pd.read_csv(io.StringIO(text))) == 6  # of nine, and no word
    (tmp_path / "metadata.csv").write_text(text)
    with pytest.raises(InputError, match="metadata.csv: the cell .* begins in line 4"):
        screen.read_metadata(load("rxrx19a"), str(tmp_path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t + ",,,,,,,,,,\n", "1 rows have no site_id, .* first in line 4"),
        (lambda t: t.replace("\n2,", "\n\n ,"), "1 rows have no site_id.*in line 4"),
        (lambda t: t.replace("Mock", '"a\nb"'), "cell 'a.*b' of the .*line break"),
    ],
)
def test_rows_without_a_key_and_names_of_two_lines(tmp_path, change, message):
    rows = rxrx19a_rows(("1", "Mock", "", "", ""), ("2", "x", "", "", ""))
    (tmp_path / "metadata.csv").write_text(change(rows.to_csv(index=False)))
    with pytest.raises(InputError, match=message):
        screen.read_metadata(load("rxrx19a"), str(tmp_path))


def test_blanks_are_no_part_of_a_columns_name(tmp_path):
    text = rxrx19a_rows(("1", "Mock", "", "", "")).to_csv(index=False)
    (tmp_path / "metadata.csv").write_text(text.replace(",plate,", ", plate ,"))
    assert "plate" in screen.read_metadata(load("rxrx19a"), str(tmp_path))


def own(**changes):
    """A screen of one's own: compounds, doses, cell types, plates."""
    c = config.default()
    c.data.name = "own"
    c.screen.update(name="own", file="{site_id}.tif", channels=("dna",))
    c.screen.columns.update(plate="plate", treatment="drug", cell_type="line")
    c.screen.columns.update(concentration_um="dose")
    c.screen.update(changes)
    return screen.load(c)


def own_rows(*rows):
    """Rows of (drug, dose, line, plate)."""
    table = pd.DataFrame(rows, columns=["drug", "dose", "line", "plate"], dtype=str)
    return table.assign(site_id=[f"s{i}" for i in range(len(rows))])


@pytest.mark.parametrize("column", ["drug", "line", "plate", "site_id"])
@pytest.mark.parametrize("text", ["{} ", "\u00a0{}", "{}\t", "\ufeff{}", "{}\u200b"])
def test_blanks_at_the_ends_make_no_other_name(column, text):
    """In any column, what names a record and its plate included."""
    clean = own_rows(*[("x", "1", "A549", "p"), ("DMSO", "", "A549", "p")] * 3)
    dirty = clean.copy()
    dirty.loc[::2, column] = dirty.loc[::2, column].map(text.format)
    spec = own(response_0="drug=DMSO")
    pd.testing.assert_frame_equal(screen.table(spec, dirty), screen.table(spec, clean))
    (told,) = screen.cell_remarks(spec, dirty)
    assert told.startswith(f"3 cells of the column {column} have blanks at the ends")
    assert list(screen.cell_remarks(spec, clean)) == []


def test_a_clean_table_is_read_as_it_stands():
    """To the cell, so that what was prepared before stays what the table says."""
    rows = own_rows(
        ("x", "0.3", "A549", "1"), ("y", "3.3333333333333335", "U2OS", "02")
    )
    tidy = screen.tidied(own(), rows)
    pd.testing.assert_frame_equal(tidy, rows)
    found = screen.table(own(), rows)["Metadata_Concentration_uM"]
    assert found.tolist() == [0.3, 3.3333333333333335]


def test_keys_that_differ_in_blanks_are_doubled(tmp_path):
    rows = own_rows(("x", "1", "A", "1"), ("y", "1", "A", "1")).assign(
        site_id=["s1", "s1 "]
    )
    rows.to_csv(tmp_path / "metadata.csv", index=False)
    with pytest.raises(InputError, match="1 rows whose key.*the first s1"):
        screen.read_metadata(own(), str(tmp_path))


def test_doses_are_numbers_and_one_where_rounding_parts_them():
    texts = ["1", "1.0", " 1e0", "+1", "0.3", "0.30000000000000004", "", "-0", "0"]
    rows = own_rows(*[("x", text, "A", "1") for text in texts])
    found = screen.table(own(), rows)["Metadata_Concentration_uM"]
    np.testing.assert_array_equal(found, [1, 1, 1, 1, 0.3, 0.3, np.nan, 0, 0])
    told = [t for t in screen.cell_remarks(own(), rows) if "rounding" in t]
    assert len(told) == 1 and "1 of 8 doses" in told[0] and "read as 0.3" in told[0]


def test_numbers_of_a_describing_column_have_one_spelling():
    rows = own_rows(*[("x", "1", line, "1") for line in ("1", "1.0", "2", "")])
    assert screen.table(own(), rows)["Metadata_Cell_Type"].tolist() == [
        "1",
        "1",
        "2",
        "",
    ]
    rows = rows.assign(line=["1", "1.0", "2", "A549"], plate=["1", "1.0", "2", "2"])
    table = screen.table(own(), rows)
    assert table["Metadata_Cell_Type"].tolist() == ["1", "1.0", "2", "A549"]
    assert table["Metadata_Plate"].tolist() == ["1", "1.0", "2", "2"]  # names
    (told,) = screen.cell_remarks(own(), rows)
    assert (
        "the column plate writes a number in several ways, such as '1' and '1.0'"
        in told
    )


@pytest.mark.parametrize("text", ["1", "1.0", "1e0", " 1.00 "])
def test_a_control_by_its_dose(text):
    spec = own(response_1=f"drug=Taxol; dose={text}")
    doses = "1", "1.0", "10", "+1"
    rows = own_rows(*[("Taxol", dose, "A", "1") for dose in doses])
    roles = screen.table(spec, rows)["Metadata_Role"].tolist()
    assert roles == ["response_1", "response_1", "treated", "response_1"]


def test_a_record_that_is_both_controls_is_refused():
    spec = own(response_0="drug=DMSO", response_1="line=wt")
    rows = own_rows(("DMSO", "", "ko", "1"), ("DMSO", "", "wt", "1"))
    with pytest.raises(InputError, match="1 records are both controls, such as 's1'"):
        screen.table(spec, rows)


def test_filters_that_match_nothing_are_refused_of_a_whole_screen_only():
    rows = own_rows(("DMSO", "", "A", "1"), ("x", "1", "A", "1"))
    for key in ("response_0", "response_1", "treated"):
        with pytest.raises(
            InputError, match=f"screen.{key}='drug=y' matches no record"
        ):
            screen.check_filters(own(**{key: "drug=y"}), rows)
    screen.check_filters(own(response_0="drug=DMSO", treated="drug=x|y"), rows)
    told = [*screen.filter_remarks(own(treated="drug=x|y"), rows)]
    assert len(told) == 1 and "no record by drug=y" in told[0]
    part = rxrx19a_rows(("1", "Mock", "", "", ""))  # of a published screen
    screen.check_filters(load("rxrx19a"), part)


@pytest.mark.real_data
def test_roles_of_the_published_vero_metadata(shared):
    rows = pd.read_csv(
        shared / "data/rxrx19a_published/metadata_vero.csv",
        dtype=str,
        keep_default_na=False,
    )
    counts = screen.table(load("rxrx19a"), rows)["Metadata_Role"].value_counts()
    assert counts.to_dict() == {
        "treated": 16384,
        "response_0": 3296,
        "other": 480 + 640,
        "response_1": 640,
    }


@pytest.mark.real_data
def test_roles_of_bbbc013(shared):
    spec = load("bbbc013")
    metadata = screen.read_metadata(spec, str(shared / "data/bbbc013_rows_a_d"))
    table = screen.table(spec, metadata)
    counts = table["Metadata_Role"].value_counts().to_dict()
    assert counts == {"response_0": 8, "response_1": 4, "treated": 36}
    treated = table[table["Metadata_Role"] == "treated"]
    assert treated["Metadata_Concentration_uM"].nunique() == 9


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "records", "roles"),
    [
        ("bbbc021_fields", 440, {"treated": 440}),
        ("bbbc021_cells", 2279, {"treated": 1559, "response_0": 720}),
        ("hpa_cells", 809, {"other": 809}),
    ],
)
def test_roles_and_ids_of_the_real_sets(shared, name, records, roles):
    spec = load(name)
    table = screen.table(spec, screen.read_metadata(spec, str(shared / "data" / name)))
    assert table["Metadata_Role"].value_counts().to_dict() == roles
    assert table["Metadata_Record_ID"].nunique() == records
    for column in ("Metadata_Mechanism", "Metadata_Location"):
        assert column not in table or (table[column] != "").all()
