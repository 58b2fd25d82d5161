"""Reads a workdir as far as possible: nothing is written or locked."""

import datetime
import math
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from typing import Any

import ml_collections
from etils import epath

from gandl_jax import checkpoint, events, files, json_lines, lock, logs, workdir_faults
from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError, RunError
from gandl_jax.jobs.doctor.state import Disk, Profiles, Saved, State
from gandl_jax.profiles import store


def read(config, workdir: epath.Path) -> State:
    """Reads a workdir, which must exist.

    Args:
      config: the command's.
      workdir: of an experiment; it may be empty.
    """
    own_config, trouble = _own_config(workdir)
    file = workdir / "metrics.jsonl"
    return State(
        workdir=str(workdir),
        now=time.time(),
        config=own_config or config,
        config_trouble=trouble,
        given=config,
        record=_record(workdir) if own_config else {},
        lines=logs.read(workdir),
        cut_off=[
            name
            for name in workdir_faults.LINES
            if json_lines.ends_in_half(workdir / name)
        ],
        damaged_lines=workdir_faults.damaged_lines(workdir),
        last_line=file.stat().mtime if file.exists() else math.nan,
        events=_dated(events.read(workdir)),
        holder=lock.other_holder(workdir),
        saved=_saved(workdir),
        disk=_disk(workdir),
        profiles=_profiles(workdir / "profiles"),
        tasks=_tasks(workdir / "tasks"),
        damaged_results=list(workdir_faults.damaged_results(workdir)),
        has_report=(workdir / "report" / "index.html").exists(),
    )


def _own_config(workdir: epath.Path) -> tuple[ml_collections.ConfigDict | None, str]:
    try:
        return workdirs.read_config(workdir), ""
    except InputError as error:
        return None, str(error)


def _record(workdir: epath.Path) -> dict[str, Any]:
    keys = ("command", "history", "devices")
    return {key: workdirs.noted(workdir, key) for key in keys}


def _dated(all_events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns the events with a readable date, and adds it in seconds."""
    dated = []
    for event in all_events:
        try:
            seconds = datetime.datetime.fromisoformat(event["date"]).timestamp()
        except (KeyError, TypeError, ValueError):
            continue
        dated.append({**event, "at": seconds})
    return dated


def _saved(workdir: epath.Path) -> Saved:
    checkpoints = checkpoint.Checkpoints(workdir)
    passed_over, trouble, newest, stats = [], "", None, []
    try:
        newest = checkpoints.newest(
            lambda step, reason: passed_over.append((step, reason))
        )
        if newest is not None:
            stats = list(files.stats(workdir / "checkpoints" / str(newest)))
    except RunError as error:
        trouble = str(error)
    except FileNotFoundError as error:  # a training that runs deletes old ones
        trouble = f"{error.filename} went away meanwhile: look again"
    except OSError as error:
        trouble = f"they cannot be read ({error})"
    aside = workdir / checkpoint.ASIDE
    return Saved(
        steps=checkpoints.steps(),
        passed_over=passed_over,
        trouble=trouble,
        aside=sorted(path.name for path in aside.iterdir()) if aside.is_dir() else (),
        newest=newest if stats else None,
        date=max((stat.mtime for stat in stats), default=math.nan),
        bytes=sum(stat.length for stat in stats),
    )


def _disk(workdir: epath.Path) -> Disk | None:
    if files.bucket(workdir):
        return None
    free = shutil.disk_usage(workdir).free
    return Disk(free, os.access(workdir, os.W_OK))


def _profiles(folder: epath.Path) -> list[Profiles]:
    return [
        Profiles(
            dataset=path.parent.name,
            encoder=path.name,
            trouble=store.find_damage(path) or "",
            parts=store.count_parts(path),
        )
        for path in workdir_faults.feature_sets(folder)
    ]


def _tasks(folder: epath.Path) -> list[str]:
    paths = workdir_faults.results(folder)
    return [f"{path.parent.name}/{path.stem}" for path in paths]
