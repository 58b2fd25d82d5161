"""Imported tables: which columns are features, and one result from every form."""

import datetime
import decimal
import importlib
import itertools
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.profiles import store

job = importlib.import_module("gandl_jax.jobs.import_.job")

PLACES = itertools.product(("1", "2"), "BC", range(2, 14), (1, 2))


@pytest.fixture(scope="module")
def screen():
    rows = [
        {
            "site_id": f"HRCE-1_{p}_{r}{c:02}_{s}",
            "well_id": f"HRCE-1_{p}_{r}{c:02}",
            "cell_type": "HRCE",
            "experiment": "HRCE-1",
            "plate": p,
            "well": f"{r}{c:02}",
            "site": str(s),
            "disease_condition": "Mock" if c < 6 else "Active SARS-CoV-2",
            "treatment": "a drug" if c > 9 else "",
            "treatment_conc": "0.1" if c > 9 else "",
            "SMILES": "",
        }
        for p, r, c, s in PLACES
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def run(screen, tmp_path):
    """Imports a table of any form; gives the features in the screen's order."""
    (tmp_path / "screen").mkdir()
    screen.to_csv(tmp_path / "screen/metadata.csv", index=False)

    def imported(table, name="theirs.csv", **options):
        path = tmp_path / name
        if isinstance(table, pa.Table):
            pq.write_table(table, path)
        elif isinstance(table, str):
            path.write_text(table)
        elif path.suffix == ".parquet":
            table.to_parquet(path)
        elif table is not None:
            table.to_csv(path, index=table.index.name is not None)
        config = configs.default()
        config.data.update(
            name="rxrx19a",
            source_dir=str(tmp_path / "screen"),
            dir=str(tmp_path / "no"),
        )
        config.imported.update(file=str(path), name="theirs", **options)
        job.run(config, tmp_path / "w")
        one = store.read(folder(tmp_path))["theirs"]
        order = one.metadata["Metadata_Record_ID"].argsort()
        return one.features[order]

    return imported


def folder(tmp_path):
    return tmp_path / "w/profiles/rxrx19a/theirs"


def left_out(tmp_path):
    return store.made_from(folder(tmp_path))["left_out_columns"]


def features(n, width=3):
    values = np.random.default_rng(0).normal(size=(n, width))
    return pd.DataFrame(values, columns=[f"feature_{i}" for i in range(width)])


@pytest.fixture
def table(screen):
    return pd.concat([screen[["site_id"]], features(len(screen))], axis=1)


@pytest.fixture
def expected(table):
    return table.sort_values("site_id").filter(like="feature").to_numpy(np.float32)


def arrow(table, **columns):
    made = pa.Table.from_pandas(table, preserve_index=False)
    for name, values in columns.items():
        place = made.column_names.index(name)
        made = made.set_column(place, name, values)
    return made


def test_counters_do_not_become_features(run, table, expected, tmp_path, capsys):
    """CellProfiler's Image.csv, and counters under names of nobody's."""
    n = np.arange(len(table))
    more = {"ImageNumber": n + 1, "Group_Index": n % 48 + 1, "Group_Number": 1}
    more |= {"ExecutionTime_01Images": n * 0.1, "FileName_DNA": "a.tif", "run": n % 48}
    more |= {"machine": np.where(n < 48, 7.5, 3.25), "Cells_Location_Center_X": n * 0.3}
    found = run(table.assign(**more, Count_Cells=n % 7))
    np.testing.assert_array_equal(found[:, :3], expected)
    assert found.shape[1] == 4
    said = left_out(tmp_path)
    assert set(said) == set(more)
    assert said["run"] == "numbers the rows of each plate"
    assert (said["machine"], said["ImageNumber"]) == ("names the plate", "by its name")
    printed = capsys.readouterr().out
    assert "13 columns: 4 features, 0 of metadata, 8 left out, and the key" in printed
    assert "'ImageNumber' (by its name)" in printed


def test_the_config_overrules_what_is_told(run, table, expected, tmp_path):
    n = np.arange(len(table), dtype=float)
    more = table.assign(ImageNumber=n, run=n, Cells_Area=n % 5)
    found = run(more, features=("ImageNumber", "run"), not_features=("Cells_",))
    np.testing.assert_array_equal(found[:, :3], expected)
    rank = np.argsort(table["site_id"].to_numpy())
    np.testing.assert_array_equal(found[:, 3:], np.stack([n[rank], n[rank]], 1))
    assert left_out(tmp_path) == {"Cells_Area": "config.imported.not_features"}
    assert store.made_from(folder(tmp_path))["kept_columns"] == ["ImageNumber", "run"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": ("nothing",)}, "features names 'nothing', and no column of"),
        ({"not_features": ("feature_",)}, "has no feature columns"),
        ({"features": ("site_id",)}, "'site_id' is the table's key"),
        (
            {"features": ("feature_0",), "not_features": ("feature_",)},
            "'feature_0' is named by config.imported.features and by",
        ),
    ],
)
def test_options_that_cannot_be_meant(run, table, options, message, tmp_path):
    with pytest.raises(InputError, match=message):
        run(table, **options)
    assert not any(tmp_path.glob("w/*"))


