"""Kills a small experiment at random instants, resumes it, and compares.

The config's experiment is trained and embedded once without interruption, and once
killed with SIGKILL again and again. Both must end the same, bit for bit.
"""

import collections
import itertools
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import IO

import numpy as np
import pandas as pd
import pyarrow as pa
from etils import epath

from gandl_jax import checkpoint, commands, files, logs, sealed_json
from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError, RunError
from gandl_jax.jobs.try_kills import kill_instants
from gandl_jax.jobs.try_kills.kill_instants import (
    DELETING,
    FINALISING,
    PART,
    SAVE,
    STEP,
)
from gandl_jax.profiles import store, table

KINDS = (STEP, SAVE, FINALISING, STEP, SAVE, DELETING)
# Metrics that differ between any two runs.
OF_TIME = ("seconds", "data/images_per_second")
KILLED = -signal.SIGKILL


def run(config, workdir: epath.Path) -> None:
    """Trains and embeds below `workdir/try_kills`, and writes `try_kills.json`.

    Raises:
      InputError: the workdir is in a bucket, or there is nothing to kill.
      RunError: the runs differ, a command failed, or it ended before all the kills.
    """
    if files.is_remote(workdir):
        raise InputError(
            f"--workdir={workdir}: programs are killed on this machine, with their "
            "files on its disk: name a folder"
        )
    options = workdirs.noted(workdir, "command")
    folder = workdir / "try_kills"
    if folder.exists():
        folder.rmtree()
    uninterrupted, killed = folder / "whole", folder / "killed"
    rng = np.random.default_rng(config.kills.seed)
    _finish(
        commands.with_flag(options, "workdir", str(uninterrupted)),
        "prepare,train,embed",
    )
    options = commands.with_flag(options, "workdir", str(killed))
    hits = collections.Counter(_kill_training(options, killed, config.kills, rng))
    hits[PART] = _kill_embedding(options, killed, config.kills, rng)
    compared = compare(uninterrupted, killed)
    result = {"kills": dict(hits), "compared": compared}
    sealed_json.write(workdir / "try_kills.json", result)
    hit_counts = ", ".join(f"{count} {instant}" for instant, count in hits.items())
    print(f"kills     {hit_counts}")
    print(
        "kills     "
        + ", ".join(f"{name}: {verdict}" for name, verdict in compared.items())
    )
    if different := [
        name for name, verdict in compared.items() if verdict != "the same"
    ]:
        raise RunError(
            f"{' and '.join(different)} of the killed run in {killed} differ from "
            f"those of the other in {uninterrupted}"
        )


def _kill_training(options: str, workdir: epath.Path, kills, rng) -> list[str]:
    """Kills a training several times, then lets it end; returns where each kill hit."""
    hits = []
    for instant in itertools.islice(itertools.cycle(KINDS), kills.count):
        instants = kill_instants.Checkpoints(workdir / "checkpoints", rng)
        _kill(
            options,
            "train",
            lambda alive, waiting=instants, instant=instant: waiting.wait(
                instant, alive
            ),
            f"training {len(hits) + 1} of {kills.count}",
        )
        hits.append(instants.hit())
        print(f"kills     training {len(hits)}/{kills.count}: {hits[-1]}", flush=True)
    _finish(options, "train")
    return hits


def _kill_embedding(options: str, workdir: epath.Path, kills, rng) -> int:
    (workdir / "profiles").mkdir(parents=True, exist_ok=True)
    for number in range(kills.embedding_count):
        _kill(
            options,
            "embed",
            lambda alive: kill_instants.wait_for_parts(
                workdir / "profiles", rng, alive
            ),
            f"embedding {number + 1} of {kills.embedding_count}",
        )
        print(f"kills     embedding {number + 1}/{kills.embedding_count}", flush=True)
    _finish(options, "embed")
    return kills.embedding_count


