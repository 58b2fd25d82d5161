"""Kills a small experiment at random instants, resumes it, and compares.

The experiment is the config's own: trained and embedded once without interruption, and
once killed with SIGKILL again and again. Both must end the same, bit for bit.
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
OF_TIME = ("seconds", "data/images_per_second")  # metrics that no two runs share
KILLED = -signal.SIGKILL


def run(config, workdir: epath.Path) -> None:
    """Trains and embeds below `workdir/try_kills`, writes `try_kills.json`.

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
    whole, killed = folder / "whole", folder / "killed"
    rng = np.random.default_rng(config.kills.seed)
    _finish(commands.with_flag(options, "workdir", str(whole)), "prepare,train,embed")
    options = commands.with_flag(options, "workdir", str(killed))
    hits = collections.Counter(_kill_training(options, killed, config.kills, rng))
    hits[PART] = _kill_embedding(options, killed, config.kills, rng)
    compared = compare(whole, killed)
    result = {"kills": dict(hits), "compared": compared}
    sealed_json.write(workdir / "try_kills.json", result)
    told = ", ".join(f"{count} {kind}" for kind, count in hits.items())
    print(f"kills     {told}")
    print("kills     " + ", ".join(f"{n}: {word}" for n, word in compared.items()))
    if different := [n for n, word in compared.items() if word != "the same"]:
        raise RunError(
            f"{' and '.join(different)} of the killed run in {killed} differ from "
            f"those of the other in {whole}"
        )


def _kill_training(options: str, workdir: epath.Path, kills, rng) -> list[str]:
    """Kills it so often, lets it end; gives what it was killed in each time."""
    hits = []
    for kind in itertools.islice(itertools.cycle(KINDS), kills.count):
        instants = kill_instants.Checkpoints(workdir / "checkpoints", rng)
        _kill(
            options,
            "train",
            lambda alive, at=instants, kind=kind: at.wait(kind, alive),
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


def _kill(options: str, job: str, wait: Callable, which: str) -> None:
    """Starts a job and kills it at an instant.

    Raises:
      RunError: it ended before.
    """
    process, errors = _start(options, job)
    try:
        wait(lambda: process.poll() is None)
    finally:
        process.kill()
        process.wait()
    if process.returncode != KILLED:
        raise RunError(
            f"the program ended with {process.returncode} before kill {which}: train "
            "longer (config.train.total_images), with more checkpoints (config.train."
            "checkpoint_every_images), prepare smaller shards (config.data."
            f"records_per_shard), or kill less often (config.kills): {_said(errors)}"
        )


def _finish(options: str, job: str) -> None:
    process, errors = _start(options, job)
    try:
        code = process.wait()
    finally:
        process.kill()
    if code:
        raise RunError(f"--job={job} ended with {code}: {_said(errors)}")


def _start(options: str, job: str) -> tuple[subprocess.Popen, IO]:
    """The program, and the file that takes what it says of errors."""
    words = shlex.split(commands.with_flag(options, "job", job))
    errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
    program = [sys.executable, "-m", "gandl_jax.main", *words]
    nothing = subprocess.DEVNULL
    return subprocess.Popen(program, stdout=nothing, stderr=errors), errors


def _said(errors: IO) -> str:
    errors.seek(0)
    return errors.read().strip()


def compare(one: epath.Path, other: epath.Path) -> dict[str, str]:
    """Holds what two workdirs hold against each other.

    Args:
      one: of a run.
      other: of one of the same config.

    Returns:
      {"state": ..., "metrics": ..., "features": ...}: "the same", or what differs.
    """
    return {
        "state": compare_states(one, other),
        "metrics": compare_metrics(one, other),
        "features": _compare_features(one, other),
    }


def compare_states(one: epath.Path, other: epath.Path) -> str:
    """The last checkpoints' arrays, bit for bit: "the same", or what differs."""
    states = [_last_state(workdir) for workdir in (one, other)]
    if states[0].keys() != states[1].keys():
        return "not the same arrays"
    for name, array in states[0].items():
        same = states[1][name]
        if array.dtype != same.dtype or array.tobytes() != same.tobytes():
            return f"{name} differs"
    return "the same"


def _last_state(workdir: epath.Path) -> dict[str, np.ndarray]:
    saved = checkpoint.Checkpoints(workdir)
    step = saved.steps()[-1]
    arrays = saved.arrays(step, "train") | {"last step": np.asarray(step)}
    saved.close()
    return arrays


def compare_metrics(one: epath.Path, other: epath.Path) -> str:
    """All lines of metrics but their times: "the same", or what differs."""
    lines = [
        [{k: v for k, v in line.items() if k not in OF_TIME} for line in logs.read(w)]
        for w in (one, other)
    ]
    for mine, theirs in itertools.zip_longest(*lines):
        if mine != theirs:
            return f"step {(mine or theirs)['step']} differs"
    return "the same"


def _compare_features(one: epath.Path, other: epath.Path) -> str:
    found = [sorted(w.glob("profiles/*/*")) for w in (one, other)]
    names = [[p.relative_to(p.parents[2]) for p in paths] for paths in found]
    if names[0] != names[1]:
        return "not the same encoders"
    for mine, theirs in zip(*found, strict=True):
        if _sorted_bytes(mine) != _sorted_bytes(theirs):
            return f"{mine.name} differs"
    return "the same"


def _sorted_bytes(directory: epath.Path) -> bytes:
    """All rows in the order of their records; doubled ones are an InputError."""
    store.widths(directory)  # it is complete
    rows = pd.read_parquet(directory)
    ids = table.record_ids(rows, of=str(directory))
    rows = rows.iloc[np.argsort(ids, kind="stable")].reset_index(drop=True)
    batch = pa.Table.from_pandas(rows, preserve_index=False).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_table(batch)
    return sink.getvalue().to_pybytes()
