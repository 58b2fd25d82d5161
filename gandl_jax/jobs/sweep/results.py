"""Rows of finished runs as CSV, to be kept with the code that made them.

Scores and costs are two tables, since only costs depend on the machine.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from etils import epath

from gandl_jax import costs, csv_files
from gandl_jax.errors import InputError
from gandl_jax.jobs.sweep.runs import Run
from gandl_jax.judging import headlines

RUN, DIGEST = "run", "config_sha256"


class Results:
    """Kept rows of a sweep of a screen.

    Args:
      folder: config.sweep.results.
      name: of the sweep and the screen, "methods/demo".

    Attributes:
      scores: the table of scores.

    Raises:
      InputError: a table that is there cannot be read.
    """

    def __init__(self, folder: epath.Path, name: str):
        self.scores = folder / f"{name}.csv"
        self._costs = folder / f"{name}_costs.csv"
        self._before = _read(self.scores), _read(self._costs)

    def has(self, run: Run) -> bool:
        """Tells whether rows of a run of this config are kept."""
        before = self._before[0]
        if RUN not in before:
            return False
        rows = before[before[RUN] == run.name]
        return len(rows) > 0 and (rows[DIGEST] == run.digest).all()

    def write(self, wanted: Iterable[Run], done: Iterable[Run]) -> None:
        """Writes the rows of runs that have ended; rows of other runs stay.

        Args:
          wanted: all runs of the sweep, in order.
          done: runs that have ended.
        """
        runs_here = {run.name: run for run in done if run.workdir.exists()}
        order = [run.name for run in wanted]
        scores, cost = self._before
        new = [_named(run, row) for run in runs_here.values() for row in _scores(run)]
        _write(self.scores, scores, new, order)
        new = [_named(run, _cost(run)) for run in runs_here.values()]
        _write(self._costs, cost, new, order)


def _named(run: Run, row: Mapping[str, Any]) -> dict[str, str]:
    known = {
        RUN: run.name,
        "method": run.config.method.name,
        "recipe": run.config.method.recipe,
        "seed": run.config.seed,
    }
    cells = known | dict(row) | {DIGEST: run.digest}
    return {key: _text(value) for key, value in cells.items()}


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _scores(run: Run) -> list[dict[str, Any]]:
    return headlines.read(run.config, run.workdir)


def _cost(run: Run) -> dict[str, Any]:
    """Returns the costs of a training as one row; times are summed."""
    training = (costs.read(run.workdir) or {}).get("training")
    if not training:
        return {}
    kept = ("steps", "images", "compile_seconds", "peak_host_bytes")
    kept += ("peak_device_bytes", "flops_per_step", "device", "devices")
    stopped = training["stopped"] or {"step": None, "why": None}
    return {key: training[key] for key in kept} | {
        "seconds": sum(training["seconds"].values()),
        "stopped_at": stopped["step"],
        "stopped_why": stopped["why"],
        "encoder_parameters": training["parameters"]["encoder"],
        "state_parameters": training["parameters"]["state"],
    }


def _read(path: epath.Path) -> pd.DataFrame:
    if not path.exists():
        return pd.DataFrame()
    try:
        return csv_files.read(path)
    except ValueError as error:
        raise InputError(
            f"{path} cannot be read ({error}): restore it, or move it away"
        ) from error


def _write(
    path: epath.Path, before: pd.DataFrame, new: list[dict], order: list[str]
) -> None:
    """Writes old and new rows, in the order of the runs; unknown runs last."""
    replaced = {row[RUN] for row in new}
    kept = before[~before[RUN].isin(replaced)] if RUN in before else before
    table = pd.concat([kept, pd.DataFrame(new)]).fillna("")
    if table.empty:
        return
    positions = table[RUN].map({name: position for position, name in enumerate(order)})
    table = table.iloc[positions.fillna(len(order)).argsort(kind="stable")]
    path.parent.mkdir(parents=True, exist_ok=True)
    csv_files.write(
        path, table[[*(column for column in table if column != DIGEST), DIGEST]]
    )
