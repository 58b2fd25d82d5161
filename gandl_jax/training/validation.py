"""Validation of a method on the records that config.train.validation sets aside.

All tiles of those records are read in stored order, by the first host on one device,
whatever devices train.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gandl_jax import hosts, parallel
from gandl_jax.training import embedding, pooling
from gandl_jax.training.training_records import TrainingRecords

GROUP = "validation"


class Validation:
    """Validates states, and keeps the history of the metrics.

    Args:
      config: of the experiment.
      method: may have `validate` and `done`.
      records: of the training.
      on_bad: takes note of records that cannot be read; None raises.
      history: as from `history`, up to the step that the training resumes from.
    """

    def __init__(
        self,
        config,
        method,
        records: TrainingRecords,
        on_bad,
        history: Sequence[Mapping[str, float]],
    ):
        self._config, self._records, self._on_bad = config, records, on_bad
        self._method = method
        self.is_on = bool(len(records.rows.validated)) and hasattr(method, "validate")
        self._fn = parallel.on_one(method.validate) if self.is_on else None
        self._history = list(history)

    def take(self, state: Any) -> dict[str, float]:
        """Returns {"validation/<name>": mean over the records}; {} if it is off."""
        if not self.is_on:
            return {}
        metrics = hosts.once(lambda: self._means(state))
        self._history.append(metrics)
        return metrics

    def why_done(self) -> str:
        """Returns the reason why the method stops early, or ""."""
        if not (self.is_on and self._history and hasattr(self._method, "done")):
            return ""
        return hosts.once(lambda: self._method.done(self._history))

    def _means(self, state: Any) -> dict[str, float]:
        batch_values = (
            (tiles["record"], self._fn(state, batch), tiles["mask"])
            for tiles, batch in self._batches()
        )
        means = mean_over_records(batch_values)
        return {f"{GROUP}/{name}": value for name, value in means.items()}

    def _batches(self) -> Iterator[tuple[Mapping[str, Any], dict[str, Any]]]:
        """Yields batches of tiles with their records, and as a method takes them."""
        dataset, rows = self._records.dataset, self._records.rows.validated
        tile_batches = embedding.tile_batches(
            dataset, self._config, self._on_bad, None, rows
        )
        for tiles in tile_batches:
            index = np.arange(len(tiles["images"]), dtype=np.int32)
            codes = self._records.labels.items()
            labels = {
                column: column_codes[tiles["record"]] for column, column_codes in codes
            }
            yield tiles, {"images": tiles["images"], "index": index, "labels": labels}


def mean_over_records(
    batch_values: Iterable[tuple[np.ndarray, Mapping[str, Any], np.ndarray]],
) -> dict[str, float]:
    """Averages over records the means over their tiles.

    Args:
      batch_values: (record of each tile [B], {name: [B]}, mask of tiles that count [B])
        of each batch; values that are not a number are left out. The tiles of a
        record follow one another.
    """
    kept = ((records[mask], values, mask) for records, values, mask in batch_values)
    rows = [
        {name: _mean(column) for name, column in values.items()}
        for _, values in pooling.by_record(kept)
    ]
    means = {name: _mean([row[name] for row in rows]) for name in (rows or [{}])[0]}
    return {name: mean for name, mean in means.items() if not np.isnan(mean)}


def _mean(values: Sequence[float]) -> float:
    """Returns the mean without NaN; NaN if nothing else is there."""
    numbers = np.asarray(values, np.float64)
    known = numbers[~np.isnan(numbers)]
    return float(known.mean()) if len(known) else float("nan")


def history(
    lines: Sequence[Mapping[str, Any]],
    not_logged: Sequence[Mapping[str, Any]],
) -> list[dict[str, float]]:
    """Returns the validation metrics so far, oldest first.

    Args:
      lines: log lines up to the checkpoint that a training resumes from; later ones
        are made again.
      not_logged: metrics stored in that checkpoint's notes.
    """
    metrics_of_looks = [
        {name: value for name, value in line.items() if name.startswith(f"{GROUP}/")}
        for line in (*lines, *not_logged)
    ]
    return [validated for validated in metrics_of_looks if validated]
