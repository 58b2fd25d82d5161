"""The share of other screens' records in a batch, as a metric of each step."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gandl_jax import parallel
from gandl_jax.training.training_records import TrainingRecords

COLUMN = "data.extra"  # among a batch's labels: 1 for another screen's record, else 0
METRIC = "data/extra_share"


def flags(records: TrainingRecords) -> dict[str, np.ndarray]:
    """Returns {COLUMN: [N] int32} of all records; {} if no other screen joins."""
    if not records.extra:
        return {}
    is_extra = np.zeros(records.dataset.records, np.int32)
    is_extra[records.extra.rows] = 1
    return {COLUMN: is_extra}


class CountedMethod:
    """A method whose first phase reports the share; all else is unchanged.

    Args:
      method: as in `methods/contract.py`.
    """

    def __init__(self, method: Any):
        self._method = method
        first, *others = method.phases
        self.phases = (first._replace(fn=_counting(first.fn)), *others)

    def __getattr__(self, name: str) -> Any:
        """Returns a hook of the method, if it has it."""
        return getattr(self._method, name)


def _counting(fn: Callable) -> Callable:
    def counted(state: Any, batch: dict, key: jax.Array) -> tuple[Any, dict]:
        state, metrics = fn(state, batch, key)
        share = batch["labels"][COLUMN].astype(jnp.float32).mean()
        return state, {**metrics, METRIC: jax.lax.pmean(share, parallel.AXIS)}

    return counted
