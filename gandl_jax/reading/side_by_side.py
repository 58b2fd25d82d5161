"""Records of one well, or of any other unit, that follow one another in batches.

Groups of K records are drawn, each from one unit. An epoch deals every unit's records,
in random order, into ceil(n / K) groups: where K does not divide the n records of a
unit, its last group is filled with the first ones of that order again, round robin. So
in every epoch

  a record of a unit of n >= K comes once or twice, and in no group twice: those that
    come twice, (-n) mod K of them, are drawn anew;
  a record of a unit of n < K comes K // n times or once more, all in the unit's one
    group: where one record is all, K crops of it.

The groups of all units are then shuffled, so two of one unit may meet in a batch.
"""

import numpy as np
import pandas as pd

from gandl_jax.host_tensorflow import tf


class SideBySide:
    """Deals records into groups of one unit each.

    Args:
      unit: [N], str or int: the well, say, of each record.
      count: K.

    Attributes:
      count: K.
      groups: G of an epoch, of all units.
      records: K * G of an epoch, with those that come again.
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
        # As tensors here: what a graph captures is not copied with it.
        self._unit, self._rank = tf.constant(unit), tf.constant(rank)
        self._sizes, self._starts = tf.constant(sizes), tf.constant(starts)
        self._by_unit, self._dealt = tf.constant(by_unit), tf.constant(dealt)

    def epoch(self, bits: tf.Tensor) -> tf.Tensor:
        """[K * G] int64, the records of an epoch, K of one unit after the other.

        Args:
          bits: [N + G] int64, random: of the records, and of the groups.
        """
        of_records, of_groups = bits[: -self.groups], bits[-self.groups :]
        mixed = tf.argsort(of_records)
        by_unit = tf.argsort(tf.gather(self._unit, mixed), stable=True)
        records = tf.gather(tf.gather(mixed, by_unit), self._dealt)
        groups = tf.reshape(records, [self.groups, self.count])
        shuffled = tf.gather(groups, tf.argsort(of_groups))
        return tf.cast(tf.reshape(shuffled, [-1]), tf.int64)

    def to_try(
        self, record: tf.Tensor, member: tf.Tensor, others: tf.Tensor
    ) -> tf.Tensor:
        """[n] int64: a record, then those that may stand in for it, in that order.

        They are the others of its unit, and only then those of other units, in which
        all members of a group come to the same one.

        Args:
          record: [] int64.
          member: [] int64, its place in the group.
          others: [m] int64, records at random, the same for all members of the group.
        """
        own = self._round(record, tf.gather(self._rank, record))
        rest = [self._round(other, member) for other in tf.unstack(others)]
        return tf.concat([own, *rest], 0)

    def _round(self, record: tf.Tensor, first: tf.Tensor) -> tf.Tensor:
        """All records of a record's unit, round from the one of rank `first`."""
        unit = tf.gather(self._unit, record)
        size = tf.gather(self._sizes, unit)
        places = tf.gather(self._starts, unit) + (first + tf.range(size)) % size
        return tf.gather(self._by_unit, places)


def _starts(sizes: np.ndarray) -> np.ndarray:
    return np.cumsum(sizes) - sizes


def _dealt(sizes: np.ndarray, count: int) -> np.ndarray:
    """[K * G]: which of the records, mixed and then sorted by unit, each group has."""
    places = -(-sizes // count) * count  # of each unit
    place = np.arange(places.sum()) - np.repeat(_starts(places), places)
    return np.repeat(_starts(sizes), places) + place % np.repeat(sizes, places)
