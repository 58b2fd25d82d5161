"""Trainings held against one another, as --job=compare does."""

import tempfile
import warnings
from collections.abc import Sequence
from typing import Any

import pandas as pd
from etils import epath

from gandl_jax import config as configs
from gandl_jax import workdir as workdirs
from gandl_jax.judging import entrants, task_results
from gandl_jax.judging.bench import open_bench

JOB = "compare"


def compare(
    folders: Sequence[Any], tasks: str = "all", **settings: Any
) -> pd.DataFrame:
    """Which way of learning features suits a screen?

    Args:
      folders: workdirs of one screen, with profiles; or patterns, "runs/methods/*".
      tasks: names with commas between, or "all".
      **settings: of config.evaluate, such as bootstrap_draws=100; the others are those
        of the first workdir.

    Returns:
      A row for each question, arm (method and recipe) and role ("trained",
      "untrained", "floor"): "value" with its 95 % interval over wells and seeds "low",
      "high", "rank", and "minus_untrained". Warns of tasks that are left out.

    Raises:
      InputError: workdirs that cannot be compared, or no such task or setting.
    """
    found = entrants.find(map(str, folders))
    config = workdirs.read_config(found[0])
    chosen = {"tasks": tasks, **settings}
    configs.set_keys(config, {f"evaluate.{key}": v for key, v in chosen.items()})
    with tempfile.TemporaryDirectory() as kept:
        bench = open_bench(JOB, config, found, epath.Path(kept))
        rows = []
        for name, content, _ in bench.comparisons(list(bench.options)):
            if content["skipped"]:
                warnings.warn(f"{name} skipped: {content['skipped']}", stacklevel=2)
            rows += content["rows"]
    return pd.DataFrame(task_results.plain(rows))
