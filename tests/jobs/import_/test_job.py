"""Tables of others become feature sets: what is stored, and what is refused."""

import importlib
import json

import numpy as np
import pandas as pd
import pytest

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.profiles import store
from gandl_jax.profiles.aligned import AlignedSets

job = importlib.import_module("gandl_jax.jobs.import_.job")

WELLS = [f"{row}{column:02d}" for row in "BC" for column in range(2, 8)]


def screen_table():
    """RxRx19a's metadata.csv: two plates of 12 wells with two sites."""
    rows = []
    for plate in ("1", "2"):
        for i, well in enumerate(WELLS):
            condition = "Mock" if i < 4 else "Active SARS-CoV-2"
            treatment = "" if i < 8 else "a drug"
            rows += [
                {
                    "site_id": f"HRCE-1_{plate}_{well}_{site}",
                    "well_id": f"HRCE-1_{plate}_{well}",
                    "cell_type": "HRCE",
                    "experiment": "HRCE-1",
                    "plate": plate,
                    "well": well,
                    "site": str(site),
                    "disease_condition": condition,
                    "treatment": treatment,
                    "treatment_conc": "0.1" if treatment else "",
                    "SMILES": "",
                }
                for site in (1, 2)
            ]
    return pd.DataFrame(rows)


@pytest.fixture
def screen(tmp_path):
    folder = tmp_path / "screen"
    folder.mkdir()
    table = screen_table()
    table.to_csv(folder / "metadata.csv", index=False)
    return table


@pytest.fixture
def config(screen, tmp_path):
    made = configs.default()
    made.data.update(
        name="rxrx19a", source_dir=str(tmp_path / "screen"), dir=str(tmp_path / "no")
    )
    made.imported.file = str(tmp_path / "theirs.csv")
    return made


def features_of(keys, width=5, seed=0):
    values = np.random.default_rng(seed).normal(size=(len(keys), width))
    titles = [f"feature_{i}" for i in range(width)]
    return pd.DataFrame(values.astype(np.float32), columns=titles)


def theirs(screen, *keys, shuffle=True):
    """Keys and features, one row for each different key, in another order."""
    table = screen[list(keys)].drop_duplicates().reset_index(drop=True)
    table = pd.concat([table, features_of(table)], axis=1)
    return table.sample(frac=1, random_state=1) if shuffle else table


def stored(workdir, name="theirs"):
    return store.read(workdir / "profiles/rxrx19a" / name)[name]


def check(one, table, key):
    """The features of each record are those of its row in the table."""
    expected = table.set_index(key).filter(like="feature_")
    found = one.metadata["Metadata_Record_ID"].str.replace("/", "_")
    np.testing.assert_allclose(one.features, expected.loc[found], rtol=1e-6)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_table_by_site(config, screen, tmp_path, monkeypatch, form):
    monkeypatch.setattr(job, "PART_ROWS", 7)
    table = theirs(screen, "site_id")
    path = tmp_path / f"theirs.{form}"
    table.to_csv(path, index=False) if form == "csv" else table.to_parquet(path)
    config.imported.file = str(path)
    job.run(config, tmp_path / "w")
    one = stored(tmp_path / "w")
    check(one, table, "site_id")
    assert one.metadata["Metadata_Record_ID"].tolist() == table["site_id"].tolist()
    roles = one.metadata.set_index("Metadata_Site_ID")["Metadata_Role"]
    assert roles["HRCE-1_1_B02_1"] == "response_1"
    assert roles["HRCE-1_2_C05_2"] == "treated"
    directory = tmp_path / "w/profiles/rxrx19a/theirs"
    parts = json.loads((directory / "_SUCCESS").read_text())["parts"]
    assert [part["records"] for part in parts.values()] == [7] * 6 + [6]
    note = store.made_from(directory)
    assert (note["level"], note["saw_images"]) == ("site", None)
    assert note["file"] == str(path)


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        (("well_id",), ()),
        (("experiment", "plate", "well"), ()),
        (("plate", "well"), ("plate", "well")),
    ],
)
def test_a_table_by_well(config, screen, tmp_path, keys, wanted):
    table = theirs(screen, *keys)
    if "well" in keys:  # another notation of the same wells
        table["well"] = table["well"].str.replace("0", "").str.lower()
    table.to_csv(tmp_path / "theirs.csv", index=False)
    config.imported.key = wanted
    job.run(config, tmp_path / "w")
    one = stored(tmp_path / "w")
    assert len(one.metadata) == 24 and "Metadata_Site" not in one.metadata
    plate = table.get("plate", pd.Series(dtype=str)).astype(str)
    if "well" in keys:
        wells = table["well"].str.upper().str.replace(r"([BC])", r"\g<1>0", regex=True)
        table["well_id"] = "HRCE-1_" + plate + "_" + wells
    check(one, table, "well_id")
    assert store.made_from(tmp_path / "w/profiles/rxrx19a/theirs")["level"] == "well"
    sets = AlignedSets([tmp_path / "w/profiles/rxrx19a/theirs"], "b8")
    assert sets.by_well


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_keys_as_other_programs_write_them(config, screen, tmp_path, form):
    """Blanks at the ends, and whole numbers that were fractions: 1.0 is plate 1."""
    table = theirs(screen, "plate", "well", "site", "site_id")
    wanted = table.pop("site_id")
    written = table.assign(
        plate=table["plate"].astype(float),
        site=table["site"] + ".0",
        well="\ufeff" + table["well"] + "\u00a0",
    )
    path = tmp_path / f"theirs.{form}"
    written.to_csv(path, index=False) if form == "csv" else written.to_parquet(path)
    config.imported.update(file=str(path), key=("plate", "well", "site"))
    job.run(config, tmp_path / "w")
    check(stored(tmp_path / "w"), table.assign(site_id=wanted), "site_id")


