"""The job `benchmark`: how fast this machine does what there is to do."""

import concurrent.futures
import importlib
import json
import multiprocessing
import os
import pathlib
import platform
from typing import Any

import ml_collections
from etils import epath

from gandl_jax import files
from gandl_jax.datasets import prepared
from gandl_jax.errors import InputError

FILE = "benchmark.json"


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Measures what the config's folders allow, and writes and prints the figures.

    Args:
      config: the whole config.
      workdir: where `benchmark.json` is written.

    Raises:
      InputError: there is neither a raw screen nor a prepared one.
    """
    parts = _parts(config)
    if not parts:
        raise InputError(
            f"there is neither a raw screen in {config.data.source_dir!r} "
            "(config.data.source_dir) nor a prepared one in "
            f"{config.data.dir!r} (config.data.dir) to measure with"
        )
    path = epath.Path(workdir) / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    figures: dict[str, Any] = {"machine": _machine()}
    for part in parts:
        print(f"benchmark {part}: some minutes; other work on this machine slows it")
        figures[part] = _measured(part, config)
        files.replace(path, json.dumps(figures, indent=2) + "\n")
        _show(part, figures[part])
    print(f"benchmark written to {path}")


def _parts(config: ml_collections.ConfigDict) -> list[str]:
    source = config.data.source_dir
    parts = ["conversion"] if source and epath.Path(source).is_dir() else []
    return parts + ["reading"] * prepared.is_complete(config.data.dir)


def _measured(part: str, config: ml_collections.ConfigDict) -> dict[str, Any]:
    """The figures of a part, in a process of its own: its peak of memory is its own."""
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, spawn) as pool:
        return pool.submit(_measure, part, config.to_json()).result()


def _measure(part: str, config: str) -> dict[str, Any]:
    module = importlib.import_module(f"gandl_jax.jobs.benchmark_parts.{part}")
    return module.measure(ml_collections.ConfigDict(json.loads(config)))


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
    width = max(map(len, figures))
    for name, value in figures.items():
        text = f"{value:,.4g}" if isinstance(value, float) else str(value)
        print(f"  {part}  {name:{width}}  {text}")
