"""Conversions killed at random moments, and by several processes: the same bytes."""

import contextlib
import functools
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from PIL import Image

RECORDS, PER_SHARD, SIZE = 60, 3, 384
SHARDS = RECORDS // PER_SHARD
CHANNELS = 5


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """A raw screen in RxRx19a's form, on three plates."""
    folder, rng = tmp_path_factory.mktemp("kills") / "raw", np.random.default_rng(0)
    columns = "cell_type experiment disease_condition treatment treatment_conc SMILES"
    values = "HRCE", "HRCE-1", "Mock", "", "", ""
    fixed = dict(zip(columns.split(), values, strict=True))
    rows = []
    for i in range(RECORDS):
        plate, well = 1 + i % 3, f"{'BCDEF'[i % 5]}{i // 5 + 2:02}"
        name = f"HRCE-1_{plate}_{well}"
        rows.append(fixed | {"site_id": f"{name}_1", "well_id": name, "site": 1})
        rows[-1] |= {"plate": plate, "well": well}
        for channel in range(1, CHANNELS + 1):
            path = folder / f"images/HRCE-1/Plate{plate}/{well}_s1_w{channel}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 50 * channel, (SIZE, SIZE), np.uint8)
            Image.fromarray(pixels).save(path, compress_level=1)
    pd.DataFrame(rows).to_csv(folder / "metadata.csv", index=False)
    return folder


# Forks conversions, each in a session of its own, from one process that has imported
# what is slow. It tells their ids and, when they end, how.
SERVER = """
import json, os, sys
import pyarrow.parquet, tensorflow_datasets
from gandl_jax import main
from gandl_jax.prepared import write_shards
for line in sys.stdin:
    child = os.fork()
    if not child:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDWR), 1)
        os._exit(main.main(json.loads(line)))
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Conversion:
    """A conversion that runs; `exitcode` is None until it ends."""

    def __init__(self, server, arguments):
        self._answers = server.stdout
        server.stdin.write((json.dumps(arguments) + "\n").encode())
        self.pid, self.exitcode = int(self._answers.readline()), None

    def wait(self, seconds=None) -> int | None:
        """Waits for its end, at most so long; gives the exit code."""
        if self.exitcode is None and select.select([self._answers], [], [], seconds)[0]:
            self.exitcode = int(self._answers.readline())
        return self.exitcode

    def wait_for(self, path) -> None:
        while not path.exists() and self.wait(0.001) is None:
            pass


@pytest.fixture(scope="module")
def begin(request):
    """Function that begins a conversion."""
    config = request.config.rootpath.parent / "configs/rxrx19a.py"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "bufsize": 0}
    with subprocess.Popen([sys.executable, "-c", SERVER], **pipes) as server:

        def begin(raw, out, workers):
            settings = {"source_dir": raw, "dir": out, "workers": workers}
            settings["records_per_shard"] = PER_SHARD
            changes = [f"--config.data.{key}={settings[key]}" for key in settings]
            named = [f"--config={config}", f"--workdir={out}-run", "--job=prepare"]
            return Conversion(server, named + changes)

        yield begin
        server.stdin.close()


@pytest.fixture(scope="module")
def whole(raw, begin):
    """What an uninterrupted run leaves."""
    out = raw.parent / "whole"
    assert begin(raw, out, 1).wait() == 0
    return contents(out)


@pytest.fixture(scope="module")
def seconds(raw, begin):
    """Function that gives how long a run takes from its first file on."""

    @functools.cache
    def seconds(workers):
        out = raw.parent / f"timed-{workers}"
        conversion = begin(raw, out, workers)
        conversion.wait_for(out / "plan.json")
        began = time.monotonic()
        assert conversion.wait() == 0
        return time.monotonic() - began

    return seconds


def contents(folder: pathlib.Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def finished(folder: pathlib.Path) -> dict[str, tuple[int, int]]:
    """The shards with their final names, and what changes if one is written again."""
    stats = {path.name: path.stat() for path in folder.glob("rxrx19a-*")}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in stats.items()}


def killed(begin, raw, out, workers, seconds) -> bool:
    """Begins a conversion and kills all its processes; False where it was done."""
    process = begin(raw, out, workers)
    process.wait_for(out / "plan.json")
    if process.wait(seconds) is None:
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() in (0, -signal.SIGKILL)
    return process.exitcode != 0


def kill(begin, raw, whole, seconds, folder, *, kills, workers, seed):
    """Kills conversions so many times, each until it is done, and checks them.

    Returns:
      How many conversions it took, and how many of the kills fell on a folder that had
      some of its shards, not all.
    """
    rng, done, amid, conversions = np.random.default_rng(seed), 0, 0, 0
    while done < kills:
        out, before, alive = folder / f"out-{conversions}", {}, True
        while alive:
            count = workers[int(rng.integers(len(workers)))]
            until = rng.uniform(0, seconds(count)) if done < kills else None
            alive = killed(begin, raw, out, count, until)
            after = finished(out)
            assert before.items() <= after.items()  # none is written a second time
            before = after
            done += alive
            amid += alive and 0 < len(after) < SHARDS
        assert contents(out) == whole
        conversions += 1
    return conversions, amid


def test_killed_at_random_moments_the_bytes_are_the_same(
    raw, begin, whole, seconds, tmp_path
):
    kill(begin, raw, whole, seconds, tmp_path, kills=4, workers=(1,), seed=0)


@pytest.mark.slow
def test_processes_write_the_same_bytes_and_end_with_their_parent(
    raw, begin, whole, tmp_path
):
    out = tmp_path / "out"
    process = begin(raw, out, 2)
    process.wait_for(out / "rxrx19a-train.tfrecord-00001-of-00020")
    os.kill(process.pid, signal.SIGKILL)  # not its workers
    process.wait()
    before = finished(out)
    for _ in range(100):
        if not members(process.pid):
            break
        time.sleep(0.05)
    assert members(process.pid) == []
    assert 0 < len(before) < SHARDS
    assert not killed(begin, raw, out, 1, None)
    assert contents(out) == whole


def members(session: int) -> list[int]:
    """The processes of a session that still run."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, its = path.read_text().rpartition(")")[2].split()[:4]
            if int(its) == session and state != "Z":
                found.append(int(path.parent.name))
    return found


@pytest.mark.slow
def test_thirty_kills(raw, begin, whole, seconds, tmp_path):
    conversions, amid = kill(
        begin, raw, whole, seconds, tmp_path, kills=30, workers=(1, 2, 3), seed=1
    )
    print(f"30 kills in {conversions} conversions, {amid} of them between shards")
    assert amid >= 5