def _kill(options: str, job: str, wait: Callable, label: str) -> None:
    """Starts a job and kills it at an instant.

    Raises:
      RunError: the job ended before.
    """
    process, errors = _start(options, job)
    try:
        wait(lambda: process.poll() is None)
    finally:
        process.kill()
        process.wait()
    if process.returncode != KILLED:
        raise RunError(
            f"the program ended with {process.returncode} before kill {label}: train "
            "longer (config.train.total_images), with more checkpoints (config.train."
            "checkpoint_every_images), prepare smaller shards (config.data."
            "records_per_shard), or kill less often (config.kills): "
            f"{_error_text(errors)}"
        )


def _finish(options: str, job: str) -> None:
    process, errors = _start(options, job)
    try:
        code = process.wait()
    finally:
        process.kill()
    if code:
        raise RunError(f"--job={job} ended with {code}: {_error_text(errors)}")


def _start(options: str, job: str) -> tuple[subprocess.Popen, IO]:
    """Starts the program; returns it and the file of its error messages."""
    arguments = shlex.split(commands.with_flag(options, "job", job))
    errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
    program = [sys.executable, "-m", "gandl_jax.main", *arguments]
    devnull = subprocess.DEVNULL
    return subprocess.Popen(program, stdout=devnull, stderr=errors), errors


def _error_text(errors: IO) -> str:
    errors.seek(0)
    return errors.read().strip()


def compare(first: epath.Path, second: epath.Path) -> dict[str, str]:
    """Compares the contents of two workdirs.

    Args:
      first: of a run.
      second: of another run of the same config.

    Returns:
      {"state": ..., "metrics": ..., "features": ...}: "the same", or what differs.
    """
    return {
        "state": compare_states(first, second),
        "metrics": compare_metrics(first, second),
        "features": _compare_features(first, second),
    }


def compare_states(first: epath.Path, second: epath.Path) -> str:
    """Compares the last checkpoints' arrays, bitwise: "the same", or a difference."""
    states = [_last_state(workdir) for workdir in (first, second)]
    if states[0].keys() != states[1].keys():
        return "not the same arrays"
    for name, array in states[0].items():
        counterpart = states[1][name]
        if array.dtype != counterpart.dtype or array.tobytes() != counterpart.tobytes():
            return f"{name} differs"
    return "the same"


def _last_state(workdir: epath.Path) -> dict[str, np.ndarray]:
    saved = checkpoint.Checkpoints(workdir)
    step = saved.steps()[-1]
    arrays = saved.arrays(step, "train") | {"last step": np.asarray(step)}
    saved.close()
    return arrays


def compare_metrics(first: epath.Path, second: epath.Path) -> str:
    """Compares all lines of metrics except times: "the same", or a difference."""
    lines = [
        [
            {name: value for name, value in line.items() if name not in OF_TIME}
            for line in logs.read(workdir)
        ]
        for workdir in (first, second)
    ]
    for first_line, second_line in itertools.zip_longest(*lines):
        if first_line != second_line:
            return f"step {(first_line or second_line)['step']} differs"
    return "the same"


def _compare_features(first: epath.Path, second: epath.Path) -> str:
    folders = [sorted(workdir.glob("profiles/*/*")) for workdir in (first, second)]
    names = [[path.relative_to(path.parents[2]) for path in paths] for paths in folders]
    if names[0] != names[1]:
        return "not the same encoders"
    for first_folder, second_folder in zip(*folders, strict=True):
        if _sorted_bytes(first_folder) != _sorted_bytes(second_folder):
            return f"{first_folder.name} differs"
    return "the same"


def _sorted_bytes(directory: epath.Path) -> bytes:
    """Returns all rows in the order of their records; InputError if any is doubled."""
    store.widths(directory)  # raises unless complete
    rows = pd.read_parquet(directory)
    ids = table.record_ids(rows, table_name=str(directory))
    rows = rows.iloc[np.argsort(ids, kind="stable")].reset_index(drop=True)
    batch = pa.Table.from_pandas(rows, preserve_index=False).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_table(batch)
    return sink.getvalue().to_pybytes()
