"""Streams: against plain NumPy on the pixels that were written."""

import collections
import dataclasses
import itertools
import shutil

import numpy as np
import pytest

from gandl_jax.errors import InputError
from gandl_jax.prepared import records
from gandl_jax.reading import stream, tiles

CROP = 8
ARGS = {"channels": (), "scaling": "dataset", "illumination": "none", "crop_px": CROP}
ARGS |= {"batch": 6, "seed": 3, "first_step": 0}
TURNS = {"flips": True, "rotations": True}


def batches(prepared, count, **changes):
    options = ARGS | TURNS | changes
    return list(itertools.islice(stream.train_batches(prepared, **options), count))


def orientations(image):
    """The 8 orientations of [..., H, W, C] images: 4 turns, each also mirrored."""
    axes = (image.ndim - 3, image.ndim - 2)
    turned = [np.rot90(image, k, axes) for k in range(4)]
    return turned + [np.flip(t, axes[1]) for t in turned]


def locate(crop, sites):
    """All (site_id, orientation, y, x) where the crop is found."""
    found = []
    for number, turned in enumerate(orientations(crop)):
        for site_id, site in sites.items():
            corners = site[: 1 - CROP, : 1 - CROP]
            likely = np.abs(corners - turned[0, 0]).max(-1) < 1e-5
            for y, x in np.argwhere(likely):
                window = site[y : y + CROP, x : x + CROP]
                if np.abs(window - turned).max() < 1e-5:
                    found.append((site_id, number, y, x))
    return found


@pytest.mark.parametrize("screen", ["tiny", "deep"])
def test_every_image_is_one_turned_crop_of_one_record(screen, request, stretched):
    prepared, pixels = request.getfixturevalue(screen)
    sites = stretched(prepared, pixels)
    batch = 5
    places = []
    for step, got in enumerate(batches(prepared, 2 * len(sites) // 5, batch=batch)):
        assert got["images"].dtype == np.float32 and got["index"].dtype == np.int32
        np.testing.assert_array_equal(got["index"], np.arange(batch))
        for crop in got["images"]:
            matches = locate(crop, sites)
            assert len(matches) == 1, (step, matches)
            places += matches
    first = [place[0] for place in places[: len(sites)]]
    assert sorted(first) == sorted(sites)  # each record once in the first epoch
    assert len({place[1] for place in places}) >= 4
    assert len({place[2:] for place in places}) >= len(places) // 2


def test_epochs_hold_every_record_once_in_another_order(tiny, stretched):
    prepared, pixels = tiny
    sites = stretched(prepared, pixels)
    got = batches(prepared, 7, flips=False, rotations=False)  # 42 = 3 x 13 + 3
    crops = np.concatenate([batch["images"] for batch in got])
    names = [locate(crop, sites)[0][0] for crop in crops]
    epochs = [tuple(names[i : i + 13]) for i in (0, 13, 26)]
    assert all(sorted(epoch) == sorted(sites) for epoch in epochs)
    assert len(set(epochs)) == 3
    other = batches(prepared, 1, seed=4, batch=13, flips=False, rotations=False)
    assert tuple(locate(c, sites)[0][0] for c in other[0]["images"]) != epochs[0]


@pytest.mark.parametrize(
    ("flips", "rotations", "allowed"),
    [(False, False, {0}), (True, False, {0, 4}), (False, True, {0, 1, 2, 3})],
)
def test_flips_and_rotations_are_options(tiny, flips, rotations, allowed, stretched):
    prepared, pixels = tiny
    sites = stretched(prepared, pixels)
    got = batches(prepared, 4, flips=flips, rotations=rotations)
    crops = np.concatenate([batch["images"] for batch in got])
    assert {locate(crop, sites)[0][1] for crop in crops} == allowed


def test_starting_late_equals_skipping(tiny):
    whole = batches(tiny[0], 6)
    late = batches(tiny[0], 2, first_step=4)
    for a, b in zip(whole[4:], late, strict=True):
        np.testing.assert_array_equal(a["images"], b["images"])
        np.testing.assert_array_equal(a["index"], b["index"])


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_together_equal_one(tiny, processes):
    whole = batches(tiny[0], 4)
    parts = [
        batches(tiny[0], 4, process=i, processes=processes) for i in range(processes)
    ]
    for one, *several in zip(whole, *parts, strict=True):
        for name in ("images", "index"):
            joined = np.concatenate([part[name] for part in several])
            np.testing.assert_array_equal(joined, one[name])


def test_number_of_parallel_calls_changes_nothing(tiny):
    for a, b in zip(
        batches(tiny[0], 3, parallel_calls=1),
        batches(tiny[0], 3, parallel_calls=4),
        strict=True,
    ):
        np.testing.assert_array_equal(a["images"], b["images"])


def test_channels_are_chosen_and_ordered(deep, stretched):
    prepared, pixels = deep
    names = ("stain_5", "stain_2")
    sites = stretched(prepared, pixels, names)
    (batch,) = batches(prepared, 1, batch=3, channels=names)
    assert batch["images"].shape == (3, CROP, CROP, 2)
    assert all(len(locate(crop, sites)) == 1 for crop in batch["images"])


def test_a_batch_may_hold_more_crops_than_there_are_records(tiny, stretched):
    prepared, pixels = tiny
    sites = stretched(prepared, pixels, prepared.channels)
    (batch,) = batches(prepared, 1, batch=2 * prepared.records)
    seen = [locate(crop, sites) for crop in batch["images"]]
    assert all(len(found) == 1 for found in seen)
    counts = collections.Counter(found[0][0] for found in seen)
    assert set(counts.values()) == {2} and len(counts) == prepared.records


def test_labels_are_those_of_the_records_that_are_seen(tiny, stretched):
    prepared, pixels = tiny
    sites = stretched(prepared, pixels)
    labels = np.arange(100, 100 + prepared.records, dtype=np.int32)
    named = dict(zip(prepared.table["Metadata_Site_ID"], labels, strict=True))
    for batch in batches(prepared, 3, labels={"X": labels}):
        assert batch["labels"]["X"].dtype == np.int32
        seen = [locate(crop, sites)[0][0] for crop in batch["images"]]
        assert batch["labels"]["X"].tolist() == [named[site] for site in seen]
    assert batches(prepared, 1)[0]["labels"] == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"processes": 4}, "4 processes do not divide the batch of 6"),
        ({"crop_px": 21}, "crop_px is 21"),
        ({"channels": ("stain_9",)}, "no channel 'stain_9'"),
    ],
)
def test_bad_options(tiny, changes, message):
    with pytest.raises(InputError, match=message):
        stream.train_batches(tiny[0], **(ARGS | TURNS | changes))


