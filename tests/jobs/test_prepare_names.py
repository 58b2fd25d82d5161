"""Names as people type them, from the raw screen to the prepared one."""

import json
import pathlib
import unicodedata
import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gandl_jax import config, names
from gandl_jax.errors import InputError
from gandl_jax.jobs import prepare
from gandl_jax.jobs.verify import job as verify_job
from gandl_jax.prepared import prepared, records
from gandl_jax.reading import labelling

PLATES = "Überprüfung", "P2"
WELLS = "B02", "B03", "B04"


def nfd(path):
    return unicodedata.normalize("NFD", path)


def level(plate, well):
    """The grey level that a well's image has, whatever its file is called."""
    return 10 * (1 + PLATES.index(plate)) + WELLS.index(well)


def table():
    rows = [
        (plate, well, drug, dose)
        for plate in PLATES
        for well, drug, dose in zip(
            WELLS, ("DMSO", "Taxol", "x"), ("", "1", "0.1"), strict=True
        )
    ]
    made = pd.DataFrame(rows, columns=["plate", "well", "drug", "dose"], dtype=str)
    made.insert(0, "site_id", made["plate"] + "_" + made["well"])
    return made


@pytest.fixture
def screen(tmp_path):
    """Function that writes a screen of a table and of files' names; its config."""

    def write(rows=None, name=lambda path: path, archive=False):
        raw = tmp_path / "raw"
        raw.mkdir()
        (table() if rows is None else rows).to_csv(raw / "metadata.csv", index=False)
        for plate in PLATES:
            for well in WELLS:
                file = raw / name(f"{plate}/{well}_0.1uM.png")
                file.parent.mkdir(parents=True, exist_ok=True)
                pixels = np.full((8, 8), level(plate, well), np.uint8)
                pixels[0] = 0  # none is constant
                Image.fromarray(pixels).save(file)
        if archive:
            with zipfile.ZipFile(raw / "images.zip", "w") as packed:
                for file in raw.rglob("*.png"):
                    packed.write(file, file.relative_to(raw))
                    file.unlink()
        c = config.default()
        c.data.update(name="own", source_dir=str(raw), dir=str(tmp_path / "out"))
        c.data.records_per_shard = 4
        c.screen.update(name="tiny", channels=("dna",), file="{plate}/{well}_0.1uM.png")
        c.screen.columns.update(plate="plate", well="well", treatment="drug")
        c.screen.columns.concentration_um = "dose"
        c.screen.update(response_0="drug=DMSO", response_1="drug=Taxol; dose=1.0")
        return c

    return write


def levels(c):
    """(plate, well) to the grey level that is stored for it."""
    opened = prepared.open_prepared(c.data.dir)
    found = {}
    for i, row in opened.table.iterrows():
        path = pathlib.Path(c.data.dir) / opened.files[opened.shard[i]]
        example = records.read_at(str(path), opened.offset[i], opened.length[i])
        pixels = np.asarray(records.planes(opened, opened.channels, example))
        found[row["Metadata_Plate"], row["Metadata_Well"]] = int(pixels.max())
    return found


WANTED = {(plate, well): level(plate, well) for plate in PLATES for well in WELLS}


@pytest.mark.parametrize(
    ("name", "archive"),
    [
        (nfd, False),
        (nfd, True),
        (lambda path: nfd(path) if "B02" in path else path, False),  # of a folder
        (lambda path: path.replace("/", " /"), True),
        (lambda path: path.replace("P2", "P2\u00a0").replace("B0", "b"), False),
    ],
)
def test_each_record_gets_its_own_image(screen, name, archive):
    c = screen(name=name, archive=archive)
    prepare.run(c, "")
    assert levels(c) == WANTED
    verify_job.run(c, c.data.dir + "-work")


@pytest.mark.parametrize("column", ["plate", "drug", "site_id"])
def test_blanks_in_the_table(screen, column, capsys):
    rows = table()
    rows.loc[::2, column] += " "
    c = screen(rows)
    prepare.run(c, "")
    assert levels(c) == WANTED
    found = prepared.open_prepared(c.data.dir)
    assert set(found.description[prepared.PLATES]) == set(PLATES)
    assert found.table["Metadata_Role"].value_counts().tolist() == [2, 2, 2]
    assert set(found.table["Metadata_Record_ID"]) == set(table()["site_id"])
    assert f"note: 3 cells of the column {column} have" in capsys.readouterr().out
    verify_job.run(c, c.data.dir + "-work")


def test_another_doses_image_is_not_taken(screen):
    c = screen(name=lambda path: path.replace("B04_0.1", "B04_0.01"))
    with pytest.raises(InputError, match="2 of 6 images are missing.*B04_0.1uM.png"):
        prepare.run(c, "")
    assert not pathlib.Path(c.data.dir).exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"response_0": "drug=DSMO"}, "drug is never 'DSMO', but 'DMSO', "),
        ({"response_1": "drug=Taxol; dose=2"}, "dose is never '2', but '1', "),
        ({"response_1": "drug=Taxol; dose=0.1"}, "'0.1' where drug=Taxol, but '1';"),
        ({"treated": "drug=y"}, "screen.treated='drug=y' matches no record"),
        ({"response_1": "drug=Taxol|DMSO"}, "2 records are both controls"),
    ],
)
def test_refused_filters_leave_nothing(screen, changes, message):
    c = screen()
    c.screen.update(changes)
    before = sorted(pathlib.Path(c.data.dir).parent.rglob("*"))
    with pytest.raises(InputError, match=message) as caught:
        prepare.run(c, "")
    assert "\n" not in str(caught.value)
    assert sorted(pathlib.Path(c.data.dir).parent.rglob("*")) == before


def test_a_control_whose_images_are_all_missing_is_told(screen, capsys):
    c = screen(name=lambda path: path.replace("B02", "none"))
    c.data.missing = "skip"
    prepare.run(c, "")
    assert (
        "note: all 2 records of the control response_0 lack" in capsys.readouterr().out
    )


def statistics_of_plates(c):
    c.data.scaling = "plate"
    opened = labelling.label(c, prepared.open_prepared(c.data.dir))
    return opened.description[prepared.PLATES]


def test_a_folder_that_a_former_version_prepared(screen, monkeypatch, tmp_path):
    """Its plan fits, and its plates are those of the clean table."""
    rows = table()
    rows.loc[rows["plate"] == "P2", "plate"] = ["P2 ", "P2", "P2 "]
    c = screen(rows)
    with monkeypatch.context() as patch:
        patch.setattr(names, "cleaned", lambda column: column)
        prepare.run(c, "")
    former = prepared.open_prepared(c.data.dir).description
    assert set(former[prepared.PLATES]) == {*PLATES, "P2 "}
    prepare.run(c, "")  # finds nothing to do
    again = statistics_of_plates(c)
    c.data.dir = str(tmp_path / "at_once")
    prepare.run(c, "")
    assert again == statistics_of_plates(c)
    assert set(again) == set(PLATES)


def test_the_plan_of_a_clean_table_is_as_ever(screen):
    """The digest is of the cells as they stand, whatever is read into them."""
    c = screen()
    prepare.run(c, "")
    plan = json.loads((pathlib.Path(c.data.dir) / "plan.json").read_text())
    assert plan["metadata_sha256"] == DIGEST


# What the code wrote before names were cleaned.
DIGEST = "f4c8adccf2bd95dfa0ce691658f8e1abb6d827bb1c2959911bb4fb74e01b6d22"
