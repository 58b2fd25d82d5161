"""Copies of a screen with other spellings of its files' names: the same shards."""

import collections
import json
import pathlib
import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gandl_jax import config
from gandl_jax.errors import InputError
from gandl_jax.jobs import prepare
from gandl_jax.jobs.verify import job as verify_job
from gandl_jax.raw import raw_files
from gandl_jax.screens import rxrx1

EXPERIMENTS = "HUVEC-1", "HepG2-10"
WELLS = "B02", "B3", "AA04"


@pytest.fixture
def table() -> pd.DataFrame:
    rows = [
        dict.fromkeys(rxrx1.COLUMNS.values(), "")
        | {"experiment": experiment, "plate": "1", "well": well, "site": "1"}
        | {"site_id": f"{experiment}_1_{well}_1", "well_type": "treatment"}
        for experiment in EXPERIMENTS
        for well in WELLS
    ]
    return pd.DataFrame(rows)


def write(folder, table, respell, archive=False):
    """A raw screen whose images' paths are changed by a function."""
    folder.mkdir()
    table.to_csv(folder / "metadata.csv", index=False)
    rng = np.random.default_rng(0)
    for row in table.to_dict("records"):
        for path in rxrx1.SCREEN.image_paths(row):
            file = folder / "loose" / respell(path)
            file.parent.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 99, (8, 8), np.uint8)
            Image.fromarray(pixels).save(file, "PNG")
    if not archive:
        (folder / "loose/images").rename(folder / "images")
        (folder / "loose").rmdir()
        return settings(folder)
    with zipfile.ZipFile(folder / "images.zip", "w") as packed:
        for file in (folder / "loose").rglob("*.*"):
            packed.write(file, f"rxrx1/{file.relative_to(folder / 'loose')}")
    (folder / "loose").rename(folder.parent / f"not in {folder.name}")
    return settings(folder)


def settings(folder):
    c = config.default()
    c.data.update(name="rxrx1", source_dir=str(folder), records_per_shard=4)
    c.data.dir = f"{folder}-out"
    return c


def shards(c) -> dict[str, bytes]:
    found = pathlib.Path(c.data.dir).glob("*.tfrecord*")
    return {path.name: path.read_bytes() for path in found}


def refused(c, message):
    with pytest.raises(InputError, match=message) as caught:
        prepare.run(c, "")
    assert "\n" not in str(caught.value)
    assert not pathlib.Path(c.data.dir).exists()


RESPELL = {
    "capitals": lambda path: path.replace(".png", ".PNG"),
    "zeros": lambda path: path.replace("HUVEC-1/", "HUVEC-01/").replace("B3", "B03"),
    "another copy": lambda path: path.upper().replace("-1/", "-01/"),
    "hyphens": lambda path: path.replace("/B", "/B-").replace("Plate", "plate_"),
}


@pytest.mark.parametrize("archive", [False, True])
@pytest.mark.parametrize("kind", RESPELL)
def test_the_shards_are_the_same(tmp_path, table, kind, archive, capsys):
    wanted = write(tmp_path / "exact", table, lambda path: path)
    prepare.run(wanted, "")
    assert "spelled" not in capsys.readouterr().out

    def respell(path):
        lower = path.startswith("images/")
        return path[:7] * lower + RESPELL[kind](path[7 * lower :])

    c = write(tmp_path / "other", table, respell, archive)
    prepare.run(c, "")
    assert shards(c) == shards(wanted) and len(shards(c)) == 2
    paths = [
        p for row in table.to_dict("records") for p in rxrx1.SCREEN.image_paths(row)
    ]
    count = sum(respell(path) != path for path in paths)
    (line,) = [t for t in capsys.readouterr().out.splitlines() if "spelled" in t]
    assert line.startswith(f"note: {count} images are spelled otherwise than metadata")
    described = json.loads((pathlib.Path(c.data.dir) / "screen.json").read_text())
    assert line.removeprefix("note: ") in described["remarks"]["table"]
    prepare.run(c, "")
    verify_job.run(c, tmp_path / "w")