def test_a_set_of_a_former_version(run, table, expected, tmp_path, capsys):
    """Its note says nothing of columns: as good as before, unless it holds counters."""
    table.to_csv(tmp_path / "theirs.csv")  # with pandas' index
    run(None)
    note = folder(tmp_path) / "_made_from.json"
    former = json.loads(note.read_text())
    assert former.pop("left_out_columns") == {"": "by its name"}
    del former["sha256"]
    note.write_text(json.dumps(former))
    counts = {"part-00000.parquet": len(table)}
    (folder(tmp_path) / "_SUCCESS").write_text(json.dumps(counts))
    (folder(tmp_path) / "_part-00000.json").unlink()
    np.testing.assert_array_equal(run(None), expected)
    assert "is complete: nothing to do" in capsys.readouterr().out
    run_of = table.assign(ImageNumber=range(len(table)))
    run_of.to_csv(tmp_path / "theirs.csv", index=False)
    stat = (tmp_path / "theirs.csv").stat()
    note.write_text(
        json.dumps(former | {"bytes": stat.st_size, "modified": int(stat.st_mtime)})
    )
    with pytest.raises(InputError, match="made from other left_out_columns: delete"):
        run(None)
    assert len(store.read(folder(tmp_path))["theirs"].features) == len(table)


def test_a_complete_set_is_not_read_again(run, table, expected, monkeypatch, capsys):
    run(table.assign(k=range(len(table))))
    monkeypatch.setattr(job, "_match", None)
    np.testing.assert_array_equal(run(None), expected)
    assert "is complete: nothing to do" in capsys.readouterr().out


def forms(table):
    yield "a.csv", table
    yield "a.tsv", table.to_csv(index=False, sep="\t")
    yield "a.parquet", table
    yield "b.parquet", table.set_index("site_id")
    yield "b.csv", table.set_index("site_id")
    yield "c.parquet", table.astype({"site_id": "category"})
    ids = table["site_id"]
    yield "d.parquet", arrow(table, site_id=pa.array(ids, pa.large_string()))
    yield "e.parquet", arrow(table, site_id=pa.array(map(str.encode, ids), pa.binary()))
    yield "f.parquet", arrow(table).rename_columns([" site_id", *table.columns[1:]])
    text = pa.array(map(repr, table["feature_1"].tolist()))
    yield "g.parquet", arrow(table, feature_1=text)
    coded = pa.array(table["feature_1"]).dictionary_encode()
    yield "h.parquet", arrow(table, feature_1=coded)
    exact = pa.array(
        [decimal.Decimal(repr(x)) for x in table["feature_1"].tolist()],
        pa.decimal128(38, 20),
    )
    yield "i.parquet", arrow(table, feature_1=exact)


@pytest.mark.parametrize("number", range(12))
def test_one_table_in_every_form(run, table, expected, number):
    name, form = list(forms(table))[number]
    np.testing.assert_array_equal(run(form, name), expected)


KEY = ("plate", "well", "site")
KEYS = {
    "text": lambda t: t,
    "int": lambda t: t.astype({"plate": int, "site": int}),
    "float": lambda t: t.astype({"plate": float, "site": float}),
    "nullable": lambda t: t.astype({"plate": "Int8"}),
    "category": lambda t: t.astype({"plate": "category"}),
    "zeros": lambda t: t.assign(plate="0" + t["plate"]),
    "decimals": lambda t: t.assign(plate=t["plate"] + ".00"),
    "blanks": lambda t: t.assign(plate=t["plate"] + " ", site=" " + t["site"]),
}


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_keys_compare_as_numbers(run, screen, expected, name, ending):
    made = pd.concat([screen[list(KEY)], features(len(screen))], axis=1)
    found = run(KEYS[name](made), f"a.{ending}", key=KEY)
    np.testing.assert_array_equal(found, expected)


