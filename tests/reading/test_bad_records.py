"""Records that cannot be read: passed over, counted, written down, up to a share."""

import dataclasses
import itertools
import shutil

import numpy as np
import pandas as pd
import pytest

from gandl_jax.errors import RunError
from gandl_jax.reading import bad_records, stream, tiles

OPTIONS = {"channels": (), "scaling": "dataset", "illumination": "none", "crop_px": 8}
TRAINING = OPTIONS | {"batch": 6, "seed": 3, "first_step": 0}
TRAINING |= {"flips": False, "rotations": False}


@pytest.fixture
def damaged(tiny, tmp_path):
    """A copy of the tiny screen whose records 2 and 6 are damaged, and the pixels."""
    copy = shutil.copytree(tiny[0].directory, tmp_path / "copy")
    prepared = dataclasses.replace(tiny[0], directory=str(copy))
    for record in (2, 6):
        with open(prepared.path(int(prepared.shard[record])), "r+b") as file:
            file.seek(prepared.offset[record] + 12 + prepared.length[record] // 2)
            file.write(b"\0\1\2\3")
    return prepared, tiny[1]


def test_training_goes_on_with_others_in_their_place(damaged, tiny, tmp_path):
    prepared, _ = damaged
    bad = bad_records.BadRecords(prepared, tmp_path, max_frac=0.2)
    stands_in = stream.train_batches(prepared, **TRAINING, on_bad=bad)
    whole = stream.train_batches(tiny[0], **TRAINING)
    differ = 0
    for got, wanted in itertools.islice(zip(stands_in, whole, strict=False), 6):
        np.testing.assert_array_equal(got["index"], np.arange(6))
        same = (got["images"] == wanted["images"]).all((1, 2, 3))
        differ += 6 - int(same.sum())
        assert np.isfinite(got["images"]).all()
    assert 4 <= differ <= 6  # 36 samples are 2.8 epochs: either record in each
    assert bad.count == 2
    table = bad_records.read(tmp_path)
    assert sorted(table["name"]) == sorted(
        prepared.table["Metadata_Record_ID"].iloc[[2, 6]]
    )
    assert (table["what"] == "does not agree with its own checksum").all()
    numbers = [prepared.place(record) for record in (2, 6)]
    wanted = {(prepared.files[shard], str(place)) for shard, place in numbers}
    assert set(zip(table["shard"], table["record"], strict=True)) == wanted
    again = bad_records.BadRecords(prepared, tmp_path, max_frac=0.2)
    again(2)  # known from the former run
    assert again.count == 2


def test_the_same_records_stand_in_after_a_restart(damaged, tmp_path):
    prepared, _ = damaged
    bad = bad_records.BadRecords(prepared, tmp_path, max_frac=1)
    options = TRAINING | {"on_bad": bad}
    whole = itertools.islice(stream.train_batches(prepared, **options), 5)
    late = stream.train_batches(prepared, **(options | {"first_step": 4}))
    np.testing.assert_array_equal(list(whole)[4]["images"], next(late)["images"])


def test_an_embedding_leaves_them_out(damaged, tmp_path):
    prepared, pixels = damaged
    bad = bad_records.BadRecords(prepared, tmp_path, max_frac=0.2)
    rows = []
    for shard in range(prepared.shards):
        for row, site in tiles.sites(prepared, shard, (), bad):
            name = prepared.table["Metadata_Site_ID"][row]
            np.testing.assert_array_equal(site, pixels[name])
            rows.append(row)
    assert rows == [row for row in range(prepared.records) if row not in (2, 6)]
    assert bad.count == 2


def test_each_host_writes_its_own_and_all_count(damaged, tmp_path):
    prepared, _ = damaged
    options = {"workdir": tmp_path, "max_frac": 1 / 13, "hosts": 2}
    first = bad_records.BadRecords(prepared, host=0, **options)
    second = bad_records.BadRecords(prepared, host=1, **options)
    first(2)
    assert (first.count, second.count) == (1, 1)
    second(2)  # the other found it: it is written once
    with pytest.raises(RunError, match="2 of 13 records .*/bad_records-1.csv"):
        second(6)
    assert first.count == 2
    assert len(pd.read_csv(tmp_path / bad_records.FILE)) == 1
    assert len(bad_records.read(tmp_path)) == 2


def test_too_many_are_an_error(damaged, tmp_path):
    prepared, _ = damaged
    bad = bad_records.BadRecords(prepared, tmp_path, max_frac=1 / 13)
    with pytest.raises(RunError, match="2 of 13 records .* cannot be read, listed in"):
        for shard in range(prepared.shards):
            list(tiles.sites(prepared, shard, (), bad))
    assert len(pd.read_csv(tmp_path / bad_records.FILE)) == 2
    again = bad_records.BadRecords(prepared, tmp_path, max_frac=1 / 13)
    with pytest.raises(RunError, match="2 of 13 records"):
        again(2)  # to run the same command again does not allow more


def test_a_shard_without_any_readable_record_is_an_error(damaged, tmp_path):
    prepared, _ = damaged
    with open(prepared.path(1), "r+b") as file:
        file.truncate(0)
    bad = bad_records.BadRecords(prepared, tmp_path, max_frac=1)
    with pytest.raises(RunError, match="no record of .* can be read: delete"):
        list(tiles.sites(prepared, 1, (), bad))
