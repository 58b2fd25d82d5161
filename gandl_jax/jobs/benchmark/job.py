"""The job `benchmark`: speed of this machine at all stages of the work."""

import os
import pathlib
import platform
from types import ModuleType
from typing import Any

import ml_collections
from etils import epath

from gandl_jax import modules, sealed_json
from gandl_jax.errors import InputError
from gandl_jax.jobs.benchmark import fresh_process
from gandl_jax.prepared import prepared

WORKDIR = "unclaimed"

FILE = "benchmark.json"


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Measures the stages that are asked for; writes and prints the figures.

    Args:
      config: the whole config.
      workdir: in which `benchmark.json` is written.

    Raises:
      InputError: a stage is named that needs a raw or a prepared screen which is not
        there, or the devices do not divide a batch.
    """
    stages = _stages(config)
    fresh_process.call(_check, config, stages)
    path = epath.Path(workdir) / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    figures: dict[str, Any] = {"machine": _machine()}
    for stage in stages:
        print(f"benchmark {stage}: some minutes; other work on this machine slows it")
        figures[stage] = fresh_process.call(_measure, config, stage)
        sealed_json.write(path, figures)
        _show(stage, figures[stage])
    print(f"benchmark written to {path}")


def _stages(config: ml_collections.ConfigDict) -> list[str]:
    """Lists the stages to be measured: those named, or all that the folders allow."""
    data = config.data
    raw = bool(data.source_dir) and epath.Path(data.source_dir).is_dir()
    is_possible = {
        "conversion": raw,
        "reading": prepared.is_complete(data.dir),
        "training": True,
        "augmentation": True,
        "checkpoints": True,
        "embedding": True,
        "generating": False,  # when it is named: few methods draw images of classes
        "evaluation": True,
    }
    wanted = config.benchmark.parts
    for stage, key in (("conversion", "source_dir"), ("reading", "dir")):
        if stage in wanted and not is_possible[stage]:
            raise InputError(
                f"config.benchmark.parts names {stage!r}, but there is no screen in "
                f"{data[key]!r} (config.data.{key}): leave it out, or name the folder"
            )
    return [
        stage
        for stage in is_possible
        if stage in wanted or (is_possible[stage] and not wanted)
    ]


def _check(config: ml_collections.ConfigDict, stages: list[str]) -> None:
    """Raises InputError before minutes are spent."""
    for stage in stages:
        check = getattr(_module(stage), "check", None)
        if check:
            check(config)


def _measure(config: ml_collections.ConfigDict, stage: str) -> dict[str, Any]:
    return _module(stage).measure(config)


def _module(stage: str) -> ModuleType:
    return modules.load("jobs/benchmark", stage)


def _machine() -> dict[str, Any]:
    return {
        "system": platform.platform(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def _cpu() -> str:
    """Returns the model's name if Linux knows it, else the architecture."""
    info = pathlib.Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return models[0] if models else platform.machine()


def _show(stage: str, figures: dict[str, Any]) -> None:
    """Prints the figures, one a line, and below them the tables."""
    tables = {name: rows for name, rows in figures.items() if _is_table(rows)}
    width = max(map(len, figures))
    for name, value in figures.items():
        if name not in tables:
            print(f"  {stage}  {name:{width}}  {_text(value)}")
    for name, rows in tables.items():
        print(f"  {stage}  {name}")
        _show_table(rows)


def _is_table(value: Any) -> bool:
    """Tells whether a value is a list of rows, {column: value}."""
    return isinstance(value, list) and all(isinstance(row, dict) for row in value)


def _show_table(rows: list[dict[str, Any]]) -> None:
    if not rows:
        print("    none")
        return
    lines = [list(rows[0]), *(list(map(_text, row.values())) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (f"{text:>{size}}" for text, size in zip(line, widths, strict=True))
        print("    " + "  ".join(cells))


def _text(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
