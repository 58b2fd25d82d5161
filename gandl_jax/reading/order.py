"""The order in which a training takes sites, and the crops of each batch.

All of it is a function of the seed and the step. The endless sequence of sites is one
permutation of the screen after another, cut into groups, one new group per step. Each
decoded site gives `crops` crops, `APART` steps apart: the batch of step t holds crop j
of every site of the group t + j * APART. So no two crops of a decoded site share a
batch, and two consecutive batches share no site.

If records of one unit, such as a well, are kept side by side
(`reading/side_by_side.py`), an epoch is a permutation of groups of them instead, and no
group is cut by a batch or a process.
"""

import dataclasses
from collections.abc import Callable

from gandl_jax.errors import InputError
from gandl_jax.host_tensorflow import tf
from gandl_jax.reading.side_by_side import SideBySide

APART = 4  # steps between crops of a site (ours): more mix better but cost memory
FOREVER = 2**62  # end of a range that no training reaches


@dataclasses.dataclass(frozen=True)
class Order:
    """The order for one process.

    Attributes:
      records: N, of the screen.
      batch: B, over all processes.
      crops: of each decoded site.
      seed: of the permutations.
      first_step: of the first batch.
      process: number of this process, which has a contiguous part of each batch.
      processes: number of processes.
      side_by_side: groups of records to keep together; None if any order will do.
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
        """Number of sites in an epoch, some of which may be repeated."""
        return self.side_by_side.records if self.side_by_side else self.records

    @property
    def group(self) -> int:
        """Number of new sites in each step, over all processes."""
        return self.batch // self.crops

    @property
    def wait(self) -> int:
        """Number of steps from a site's decoding to its last crop."""
        return (self.crops - 1) * APART

    @property
    def span(self) -> int:
        """Number of consecutive sites that must differ for batches to differ."""
        return (self.wait + 2) * self.group

    def sites(self) -> tf.data.Dataset:
        """Returns (sequence position, record), [] int64 each, of this process."""
        first = self.first_step * self.group
        epochs = tf.data.Dataset.range(first // self.epoch, FOREVER)
        records = epochs.flat_map(self._epoch).skip(first % self.epoch)
        positioned = tf.data.Dataset.zip(tf.data.Dataset.range(first, FOREVER), records)
        sites_per_process = self.group // self.processes
        return positioned.filter(
            lambda position, _: (
                position % self.group // sites_per_process == self.process
            )
        )

    def samples(self, position: tf.Tensor) -> tf.Tensor:
        """Returns the sample number of each crop of a site, [crops] int64.

        Sample n is at index n % B of the batch of step n // B. Samples of steps before
        0 are negative and in no batch.
        """
        crop = tf.range(self.crops, dtype=tf.int64)
        step = position // self.group - crop * APART
        return step * self.batch + position % self.group * self.crops + crop

    def in_batches(self, crops: tf.data.Dataset) -> tf.data.Dataset:
        """Reorders crops from site by site to batch by batch.

        Args:
          crops: for each element of `sites` a tuple of tensors [crops], which should be
            small: the delay line starts with constants that the graph copies.

        Returns:
          Dataset of the same tuples [...], one per sample from `first_step` on.
        """
        apart = APART * (self.group // self.processes)
        waiting = (self.crops - 1) * apart
        if not waiting:
            return crops.unbatch()
        zeros = tuple(tf.zeros(spec.shape, spec.dtype) for spec in crops.element_spec)
        mixed = crops.scan((zeros,) * waiting, _delays(self.crops, apart))
        return mixed.skip(waiting).unbatch()

    def _epoch(self, number: tf.Tensor) -> tf.data.Dataset:
        """Orders the records of an epoch; its first sites avoid the former's last."""
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
        key = [self.seed, -1 - number]  # negative, unlike the samples' keys
        return tf.random.stateless_uniform(
            [count], key, None, None, tf.int64, alg="philox"
        )


def _delays(crops: int, apart: int) -> Callable:
    """Makes the delay line of a scan: crop j is of the site `apart` * j sites ago."""

    def step(waiting, new):
        sites = (*waiting, new)
        chosen = [sites[crop * apart] for crop in range(crops)]
        parts_of_fields = zip(*chosen, strict=True)
        return sites[1:], tuple(
            tf.stack([field[crop] for crop, field in enumerate(field_parts)])
            for field_parts in parts_of_fields
        )

    return step
