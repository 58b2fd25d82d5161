"""Kept rows: <workdir>/generated_quality/<dataset>/<step>.json."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
import pandas as pd
from etils import epath

from gandl_jax import csv_files, sealed_json
from gandl_jax.raw import screen

Row = dict[str, Any]  # as of `judged.rows`
FOLDER = "generated_quality"
TABLE = "rows.csv"
WHOLE = ""  # the channel of a row about all channels
KERNEL = "kernel_distance"


def folder(config: Any, workdir: epath.Path) -> epath.Path:
    """Returns the folder of the rows about a config's screen."""
    return workdir / FOLDER / screen.load(config).name


def state_digest(items: Mapping[str, Any]) -> str:
    """Computes the SHA-256, in hex, of the numbers of a checkpoint's encoder."""
    digest = hashlib.sha256()
    for array in jax.tree.leaves(items["encoder"]):
        digest.update(np.asarray(array).tobytes())
    return digest.hexdigest()


def rows_of(folder: epath.Path, step: int, made_from: Mapping[str, Any]) -> list[Row]:
    """Returns a step's rows of the spaces whose rows were made from the same.

    Args:
      folder: of the dataset.
      step: of training.
      made_from: name of a space to what its rows are made from, as plain data.
    """
    content = _read(folder / f"{step}.json")
    before = content.get("made_from", {})
    unchanged = {name for name, made in made_from.items() if before.get(name) == made}
    return [row for row in content.get("rows", []) if row["space"] in unchanged]


def write(
    folder: epath.Path,
    step: int,
    rows: Sequence[Row],
    made_from: Mapping[str, Any],
    description: Mapping[str, Any],
) -> None:
    """Keeps the rows of a step, beside rows of other spaces from the same state.

    Args:
      folder: of the dataset.
      step: of training.
      rows: of the spaces in `made_from`.
      made_from: name of a space to what its rows are made from, with the digest
        "state" of the drawing state.
      description: further values to keep with the rows, as plain data.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{step}.json"
    before = _read(path)
    states = {made["state"] for made in made_from.values()}
    others = {
        name: made
        for name, made in before.get("made_from", {}).items()
        if name not in made_from and made["state"] in states
    }
    kept = [row for row in before.get("rows", []) if row["space"] in others]
    rows = sorted([*kept, *rows], key=lambda row: row["space"])
    content = {
        **description,
        "step": step,
        "rows": rows,
        "made_from": others | {**made_from},
    }
    sealed_json.write(path, content)
    _write_table(folder)


def steps(folder: epath.Path) -> list[int]:
    """Returns the steps that have rows, ascending."""
    paths = folder.glob("*.json") if folder.exists() else ()
    return sorted(int(path.stem) for path in paths if path.stem.isdecimal())


def drop_after(folder: epath.Path, step: int) -> None:
    """Drops the rows of later steps, as after a rollback."""
    later = [number for number in steps(folder) if number > step]
    for number in later:
        (folder / f"{number}.json").unlink()
    if later:
        _write_table(folder)


def _write_table(folder: epath.Path) -> None:
    contents = [_read(folder / f"{step}.json") for step in steps(folder)]
    rows = [row for content in contents for row in content.get("rows", [])]
    csv_files.write(folder / TABLE, pd.DataFrame(rows))


def _read(path: epath.Path) -> dict[str, Any]:
    """Reads a file; returns {} if it is absent or damaged, to be made again."""
    try:
        content = sealed_json.read_own(path)
    except (FileNotFoundError, ValueError):
        return {}
    return content
