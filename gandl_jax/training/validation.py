"""How a method does on the records that are set aside: config.train.validation.

All tiles of all those records, in stored order, whatever devices train: of several
hosts the first looks, on one device, for all.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gandl_jax import hosts, parallel
from gandl_jax.training import embedding, pooling
from gandl_jax.training.training_records import TrainingRecords

GROUP = "validation"


class Validation:
    """Validates a state, and knows what former looks found.

    Args:
      config: of the experiment.
      method: may have `validate` and `done`.
      records: of the training.
      on_bad: takes note of records that cannot be read; None fails.
      history: as from `history`, until the step that the training goes on from.
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
        """{"validation/<name>": mean over the records}; {} where none is set aside."""
        if not self.is_on:
            return {}
        found = hosts.once(lambda: self._means(state))
        self._history.append(found)
        return found

    def why_done(self) -> str:
        """Why the method stops early; "" goes on."""
        if not (self.is_on and self._history and hasattr(self._method, "done")):
            return ""
        return hosts.once(lambda: self._method.done(self._history))

    def _means(self, state: Any) -> dict[str, float]:
        found = (
            (part["record"], self._fn(state, batch), part["mask"])
            for part, batch in self._batches()
        )
        means = mean_over_records(found)
        return {f"{GROUP}/{name}": value for name, value in means.items()}

    def _batches(self) -> Iterator[tuple[Mapping[str, Any], dict[str, Any]]]:
        """Tiles with their records, and the same as a method takes them."""
        dataset, rows = self._records.dataset, self._records.rows.validated
        every = embedding.tile_batches(dataset, self._config, self._on_bad, None, rows)
        for part in every:
            index = np.arange(len(part["images"]), dtype=np.int32)
            codes = self._records.labels.items()
            labels = {column: x[part["record"]] for column, x in codes}
            yield part, {"images": part["images"], "index": index, "labels": labels}


def mean_over_records(
    found: Iterable[tuple[np.ndarray, Mapping[str, Any], np.ndarray]],
) -> dict[str, float]:
    """Means over records of the means over their tiles.

    Args:
      found: (record of each tile [B], {name: [B]}, whether it counts [B]) of each
        batch; a value that is not a number does not count either. The tiles of a
        record follow one another.
    """
    kept = ((records[mask], values, mask) for records, values, mask in found)
    rows = [
        {name: _mean(column) for name, column in values.items()}
        for _, values in pooling.by_record(kept)
    ]
    means = {name: _mean([row[name] for row in rows]) for name in (rows or [{}])[0]}
    return {name: mean for name, mean in means.items() if not np.isnan(mean)}


def _mean(values: Sequence[float]) -> float:
    """The mean of what is a number; not a number where nothing is."""
    numbers = np.asarray(values, np.float64)
    known = numbers[~np.isnan(numbers)]
    return float(known.mean()) if len(known) else float("nan")


def history(
    lines: Sequence[Mapping[str, Any]],
    not_logged: Sequence[Mapping[str, Any]],
) -> list[dict[str, float]]:
    """What was found so far, oldest first.

    Args:
      lines: what was logged up to the checkpoint that a training goes on from; what
        was found later is found again.
      not_logged: metrics that were noted with that checkpoint.
    """
    found = [
        {name: x for name, x in metrics.items() if name.startswith(f"{GROUP}/")}
        for metrics in (*lines, *not_logged)
    ]
    return [one for one in found if one]
