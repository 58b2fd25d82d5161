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
from gandl_jax.jobs.try_kills import job as try_kills_job
from gandl_jax.training.recorder import Recorder

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

# The same for jobs one after the other, each at every number of bytes left.
JOBS_ON_A_SMALL_DISK = """
import contextlib, io, json, os, pathlib, subprocess, sys
from gandl_jax import main

def run(words):
    told = io.StringIO()
    with contextlib.redirect_stderr(told):
        return main.main(words), told.getvalue()

if __name__ == "__main__":  # which is not so in the processes that a job starts
    disk, copied, lefts, jobs, *words = sys.argv[1:]
    mount = "mount -t tmpfs -o size=64m tmpfs".split()
    disk, ends = pathlib.Path(disk), []
    subprocess.run([*mount, disk], check=True)
    if copied:
        subprocess.run(["cp", "-r", copied, disk / "w"], check=True)
    filler = disk / "filler"
    for job in jobs.split(","):
        for left in json.loads(lefts):
            free = os.statvfs(disk)
            filler.write_bytes(bytes(free.f_bavail * free.f_bsize - left))
            ends.append([job, left, *run([*words, f"--job={job}"])])
            filler.unlink()
        ends.append([job, None, *run([*words, f"--job={job}"])])
    print("TOLD", json.dumps(ends))
"""


def on_a_small_disk(folder, script, *words):
    """What the script tells of a disk `folder/disk`."""
    (folder / "disk").mkdir()
    (folder / "script.py").write_text(script)
    root = str(pathlib.Path(__file__).resolve().parents[2])
    words = [sys.executable, folder / "script.py", folder / "disk", *words]
    done = subprocess.run(
        ["unshare", "-rm", *map(str, words)],
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
    told = on_a_small_disk(tmp_path, ON_A_SMALL_DISK, left, *words)
    code, told, newest, again = told
    print(left, code, told)
    assert code == 1 and newest == 2, told
    lines = [x for x in told.splitlines() if x.startswith("gandl_jax:")]
    said = ("Read-only",) if left == "read-only" else ("No space left", "has room")
    assert len(lines) == 1 and any(words in told for words in said), told
    assert told.splitlines()[-1] == lines[0]
    assert again == 0
    compared = [
        f(folder, tmp_path / "copy")
        for f in (try_kills_job.compare_states, try_kills_job.compare_metrics)
    ]
    assert compared == ["the same", "the same"]


def all_say_so_and_go_on(folder, copied, lefts, jobs, words):
    told = on_a_small_disk(folder, JOBS_ON_A_SMALL_DISK, copied, lefts, jobs, *words)
    for job, left, code, errors in told:
        print(job, left, code, errors)
        if left is None:
            assert code == 0, (job, errors)
        else:
            assert code == 1 and errors.count("\n") == 1, (job, left, code, errors)
            assert errors.startswith("gandl_jax: "), errors
            assert "No space left on device: see that the disk has room" in errors


@pytest.mark.slow
def test_evaluation_and_report_say_so_and_go_on(run, trained, disks, tmp_path):
    words = run.words(tmp_path / "disk/w", "--config.train.total_images=32")
    all_say_so_and_go_on(tmp_path, trained, [100_000], "evaluate,report", words)


@pytest.mark.slow
def test_every_job_says_so_and_goes_on(run, disks, tmp_path):
    disk = tmp_path / "disk"
    words = run.words(
        disk / "w",
        "--config.train.total_images=32",
        f"--config.data.source_dir={disk}/raw",
        f"--config.data.dir={disk}/data",
    )
    jobs, lefts = "prepare,train,embed,evaluate,report", [0, 20_000, 200_000]
    all_say_so_and_go_on(tmp_path, "", lefts, jobs, words)


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
    assert try_kills_job.compare_states(folder, tmp_path / "w") == "the same"
