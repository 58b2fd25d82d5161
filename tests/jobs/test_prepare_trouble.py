"""What goes wrong while shards are written: one line, and the same command goes on."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import zipfile

import pandas as pd
import pytest
from PIL import Image

from gandl_jax import config, files, main
from gandl_jax.errors import InputError, RunError
from gandl_jax.jobs import prepare
from gandl_jax.jobs.benchmark import job as benchmark_job
from gandl_jax.prepared import prepared, shards, work_folder, write_description
from gandl_jax.screens import rxrx19a

RECORDS, PER_SHARD = 12, 4
SHARD = "rxrx19a-train.tfrecord-0000{}-of-00003"


@pytest.fixture
def raw(rxrx19a_folder):
    """A raw screen in RxRx19a's form."""
    return rxrx19a_folder(RECORDS)


def settings(raw, out="out", **data):
    c = config.default()
    c.data.update(name="rxrx19a", source_dir=str(raw), dir=str(raw.parent / out))
    c.data.update(records_per_shard=PER_SHARD, **data)
    return c


def contents(folder) -> dict[str, bytes]:
    folder = pathlib.Path(folder)
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.fixture
def whole(raw):
    """What an untroubled run leaves."""
    c = settings(raw, "whole")
    prepare.run(c, "")
    return contents(c.data.dir)


def stopped(c, message: str) -> None:
    """The job ends with this message, and no screen is there."""
    with pytest.raises(RunError, match=message) as caught:
        prepare.run(c, "")
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="no prepared screen"):
        prepared.open_prepared(c.data.dir)


@pytest.mark.parametrize(
    "name",
    ["plan.json", SHARD.format(1), "00002.npz", "records.parquet", "screen.json"],
)
def test_a_full_disk(raw, whole, name, monkeypatch):
    original = files.partial

    @contextlib.contextmanager
    def full(path):
        with original(path) as beside:
            if pathlib.Path(path).name == name:
                pathlib.Path(beside).symlink_to("/dev/full")
            yield beside

    c = settings(raw)
    monkeypatch.setattr(files, "partial", full)
    stopped(
        c, r"out \(config.data.dir\) cannot be written: No space left on device.*; mend"
    )
    assert not list(pathlib.Path(c.data.dir).rglob("*.partial"))
    monkeypatch.undo()
    prepare.run(c, "")
    assert contents(c.data.dir) == whole


@pytest.mark.parametrize("name", ["features.json", "dataset_info.json"])
def test_a_full_disk_at_the_files_of_tfds(raw, whole, name):
    c = settings(raw)
    prepare.run(c, "")
    folder = pathlib.Path(c.data.dir)
    for path in (folder / name, folder / "screen.json"):
        path.unlink()
    (folder / name).symlink_to("/dev/full")
    stopped(c, "cannot be written: No space left on device.*; mend")
    (folder / name).unlink()
    prepare.run(c, "")
    assert contents(folder) == whole


@pytest.mark.skipif(
    os.name != "posix" or os.getuid() != 0, reason="only root can mount a small disk"
)
def test_a_small_disk(raw, whole, tmp_path):
    c = settings(raw, "disk/out")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=28k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        stopped(c, "cannot be written: No space left on device.*; mend")
        grow = ["mount", "-o", "remount,size=10m", str(disk)]
        subprocess.run(grow, check=True)
        prepare.run(c, "")
        assert contents(c.data.dir) == whole
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def before_the_second_shard(monkeypatch, happens):
    """Has something happen when the first shard has been written."""
    original = shards.write

    def write(shard, *args, **kwargs):
        if shard.number == 1:
            happens()
        original(shard, *args, **kwargs)

    monkeypatch.setattr(shards, "write", write)


def test_a_source_that_goes_away(raw, whole, monkeypatch, request, capsys):
    away = raw.parent / "away"
    before_the_second_shard(monkeypatch, lambda: raw.rename(away))
    c = settings(raw)
    arguments = [f"--config={request.config.rootpath.parent}/configs/rxrx19a.py"]
    arguments += ["--job=prepare", f"--workdir={raw.parent}/run"]
    for key in ("source_dir", "dir", "records_per_shard"):
        arguments.append(f"--config.data.{key}={c.data[key]}")
    assert main.main(arguments) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert "png in " in said and "can no longer be read (No such file or" in said
    folder = pathlib.Path(c.data.dir)
    assert sorted(path.name for path in folder.glob("*-of-*")) == [SHARD.format(0)]
    monkeypatch.undo()
    away.rename(raw)
    assert main.main(arguments) == 0
    assert contents(folder) == whole


