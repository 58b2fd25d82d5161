"""Reads what lies in a workdir, as far as it can be: nothing is written or held."""

import datetime
import json
import math
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from typing import Any

import ml_collections
from etils import epath

from gandl_jax import checkpoint, events, files, lock, logs
from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError, RunError
from gandl_jax.jobs.doctor_parts.state import Disk, Profiles, Saved, State
from gandl_jax.profiles import store


def read(config, workdir: epath.Path) -> State:
    """Reads a workdir, which exists.

    Args:
      config: the command's.
      workdir: of an experiment, or of none.
    """
    own, trouble = _own_config(workdir)
    file = workdir / "metrics.jsonl"
    names = (file.name, events.FILE)
    spoilt = {name: _spoilt_lines(workdir / name) for name in names}
    return State(
        workdir=str(workdir),
        now=time.time(),
        config=own or config,
        config_trouble=trouble,
        given=config,
        record=_record(workdir) if own else {},
        lines=logs.read(workdir),
        cut_off={name: count for name, count in spoilt.items() if count},
        last_line=file.stat().mtime if file.exists() else math.nan,
        events=_dated(events.read(workdir)),
        holder=lock.holder(workdir),
        saved=_saved(workdir),
        disk=_disk(workdir),
        profiles=_profiles(workdir / "profiles"),
        tasks=_tasks(workdir / "tasks"),
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


def _spoilt_lines(file: epath.Path) -> int:
    """How many lines of a file hold no object of JSON."""
    if not file.exists():
        return 0
    return sum(not _is_object(text) for text in files.read_bytes(file).splitlines())


def _is_object(text: bytes) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _dated(found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The events whose date can be read, with it in seconds."""
    dated = []
    for event in found:
        try:
            at = datetime.datetime.fromisoformat(event["date"]).timestamp()
        except (KeyError, TypeError, ValueError):
            continue
        dated.append({**event, "at": at})
    return dated


def _saved(workdir: epath.Path) -> Saved:
    checkpoints = checkpoint.Checkpoints(workdir)
    passed_over, trouble, newest, found = [], "", None, []
    try:
        newest = checkpoints.newest(lambda step, why: passed_over.append((step, why)))
        if newest is not None:
            found = list(files.stats(workdir / "checkpoints" / str(newest)))
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
        newest=newest if found else None,
        date=max((stat.mtime for stat in found), default=math.nan),
        bytes=sum(stat.length for stat in found),
    )


def _disk(workdir: epath.Path) -> Disk | None:
    if files.bucket(workdir):
        return None
    free = shutil.disk_usage(workdir).free
    return Disk(free, os.access(workdir, os.W_OK))


def _profiles(folder: epath.Path) -> list[Profiles]:
    found = sorted(folder.glob("*/*")) if folder.exists() else []
    return [
        Profiles(
            dataset=path.parent.name,
            encoder=path.name,
            complete=store.is_complete(path),
            parts=len(list(path.glob("part-*.parquet"))),
        )
        for path in found
        if path.is_dir()
    ]


def _tasks(folder: epath.Path) -> list[str]:
    found = sorted(folder.glob("*/*.json")) if folder.exists() else []
    return [f"{path.parent.name}/{path.stem}" for path in found]
