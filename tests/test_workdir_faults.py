"""Damage to a workdir's files is found by name."""

import numpy as np
import pandas as pd
import pytest

from gandl_jax import config as configs
from gandl_jax import events, logs, sealed_json, workdir_faults
from gandl_jax import workdir as workdirs
from gandl_jax.profiles import store

FILES = {
    "config.json": "config.json",
    "metrics.jsonl": "metrics.jsonl",
    "events.jsonl": "events.jsonl",
    "profiles/x/gan@5/part-00000.parquet": "profiles/x/gan@5",
    "profiles/x/gan@5/_SUCCESS": "profiles/x/gan@5",
    "tasks/x/well_map.json": "tasks/x/well_map.json",
    "choose_features/x/a.json": "choose_features/x/a.json",
    "compare_seeds/x/a.json": "compare_seeds/x/a.json",
}


@pytest.fixture
def folder(tmp_path):
    workdirs.record(tmp_path, configs.default(), "--config=configs/demo.py")
    metrics = logs.Metrics(logs.Former.read(tmp_path, 0))
    for step in (1, 2, 3):
        metrics.write(step, 4 * step, 0.5 * step, {"d/loss": 0.25})
    metrics.close()
    for what in ("started", "ended"):
        events.add(tmp_path, what)
    profiles = tmp_path / "profiles/x/gan@5"
    store.claim(profiles, {"saw_images": True})
    metadata = pd.DataFrame({"Metadata_Record_ID": ["a", "b"]})
    store.write_part(
        profiles / "part-00000.parquet", metadata, {"b8": np.eye(2, dtype=np.float32)}
    )
    store.finish(profiles)
    for name in [name for name in FILES if name.endswith("/a.json") or "well" in name]:
        (tmp_path / name).parent.mkdir(parents=True)
        sealed_json.write(tmp_path / name, {"rows": [{"value": 0.875}]})
    return tmp_path


def test_a_whole_workdir_has_no_faults(folder):
    assert [*workdir_faults.find(folder)] == []


def test_an_empty_workdir_has_no_faults(tmp_path):
    assert [*workdir_faults.find(tmp_path)] == []


@pytest.mark.parametrize("file", FILES)
def test_damage_is_found_by_name(folder, file):
    data = bytearray((folder / file).read_bytes())
    digit = next(i for i, byte in enumerate(data) if bytes([byte]) in b"0123456789")
    data[digit] ^= 1  # another digit, of the first line
    (folder / file).write_bytes(data)
    ((name, what),) = workdir_faults.find(folder)
    assert name == FILES[file]
    assert "again" in what or "restore" in what


def test_a_line_that_is_damaged_is_numbered(folder):
    lines = (folder / "metrics.jsonl").read_text().splitlines(keepends=True)
    lines[1] = lines[1].replace("0.25", "0.75")
    (folder / "metrics.jsonl").write_text("".join(lines))
    ((name, what),) = workdir_faults.find(folder)
    assert (name, what.partition(":")[0]) == ("metrics.jsonl", "line 2 is damaged")