def test_an_archive_that_is_deleted(raw, whole, monkeypatch):
    archive, kept = raw / "images.zip", raw.parent / "images.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted((raw / "images").rglob("*.png")):
            packed.write(path, path.relative_to(raw))
    shutil.rmtree(raw / "images")
    before_the_second_shard(monkeypatch, lambda: archive.rename(kept))
    c = settings(raw)
    stopped(c, "png in .*raw can no longer be read .No such file")
    monkeypatch.undo()
    with pytest.raises(InputError, match="none of the 60 images"):
        prepare.run(c, "")
    kept.rename(archive)
    prepare.run(c, "")
    assert contents(c.data.dir) == whole


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_bad_records_found_late(raw, workers, capsys):
    """In the last shard: all that was written goes, and nothing looks finished."""
    metadata = pd.read_csv(raw / "metadata.csv", dtype=str, keep_default_na=False)
    last = shards.plan(metadata, records_per_shard=PER_SHARD, seed=0)[-1]
    for row in metadata.iloc[last.rows[-2:]].to_dict("records"):
        path = raw / rxrx19a.SCREEN.image_path(row, "5")
        path.write_bytes(path.read_bytes()[:-30])
    c = settings(raw, workers=workers)
    message = r"2 of 60 images.*w5.png \(truncated or corrupt\), .*w5.png \(trunc[^,]*$"
    with pytest.raises(InputError, match=message):
        prepare.run(c, "")
    assert not pathlib.Path(c.data.dir).exists()


@pytest.mark.slow
def test_a_process_that_is_killed(raw, whole, monkeypatch):
    c = settings(raw, workers=2)
    c.data.records_per_shard = 1
    original = shards.alone
    monkeypatch.setattr(shards, "alone", lambda *a: (Deadly(original(*a)[0]), None))
    stopped(c, "a process that wrote shards was killed.*data.workers=1")
    monkeypatch.undo()
    other = settings(raw, "other", workers=1)
    c.data.workers = other.data.records_per_shard = 1
    prepare.run(c, "")
    prepare.run(other, "")
    assert contents(c.data.dir) == contents(other.data.dir)


class Deadly:
    """Kills the process that receives it."""

    def __init__(self, shard):
        self.shard = shard

    def __reduce__(self):
        return signal.raise_signal, (signal.SIGKILL,)


def test_two_at_once_are_refused(raw, whole):
    c = settings(raw)
    folder = pathlib.Path(c.data.dir)
    with work_folder.claimed(folder):
        with pytest.raises(InputError, match="being prepared by another process: wait"):
            prepare.run(c, "")
    assert not folder.exists()
    prepare.run(c, "")
    assert contents(folder) == whole


def test_a_refused_run_leaves_no_folder(raw):
    c = settings(raw, "some/where/out")
    (raw / "metadata.csv").unlink()
    with pytest.raises(InputError, match="no metadata.csv"):
        prepare.run(c, "")
    assert not (raw.parent / "some").exists()


DERIVED = ["records.parquet", "illumination.npz", "screen.json", "plan.json"]
DERIVED += ["features.json", "dataset_info.json"]


@pytest.mark.parametrize("gone", [[name] for name in DERIVED] + [DERIVED[:3]])
def test_a_deleted_file_is_written_again_from_the_facts(raw, whole, gone, monkeypatch):
    c = settings(raw)
    prepare.run(c, "")
    for name in gone:
        (pathlib.Path(c.data.dir) / name).unlink()
    monkeypatch.setattr(shards, "write", None)  # no shard is
    prepare.run(c, "")
    assert contents(c.data.dir) == whole


def test_a_copy_without_facts_is_whole(raw, whole, monkeypatch, capsys):
    c = settings(raw)
    prepare.run(c, "")
    shutil.rmtree(pathlib.Path(c.data.dir) / "facts")
    monkeypatch.setattr(shards, "write", None)
    prepare.run(c, "")
    assert "already prepared" in capsys.readouterr().out


class Killed(BaseException):
    pass


