"""In which order a training takes sites, and which crops meet in a batch.

All of it is a function of the seed and the step alone. The endless sequence of sites is
one permutation of the screen after another, cut into groups, one new group for every
step. Of each decoded site `crops` crops are taken, `APART` steps apart: the batch of
step t holds crop j of every site of the group t + j * APART. So no two crops of a
decoded site share a batch, and two batches in a row share no site.

Where records of one well, say, come side by side (`reading/side_by_side.py`), an epoch
is a permutation of groups of them instead, and no group is cut by a batch or a process.
"""

import dataclasses
from collections.abc import Callable

from gandl_jax.errors import InputError
from gandl_jax.host_tensorflow import tf
from gandl_jax.reading.side_by_side import SideBySide

APART = 4  # steps between two crops of a site (ours): more mix better, and cost memory
FOREVER = 2**62  # a range's end that no training reaches


@dataclasses.dataclass(frozen=True)
class Order:
    """One process's part of the order.

    Attributes:
      records: N of the screen.
      batch: B, over all processes.
      crops: from each decoded site.
      seed: of the permutations.
      first_step: of the first batch.
      process: which part of each batch, a contiguous one.
      processes: parts in all.
      side_by_side: which records follow one another; None is any.
    """

    records: int
    batch: int
    crops: int
    seed: int
    first_step: int
    process: int = 0
    processes: int = 1
    side_by_side: SideBySide | None = None

    def __post_init__(self) -> None:
        if self.side_by_side:
            self._check_side_by_side(self.side_by_side.count)
        if self.batch % self.processes:
            raise InputError(
                f"{self.processes} processes do not divide the batch of {self.batch}"
            )
        if self.batch % (self.crops * self.processes):
            raise InputError(
                f"config.data.crops_per_site={self.crops} times {self.processes} "
                f"processes do not divide the batch of {self.batch}: choose a divisor"
            )
        if self.crops > 1 and self.records < 3 * self.span:
            raise InputError(
                f"config.data.crops_per_site={self.crops} in batches of {self.batch} "
                f"needs {3 * self.span} sites, to share none within a batch, and the "
                f"screen has {self.records}: choose fewer"
            )

    def _check_side_by_side(self, count: int) -> None:
        if self.crops > 1:
            raise InputError(
                f"config.data.crops_per_site={self.crops} takes the crops of a site "
                f"apart, and the method wants {count} records of a group side by "
                "side: set --config.data.crops_per_site=1"
            )
        if self.batch % (count * self.processes):
            raise InputError(
                f"a batch of {self.batch} does not split over {self.processes} "
                f"processes in groups of {count} side by side: make it a multiple of "
                f"{count * self.processes}"
            )

    @property
    def epoch(self) -> int:
        """Sites of an epoch, some of which may come again in it."""
        return self.side_by_side.records if self.side_by_side else self.records

    @property
    def group(self) -> int:
        """New sites of each step, over all processes."""
        return self.batch // self.crops

    @property
    def wait(self) -> int:
        """Steps from a site's decoding to its last crop."""
        return (self.crops - 1) * APART

    @property
    def span(self) -> int:
        """Sites in a row that must differ, for those of two batches to differ."""
        return (self.wait + 2) * self.group

    def sites(self) -> tf.data.Dataset:
        """(place in the endless sequence, record), [] int64 each, for this process."""
        first = self.first_step * self.group
        epochs = tf.data.Dataset.range(first // self.epoch, FOREVER)
        records = epochs.flat_map(self._epoch).skip(first % self.epoch)
        placed = tf.data.Dataset.zip(tf.data.Dataset.range(first, FOREVER), records)
        own = self.group // self.processes
        return placed.filter(lambda place, _: place % self.group // own == self.process)

    def samples(self, place: tf.Tensor) -> tf.Tensor:
        """[crops] int64: which sample of the training each crop of a site is.

        Sample n is at position n % B of the batch of step n // B. Those of steps before
        0 are negative: no batch holds them.
        """
        crop = tf.range(self.crops, dtype=tf.int64)
        step = place // self.group - crop * APART
        return step * self.batch + place % self.group * self.crops + crop

    def in_batches(self, crops: tf.data.Dataset) -> tf.data.Dataset:
        """Reorders crops, from those of each site to those of each batch.

        Args:
          crops: for each element of `sites` a tuple of tensors [crops]; those that
            wait begin as constants, which are copied with the graph: small ones.

        Returns:
          Dataset of the same tuples [...], one for each sample from `first_step` on.
        """
        apart = APART * (self.group // self.processes)
        waiting = (self.crops - 1) * apart
        if not waiting:
            return crops.unbatch()
        nothing = tuple(tf.zeros(s.shape, s.dtype) for s in crops.element_spec)
        mixed = crops.scan((nothing,) * waiting, _delays(self.crops, apart))
        return mixed.skip(waiting).unbatch()

    def _epoch(self, number: tf.Tensor) -> tf.data.Dataset:
        """The records of an epoch; its first sites are none of the former's last."""
        if self.side_by_side:
            bits = self._bits(number, self.records + self.side_by_side.groups)
            return tf.data.Dataset.from_tensor_slices(self.side_by_side.epoch(bits))
        records = self._permutation(number)
        if self.crops > 1:
            recent = self._permutation(number - 1)[-self.span :, None]
            is_recent = tf.scatter_nd(
                recent, tf.ones(self.span, tf.int32), [self.records]
            )
            head, rest = records[: 2 * self.span], records[2 * self.span :]
            kept_order = tf.argsort(tf.gather(is_recent, head), stable=True)
            records = tf.concat([tf.gather(head, kept_order), rest], 0)
        return tf.data.Dataset.from_tensor_slices(records)

    def _permutation(self, number: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.argsort(self._bits(number, self.records)), tf.int64)

    def _bits(self, number: tf.Tensor, count: int) -> tf.Tensor:
        key = [self.seed, -1 - number]  # negative: the others are the samples' keys
        return tf.random.stateless_uniform(
            [count], key, None, None, tf.int64, alg="philox"
        )


def _delays(crops: int, apart: int) -> Callable:
    """A step of a scan, a delay line: crop j is of the site `apart` * j sites ago."""

    def step(waiting, new):
        sites = (*waiting, new)
        chosen = [sites[j * apart] for j in range(crops)]
        parts = zip(*chosen, strict=True)
        return sites[1:], tuple(
            tf.stack([one[j] for j, one in enumerate(part)]) for part in parts
        )

    return step
