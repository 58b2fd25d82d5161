"""The job `verify`: every kind of damage is found and named, and nothing else."""

import csv
import hashlib
import json
import pathlib
import shutil

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image

from gandl_jax import config, sealed_json
from gandl_jax.errors import InputError, RunError
from gandl_jax.jobs import prepare
from gandl_jax.jobs.verify import job as verify_job
from gandl_jax.prepared import prepared
from gandl_jax.reading import labelling

RECORDS, SHARDS = 10, 3


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with the raw screen and what was prepared of it."""
    folder = tmp_path_factory.mktemp("whole")
    raw = folder / "raw"
    raw.mkdir()
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"site_id": [f"s{i}" for i in range(RECORDS)]})
    table["plate"] = [f"p{i % 2}" for i in range(RECORDS)]
    table["state"] = ["sick", "well", "well", "well", "well"] * 2
    table.to_csv(raw / "metadata.csv", index=False)
    for name in table["site_id"]:
        for channel in "12":
            pixels = rng.integers(0, 200, (36, 30), np.uint8)
            Image.fromarray(pixels).save(raw / f"{name}_w{channel}.png")
    prepare.run(settings(folder), "")
    return folder


@pytest.fixture
def copy(whole, tmp_path):
    """A copy of it that may be damaged."""
    shutil.copytree(whole, tmp_path / "copy")
    return tmp_path / "copy"


def settings(folder):
    c = config.default()
    c.data.update(name="own", source_dir=str(folder / "raw"), records_per_shard=4)
    c.data.dir = str(folder / "out")
    c.screen.update(name="tiny", file="{site_id}_w{channel}.png")
    c.screen.update(channels=("dna", "actin"))
    c.screen.columns.update(plate="plate", condition="state")
    return c


def shard(folder, number) -> pathlib.Path:
    return folder / "out" / f"tiny-train.tfrecord-{number:05}-of-{SHARDS:05}"


def contents(folder) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def found(folder) -> list[dict[str, str]]:
    """What verify lists; it changes no file of the screen."""
    before = contents(folder / "out")
    with pytest.raises(RunError, match=r"faults, listed in .*verify.csv; delete") as e:
        verify_job.run(settings(folder), folder / "work")
    assert "\n" not in str(e.value)
    assert contents(folder / "out") == before
    with open(folder / "work/verify.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["shard", "record", "name", "what"]
    assert f"{len(rows)} faults" in str(e.value)
    return rows


def names(folder, number) -> list[str]:
    """The records of a shard by the table beside it."""
    table = pd.read_parquet(folder / "out/records.parquet")
    return table.loc[table["shard"] == number, "Metadata_Record_ID"].tolist()


def of_whom(rows, what) -> list[str]:
    return [row["name"] for row in rows if row["what"] == what]


def test_a_whole_screen_is_whole(copy, capsys):
    before = contents(copy / "out")
    verify_job.run(settings(copy), copy / "work")
    said = capsys.readouterr().out
    assert "10/10 sites 100%" in said and "all 10 records are as prepared" in said
    assert (copy / "work/verify.csv").read_text() == "shard,record,name,what\n"
    assert contents(copy / "out") == before


def test_the_manifest_says_what_the_files_are(whole):
    manifest = json.loads((whole / "out/screen.json").read_text())["manifest"]
    paths = [shard(whole, i) for i in range(SHARDS)]
    wanted = {
        path.name: {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "bytes": path.stat().st_size,
            "records": count,
        }
        for path, count in zip(
            [*paths, whole / "out/records.parquet"], [4, 3, 3, 10], strict=True
        )
    }
    tfds = "dataset_info.json", "features.json"
    for name in ("illumination.npz", "odd_images.csv", *tfds):
        path = whole / "out" / name
        wanted[name] = {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "bytes": path.stat().st_size,
        }
    assert manifest == {
        "files": wanted,
        "records_per_plate": {"p0": 5, "p1": 5},
        "records_per_condition": {"sick": 2, "well": 8},
        "records_per_channel": {"dna": 10, "actin": 10},
    }


def flip(folder, seed) -> None:
    """Flips bits of one byte of a shard, verifies, and puts it back."""
    rng = np.random.default_rng(seed)
    number = int(rng.integers(SHARDS))
    path = shard(folder, number)
    before = path.read_bytes()
    data, place = bytearray(before), int(rng.integers(len(before)))
    data[place] ^= int(rng.integers(1, 256))
    path.write_bytes(data)
    rows = found(folder)
    assert {row["shard"] for row in rows} == {path.name}
    assert hashlib.sha256(data).hexdigest() in rows[0]["what"]
    table = pd.read_parquet(folder / "out/records.parquet")
    starts = table.loc[table["shard"] == number, "offset"]
    record = int((starts <= place).sum()) - 1
    (one,) = rows[1:]  # its own checksum tells which record holds the byte
    assert one["record"] == str(record)
    assert one["name"] == names(folder, number)[record]
    is_length = place - starts.sort_values().iloc[record] < 8  # bytes, the first
    assert one["what"] == (
        "has another length than the table of records says"
        if is_length
        else "does not agree with its own checksum"
    )
    path.write_bytes(before)


def test_a_flipped_byte_is_found_and_its_record_named(copy):
    for seed in range(24):
        flip(copy, seed)


@pytest.mark.slow
def test_many_flipped_bytes_are_found(copy):
    for seed in range(1000, 1200):
        flip(copy, seed)


def test_a_damaged_illumination_is_found(copy):
    path = copy / "out/illumination.npz"
    path.write_bytes(path.read_bytes()[:-1])
    (row,) = found(copy)
    assert row["shard"] == path.name and "bytes, not" in row["what"]


@pytest.mark.parametrize("cut", [1, 20, 500])
def test_a_truncated_shard(copy, cut):
    path = shard(copy, 1)
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-cut])
    rows = found(copy)
    assert rows[0]["shard"] == path.name
    assert rows[0]["what"] == f"has {size - cut} bytes, not {size}"
    beyond = of_whom(rows, "lies beyond the end of the file")
    assert beyond == names(copy, 1)[-len(beyond) :] and len(rows) == 1 + len(beyond)


def test_an_image_that_does_not_decode_though_its_checksum_is_right(copy):
    path = shard(copy, 0)
    stored = [raw.numpy() for raw in tf.data.TFRecordDataset(str(path))]
    png = tf.train.Example.FromString(stored[2]).features.feature["images/actin"]
    (data,) = png.bytes_list.value
    wrong = data[:60] + bytes(len(data) - 60)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for example in stored:
            writer.write(example.replace(data, wrong))
    first, second = found(copy)
    assert "SHA-256" in first["what"] and second["record"] == "2"
    assert "does not decode" in second["what"]


def test_a_deleted_shard(copy):
    shard(copy, 2).unlink()
    rows = found(copy)
    assert {row["shard"] for row in rows} == {shard(copy, 2).name}
    assert rows[0]["what"] == "is gone"
    assert of_whom(rows, "is missing") == names(copy, 2) and len(rows) == 4


def test_a_shard_too_many(copy):
    extra = shard(copy, 3)
    shutil.copy(shard(copy, 0), extra)
    (row,) = found(copy)
    assert row["shard"] == extra.name and row["what"] == "is no shard of this screen"


def test_swapped_shards(copy):
    one, other = shard(copy, 1), shard(copy, 2)
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    said = [(row["shard"], row["what"]) for row in found(copy)]
    assert said == [
        (one.name, f"holds what {other.name} should hold"),
        (other.name, f"holds what {one.name} should hold"),
    ]


def test_a_shard_written_over_another(copy):
    shutil.copy(shard(copy, 1), shard(copy, 2))
    rows = found(copy)
    assert rows[0]["what"] == f"holds what {shard(copy, 1).name} should hold"
    assert of_whom(rows, "is missing") == names(copy, 2)
    assert of_whom(rows, "is there already") == names(copy, 1)
    assert len(rows) == 7


def test_every_flipped_byte_of_the_table_is_found(copy):
    path = copy / "out/records.parquet"
    data = bytearray(path.read_bytes())
    for place in np.random.default_rng(0).integers(0, len(data), 10):
        data[place] ^= 1
        path.write_bytes(data)
        (row,) = found(copy)
        assert row["shard"] == "records.parquet"
        data[place] ^= 1


def rewrite(folder, change) -> None:
    """Changes the table and, as a wrong `prepare` would, the manifest with it."""
    path, described = folder / "out/records.parquet", folder / "out/screen.json"
    table = pd.read_parquet(path)
    change(table)
    table.to_parquet(path)
    description = json.loads(described.read_text())
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    description["manifest"]["files"][path.name]["sha256"] = sha256
    sealed_json.write(described, description)


def test_an_index_that_does_not_fit_the_shards(copy):
    def change(table):
        table.loc[5, "offset"] += 16

    rewrite(copy, change)
    first, second = found(copy)
    assert first["shard"] == "records.parquet"
    assert f"records of {shard(copy, 1).name} start" in first["what"]
    assert (second["shard"], second["record"]) == (shard(copy, 1).name, "1")


def test_a_table_of_other_records(copy):
    wanted = names(copy, 0)[2]

    def change(table):
        table.loc[2, "Metadata_Record_ID"] = "another"

    rewrite(copy, change)
    rows = found(copy)
    assert of_whom(rows, "is missing") == ["another"]
    assert of_whom(rows, "is in no row of the table") == [wanted]


def test_the_raw_screens_table_has_other_records(copy):
    path = copy / "raw/metadata.csv"
    table = pd.read_csv(path, dtype=str)
    table.loc[3, "site_id"] = "new"
    table.to_csv(path, index=False)
    absent, unexpected = found(copy)
    assert absent["name"] == "new" and "metadata only" in absent["what"]
    assert unexpected["name"] == "s3" and "not in the raw" in unexpected["what"]
    assert "s3" in names(copy, int(unexpected["shard"][20:25]))


def test_records_left_out_as_missing_are_not_missed(copy, capsys):
    shutil.rmtree(copy / "out")
    (copy / "raw/s4_w2.png").unlink()
    c = settings(copy)
    c.data.missing = "skip"
    prepare.run(c, "")
    verify_job.run(c, copy / "work")
    assert "all 9 records are as prepared" in capsys.readouterr().out


def test_without_the_raw_screen(copy, capsys):
    shutil.rmtree(copy / "raw")
    verify_job.run(settings(copy), copy / "work")
    said = capsys.readouterr().out
    assert "held against records.parquet only" in said and "all 10 records" in said


def test_what_is_named_is_deleted_and_prepared_again(copy):
    before = contents(copy / "out")
    shard(copy, 0).write_bytes(shard(copy, 1).read_bytes()[:-1])
    (copy / "out/records.parquet").write_bytes(b"")
    for name in {row["shard"] for row in found(copy)}:
        (copy / "out" / name).unlink()
    prepare.run(settings(copy), "")
    verify_job.run(settings(copy), copy / "work")
    after = contents(copy / "out")
    assert after.pop("plan.json") and after.pop("screen.json")  # name the copy
    assert after == {k: before[k] for k in after} and len(after) == len(before) - 2


def test_labels_may_change(copy):
    c, before = settings(copy), contents(copy / "out")
    c.screen.columns.update(condition="", treatment="state")
    prepare.run(c, "")
    verify_job.run(c, copy / "work")
    assert contents(copy / "out") == before


def test_a_screen_of_a_former_version_still_opens(copy):
    described = copy / "out/screen.json"
    description = json.loads(described.read_text())
    fingerprint = prepared.open_prepared(str(copy / "out")).fingerprint
    for key in ("manifest", "remarks", "source_table.parquet", "sha256"):
        del description[key]
    described.write_text(json.dumps(description))
    (copy / "out/source_table.parquet").unlink()
    records = pd.read_parquet(copy / "out/records.parquet")
    records.drop(columns="digest").to_parquet(copy / "out/records.parquet")
    for facts in (copy / "out/facts").iterdir():
        kept = dict(np.load(facts))
        for key in ("sha256", "bytes", "images", "digests", "number", "seal"):
            del kept[key]
        np.savez(facts, **kept)
    message = "former version, which wrote no manifest.*prepare it again in another"
    with pytest.raises(InputError, match=message):
        verify_job.run(settings(copy), copy / "work")
    assert not (copy / "work").exists()
    shard(copy, 1).unlink()
    prepare.run(settings(copy), "")  # a shard is mended, the others kept no digest
    opened = prepared.open_prepared(str(copy / "out"))
    assert opened.fingerprint == fingerprint
    assert "manifest" not in opened.description
    c = settings(copy)
    c.screen.response_0 = "state=sick"
    assert set(labelling.label(c, opened).table["Metadata_Role"]) > {"response_0"}


def test_another_screen_is_refused(copy):
    c = settings(copy)
    c.screen.name = "other"
    with pytest.raises(InputError, match="screen was 'tiny', is 'other'"):
        verify_job.run(c, copy / "work")
    (copy / "out/screen.json").write_bytes(b'{"name": "ti\xff')
    with pytest.raises(InputError, match="screen.json is damaged.*delete it and run"):
        verify_job.run(c, copy / "work")
    c.data.dir = str(copy / "nowhere")
    with pytest.raises(InputError, match="holds no prepared screen"):
        verify_job.run(c, copy / "work")


def test_images_that_stand_out_are_listed_again(whole, tmp_path, capsys):
    """The screen's images are noise; a list that was changed is found."""
    verify_job.run(settings(whole), tmp_path / "work")
    said = capsys.readouterr().out
    assert f"note: {RECORDS} of {RECORDS} images of channel 'dna' are noise" in said
    assert f"note: {whole}/out/odd_images.csv lists images that stand out" in said
    listed = pd.read_csv(whole / "out/odd_images.csv")
    assert len(listed) == 2 * RECORDS and (listed["focus"] > 0.9).all()
    assert set(listed["record"]) == {f"s{i}" for i in range(RECORDS)}
    assert set(listed["image"][listed["channel"] == "actin"]) == {
        f"s{i}_w2.png" for i in range(RECORDS)
    }


def test_a_list_of_odd_images_that_was_changed_is_found(copy):
    (copy / "out/odd_images.csv").write_text("record,image\n")
    assert any(fault["shard"] == "odd_images.csv" for fault in found(copy))