def test_plates_1_and_01_stay_two(run, screen, tmp_path):
    screen = screen.assign(plate=screen["plate"].map({"1": "1", "2": "01"}))
    screen.to_csv(tmp_path / "screen/metadata.csv", index=False)
    made = pd.concat([screen[list(KEY)], features(len(screen))], axis=1)
    run(made, key=KEY)
    one = store.read(folder(tmp_path))["theirs"]
    values = made.set_index(["plate", "well", "site"]).filter(like="feature")
    names = one.metadata[["Metadata_Plate", "Metadata_Well", "Metadata_Site"]]
    expected = values.loc[list(names.itertuples(index=False, name=None))]
    np.testing.assert_array_equal(one.features, expected.to_numpy(np.float32))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_large_whole_numbers(run, table, capsys, ending):
    sums = np.random.default_rng(0).integers(2**24, 2**40, len(table))
    found = run(table.assign(total=sums), f"a.{ending}")
    expected = table.assign(total=sums).sort_values("site_id")["total"]
    np.testing.assert_array_equal(found[:, 3], expected.to_numpy(np.float32))
    assert "1 column holds whole numbers above 2^24" in capsys.readouterr().out


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_numbers_that_cannot_be_stored(run, table, tmp_path, ending):
    table.loc[3, "feature_1"] = 1e39
    with pytest.raises(InputError, match="'feature_1' holds 1e.39, beyond the largest"):
        run(table, f"a.{ending}")
    assert not any(tmp_path.glob("w/*"))


def spoilt(table):
    n, ids = len(table), [None, *table["site_id"][1:]]
    yield "a.parquet", arrow(table, site_id=pa.array(ids)), "row 1 has no site_id"
    yield "b.parquet", arrow(table, site_id=pa.nulls(n)), "row 1 has no site_id"
    blank = table.assign(site_id=table["site_id"].where(table.index != 7))
    yield "a.csv", blank, "line 9 has no site_id, by which a record is known: fill"
    day = pa.array([datetime.datetime(2020, 1, 1)] * n)
    yield "c.parquet", arrow(table, site_id=day), "key column 'site_id' holds timestamp"
    big = pa.array(np.arange(n) + 2.0**53)
    yield "d.parquet", arrow(table, site_id=big), "'site_id' holds fractions .*2.53"
    lists = pa.array([[1.0, 2.0]] * n)
    yield "e.parquet", arrow(table, feature_1=lists), "'feature_1' holds no .*list<"
    pairs = pa.array([{"a": 1.0}] * n)
    yield "f.parquet", arrow(table, feature_1=pairs), "'feature_1' holds no .*struct<"
    yield (
        "g.parquet",
        arrow(table, feature_1=pa.array([True] * n)),
        "no numbers but boo",
    )
    yield "b.csv", table.assign(feature_1=True), "'feature_1' holds 'True', which is no"
    yield "h.parquet", arrow(table, feature_1=pa.nulls(n)), "not finite in 96 records"
    words = pa.array(["much"] * n)
    yield "i.parquet", arrow(table, feature_1=words), "'feature_1' holds 'much', which"
    text = table.to_csv(index=False)
    yield "c.csv", text.replace("\n", ",\n"), "column 5 has no name"
    yield "d.csv", text + text, "line 98 is the header again"
    yield "e.csv", text.replace("HRCE-1_1_B03", '"HRCE-1_1_B03'), "line 4 opens a quote"
    twice = table.rename(columns={"feature_1": "feature_0 "})
    yield "f.csv", twice, "two columns 'feature_0' .numbers 2 and 3 of line 1"
    yield "j.parquet", twice, "two columns 'feature_0' .numbers 2 and 3.: rename"


@pytest.mark.parametrize("number", range(16))
def test_what_is_refused_blocks_no_mended_table(run, table, expected, tmp_path, number):
    name, form, message = list(spoilt(table))[number]
    with pytest.raises(InputError, match=message) as told:
        run(form, name)
    assert "\n" not in str(told.value)
    assert not any(tmp_path.glob("w/*"))
    np.testing.assert_array_equal(run(table), expected)


def test_the_end_of_a_file(run, table, expected, tmp_path, capsys):
    """A last line without its end may be whole, and is told; a header has no rows."""
    text = table.to_csv(index=False)
    with pytest.raises(InputError, match="a.csv has a header and no rows"):
        run(text.splitlines()[0], "a.csv")
    assert not any(tmp_path.glob("w/*"))
    np.testing.assert_array_equal(run(text[:-1]), expected)
    assert "theirs.csv ends without a line break" in capsys.readouterr().out


def test_rows_without_a_key_may_be_left_out(run, table, expected, tmp_path):
    ids = pa.array([None, *table["site_id"][1:]])
    found = run(arrow(table, site_id=ids), "a.parquet", unmatched="skip")
    assert len(found) == len(expected) - 1


@pytest.mark.parametrize("error", [OSError("no space"), KeyError("x"), MemoryError()])
def test_what_was_broken_off_blocks_no_mended_table(
    run, table, expected, monkeypatch, error, capsys
):
    """A full disk, a fault of ours, a kill: parts and the note stay behind."""

    def fail(*_):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(store, "finish", fail)
        with pytest.raises(type(error)):
            run(table.assign(feature_0=0.5))
    np.testing.assert_array_equal(run(table), expected)
    assert "was not finished, and is made anew" in capsys.readouterr().out
