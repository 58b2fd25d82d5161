"""Disks that are full, read-only or slow, at whatever is written."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time

import pytest

from gandl_jax import file_hashes
from gandl_jax.jobs import try_kills
from gandl_jax.jobs.recorder import Recorder

# Runs within its own namespace, where the folder `disk` is a small disk of its own.
# For each number of bytes that is left at step 3 it tells how the program ends, what
# it says, and which checkpoint is whole; then room is made, and it goes on.
ON_A_SMALL_DISK = """
import contextlib, io, json, os, pathlib, subprocess, sys
disk, left, words = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk], check=True)
from gandl_jax import checkpoint, main
from gandl_jax.jobs import recorder
add, filler = recorder.Recorder.add, disk / "filler"

def fill(self, step, *args):
    if step == 3:
        self._saved.wait()
        free = os.statvfs(disk)
        filler.write_bytes(bytes(max(free.f_bavail * free.f_bsize - int(left), 0)))
    add(self, step, *args)

if left == "read-only":
    main.main([*words, "--config.train.total_images=64"])
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
else:
    recorder.Recorder.add = fill
told = io.StringIO()
with contextlib.redirect_stderr(told):
    code = main.main(words)
recorder.Recorder.add = add
passed = []
whole = checkpoint.Checkpoints(disk / "w").newest(lambda *bad: passed.append(bad))
if left == "read-only":
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
filler.unlink(missing_ok=True)
again = main.main(words)
print("TOLD", json.dumps([code, told.getvalue(), whole, again]))
subprocess.run(["cp", "-r", disk / "w", disk.parent / "copy"], check=True)
"""


def on_a_small_disk(folder, left, words):
    disk = folder / "disk"
    disk.mkdir()
    root = str(pathlib.Path(__file__).resolve().parents[2])
    words = [disk, left, *words]
    done = subprocess.run(
        ["unshare", "-rm", sys.executable, "-c", ON_A_SMALL_DISK, *map(str, words)],
        env=dict(os.environ, PYTHONPATH=root),
        capture_output=True,
        text=True,
        timeout=300,
    )
    told = [x for x in done.stdout.splitlines() if x.startswith("TOLD ")]
    assert told, done.stdout + done.stderr
    return json.loads(told[0].removeprefix("TOLD "))


@pytest.fixture(scope="module")
def disks():
    """Skips where no small disk can be made."""
    mounts = "mount -t tmpfs -o size=1m tmpfs /mnt"
    if (
        not shutil.which("unshare")
        or subprocess.run(
            ["unshare", "-rm", "sh", "-c", mounts], capture_output=True
        ).returncode
    ):
        pytest.skip("unshare -rm and mount are not allowed here")


@pytest.fixture(scope="module")
def whole(run, tmp_path_factory):
    """A training on a disk with room, and its settings."""
    folder = tmp_path_factory.mktemp("room")
    settings = (*run.recipe, "--config.train.total_images=256")
    settings += ("--config.train.checkpoint_every_images=64",)
    settings += ("--config.train.grid_every_images=64", "--job=train")
    assert run(folder, "--job=prepare", *run.recipe) == 0
    assert run(folder, *settings) == 0
    return folder, settings


@pytest.mark.slow
@pytest.mark.parametrize("left", [0, 1000, 5000, 20_000, 60_000, 150_000, "read-only"])
def test_training_stops_with_a_line_and_goes_on(run, whole, disks, tmp_path, left):
    folder, settings = whole
    words = run.words(tmp_path / "disk/w", *settings)
    code, told, newest, again = on_a_small_disk(tmp_path, left, words)
    print(left, code, told)
    assert code == 1 and newest == 2, told
    lines = [x for x in told.splitlines() if x.startswith("gandl_jax:")]
    said = ("Read-only",) if left == "read-only" else ("No space left", "has room")
    assert len(lines) == 1 and any(words in told for words in said), told
    assert told.splitlines()[-1] == lines[0]
    assert again == 0
    compared = [
        f(folder, tmp_path / "copy")
        for f in (try_kills.compare_states, try_kills.compare_metrics)
    ]
    assert compared == ["the same", "the same"]


@pytest.mark.slow
def test_a_slow_disk_does_not_hold_the_training_up(
    run, whole, tmp_path, monkeypatch, capsys
):
    folder, settings = whole
    write, add, reached = file_hashes.write, Recorder.add, {}
    for step in (4, 6):
        reached[step] = threading.Event()

    def count(self, step, *args):
        if step in reached:
            reached[step].set()
        add(self, step, *args)

    def slow(place):
        if place.name == "0":
            assert reached[4].wait(60)
            time.sleep(0.3)  # in which the training waits to save step 4
        if place.name == "4":
            assert reached[6].wait(60)  # it goes on meanwhile
        write(place)

    monkeypatch.setattr(file_hashes, "write", slow)
    monkeypatch.setattr(Recorder, "add", count)
    monkeypatch.setattr("gandl_jax.checkpoint.WORTH_TELLING_S", 0.1)
    more = "--config.train.checkpoint_every_images=128"
    assert run(tmp_path / "w", *settings, more) == 0
    told = capsys.readouterr().out
    assert "for a checkpoint: the disk is slow" in told
    assert try_kills.compare_states(folder, tmp_path / "w") == "the same"
