"""A damaged record in a chain of jobs: it ends them, or is passed over and told."""

import json
import shutil

import pandas as pd
import pytest

from gandl_jax.prepared import prepared
from gandl_jax.profiles import store

STEPS = ("--config.train.total_images=96", "--config.train.log_every_images=32")


@pytest.fixture
def damaged(run, smoke_screen, tmp_path):
    """The option that names a copy of the screen, and its damaged record's name."""
    assert run(tmp_path / "whole", "--job=prepare") == 0
    copy = shutil.copytree(smoke_screen.prepared, tmp_path / "prepared")
    opened = prepared.open_prepared(str(copy))
    record = opened.records // 2
    with open(opened.path(int(opened.shard[record])), "r+b") as file:
        file.seek(int(opened.offset[record] + opened.length[record] // 2))
        file.write(b"\0\1\2\3")
    name = opened.table["Metadata_Record_ID"].iloc[record]
    return f"--config.data.dir={copy}", name


@pytest.mark.slow
def test_it_is_passed_over_counted_and_listed(run, damaged, tmp_path):
    option, name = damaged
    workdir = tmp_path / "w"
    policy = "--config.data.bad_records=skip", "--config.data.bad_records_max_frac=0.1"
    jobs = "--job=train,embed,evaluate,report"
    settings = option, *policy, *STEPS, "--config.evaluate.tasks=batch_effects"
    assert run(workdir, jobs, *settings, method="autoencoder") == 0
    listed = pd.read_csv(workdir / "bad_records.csv", dtype=str)
    assert listed["name"].tolist() == [name]
    for encoder in ("autoencoder@0", "autoencoder@3", "intensity"):
        metadata = store.read_metadata(workdir / "profiles/simulated" / encoder)
        assert name not in set(metadata["Metadata_Record_ID"])
        whole = prepared.open_prepared(option.partition("=")[2]).records
        assert len(metadata) == whole - 1
    lines = [json.loads(line) for line in open(workdir / "metrics.jsonl")]
    assert all(line["data/bad_records"] in (0, 1) for line in lines)
    page = (workdir / "report/index.html").read_text()
    assert "Passed over" in page and name in page
    assert listed["what"].iloc[0] in page.replace("&#x27;", "'").replace("&#39;", "'")


def test_without_leave_it_ends_the_job_in_one_line(run, damaged, tmp_path, capsys):
    option, _ = damaged
    settings = "--job=train,embed", option, *STEPS
    assert run(tmp_path / "w", *settings, method="autoencoder") == 1
    error = capsys.readouterr().err.strip()
    assert (
        "does not agree with its own checksum" in error
        and "--config.data.bad_records=skip" in error
    )
    assert "\n" not in error
