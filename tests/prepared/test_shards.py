"""Shards: the plan, what is written, and the statistics."""

import pathlib

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from gandl_jax.prepared import shard_counts, shards
from gandl_jax.raw import image_files, raw_files
from gandl_jax.raw.screen import read_metadata


def test_plan_holds_every_record_once_and_mixes_plates():
    metadata = pd.DataFrame({"plate": np.repeat(["1", "2", "3", "4"], 250)})
    plan = shards.plan(metadata, records_per_shard=96, seed=0)
    assert [part.number for part in plan] == list(range(11))
    assert max(len(part.rows) for part in plan) <= 96
    rows = np.concatenate([part.rows for part in plan])
    np.testing.assert_array_equal(np.sort(rows), np.arange(1000))
    for part in plan:
        counts = metadata["plate"].iloc[part.rows].value_counts()
        assert len(counts) == 4 and counts.max() < len(part.rows) / 2
    again = shards.plan(metadata, records_per_shard=96, seed=0)
    assert all((a.rows == b.rows).all() for a, b in zip(plan, again, strict=True))


@pytest.mark.parametrize("screen", ["tiny", "deep"])
def test_tfds_reads_the_sources_bytes_and_text(screen, request):
    prepared, pixels = request.getfixturevalue(screen)
    builder = tfds.builder_from_directory(prepared.directory)
    source = prepared.description["plan"]["source_dir"]
    metadata = pd.read_csv(f"{source}/metadata.csv", dtype=str, keep_default_na=False)
    raw = builder.as_dataset(
        split="train",
        decoders={
            "images": {name: tfds.decode.SkipDecoding() for name in prepared.channels}
        },
    )
    decoded = builder.as_dataset(split="train")
    seen = []
    for png, image in zip(tfds.as_numpy(raw), tfds.as_numpy(decoded), strict=True):
        row = {name: png[name].decode() for name in metadata.columns}
        seen.append(row)
        for i, name in enumerate(prepared.channels):
            plate = pathlib.Path(source) / f"images/E-1/Plate{row['plate']}"
            file = plate / f"{row['well']}_s1_w{i + 1}.png"
            assert png["images"][name] == file.read_bytes()
            np.testing.assert_array_equal(
                image["images"][name][..., 0], pixels[row["site_id"]][..., i]
            )
    wanted = metadata.sort_values("site_id").reset_index(drop=True)
    read = pd.DataFrame(seen).sort_values("site_id").reset_index(drop=True)
    pd.testing.assert_frame_equal(read, wanted)


def test_index_points_at_each_record(tiny):
    prepared, _ = tiny
    for i, site_id in enumerate(prepared.table["Metadata_Site_ID"]):
        with open(prepared.path(prepared.shard[i]), "rb") as file:
            file.seek(prepared.offset[i] + 12)  # past the length and its checksum
            example = tf.train.Example.FromString(file.read(prepared.length[i]))
        text = example.features.feature["site_id"].bytes_list.value[0]
        assert text.decode() == site_id


@pytest.mark.parametrize("screen", ["tiny", "deep"])
def test_statistics_equal_numpys_on_all_pixels(screen, request):
    prepared, pixels = request.getfixturevalue(screen)
    every = np.stack(list(pixels.values())).astype(np.float64)
    for i, name in enumerate(prepared.channels):
        values = every[..., i]
        low, high = np.percentile(values, [2.0, 97.0])
        wanted = {"low": low, "high": high, "mean": values.mean(), "sd": values.std()}
        wanted |= {"min": values.min(), "max": values.max()}
        assert prepared.statistics[name] == pytest.approx(wanted, rel=1e-9)


def test_percentiles_are_numpys_on_few_values():
    rng = np.random.default_rng(0)
    for size in (1, 2, 3, 10, 101):
        values = rng.integers(0, 256, size)
        histogram = np.bincount(values, minlength=256)
        for low, high in ((0, 100), (0.1, 99.9), (25, 50), (33.3, 66.6)):
            got = shard_counts.statistics(histogram, low=low, high=high)
            wanted = np.percentile(values, [low, high])
            np.testing.assert_allclose([got["low"], got["high"]], wanted, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_histogram_counts_every_level(dtype):
    top = np.iinfo(dtype).max
    pixels = np.random.default_rng(0).integers(0, top, (31, 17)).astype(dtype)
    pixels[0, :3] = top
    levels, counts = np.unique(pixels, return_counts=True)
    found = shards.histogram(pixels)
    assert found.dtype == np.int64 and len(found) == top + 1
    np.testing.assert_array_equal(np.flatnonzero(found), levels)
    np.testing.assert_array_equal(found[levels], counts)


@pytest.mark.parametrize(
    "full", [".tiny-train.tfrecord-00000-of-00001", "facts/.00000.npz"]
)
def test_a_full_disk_is_an_oserror_and_leaves_nothing(tmp_path, make_screen, full):
    spec, _ = make_screen(tmp_path / "raw", records=3)
    metadata = read_metadata(spec, str(tmp_path / "raw"))
    form = image_files.ImageFormat(24, 20, 8)
    source = raw_files.open_files(str(tmp_path / "raw"))
    raw = shards.Raw(spec, source, metadata, form)
    out = tmp_path / "out"
    (out / "facts").mkdir(parents=True)
    (out / f"{full}.partial").symlink_to("/dev/full")
    (shard,) = shards.plan(metadata, records_per_shard=5, seed=0)
    with pytest.raises(OSError, match="No space left"):
        shards.write(shard, raw, str(out), on_record=int)
    assert [path for path in out.rglob("*") if path.name != "facts"] == []


def test_shards_hold_distinct_names_and_no_leftovers(tiny):
    prepared, _ = tiny
    assert prepared.files == tuple(
        f"tiny-train.tfrecord-{i:05}-of-00003" for i in range(3)
    )
    assert not [p for p in pathlib.Path(prepared.directory).rglob(".*")]
