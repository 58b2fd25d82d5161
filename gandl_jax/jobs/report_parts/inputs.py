"""What the other jobs left in the workdir, read for the report."""

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any

import ml_collections
from etils import epath

from gandl_jax import pictures
from gandl_jax.datasets import screen
from gandl_jax.errors import InputError
from gandl_jax.profiles import store, table

PROGRAM = "python -m gandl_jax.main"
_PLACES = {"Metadata_Experiment", "Metadata_Plate", "Metadata_Well"}
_JOB = re.compile(r"(?:^|\s)--?job(?:=|\s+)\S+")


@dataclasses.dataclass(frozen=True)
class Inputs:
    """All that the report is made of; what is missing is empty.

    Attributes:
      name: of the config.
      workdir: as the user gave it.
      config: the experiment's config.
      record: `config.json`.
      metrics: lines of `metrics.jsonl`, one for each step, in order.
      tasks: dataset -> task -> {"rows": [...], "skipped": reason or None}.
      channels: names, in the network's order.
      grids: steps that have image grids, ascending.
      counts: dataset -> "records", "wells", "plates" -> how many were embedded.
    """

    name: str
    workdir: str
    config: ml_collections.ConfigDict
    record: Mapping[str, Any]
    metrics: list[dict[str, Any]]
    tasks: dict[str, dict[str, dict[str, Any]]]
    channels: tuple[str, ...]
    grids: list[int]
    counts: dict[str, dict[str, int]]

    def grid(self, step: int, name: str) -> epath.Path:
        """The path of a channel's grid, or of `composite`; it may be missing."""
        return epath.Path(self.workdir) / "images" / pictures.file_name(step, name)

    @property
    def typed(self) -> str | None:
        """The command line as it was typed; None where it was not recorded."""
        options = self.record.get("command")
        return options and f"{PROGRAM} {options.removeprefix(PROGRAM).strip()}"

    def command(self, job: str) -> str:
        """The command that runs a job of this experiment, from the one as typed."""
        if self.typed:
            return f"{_JOB.sub('', self.typed)} --job={job}"
        file = self.config.name or "NAME"
        options = ""
        if file.endswith("-smoke"):
            file, options = file.removesuffix("-smoke"), ":smoke"
        return (
            f"{PROGRAM} --config=configs/{file}.py{options} "
            f"--workdir={self.workdir} --job={job}"
        )


def read(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> Inputs:
    """Reads the workdir; a file that is missing or torn counts as not there.

    Args:
      config: the experiment's config.
      workdir: the experiment's folder.
    """
    folder = epath.Path(workdir)
    return Inputs(
        name=config.name or folder.name,
        workdir=str(workdir),
        config=config,
        record=_json(folder / "config.json") or {},
        metrics=read_metrics(folder / "metrics.jsonl"),
        tasks=_tasks(folder / "tasks"),
        channels=config.data.channels or screen.load(config.data.name).channels,
        grids=_grids(folder / "images"),
        counts=_counts(folder / "profiles"),
    )


def read_metrics(path: epath.Path) -> list[dict[str, Any]]:
    """Reads metrics, one JSON object a line.

    A run that was stopped may leave half a line, and one that resumed may have written
    a step twice: the later line counts.

    Args:
      path: the file; it may be missing.

    Returns:
      The lines in the order of their steps.
    """
    if not path.exists():
        return []
    by_step = {}
    for line in path.read_text().splitlines():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(entry, dict) and "step" in entry and "images" in entry:
            by_step[entry["step"]] = entry
    return [by_step[step] for step in sorted(by_step)]


def _json(path: epath.Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def _tasks(folder: epath.Path) -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for path in sorted(folder.glob("*/*.json")) if folder.exists() else ():
        content = _json(path) or {"skipped": "its file cannot be read; evaluate again"}
        found.setdefault(path.parent.name, {})[path.stem] = {
            "rows": content.get("rows") or [],
            "skipped": content.get("skipped"),
        }
    return found


def _grids(folder: epath.Path) -> list[int]:
    paths = folder.glob("*_composite.png") if folder.exists() else ()
    return sorted(int(path.name.removesuffix("_composite.png")) for path in paths)


def _counts(folder: epath.Path) -> dict[str, dict[str, int]]:
    """Of each dataset's first complete encoder: all embed the same records."""
    found: dict[str, dict[str, int]] = {}
    for directory in sorted(folder.glob("*/*")) if folder.exists() else ():
        dataset = directory.parent.name
        if dataset in found or not directory.is_dir():
            continue
        try:
            metadata = store.read_metadata(directory)
        except InputError:
            continue  # the report tells what there is; evaluate refuses it
        found[dataset] = {"records": len(metadata)}
        if _PLACES <= set(metadata):
            found[dataset]["wells"] = len(set(table.wells(metadata)))
            found[dataset]["plates"] = len(set(table.plates(metadata)))
    return found
