"""Rows as they are kept: <workdir>/generated_quality/<dataset>/<step>.json."""

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
    """The folder of the rows about a config's screen."""
    return workdir / FOLDER / screen.load(config).name


def state_digest(items: Mapping[str, Any]) -> str:
    """SHA-256, in hex, of the numbers of a checkpoint's encoder."""
    made = hashlib.sha256()
    for array in jax.tree.leaves(items["encoder"]):
        made.update(np.asarray(array).tobytes())
    return made.hexdigest()


def rows_of(folder: epath.Path, step: int, made_from: Mapping[str, Any]) -> list[Row]:
    """Rows of a step that were made from the same, of each space by itself.

    Args:
      folder: of the dataset.
      step: of training.
      made_from: name of a space to what its rows are made from, as plain data.
    """
    content = _read(folder / f"{step}.json")
    before = content.get("made_from", {})
    same = {name for name, made in made_from.items() if before.get(name) == made}
    return [row for row in content.get("rows", []) if row["space"] in same]


def write(
    folder: epath.Path,
    step: int,
    rows: Sequence[Row],
    made_from: Mapping[str, Any],
    what: Mapping[str, Any],
) -> None:
    """Keeps the rows of a step, beside those of other spaces made from the same state.

    Args:
      folder: of the dataset.
      step: of training.
      rows: of the spaces in `made_from`.
      made_from: name of a space to what its rows are made from; "state" of each is
        what was drawn from.
      what: else to be told with them, as plain data.
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
    content = {**what, "step": step, "rows": rows, "made_from": others | {**made_from}}
    sealed_json.write(path, content)
    _write_table(folder)


def steps(folder: epath.Path) -> list[int]:
    """The steps that have rows, ascending."""
    paths = folder.glob("*.json") if folder.exists() else ()
    return sorted(int(path.stem) for path in paths if path.stem.isdecimal())


def forget_after(folder: epath.Path, step: int) -> None:
    """Drops the rows of later steps: a training went back, and comes by other ones."""
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
    """The content of a file; {} where it is not there or damaged: it is made again."""
    try:
        content = sealed_json.read_own(path)
    except (FileNotFoundError, ValueError):
        return {}
    return content
