"""What the other jobs left in the workdir, read for the report."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import ml_collections
from etils import epath

from gandl_jax import pictures
from gandl_jax.datasets import screen


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
    """

    name: str
    workdir: str
    config: ml_collections.ConfigDict
    record: Mapping[str, Any]
    metrics: list[dict[str, Any]]
    tasks: dict[str, dict[str, dict[str, Any]]]
    channels: tuple[str, ...]
    grids: list[int]

    def grid(self, step: int, name: str) -> epath.Path:
        """The path of a channel's grid, or of `composite`; it may be missing."""
        return epath.Path(self.workdir) / "images" / pictures.file_name(step, name)

    def command(self, job: str) -> str:
        """The command that runs a job of this experiment."""
        file = self.config.name or "NAME"
        options = ""
        if file.endswith("-smoke"):
            file, options = file.removesuffix("-smoke"), ":smoke"
        return (
            f"python -m gandl_jax.main --config=configs/{file}.py{options} "
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
