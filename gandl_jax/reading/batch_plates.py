"""Which groups of records, such as plates, meet in the batches of an order."""

import itertools

import numpy as np

from gandl_jax.host_tensorflow import tf
from gandl_jax.reading.order import Order


def distinct(order: Order, group: np.ndarray, batches: int) -> np.ndarray:
    """How many groups each of the first batches holds.

    Args:
      order: of the records, for one process.
      group: [N] int, that of each record.
      batches: how many to look at.

    Returns:
      [batches] int64.
    """
    placed = order.sites().map(
        lambda place, record: (tf.fill([order.crops], record), order.samples(place))
    )
    every = order.in_batches(placed).batch(order.batch).as_numpy_iterator()
    return np.array(
        [len(np.unique(group[held])) for held, _ in itertools.islice(every, batches)]
    )


def expected(group: np.ndarray, batch: int) -> float:
    """How many groups independent draws would hold, in the mean.

    A group of share p is absent from B draws with probability (1 - p)^B.

    Args:
      group: [N] int or str, that of each record.
      batch: B, draws.
    """
    _, counts = np.unique(group, return_counts=True)
    return float((1 - (1 - counts / counts.sum()) ** batch).sum())
