"""A prepared screen whose files were damaged or mixed: refused, never misread."""

import dataclasses
import json
import pathlib
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gandl_jax import config
from gandl_jax.errors import InputError, RunError
from gandl_jax.jobs import prepare
from gandl_jax.jobs.verify import job as verify_job
from gandl_jax.prepared import illumination, prepared, shard_counts, work_folder
from gandl_jax.prepared.records import DamagedRecord
from gandl_jax.reading import labelling, stream, tiles

RECORDS, SIZE = 12, 16
HELD = ["screen.json", "records.parquet", "source_table.parquet", "illumination.npz"]
HELD += ["plan.json", "facts/00001.npz"]


def settings(folder, name="out"):
    c = config.default()
    c.data.update(name="own", source_dir=str(folder / "raw"), records_per_shard=4)
    c.data.update(dir=str(folder / name), scaling="plate")
    c.screen.update(name="tiny", file="{site}.png", channels=("dna",), key=("site",))
    c.screen.columns.update(site_id="", plate="plate", treatment="drug")
    c.screen.columns.concentration_um = "dose"
    c.screen.update(response_0="drug=ctrlX", more_columns=("batch",))
    return c


def draw(folder, seed):
    """Writes noise, which no PNG packs: all records have one length."""
    rng = np.random.default_rng(seed)
    for i in range(RECORDS):
        pixels = rng.integers(0, 256, (SIZE, SIZE), np.uint8)
        Image.fromarray(pixels).save(folder / f"raw/s{i:02}.png")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Two preparations of one table, "out" and "other", whose images differ."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "raw").mkdir()
    table = pd.DataFrame({"site": [f"s{i:02}" for i in range(RECORDS)]})
    table["plate"] = [f"p{i % 2}" for i in range(RECORDS)]
    table["drug"] = ["ctrlX", "drugA", "drugB"] * (RECORDS // 3)
    table["dose"] = ["0.0", "0.1", "1.0"] * (RECORDS // 3)
    table["batch"] = "b1"
    table.to_csv(folder / "raw/metadata.csv", index=False)
    for seed, name in enumerate(("out", "other")):
        draw(folder, seed)
        prepare.run(settings(folder, name), "")
    return folder


@pytest.fixture
def copy(whole, tmp_path):
    return pathlib.Path(shutil.copytree(whole, tmp_path / "copy"))


def seen(folder):
    """All that the jobs read of a prepared screen but its shards, as plain data."""
    c = settings(folder)
    opened = labelling.label(c, prepared.open_prepared(c.data.dir))
    written = opened.written("illumination.npz")
    plates, fields = illumination.read(opened.directory, written)
    counted = shard_counts.read(opened.directory, opened.shards)
    plan = work_folder.read_plan(folder / "out/plan.json")
    plan = {key: plan.get(key) for key in opened.description["plan"]}  # all it is for
    for one in (plan, opened.description["plan"]):
        del one["source_dir"]  # it is free
    fields_of = {f.name: getattr(opened, f.name) for f in dataclasses.fields(opened)}
    fields_of |= {"table": opened.table.to_dict("list"), "plan": plan}
    fields_of |= {"plates": plates, "light": fields, "facts": vars(counted)}
    fields_of["ranges"] = opened.ranges(["dna"], "plate")
    return repr(json.dumps(fields_of, default=_plain, sort_keys=True))


def _plain(value):
    return value.tolist() if isinstance(value, np.ndarray) else repr(value)


def check_flips(folder, name, count):
    """Flips bits at random, one at a time."""
    path, rng = folder / "out" / name, np.random.default_rng(len(name))
    data, wanted = path.read_bytes(), seen(folder)
    refused = 0
    for bit in rng.choice(8 * len(data), count, replace=False):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            assert seen(folder) == wanted, f"bit {bit}"
        except InputError as error:
            refused += 1
            assert name in str(error) and "\n" not in str(error)
    path.write_bytes(data)
    assert refused > 0.5 * count and seen(folder) == wanted


@pytest.mark.parametrize("name", HELD)
def test_flipped_bits(copy, name):
    check_flips(copy, name, 25)


@pytest.mark.slow
@pytest.mark.parametrize("name", HELD)
def test_many_flipped_bits(copy, name):
    check_flips(copy, name, 300)


@pytest.mark.parametrize("name", HELD)
@pytest.mark.parametrize("left", [0, 1, 0.5, -1])
def test_files_that_were_cut(copy, name, left):
    path = copy / "out" / name
    data = path.read_bytes()
    path.write_bytes(data[: int(left * len(data)) if left == 0.5 else left])
    if name.endswith(".json") and left == -1:  # the newline at the end
        seen(copy)
        return
    with pytest.raises(InputError, match=f"{name} is damaged"):
        seen(copy)


@pytest.mark.parametrize("name", HELD[1:4])
def test_files_of_another_preparation(copy, name):
    path = copy / "out" / name
    before = path.read_bytes()
    shutil.copy(copy / "other" / name, path)
    if path.read_bytes() == before:  # one table has one index, however images differ
        assert name == "source_table.parquet"
        return
    with pytest.raises(InputError, match=f"{name} is damaged .*delete it and run"):
        seen(copy)


def test_the_description_of_another_preparation(copy):
    shutil.copy(copy / "other/screen.json", copy / "out/screen.json")
    with pytest.raises(InputError, match=r"records.parquet is damaged"):
        seen(copy)


def test_facts_of_another_shard(copy):
    one, other = copy / "out/facts/00000.npz", copy / "out/facts/00001.npz"
    shutil.copy(other, one)
    with pytest.raises(InputError, match="00000.npz is damaged .*those of shard 1"):
        seen(copy)


def batches(folder, on_bad=None, **changes):
    c = settings(folder)
    opened = labelling.label(c, prepared.open_prepared(c.data.dir))
    found = stream.train_batches(
        dataclasses.replace(opened, **changes),
        channels=(),
        scaling="dataset",
        illumination="none",
        crop_px=SIZE,
        batch=4,
        seed=0,
        first_step=0,
        flips=False,
        rotations=False,
        on_bad=on_bad,
    )
    return [next(found)["images"] for _ in range(6)]


def sites(folder, on_bad=None):
    c = settings(folder)
    opened = labelling.label(c, prepared.open_prepared(c.data.dir))
    return [row for n in range(3) for row, _ in tiles.sites(opened, n, (), on_bad)]


def exchange(copy):
    one, other = shard(copy, 0), shard(copy, 1)
    assert one.stat().st_size == other.stat().st_size
    first = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(first)


def replace(copy):
    one, other = shard(copy, 1), shard(copy, 1, "other")
    assert one.stat().st_size == other.stat().st_size
    shutil.copy(other, one)


def shard(folder, number, name="out"):
    return folder / name / f"tiny-train.tfrecord-{number:05}-of-00003"


@pytest.mark.parametrize(
    "damage", [pytest.param(exchange, marks=pytest.mark.slow), replace]
)
def test_shards_of_one_length_are_told_apart(copy, damage):
    """Exchanged, or from another preparation with records of the same names."""
    wanted, every = batches(copy), sites(copy)
    damage(copy)
    told = r"tfrecord-0000[01]-of-00003 is another record .*: delete that shard and run"
    for read in (batches, sites):
        with pytest.raises(DamagedRecord, match=told):
            read(copy)
    if damage is replace:  # else most draws of another record meet a wrong one
        bad = []
        got = batches(copy, on_bad=bad.append)
        assert bad and not np.array_equal(got, wanted) and set(bad) <= {4, 5, 6, 7}
    with pytest.raises(DamagedRecord, match="no record of .* can be read"):
        sites(copy, on_bad=lambda row: None)
    with pytest.raises(RunError, match="faults"):
        verify_job.run(settings(copy), copy / "work")
    for number in range(3):
        shard(copy, number).unlink()
    draw(copy, 0)
    prepare.run(settings(copy), "")
    np.testing.assert_array_equal(batches(copy), wanted)
    assert sites(copy) == every


def test_shards_of_a_former_version_are_told_apart_by_their_keys(copy):
    wanted = batches(copy)
    np.testing.assert_array_equal(batches(copy, digest=None), wanted)
    exchange(copy)
    with pytest.raises(DamagedRecord, match="is another record"):
        batches(copy, digest=None)


@pytest.mark.parametrize("name", HELD[1:4])
def test_prepare_mends_what_is_damaged(copy, name, capsys):
    path = copy / "out" / name
    data, wanted = path.read_bytes(), seen(copy)
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    draw(copy, 0)
    prepare.run(settings(copy), "")
    assert f"{name} is damaged, and is written again" in capsys.readouterr().out
    assert path.read_bytes() == data and seen(copy) == wanted


def spoil_plan(folder):
    shutil.copy(folder / "other/plan.json", folder / "out/plan.json")
    content = json.loads((folder / "out/plan.json").read_text())
    content["records"] = 3
    content.pop("sha256")
    (folder / "out/plan.json").write_text(json.dumps(content))


def flip_middle(name):
    def spoil(folder):
        path = folder / "out" / name
        data = path.read_bytes()
        middle = len(data) // 2
        flipped = bytes([data[middle] ^ 1])
        path.write_bytes(data[:middle] + flipped + data[middle + 1 :])

    return spoil


@pytest.mark.parametrize(
    "name, spoil",
    [
        ("plan.json", spoil_plan),
        *[
            (name, flip_middle(name))
            for name in (*HELD[2:], "dataset_info.json", "features.json")
        ],
    ],
)
def test_verify_names_it(copy, name, spoil):
    spoil(copy)
    with pytest.raises(RunError, match="1 faults"):
        verify_job.run(settings(copy), copy / "work")
    table = pd.read_csv(copy / "work/verify.csv")
    assert table["shard"].tolist() == [name]


def test_verify_says_what_it_does_not_cover(copy, capsys):
    verify_job.run(settings(copy), copy / "work")
    assert "does not cover the raw images" in capsys.readouterr().out