def test_columns_that_are_no_features(config, screen, tmp_path):
    table = theirs(screen, "site_id", "cell_type", "plate", "treatment")
    table["Metadata_Note"] = "x"
    table.to_csv(tmp_path / "theirs.csv")  # with pandas' index, a column of no name
    job.run(config, tmp_path / "w")
    assert stored(tmp_path / "w").features.shape == (48, 5)


def test_a_key_of_ones_own(config, screen, tmp_path):
    table = theirs(screen, "plate", "well", "site")
    table.to_csv(tmp_path / "theirs.csv", index=False)
    config.imported.update(key=("plate", "well", "site"), name="other")
    job.run(config, tmp_path / "w")
    one = stored(tmp_path / "w", "other")
    keys = [table[c].astype(str) for c in ("plate", "well", "site")]
    table["site_id"] = "HRCE-1_" + keys[0] + "_" + keys[1] + "_" + keys[2]
    check(one, table, "site_id")


def test_run_again_it_finishes_and_repeats_nothing(
    config, screen, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(job, "PART_ROWS", 10)
    table = theirs(screen, "site_id")
    table.to_csv(tmp_path / "theirs.csv", index=False)
    write, written = store.write_part, []

    def killed_at_the_third(path, metadata, sets):
        written.append(path.name)
        if len(written) == 3:
            raise KeyboardInterrupt
        write(path, metadata, sets)

    monkeypatch.setattr(store, "write_part", killed_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        job.run(config, tmp_path / "w")
    assert not store.is_complete(tmp_path / "w/profiles/rxrx19a/theirs")
    job.run(config, tmp_path / "w")
    assert written[3:] == [f"part-{i:05d}.parquet" for i in (2, 3, 4)]
    check(stored(tmp_path / "w"), table, "site_id")
    job.run(config, tmp_path / "w")
    assert len(written) == 6
    assert "theirs is complete: nothing to do" in capsys.readouterr().out
    table.to_csv(tmp_path / "theirs.csv", index=False, float_format="%.2f")
    with pytest.raises(InputError, match="made from other bytes.*: delete that folder"):
        job.run(config, tmp_path / "w")
    check(stored(tmp_path / "w"), table, "site_id")


def test_rows_and_records_that_do_not_meet(config, screen, tmp_path, capsys):
    table = theirs(screen, "site_id")
    table.loc[table.index[:3], "site_id"] = ["x", "y", "z"]
    table.iloc[:40].to_csv(tmp_path / "theirs.csv", index=False)
    message = (
        "40 rows and the screen 48 sites; 37 meet, 3 rows .such as 'x'. and 11 sites "
        "do not; --config.imported.unmatched=skip"
    )
    with pytest.raises(InputError, match=message):
        job.run(config, tmp_path / "w")
    assert not any(tmp_path.glob("w/*"))
    config.imported.unmatched = "skip"
    job.run(config, tmp_path / "w")
    assert "37 meet" in capsys.readouterr().out
    one = stored(tmp_path / "w")
    assert len(one.metadata) == 37
    check(one, table, "site_id")
    table["site_id"] += "!"
    table.to_csv(tmp_path / "other.csv", index=False)
    config.imported.file = str(tmp_path / "other.csv")
    with pytest.raises(InputError, match="0 meet.*: is it of another screen"):
        job.run(config, tmp_path / "w")


BAD = {
    "twice": (lambda t: pd.concat([t, t[:2]]), "2 keys .site_id. have more than one"),
    "words": (lambda t: t.assign(feature_3="x"), "'feature_3' holds 'x', which is no"),
    "hole": (
        lambda t: t.assign(feature_3=t["feature_3"].where(t.index != 5)),
        "column 'feature_3' is not finite in 1 records, the first 'HRCE-1_1_B04_2'",
    ),
    "nothing": (lambda t: t[["site_id"]], "has no feature columns"),
    "no-rows": (lambda t: t[:0], "has a header and no rows"),
    "no-key": (lambda t: t.drop(columns="site_id"), "no column that names a site or"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_tables_leave_nothing_behind(config, screen, tmp_path, name):
    change, message = BAD[name]
    table = change(theirs(screen, "site_id", shuffle=False))
    path = tmp_path / f"{name}.csv"
    table.to_csv(path, index=False)
    config.imported.file = str(path)
    with pytest.raises(InputError, match=message):
        job.run(config, tmp_path / "w")
    assert not any(tmp_path.glob("w/*"))


def test_keys_that_name_neither_records_nor_wells(config, screen, tmp_path):
    theirs(screen, "plate").to_csv(tmp_path / "theirs.csv", index=False)
    config.imported.key = ("plate",)
    message = "names neither single records nor wells of the screen: 2 values for 48"
    with pytest.raises(InputError, match=message):
        job.run(config, tmp_path / "w")
    config.imported.key = ("plaet",)
    with pytest.raises(InputError, match="'plaet', which is not in .*'plate'"):
        job.run(config, tmp_path / "w")


@pytest.mark.parametrize(
    "name", ["intensity", "classical", "plate", "gan@5", "a/b", "a__b", "a_"]
)
def test_names_that_other_sets_have(config, screen, tmp_path, name):
    theirs(screen, "site_id").to_csv(tmp_path / "theirs.csv", index=False)
    config.imported.name = name
    with pytest.raises(InputError, match="cannot be called .*config.imported.name"):
        job.run(config, tmp_path / "w")


def test_another_encoder_of_that_name_is_left_alone(config, screen, tmp_path):
    theirs(screen, "site_id").to_csv(tmp_path / "theirs.csv", index=False)
    store.claim(tmp_path / "w/profiles/rxrx19a/theirs", {"saw_images": True})
    with pytest.raises(InputError, match="holds an encoder that is no imported table"):
        job.run(config, tmp_path / "w")
    assert (tmp_path / "w/profiles/rxrx19a/theirs").is_dir()


def test_without_a_screen_or_a_file(config, screen, tmp_path):
    theirs(screen, "site_id").to_csv(tmp_path / "theirs.csv", index=False)
    config.data.source_dir = str(tmp_path / "gone")
    with pytest.raises(
        InputError, match="neither the screen .*gone.* nor the prepared"
    ):
        job.run(config, tmp_path / "w")
    config.imported.file = ""
    with pytest.raises(InputError, match="config.imported.file is not set"):
        job.run(config, tmp_path / "w")


def test_beside_a_prepared_screen_without_the_raw_one(run, smoke_screen, tmp_path):
    """Prepares the simulated screen; the table is then matched by the prepared one."""
    assert run(tmp_path / "a", "--job=prepare") == 0
    raw = pd.read_csv(smoke_screen.source / "metadata.csv", dtype=str)
    table = pd.concat([raw[["site_id"]], features_of(raw)], axis=1)
    by_well = raw[["well_id"]].drop_duplicates().reset_index(drop=True)
    by_well = pd.concat([by_well, features_of(by_well)], axis=1)
    for name, one in (("sites", table), ("wells", by_well)):
        one.to_csv(tmp_path / f"{name}.csv", index=False)
        gone = f"--config.data.source_dir={tmp_path / 'gone'}"
        file = f"--config.imported.file={tmp_path / name}.csv"
        assert run(tmp_path / "w", "--job=import", gone, file) == 0
    one = store.read(tmp_path / "w/profiles/simulated/sites")["sites"]
    check(one, table, "site_id")
    assert set(one.metadata["Metadata_Role"]) >= {"response_0", "treated"}
    one = store.read(tmp_path / "w/profiles/simulated/wells")["wells"]
    by_well["site_id"] = raw["site_id"]  # there is one site in each well
    check(one, by_well, "site_id")


def test_a_folder_that_a_killed_run_left_empty_is_no_clash(config, screen, tmp_path):
    table = theirs(screen, "site_id")
    table.to_csv(tmp_path / "theirs.csv", index=False)
    (tmp_path / "w/profiles/rxrx19a/theirs").mkdir(parents=True)
    job.run(config, tmp_path / "w")
    check(stored(tmp_path / "w"), table, "site_id")