@pytest.mark.parametrize("moment", ["write", "describe"])
def test_killed_while_a_shard_is_redone_from_other_images(raw, moment, monkeypatch):
    """The former description and table are no longer in force."""
    c = settings(raw)
    prepare.run(c, "")
    folder = pathlib.Path(c.data.dir)
    (folder / SHARD.format(1)).unlink()
    metadata = pd.read_csv(raw / "metadata.csv", dtype=str, keep_default_na=False)
    rows = shards.plan(metadata, records_per_shard=PER_SHARD, seed=0)[1].rows
    for row in metadata.iloc[rows].to_dict("records"):
        path = raw / rxrx19a.SCREEN.image_path(row, "1")
        Image.new("L", (16, 16), int(row["site_id"])).save(path)

    def killed(*args, **kwargs):
        raise Killed

    module = shards if moment == "write" else write_description
    monkeypatch.setattr(module, moment, killed)
    with pytest.raises(Killed):
        prepare.run(c, "")
    assert not prepared.is_complete(c.data.dir)
    monkeypatch.undo()
    prepare.run(c, "")
    anew = settings(raw, "anew")
    prepare.run(anew, "")
    assert contents(folder) == contents(anew.data.dir)


def test_killed_between_the_facts_and_the_shard(raw, whole, monkeypatch):
    """A shard whose facts were gone is not left beside facts of other bytes."""
    c = settings(raw)
    prepare.run(c, "")
    folder = pathlib.Path(c.data.dir)
    (folder / "facts/00001.npz").unlink()
    (folder / "screen.json").unlink()
    original = files.partial

    @contextlib.contextmanager
    def killed(path):
        if pathlib.Path(path).name != SHARD.format(1):
            with original(path) as beside:
                yield beside
            return
        with tempfile.TemporaryDirectory() as elsewhere:
            yield pathlib.Path(elsewhere) / "shard"
            raise Killed

    monkeypatch.setattr(files, "partial", killed)
    with pytest.raises(Killed):
        prepare.run(c, "")
    assert (folder / "facts/00001.npz").exists()
    assert not (folder / SHARD.format(1)).exists()
    monkeypatch.undo()
    prepare.run(c, "")
    assert contents(folder) == whole


def test_a_shard_without_facts_is_redone(raw, whole):
    c = settings(raw)
    prepare.run(c, "")
    folder = pathlib.Path(c.data.dir)
    for name in ("facts/00001.npz", "records.parquet"):
        (folder / name).unlink()
    kept = folder / SHARD.format(0)
    before = kept.stat().st_mtime_ns
    prepare.run(c, "")
    assert contents(folder) == whole and kept.stat().st_mtime_ns == before


@pytest.mark.parametrize("left", [0, 10, 300, -1])
def test_damaged_facts_are_named(raw, whole, left):
    c = settings(raw)
    prepare.run(c, "")
    folder = pathlib.Path(c.data.dir)
    (folder / "records.parquet").unlink()
    damaged = folder / "facts/00001.npz"
    damaged.write_bytes(damaged.read_bytes()[:left])
    message = (
        r"facts/00001.npz is damaged \(.*\): delete it and run --job=prepare again"
    )
    with pytest.raises(InputError, match=message):
        prepare.run(c, "")
    damaged.unlink()
    prepare.run(c, "")
    assert contents(folder) == whole


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
@pytest.mark.parametrize("name", ["plan.json", "screen.json"])
def test_a_damaged_plan_or_description_is_named(raw, whole, name, content):
    c = settings(raw)
    prepare.run(c, "")
    path = pathlib.Path(c.data.dir) / name
    path.write_bytes(content)
    message = f"{name} is damaged .*delete it and run --job=prepare again"
    with pytest.raises(InputError, match=message):
        prepare.run(c, "")
    path.unlink()
    prepare.run(c, "")
    assert contents(c.data.dir) == whole


def test_a_damaged_plan_alone(raw):
    c = settings(raw)
    prepare.run(c, "")
    (pathlib.Path(c.data.dir) / "screen.json").unlink()
    (pathlib.Path(c.data.dir) / "plan.json").write_text("{")
    with pytest.raises(InputError, match="plan.json is damaged .*delete the folder"):
        prepare.run(c, "")


def test_a_damaged_description_is_told_by_all_that_look(raw):
    c = settings(raw)
    prepare.run(c, "")
    (pathlib.Path(c.data.dir) / "screen.json").write_text("{")
    c.data.source_dir = ""
    for job in (prepare, benchmark_job):
        with pytest.raises(InputError, match="screen.json is damaged"):
            job.run(c, raw.parent / "work")


def test_a_table_that_is_gone_is_told(raw):
    c = settings(raw)
    prepare.run(c, "")
    (pathlib.Path(c.data.dir) / "records.parquet").unlink()
    assert not prepared.is_complete(c.data.dir)
    with pytest.raises(InputError, match="records.parquet is gone; run --job=prepare"):
        prepared.open_prepared(c.data.dir)
