"""What a screen of one's own says of its records may change; its shards stay."""

import json
import pathlib

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gandl_jax import config
from gandl_jax.datasets import prepared
from gandl_jax.errors import InputError
from gandl_jax.jobs import prepare, prepare_description

RECORDS = 8


@pytest.fixture
def own(tmp_path):
    """A config of a screen: plates p1 to p4 of two batches, two drugs."""
    (tmp_path / "raw").mkdir()
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"site_id": [f"s{i}" for i in range(RECORDS)]})
    table["file"] = table["site_id"] + ".png"
    table["plate"] = [f"p{1 + i // 2}" for i in range(RECORDS)]
    table["batch"] = [f"b{1 + i // 4}" for i in range(RECORDS)]
    table["half"] = [f"h{i % 2}" for i in range(RECORDS)]
    table["drug"] = ["DMSO", "x"] * (RECORDS // 2)
    table.to_csv(tmp_path / "raw/metadata.csv", index=False)
    for i, name in enumerate(table["file"]):
        pixels = rng.integers(0, 20 * (i + 1), (16, 16), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "raw" / name)
    c = config.default()
    c.data.update(name="own", source_dir=str(tmp_path / "raw"), records_per_shard=3)
    c.data.dir = str(tmp_path / "out")
    c.screen.update(name="tiny", file="{file}", channels=("dna",))
    c.screen.columns.update(plate="plate", treatment="drug")
    return c


def stamps(c):
    files = pathlib.Path(c.data.dir).glob("tiny-train*")
    return {file.name: file.stat().st_mtime_ns for file in files}


def test_other_labels_keep_the_shards(own, capsys):
    prepare.run(own, "")
    first, before = prepared.open_prepared(own.data.dir), stamps(own)
    own.screen.update(response_0="drug=DMSO", more_columns=("half",))
    prepare.run(own, "")
    said = capsys.readouterr().out
    assert "labelled anew, for screen.more_columns, screen.response_0 changed" in said
    again = prepared.open_prepared(own.data.dir)
    assert stamps(own) == before and again.fingerprint == first.fingerprint
    dmso = again.table["Metadata_Half"] == "h0"
    assert (again.table["Metadata_Role"] == "response_0").equals(dmso)
    assert first.table["Metadata_Role"].unique().tolist() == ["treated"]
    plan = json.loads((pathlib.Path(own.data.dir) / "plan.json").read_text())
    assert plan == again.description["plan"]
    prepare.run(own, "")
    assert "labelled anew" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "columns", [{"plate": "batch"}, {"experiment": "batch"}, {"plate": ""}]
)
def test_plates_that_are_renamed_or_joined(own, columns, tmp_path):
    """The statistics are those of a screen that was prepared so at once."""
    prepare.run(own, "")
    before = own.screen.columns.plate
    own.screen.columns.update(columns)
    prepare.run(own, "")
    relabelled = prepared.open_prepared(own.data.dir)
    former = own.data.dir
    own.data.dir = str(tmp_path / "at_once")
    prepare.run(own, "")
    at_once = prepared.open_prepared(own.data.dir)
    plates = prepared.PLATES
    assert relabelled.description[plates] == at_once.description[plates]
    pd.testing.assert_frame_equal(relabelled.table, at_once.table)
    assert relabelled.fingerprint == at_once.fingerprint
    own.data.dir = former
    own.screen.columns.update(plate=before, experiment="")
    prepare.run(own, "")  # and back: the facts are as they were
    assert set(prepared.open_prepared(former).description[plates]) == {
        "p1",
        "p2",
        "p3",
        "p4",
    }


def test_plates_that_were_not_counted_are_refused(own):
    prepare.run(own, "")
    records = pathlib.Path(own.data.dir) / "records.parquet"
    before = records.read_bytes()
    own.screen.columns.plate = "half"
    with pytest.raises(InputError, match="columns.plate='plate'.*another data.dir"):
        prepare.run(own, "")
    assert records.read_bytes() == before
    next(pathlib.Path(own.data.dir).glob("tiny-train*")).unlink()
    with pytest.raises(InputError, match="columns.plate='plate'.*another data.dir"):
        prepare.run(own, "")
    assert (records.parent / "screen.json").exists()


@pytest.mark.parametrize("relabelled_first", [True, False])
def test_a_lost_shard_of_other_plates_is_mended(own, relabelled_first, tmp_path):
    """Its pixels are counted by the columns of its neighbours, then joined."""
    prepare.run(own, "")
    folder = pathlib.Path(own.data.dir)
    own.screen.columns.plate = "batch"
    if relabelled_first:
        prepare.run(own, "")
    next(folder.glob("tiny-train*")).unlink()
    prepare.run(own, "")
    mended = prepared.open_prepared(own.data.dir)
    own.data.dir = str(tmp_path / "at_once")
    prepare.run(own, "")
    at_once = prepared.open_prepared(own.data.dir)
    for key in (prepared.PLATES, prepared.MANIFEST, "statistics"):
        assert mended.description[key] == at_once.description[key]
    own.data.dir = str(folder)
    own.screen.columns.plate = "plate"
    prepare.run(own, "")  # and back
    plates = prepared.open_prepared(own.data.dir).description[prepared.PLATES]
    assert set(plates) == {"p1", "p2", "p3", "p4"}


def test_killed_while_labelled_anew_and_back(own, monkeypatch):
    """The table of the other labels does not stay."""
    prepare.run(own, "")
    records = pathlib.Path(own.data.dir) / "records.parquet"
    before = records.read_bytes()

    def killed(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(prepare_description, "_write_illumination", killed)
    own.screen.columns.plate = "batch"
    with pytest.raises(KeyboardInterrupt):
        prepare.run(own, "")
    assert records.read_bytes() != before
    monkeypatch.undo()
    own.screen.columns.plate = "plate"
    prepare.run(own, "")
    assert records.read_bytes() == before


def test_other_images_are_another_screen(own):
    prepare.run(own, "")
    own.screen.key = ("site_id", "plate")
    with pytest.raises(InputError, match="screen.key was"):
        prepare.run(own, "")


def test_labels_need_the_raw_screen(own):
    prepare.run(own, "")
    own.data.source_dir = ""
    prepare.run(own, "")
    own.screen.response_0 = "drug=DMSO"
    with pytest.raises(InputError, match="set config.data.source_dir"):
        prepare.run(own, "")


def test_a_constant_channel_is_told(own, capsys):
    for file in pathlib.Path(own.data.source_dir).glob("*.png"):
        Image.new("L", (16, 16), 7).save(file)
    prepare.run(own, "")
    assert "note: channel 'dna' is constant, 7 in" in capsys.readouterr().out


def test_a_split_that_no_record_has_is_refused_first(own):
    own.evaluate.splits = ("plate", "donor")
    with pytest.raises(InputError, match="config.evaluate.splits names 'donor'"):
        prepare.run(own, "")
    assert not pathlib.Path(own.data.dir).exists()
    own.evaluate.splits = ("record", "well", "row", "half", "given", "plate:p1+p2")
    own.screen.more_columns = ("half",)
    prepare.run(own, "")


def test_a_table_with_semicolons_is_told(own):
    path = pathlib.Path(own.data.source_dir) / "metadata.csv"
    path.write_text(path.read_text().replace(",", ";"))
    with pytest.raises(InputError, match="metadata.csv looks separated by ';'"):
        prepare.run(own, "")
