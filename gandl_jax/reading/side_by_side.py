"""Groups of records of one unit, such as a well, that stay together in batches.

Groups of K records are drawn, each from one unit. An epoch deals every unit's records,
in random order, into ceil(n / K) groups: if K does not divide the n records of a unit,
its last group is filled with the first ones of that order again, round robin. So in
every epoch

  a record of a unit of n >= K comes once or twice, and never twice in a group: the
    (-n) mod K records that come twice are drawn anew in every epoch;
  a record of a unit of n < K comes K // n times or once more, all in the unit's only
    group: K crops of it if it is the unit's only record.

The groups of all units are then shuffled, so two of one unit may meet in a batch.
"""

import numpy as np
import pandas as pd

from gandl_jax.host_tensorflow import tf


class SideBySide:
    """Dealer of records into groups of one unit each.

    Args:
      unit: [N], str or int: the unit, such as a well, of each record.
      count: K.

    Attributes:
      count: K.
      groups: G of an epoch, of all units.
      records: K * G of an epoch, with repeats.
    """

    def __init__(self, unit: np.ndarray, count: int):
        unit = pd.factorize(unit)[0].astype(np.int64)
        sizes = np.bincount(unit)
        starts = _starts(sizes)
        by_unit = np.argsort(unit, kind="stable")
        rank = np.empty_like(unit)
        rank[by_unit] = np.arange(len(unit)) - starts[unit[by_unit]]
        dealt = _dealt(sizes, count)
        self.count, self.records, self.groups = count, len(dealt), len(dealt) // count
        # Tensors made here are captured by a graph, and not copied with it.
        self._unit, self._rank = tf.constant(unit), tf.constant(rank)
        self._sizes, self._starts = tf.constant(sizes), tf.constant(starts)
        self._by_unit, self._dealt = tf.constant(by_unit), tf.constant(dealt)

    def epoch(self, bits: tf.Tensor) -> tf.Tensor:
        """Deals the records of an epoch, K of one unit after the other, [K * G] int64.

        Args:
          bits: [N + G] int64, random bits for the records, then for the groups.
        """
        record_bits, group_bits = bits[: -self.groups], bits[-self.groups :]
        mixed = tf.argsort(record_bits)
        by_unit = tf.argsort(tf.gather(self._unit, mixed), stable=True)
        records = tf.gather(tf.gather(mixed, by_unit), self._dealt)
        groups = tf.reshape(records, [self.groups, self.count])
        shuffled = tf.gather(groups, tf.argsort(group_bits))
        return tf.cast(tf.reshape(shuffled, [-1]), tf.int64)

    def to_try(
        self, record: tf.Tensor, member: tf.Tensor, others: tf.Tensor
    ) -> tf.Tensor:
        """Returns a record, then those that may replace it, in that order, [n] int64.

        They are the others of its unit, and then those of random other units, which are
        the same for all members of a group.

        Args:
          record: [] int64.
          member: [] int64, its index in the group.
          others: [m] int64, random records, the same for all members of the group.
        """
        unit_records = self._round(record, tf.gather(self._rank, record))
        other_records = [self._round(other, member) for other in tf.unstack(others)]
        return tf.concat([unit_records, *other_records], 0)

    def _round(self, record: tf.Tensor, first: tf.Tensor) -> tf.Tensor:
        """Returns all records of a record's unit, cyclically from rank `first` on."""
        unit = tf.gather(self._unit, record)
        size = tf.gather(self._sizes, unit)
        indices = tf.gather(self._starts, unit) + (first + tf.range(size)) % size
        return tf.gather(self._by_unit, indices)


def _starts(sizes: np.ndarray) -> np.ndarray:
    return np.cumsum(sizes) - sizes


def _dealt(sizes: np.ndarray, count: int) -> np.ndarray:
    """Returns [K * G] indices into records that are sorted by unit, group by group."""
    slots = -(-sizes // count) * count  # of each unit
    slot = np.arange(slots.sum()) - np.repeat(_starts(slots), slots)
    return np.repeat(_starts(sizes), slots) + slot % np.repeat(sizes, slots)
