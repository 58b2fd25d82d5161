"""The manifest: digests equal hashlib's, counts those of the table."""

import hashlib
import pathlib

import numpy as np
import pandas as pd

from gandl_jax.prepared import manifest

SOURCE = "source_table.parquet"


def test_digest_of_files_longer_than_a_block(tmp_path):
    for size in (0, 1, 2**20, 2**21 + 3):
        data = np.random.default_rng(size).bytes(size)
        (tmp_path / "file").write_bytes(data)
        wanted = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": size}
        assert manifest.digest(tmp_path / "file") == wanted


def test_counts(tmp_path):
    (tmp_path / "records.parquet").write_bytes(b"table")
    table = pd.DataFrame({"Metadata_Plate": ["1", "2", "1"]})
    table["Metadata_Experiment"] = ["A", "A", "B"]
    table["Metadata_Condition"] = ["Mock", "", "Mock"]
    made = manifest.make(tmp_path, {}, table, ("dna", "er"))
    assert made["records_per_plate"] == {"A/1": 1, "A/2": 1, "B/1": 1}
    assert made["records_per_condition"] == {"": 1, "Mock": 2}
    assert made["records_per_channel"] == {"dna": 3, "er": 3}
    made = manifest.make(tmp_path, {}, table[[]], ())
    assert made["records_per_plate"] == made["records_per_condition"] == {}
    assert made["files"]["records.parquet"]["records"] == 3


def test_prepare_keeps_the_digest_of_each_shard(deep):
    opened, _ = deep
    files = dict(opened.description["manifest"]["files"])
    more = ["records.parquet", "illumination.npz", "odd_images.csv"]
    more += ["dataset_info.json", "features.json"]
    assert list(files) == [*opened.files, *more]
    files[SOURCE] = opened.description[SOURCE]
    for name, wanted in files.items():
        data = (pathlib.Path(opened.directory) / name).read_bytes()
        assert wanted["sha256"] == hashlib.sha256(data).hexdigest()
        assert wanted["bytes"] == len(data)
