"""Does a training that runs for long take more and more?"""

import pathlib
import signal
import subprocess
import sys
import threading
import time

import jax
import numpy as np
import pytest
import scipy.stats

from gandl_jax import logs
from gandl_jax.training.recorder import Recorder

MINUTES, STEPS = 30, 20_000  # 20 at least; noise of 2 MiB counts less in 30
WARM_UP_MINUTES = 10  # in which caches and arenas fill up
MOST_GROWTH = 0.02  # in two hours, of the memory


@pytest.mark.slow
def test_nothing_is_left_open_from_checkpoint_to_checkpoint(run, tmp_path, monkeypatch):
    found, add = [], Recorder.add

    def add_and_count(self, step, *args):
        add(self, step, *args)
        if step % 10 == 5:
            self._saved.wait()
            files = len(list(pathlib.Path("/proc/self/fd").iterdir()))
            found.append((len(jax.live_arrays()), files, threading.active_count()))

    monkeypatch.setattr(Recorder, "add", add_and_count)
    settings = (
        *run.recipe,
        "--config.train.total_images=2560",  # of 80 steps
        "--config.train.log_every_images=320",
        "--config.train.checkpoint_every_images=320",
        "--config.train.grid_every_images=320",
    )
    assert run(tmp_path, "--job=prepare,train", *settings) == 0
    assert len(found) == 8
    assert found[-1] == found[1], found


@pytest.mark.slow
def test_memory_and_open_files_stay_as_they_are(run, tmp_path):
    words = run.words(
        tmp_path,
        *run.recipe,
        "--config.train.total_images=1_000_000_000",
        "--config.train.log_every_images=3200",
        # TensorStore loses 0.2 MB with every checkpoint (docs/reliability.md).
        "--config.train.checkpoint_every_images=320_000",
        "--config.train.grid_every_images=64_000",
        "--config.method.diversity_every_images=32_000",
        "--job=prepare,train",
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "gandl_jax.main", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        found = list(watched(process, tmp_path))
    finally:
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 75, errors
    assert time.monotonic() - began < 30
    minutes, steps, memory, files = np.array(found).T
    warm = minutes > WARM_UP_MINUTES
    slope, *_ = scipy.stats.theilslopes(memory[warm], minutes[warm])
    growth = 120 * slope / np.median(memory[warm])
    print(f"{steps[-1]:.0f} steps in {minutes[-1]:.1f} min; memory", end=" ")
    print(f"{memory[-1] / 2**20:.0f} MiB, {growth:+.2%} in 2 h; files", end=" ")
    print(f"{files[warm].min():.0f} to {files[warm].max():.0f}")
    print("MiB:", *np.round(memory[11::12] / 2**20).astype(int))  # every minute
    assert growth < MOST_GROWTH
    assert np.median(files[-30:]) <= np.median(files[warm][:30])


def watched(process, workdir):
    """Minutes, steps, bytes in memory and open files, every 5 s until it is enough."""
    began, proc = time.monotonic(), pathlib.Path(f"/proc/{process.pid}")
    minutes = steps = 0
    while minutes < MINUTES or steps < STEPS:
        time.sleep(5)
        assert process.poll() is None, process.stderr.read()
        minutes = (time.monotonic() - began) / 60
        lines = logs.read(workdir)
        steps = lines[-1]["step"] if lines else 0
        pages = int((proc / "statm").read_text().split()[1])
        yield minutes, steps, 4096 * pages, len(list((proc / "fd").iterdir()))