@pytest.mark.parametrize("archive", [False, True])
def test_two_files_for_one_image(tmp_path, table, archive):
    c = write(tmp_path / "raw", table, RESPELL["capitals"], archive)
    name = "images/HUVEC-1/Plate1/B2_s1_w1.png"
    if archive:
        with zipfile.ZipFile(tmp_path / "raw/images.zip", "a") as packed:
            packed.writestr(f"rxrx1/{name}", b"")
    else:
        (tmp_path / "raw" / name).write_bytes(b"")
    refused(
        c, rf"1 images could be.*B02_s1_w1.PNG and {name} are alike.*B02_s1_w1.png;"
    )


def test_one_file_for_two_records(tmp_path, table):
    more = table.iloc[[1]].assign(well="b-3", site_id="again")
    c = write(tmp_path / "raw", table, RESPELL["zeros"])
    pd.concat([table, more]).to_csv(tmp_path / "raw/metadata.csv", index=False)
    refused(c, r"6 images belong to more than one record: .*/B3_s.* and .*/b-3_s")


def test_another_records_file_is_not_taken(tmp_path, table):
    more = table.iloc[[0]].assign(well="B2", site_id="again")
    c = write(tmp_path / "raw", table, lambda path: path)
    pd.concat([table, more]).to_csv(tmp_path / "raw/metadata.csv", index=False)
    refused(c, r"6 of 42 images are missing.*\(1 of 7 records\): .*/B2_s1_w1.png")


def test_missing_images_and_a_channel_too_many_are_seen(tmp_path, table):
    c = write(tmp_path / "raw", table, RESPELL["capitals"])
    plate = tmp_path / "raw/images/HUVEC-1/Plate1"
    (plate / "B02_s1_w7.PNG").write_bytes(b"")
    refused(c, r"1 images of a channel 7 \(such as .*B02_s1_w7.png\)")
    (plate / "B02_s1_w7.PNG").unlink()
    (plate / "B02_s1_w2.PNG").unlink()
    refused(c, "1 of 36 images are missing.*B02_s1_w2.png")
    c.data.missing = "skip"
    prepare.run(c, "")
    assert len(pd.read_parquet(f"{c.data.dir}/records.parquet")) == 5


def test_a_bad_image_is_named_as_it_is_spelled(tmp_path, table):
    c = write(tmp_path / "raw", table, RESPELL["capitals"])
    file = tmp_path / "raw/images/HUVEC-1/Plate1/B02_s1_w2.PNG"
    data = file.read_bytes()
    for left in (20, len(data) - 8):  # of the header, and of the pixels
        file.write_bytes(data[:left])
        refused(c, r"1 of 36 images .*B02_s1_w2.PNG \(truncated")
    twin = file.with_name("B02_s1_w3.PNG")
    file.write_bytes(twin.read_bytes())
    prepare.run(c, "")
    described = json.loads((pathlib.Path(c.data.dir) / "screen.json").read_text())
    (told,) = described["remarks"]["images"]
    assert file.name in told and twin.name in told


@pytest.mark.parametrize("respelled", [False, True])
def test_no_file_is_looked_at_singly(tmp_path, table, respelled, monkeypatch):
    """The calls for a folder's entries are counted, and those for one path."""
    respell = RESPELL["another copy"] if respelled else lambda path: path
    c = write(tmp_path / "raw", table, lambda path: "images/" + respell(path[7:]))
    kind, calls = type(raw_files.epath.Path(tmp_path)), []
    for name in ("iterdir", "is_dir", "exists"):
        plain = getattr(kind, name)

        def counted(path, plain=plain, name=name):
            calls.append((name, str(path)))
            return plain(path)

        monkeypatch.setattr(kind, name, counted)
    files = [p for r in table.to_dict("records") for p in rxrx1.SCREEN.image_paths(r)]
    source = raw_files.open_files(c.data.source_dir)
    listed = source.existing(set(files))
    if respelled:
        source.match_spellings(set(files) - listed, listed)
    assert not [path for _, path in calls if path.lower().endswith(".png")]
    assert max(collections.Counter(calls).values()) <= 2
