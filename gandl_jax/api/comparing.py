"""Comparison of trainings, as --job=compare makes it."""

import tempfile
from collections.abc import Sequence
from typing import Any

import pandas as pd
from etils import epath

from gandl_jax import config as configs
from gandl_jax import workdir as workdirs
from gandl_jax.api.telling import warn_caller
from gandl_jax.judging import entrants, task_results
from gandl_jax.judging.bench import open_bench

JOB = "compare"


def compare(
    folders: Sequence[Any], tasks: str = "all", **settings: Any
) -> pd.DataFrame:
    """Compares ways of learning features on one screen.

    Args:
      folders: workdirs of one screen, with profiles; or patterns, "runs/methods/*".
      tasks: names joined by commas, or "all".
      **settings: of config.evaluate, such as bootstrap_draws=100; the others are
        those of the first workdir.

    Returns:
      A row for each question, arm (method and recipe) and role ("trained",
      "untrained", "floor"): "value" with its 95 % interval over wells and seeds "low",
      "high", "rank", and "minus_untrained". Warns of tasks that are left out.

    Raises:
      InputError: workdirs that cannot be compared, or no such task or setting.
    """
    entrant_folders = entrants.find(map(str, folders))
    config = workdirs.read_config(entrant_folders[0])
    given = {"tasks": tasks, **settings}
    configs.set_keys(config, {f"evaluate.{key}": v for key, v in given.items()})
    with tempfile.TemporaryDirectory() as scratch:
        bench = open_bench(JOB, config, entrant_folders, epath.Path(scratch))
        rows = []
        for name, content, _ in bench.comparisons(list(bench.options)):
            if content["skipped"]:
                warn_caller(f"{name} skipped: {content['skipped']}")
            rows += content["rows"]
    return pd.DataFrame(task_results.plain(rows))
