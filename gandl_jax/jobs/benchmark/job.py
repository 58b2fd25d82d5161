"""The job `benchmark`: how fast this machine does what there is to do."""

import os
import pathlib
import platform
from types import ModuleType
from typing import Any

import ml_collections
from etils import epath

from gandl_jax import modules, sealed_json
from gandl_jax.errors import InputError
from gandl_jax.jobs.benchmark import apart
from gandl_jax.prepared import prepared

WORKDIR = "unclaimed"

FILE = "benchmark.json"


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Measures what is asked for, and writes and prints the figures.

    Args:
      config: the whole config.
      workdir: where `benchmark.json` is written.

    Raises:
      InputError: a part is named that needs a raw or a prepared screen which is not
        there, or the devices do not divide a batch.
    """
    parts = _parts(config)
    apart.call(_check, config, parts)
    path = epath.Path(workdir) / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    figures: dict[str, Any] = {"machine": _machine()}
    for part in parts:
        print(f"benchmark {part}: some minutes; other work on this machine slows it")
        figures[part] = apart.call(_measure, config, part)
        sealed_json.write(path, figures)
        _show(part, figures[part])
    print(f"benchmark written to {path}")


def _parts(config: ml_collections.ConfigDict) -> list[str]:
    """What is to be measured: what is named, or all that the folders allow."""
    data = config.data
    raw = bool(data.source_dir) and epath.Path(data.source_dir).is_dir()
    there = {
        "conversion": raw,
        "reading": prepared.is_complete(data.dir),
        "training": True,
        "checkpoints": True,
        "embedding": True,
        "evaluation": True,
    }
    wanted = config.benchmark.parts
    for part, key in (("conversion", "source_dir"), ("reading", "dir")):
        if part in wanted and not there[part]:
            raise InputError(
                f"config.benchmark.parts names {part!r}, but there is no screen in "
                f"{data[key]!r} (config.data.{key}): leave it out, or name the folder"
            )
    return [part for part in there if part in wanted or (there[part] and not wanted)]


def _check(config: ml_collections.ConfigDict, parts: list[str]) -> None:
    """Raises InputError before minutes are spent."""
    for part in parts:
        check = getattr(_module(part), "check", None)
        if check:
            check(config)


def _measure(config: ml_collections.ConfigDict, part: str) -> dict[str, Any]:
    return _module(part).measure(config)


def _module(part: str) -> ModuleType:
    return modules.load("jobs/benchmark", part)


def _machine() -> dict[str, Any]:
    return {
        "system": platform.platform(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def _cpu() -> str:
    """The model's name where Linux tells it, else the architecture."""
    info = pathlib.Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return models[0] if models else platform.machine()


def _show(part: str, figures: dict[str, Any]) -> None:
    """Prints the figures, one a line, and below them the tables."""
    tables = {name: rows for name, rows in figures.items() if _is_table(rows)}
    width = max(map(len, figures))
    for name, value in figures.items():
        if name not in tables:
            print(f"  {part}  {name:{width}}  {_text(value)}")
    for name, rows in tables.items():
        print(f"  {part}  {name}")
        _show_table(rows)


def _is_table(value: Any) -> bool:
    """Whether it is a list of rows, {column: value}."""
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
