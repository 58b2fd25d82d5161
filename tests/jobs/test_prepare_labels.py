"""What a screen of one's own says of its records may change; its shards stay."""

import copy
import hashlib
import json
import pathlib
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gandl_jax import config
from gandl_jax.errors import InputError
from gandl_jax.jobs import prepare
from gandl_jax.jobs.verify import job as verify
from gandl_jax.judging import task_results
from gandl_jax.prepared import prepared
from gandl_jax.reading import classes, labelling, levels
from gandl_jax.training import opening

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


def contents(folder):
    files = [path for path in pathlib.Path(folder).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def labelled(c):
    return labelling.label(c, prepared.open_prepared(c.data.dir))


def test_other_labels_change_nothing_that_is_prepared(own, capsys):
    prepare.run(own, "")
    first, before = labelled(own), contents(own.data.dir)
    own.screen.update(response_0="drug=DMSO", more_columns=("half",))
    prepare.run(own, "")
    assert "already prepared" in capsys.readouterr().out
    assert contents(own.data.dir) == before
    again = labelled(own)
    assert again.fingerprint == first.fingerprint
    dmso = again.table["Metadata_Half"] == "h0"
    assert (again.table["Metadata_Role"] == "response_0").equals(dmso)
    assert first.table["Metadata_Role"].unique().tolist() == ["treated"]


@pytest.mark.parametrize(
    "columns", [{"plate": "batch"}, {"experiment": "batch"}, {"plate": ""}]
)
def test_plates_that_are_renamed_or_joined(own, columns, tmp_path):
    """Levels and illumination are those of a screen that was prepared so at once."""
    own.data.scaling = "plate" if columns.get("plate", "p") else "dataset"
    own.data.illumination = "plate"
    prepare.run(own, "")
    own.screen.columns.update(columns)
    mine = labelled(own)
    own.data.dir = str(tmp_path / "at_once")
    prepare.run(own, "")
    at_once = labelled(own)
    assert at_once.fields is None
    pd.testing.assert_frame_equal(mine.table, at_once.table)
    assert mine.fingerprint == at_once.fingerprint
    for one in (mine, at_once):
        one.__dict__["check_illumination"] = lambda correction: None  # few sites
    mine_levels, wanted = (
        levels.grey_levels(one, ("dna",), own.data.scaling, "plate")
        for one in (mine, at_once)
    )
    np.testing.assert_array_equal(mine_levels.ranges, wanted.ranges)
    np.testing.assert_array_equal(
        mine_levels.fields[mine_levels.plate], wanted.fields[wanted.plate]
    )


def test_plates_that_were_not_counted_are_refused(own):
    """Where grey levels are taken plate by plate; nothing is changed by it."""
    prepare.run(own, "")
    before = contents(own.data.dir)
    own.screen.columns.plate = "half"
    assert set(labelled(own).table["Metadata_Plate"]) == {"h0", "h1"}
    own.data.scaling = "plate"
    told = "columns.plate='plate'.*another data.dir"
    with pytest.raises(InputError, match=told):
        labelled(own)
    with pytest.raises(InputError, match=told):
        prepare.run(own, "")
    assert contents(own.data.dir) == before


def test_plates_that_are_joined_need_the_facts(own):
    prepare.run(own, "")
    shutil.rmtree(pathlib.Path(own.data.dir) / "facts")
    own.screen.columns.plate = "batch"
    own.data.scaling = "plate"
    with pytest.raises(InputError, match="facts/00000.npz is gone.*copy the folder"):
        labelled(own)
    own.data.scaling = "dataset"
    assert set(labelled(own).table["Metadata_Plate"]) == {"b1", "b2"}


def test_a_lost_shard_is_mended_by_another_experiment(own, tmp_path):
    """Its pixels are counted by the columns of its neighbours."""
    prepare.run(own, "")
    folder = pathlib.Path(own.data.dir)
    wanted = prepared.read_description(folder)
    own.screen.columns.plate = "half"
    next(folder.glob("tiny-train*")).unlink()
    prepare.run(own, "")
    mended = prepared.read_description(folder)
    assert mended[prepared.PLATES].keys() == {"p1", "p2", "p3", "p4"}
    for key in (prepared.PLATES, prepared.SOURCE_TABLE, "statistics"):
        assert mended[key] == wanted[key]
    own.screen.columns.plate, own.data.scaling = "plate", "plate"
    plates = labelled(own).table["Metadata_Plate"]
    assert set(plates) == {"p1", "p2", "p3", "p4"}


def results_of(c):
    """All that an experiment sees of a screen, but the images."""
    mine, _ = opening.open_dataset(c)
    found = levels.grey_levels(mine, ("dna",), c.data.scaling, "none").ranges
    codes = classes.read(mine.table, c.data.label).codes
    judged = task_results.records("evaluate", c, "tiny")
    pd.testing.assert_frame_equal(mine.table, judged)
    return [mine.table.to_dict("list"), found.tolist(), codes.tolist()]


def test_experiments_of_one_screen_never_meet(own, tmp_path):
    """In any order, each gets what it gets of a preparation of its own."""
    changes = [
        {"screen.response_0": "drug=DMSO"},
        {"screen.response_1": "drug=x", "screen.columns.plate": "batch"},
        {"screen.columns.treatment": "half", "screen.more_columns": "batch"},
        {"screen.columns.plate": "", "screen.columns.condition": "drug"},
    ]
    labels = ["treatment", "plate", "batch", "condition"]
    own.data.crop_px = 16
    configs, alone = [], []
    for i, (change, name) in enumerate(zip(changes, labels, strict=True)):
        c = copy.deepcopy(own)
        config.override(c, change)
        c.data.label = name
        c.data.scaling = "plate" if c.screen.columns.plate else "dataset"
        c.data.dir = str(tmp_path / f"alone{i}")
        prepare.run(c, "")
        alone.append(results_of(c))
        c.data.dir = own.data.dir
        configs.append(c)
    prepare.run(own, "")
    order = np.random.default_rng(0).integers(0, len(configs), 24)
    for step, i in enumerate(order):
        if step % 3 == 0:
            prepare.run(configs[order[-step]], "")
        assert results_of(configs[i]) == alone[i]


def of_a_former_version(c):
    """Makes of a folder what the version before wrote, in which labels were one's."""
    folder = pathlib.Path(c.data.dir)
    (folder / "source_table.parquet").unlink()
    records = pd.read_parquet(folder / "records.parquet").drop(columns="digest")
    records.to_parquet(folder / "records.parquet")
    for name in ("screen.json", "plan.json"):
        content = json.loads((folder / name).read_text())
        content.pop("sha256")
        content.pop("source_table.parquet", None)
        if "manifest" in content:
            files = content["manifest"]["files"]
            for more in ("dataset_info.json", "features.json"):
                del files[more]
            data = (folder / "records.parquet").read_bytes()
            digest = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            files["records.parquet"].update(digest)
        (folder / name).write_text(json.dumps(content, indent=2))
    for path in (folder / "facts").iterdir():
        kept = dict(np.load(path))
        for key in ("seal", "number", "digests"):
            del kept[key]
        np.savez_compressed(path, **kept)


def test_a_former_folder_is_read_and_gets_its_table(own, capsys):
    prepare.run(own, "")
    wanted = labelled(own).table
    of_a_former_version(own)
    pd.testing.assert_frame_equal(labelled(own).table, wanted)
    other = copy.deepcopy(own)
    other.screen.response_0 = "drug=DMSO"
    told = "screen.response_0 are asked for now: run --job=prepare.*adds its table"
    with pytest.raises(InputError, match=told):
        labelled(other)
    with pytest.raises(InputError, match=told):
        task_results.records("evaluate", other, "tiny")
    before = stamps(own)
    prepare.run(other, "")
    assert "source_table.parquet added" in capsys.readouterr().out
    assert stamps(own) == before
    pd.testing.assert_frame_equal(labelled(own).table, wanted)
    assert set(labelled(other).table["Metadata_Role"]) == {"response_0", "treated"}
    prepare.run(own, "")
    assert "added" not in capsys.readouterr().out


@pytest.mark.parametrize("with_facts", [True, False])
def test_a_former_folder_that_was_labelled_by_other_plates(own, with_facts, tmp_path):
    """Its statistics are those of the last experiment's plates."""
    own.screen.columns.plate = "batch"
    prepare.run(own, "")
    wanted = prepared.read_description(own.data.dir)[prepared.PLATES]
    folder = pathlib.Path(own.data.dir)
    if with_facts:
        fine = copy.deepcopy(own)
        fine.screen.columns.plate = "plate"
        fine.data.dir = str(tmp_path / "fine")
        prepare.run(fine, "")
        shutil.rmtree(folder / "facts")
        shutil.copytree(tmp_path / "fine/facts", folder / "facts")
    of_a_former_version(own)
    if not with_facts:
        shutil.rmtree(folder / "facts")
    for name in ("screen.json", "plan.json"):
        content = json.loads((folder / name).read_text())
        content.get("plan", content)["plates_counted_by"] = ["plate", ""]
        (folder / name).write_text(json.dumps(content))
    before = stamps(own)
    own.data.scaling = "plate"
    prepare.run(own, "")
    assert stamps(own) == before
    assert labelled(own).description[prepared.PLATES] == wanted


def test_killed_while_the_table_is_added(own, monkeypatch):
    prepare.run(own, "")
    of_a_former_version(own)
    before = contents(own.data.dir)

    def killed(*args):
        raise KeyboardInterrupt

    for write in ("_write_source", "sealed_json.write"):
        monkeypatch.setattr(f"gandl_jax.prepared.write_description.{write}", killed)
        with pytest.raises(KeyboardInterrupt):
            prepare.run(own, "")
        monkeypatch.undo()
        now = contents(own.data.dir)
        assert {k: now[k] for k in before} == before
        labelled(own)
    prepare.run(own, "")
    assert (pathlib.Path(own.data.dir) / "source_table.parquet").exists()


def test_other_images_are_another_screen(own):
    prepare.run(own, "")
    own.screen.key = ("site_id", "plate")
    with pytest.raises(InputError, match="screen.key was"):
        prepare.run(own, "")


def test_labels_do_not_need_the_raw_screen(own):
    prepare.run(own, "")
    own.data.source_dir = ""
    own.screen.response_0 = "drug=DMSO"
    prepare.run(own, "")
    assert set(labelled(own).table["Metadata_Role"]) == {"response_0", "treated"}
    own.screen.more_columns = ("donor",)
    with pytest.raises(InputError, match="source_table.parquet lacks the column donor"):
        labelled(own)


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


def change(c, edit):
    """Edits the raw screen's table."""
    path = pathlib.Path(c.data.source_dir) / "metadata.csv"
    edit(pd.read_csv(path, dtype=str, keep_default_na=False)).to_csv(path, index=False)


def test_columns_of_the_table_may_come_change_and_go(own, capsys):
    """Rows may be sorted otherwise too; what was prepared and trained on stays."""
    prepare.run(own, "")
    first, before = labelled(own), contents(own.data.dir)

    def edit(table):
        donor = "donor of " + table["site_id"]
        drug = table["drug"].replace("x", "y")
        return table.assign(donor=donor, drug=drug).drop(columns="half").iloc[::-1]

    change(own, edit)
    own.screen.update(more_columns=("donor",))
    prepare.run(own, "")
    assert "columns of the table have changed" in capsys.readouterr().out
    now, after = labelled(own), contents(own.data.dir)
    assert now.fingerprint == first.fingerprint
    assert now.metadata_sha256 == first.metadata_sha256
    ids = first.table["Metadata_Site_ID"]
    assert (now.table["Metadata_Site_ID"] == ids).all()
    assert (now.table["Metadata_Donor"] == "donor of " + ids).all()
    assert set(now.table["Metadata_Treatment"]) == {"DMSO", "y"}
    assert {k for k in after if before.get(k) != after[k]} == {
        "plan.json", "screen.json", "changed_table.parquet",
    }  # fmt: skip
    prepare.run(own, "")
    assert "already prepared" in capsys.readouterr().out
    assert contents(own.data.dir) == after
    verify.run(own, own.data.dir + "_workdir")


def test_a_lost_shard_is_mended_from_the_table_it_was_written_from(own, tmp_path):
    prepare.run(own, "")
    before = contents(own.data.dir)
    change(own, lambda table: table.assign(donor="d", drug="z"))
    own.screen.update(more_columns=("donor",))
    prepare.run(own, "")
    (tmp_path / "out/tiny-train.tfrecord-00001-of-00003").unlink()
    prepare.run(own, "")
    after = contents(own.data.dir)
    assert all(after[k] == before[k] for k in before if "tfrecord" in k)
    assert after["features.json"] == before["features.json"]
    assert set(labelled(own).table["Metadata_Donor"]) == {"d"}
    change(own, lambda table: table.drop(columns="donor"))
    own.screen.update(more_columns=())
    prepare.run(own, "")
    assert set(labelled(own).table["Metadata_Treatment"]) == {"z"}


def test_a_table_that_is_the_former_one_again_leaves_no_trace(own):
    prepare.run(own, "")
    before = contents(own.data.dir)
    change(own, lambda table: table.assign(donor="d"))
    prepare.run(own, "")
    change(own, lambda table: table.drop(columns="donor"))
    prepare.run(own, "")
    after = contents(own.data.dir)
    was, now = (json.loads(some.pop("screen.json")) for some in (before, after))
    assert after == before and now == was


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda t: t.iloc[1:], "0 of its records are new, 1 are gone, such as 's0'"),
        (lambda t: t.assign(file=t["file"].iloc[::-1].to_numpy()), "column 'file'"),
        (
            lambda t: t.assign(plate="p1"),
            "6 cells of the column 'plate'.* for 'p2'",
        ),
    ],
)
def test_what_names_records_images_and_plates_may_not_change(own, edit, message):
    prepare.run(own, "")
    before = contents(own.data.dir)
    change(own, edit)
    with pytest.raises(InputError, match=f"from another table: .*{message}"):
        prepare.run(own, "")
    assert contents(own.data.dir) == before
