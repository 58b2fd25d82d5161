"""Counts of groups of records, such as plates, in the batches of an order."""

import itertools

import numpy as np

from gandl_jax.host_tensorflow import tf
from gandl_jax.reading.order import Order


def distinct(order: Order, group: np.ndarray, batches: int) -> np.ndarray:
    """Counts the groups in each of the first batches.

    Args:
      order: of the records, for one process.
      group: [N] int, the group of each record.
      batches: number of batches to count in.

    Returns:
      [batches] int64.
    """
    samples = order.sites().map(
        lambda position, record: (
            tf.fill([order.crops], record),
            order.samples(position),
        )
    )
    batches_of_records = (
        order.in_batches(samples).batch(order.batch).as_numpy_iterator()
    )
    return np.array(
        [
            len(np.unique(group[batch_records]))
            for batch_records, _ in itertools.islice(batches_of_records, batches)
        ]
    )


def expected(group: np.ndarray, batch: int) -> float:
    """Returns the mean number of groups in a batch of independent draws.

    A group with share p is absent from B draws with probability (1 - p)^B.

    Args:
      group: [N] int or str, the group of each record.
      batch: B, the number of draws.
    """
    _, counts = np.unique(group, return_counts=True)
    return float((1 - (1 - counts / counts.sum()) ** batch).sum())