@pytest.mark.parametrize("screen", ["tiny", "deep"])
def test_every_plate_is_stretched_by_its_own_percentiles(screen, request, stretched):
    """A crop lies in the pixels of its plate."""
    prepared, pixels = request.getfixturevalue(screen)
    sites = stretched(prepared, pixels, per_plate=True)
    ids = prepared.table["Metadata_Site_ID"]
    got = batches(prepared, 3, scaling="plate", batch=5)
    found = [locate(crop, sites) for batch in got for crop in batch["images"]]
    assert all(len(matches) == 1 for matches in found)
    assert {matches[0][0] for matches in found} == set(ids)


@pytest.fixture
def copied(tiny, tmp_path):
    """A copy of the tiny screen, to damage."""
    copy = shutil.copytree(tiny[0].directory, tmp_path / "copy")
    return dataclasses.replace(tiny[0], directory=str(copy))


def test_a_damaged_record_is_named(copied):
    shard = int(copied.shard[6])
    with open(copied.path(shard), "r+b") as file:
        file.seek(copied.offset[6] + 12 + copied.length[6] // 2)
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([byte ^ 1]))
    place = 6 - int(copied.rows(shard)[0])
    name = f"record {place} .*row 6.* of .*{copied.files[shard]} does not agree"
    with pytest.raises(records.DamagedRecord, match=name):
        batches(copied, 3)
    with pytest.raises(records.DamagedRecord, match=name):
        list(tiles.sites(copied, shard, ()))


def test_a_stand_in_brings_its_own_label(copied, tiny, stretched):
    with open(copied.path(int(copied.shard[6])), "r+b") as file:
        file.seek(copied.offset[6] + 12 + copied.length[6] // 2)
        file.write(b"damaged")
    sites, bad = stretched(*tiny), []
    labels = np.arange(copied.records, dtype=np.int32)
    for batch in batches(copied, 3, labels={"X": labels}, on_bad=bad.append):
        seen = [locate(crop, sites)[0][0] for crop in batch["images"]]
        ids = copied.table["Metadata_Site_ID"].iloc[batch["labels"]["X"]]
        assert seen == ids.tolist() and 6 not in batch["labels"]["X"]
    assert set(bad) == {6}


@pytest.mark.parametrize("kept_bytes", [0, 5, 100])
def test_a_truncated_shard_is_named(copied, kept_bytes):
    shard = int(copied.shard[12])
    with open(copied.path(shard), "r+b") as file:
        file.truncate(int(copied.offset[12]) + kept_bytes)
    with pytest.raises(records.DamagedRecord, match="row 12"):
        batches(copied, 3)
    with pytest.raises(records.DamagedRecord, match="row 12"):
        list(tiles.sites(copied, shard, ()))
