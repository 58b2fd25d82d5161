"""The stream of training batches of a prepared screen.

The content of a batch is a function of the seed and the step (`reading/order.py`), and
a sample's crop and turn are functions of the seed and its number. A stream may
therefore start anywhere and be split among any number of processes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gandl_jax.host_tensorflow import CALLS, tf, without_tuning
from gandl_jax.prepared import records
from gandl_jax.prepared.prepared import Prepared, choose_channels
from gandl_jax.reading import levels
from gandl_jax.reading.order import Order
from gandl_jax.reading.padding import NONE, Padding
from gandl_jax.reading.side_by_side import SideBySide
from gandl_jax.reading.tiles import padded_size

_STAND_IN = 2**62  # first key of stand-ins; samples' keys are lower
STAND_INS = 7  # records to try instead of a damaged one that is skipped


def train_batches(
    prepared: Prepared,
    *,
    channels: Sequence[str],
    scaling: str,
    illumination: str,
    crop_px: int,
    batch: int,
    seed: int,
    first_step: int,
    flips: bool,
    rotations: bool,
    padding: Padding = NONE,
    crops_per_site: int = 1,
    process: int = 0,
    processes: int = 1,
    parallel_calls: int | None = None,
    labels: Mapping[str, np.ndarray] | None = None,
    rows: np.ndarray | None = None,
    side_by_side: SideBySide | None = None,
    on_bad: records.OnBad | None = None,
) -> Iterator[dict[str, Any]]:
    """Streams endless training batches; a process has a contiguous part of each.

    Args:
      prepared: the screen.
      channels: C names; () is all.
      scaling: `config.data.scaling`, "dataset" or "plate".
      illumination: `config.data.illumination`, "none" or "plate".
      crop_px: side of the random crop.
      batch: B, over all processes; may exceed the records, which are then repeated.
      seed: of order, crops and turns.
      first_step: of the first batch.
      flips: whether to mirror every second sample, left to right.
      rotations: whether to turn by a random multiple of 90 degrees (with flips: all 8
        orientations).
      padding: around every image, before crops are cut.
      crops_per_site: crops of each decoded site, for as many batches. A late start
        decodes the sites of (crops_per_site - 1) * order.APART steps again.
      process: number of this process.
      processes: number of processes.
      parallel_calls: records decoded at once; None for one per core.
      labels: {column: [N] int32}, the class of each record, -1 if it has none.
      rows: [n] int64, the records to read, ascending; None for all.
      side_by_side: groups of those records to keep together; None if any order will do.
      on_bad: called with a record that cannot be read; another one, drawn by the seed,
        replaces it, of its own unit if groups are kept together. None raises.

    Returns:
      Iterator over {"images": [B / processes, crop_px, crop_px, C] float32 in [-1, 1],
      "index": [B / processes] int32, position in the global batch, "labels": {column:
      [B / processes] int32}}, the classes of the records used.

    Raises:
      InputError: a batch that processes, crops or groups do not divide, more crops than
        the records or groups allow, an unknown channel, images smaller than the crop,
        or no plates to scale by.
      DamagedRecord: while iterating.
    """
    channels = choose_channels(prepared, channels)
    size = padded_size(prepared, padding, crop_px)
    record_count = prepared.records if rows is None else len(rows)
    order = Order(
        record_count,
        batch,
        crops_per_site,
        seed,
        first_step,
        process,
        processes,
        side_by_side,
    )
    grey_levels = levels.grey_levels(prepared, channels, scaling, illumination, padding)
    draw = _drawing(size, crop_px, seed)
    cut = _cutting(
        prepared, channels, order, rows, draw, crop_px, padding, stand_in=bool(on_bad)
    )
    dtype, shape = records.pixel_dtype(prepared), (crop_px, crop_px, len(channels))
    finish = _finishing(dtype, grey_levels, draw, shape, flips, rotations)
    calls = CALLS if parallel_calls is None else parallel_calls
    batches = _batches(order, cut, finish, calls)
    return _watched(prepared, without_tuning(batches), labels or {}, on_bad)


def _batches(
    order: Order, cut: Callable, finish: Callable, calls: int
) -> tf.data.Dataset:
    """Cuts sites into crops, orders the crops by batch, and finishes them."""

    def example(packed, sample, record, used):
        images = finish(packed, sample, used)
        index = tf.cast(sample % order.batch, tf.int32)
        return {"images": images, "index": index, "wanted": record, "used": used}

    sites = order.sites().map(cut, num_parallel_calls=calls, deterministic=True)
    examples = order.in_batches(sites).map(
        example, num_parallel_calls=calls, deterministic=True
    )
    process_batch = order.batch // order.processes
    return examples.batch(process_batch, drop_remainder=True).prefetch(2)


def _cutting(
    prepared, channels, order, rows, draw, crop_px, padding, *, stand_in
) -> Callable:
    """Makes a function of a site's position, and its number among `rows`, to crops.

    It returns [crops] each: packed crops, their samples, the record wanted, the one
    read.
    """
    rows = None if rows is None else tf.constant(rows, tf.int64)

    def candidates(position, number):
        numbers = _numbers_to_try(order, position, number) if stand_in else number[None]
        return numbers if rows is None else tf.gather(rows, numbers)

    def cut(position, number):
        wanted = candidates(position, number)
        used, planes = records.first_readable(prepared, channels, wanted)
        planes = [padding.around(tf, plane) for plane in planes]
        samples = order.samples(position)
        corners = [draw(sample)[:2] for sample in tf.unstack(samples)]
        packed = [
            tf.io.serialize_tensor(
                tf.stack(
                    [plane[y : y + crop_px, x : x + crop_px] for plane in planes], -1
                )
            )
            for y, x in corners
        ]
        record_pair = tf.repeat(tf.stack([wanted[:1], [used]]), order.crops, axis=1)
        return tf.stack(packed), samples, *tf.unstack(record_pair)

    return cut


def _numbers_to_try(order: Order, position: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """Returns a site's number, and those that may replace it, [n] int64."""
    groups = order.side_by_side
    draw_number = position // groups.count if groups else position
    others = tf.random.stateless_uniform(
        [STAND_INS],
        [order.seed, _STAND_IN + draw_number],
        0,
        order.records,
        tf.int64,
        alg="philox",
    )
    if groups:
        return groups.to_try(number, position % groups.count, others)
    return tf.concat([number[None], others], 0)


def _finishing(dtype, grey_levels, draw, shape, flips, rotations) -> Callable:
    """Makes a function of a packed crop, its sample and record to the image."""
    grey_levels = grey_levels.constants(tf)

    def finish(packed, sample, record):
        y, x, mirrored, turns = draw(sample)
        pixels = tf.ensure_shape(tf.io.parse_tensor(packed, dtype), shape)
        pixels = tf.cast(pixels, tf.float64)
        scaled = grey_levels.stretch(tf, pixels, tf.maximum(record, 0), y, x)
        image = tf.cast(tf.clip_by_value(scaled, -1, 1), tf.float32)
        if flips:
            image = tf.cond(mirrored, lambda: image[:, ::-1], lambda: image)
        if rotations:
            image = tf.image.rot90(image, turns)
        return tf.ensure_shape(image, shape)

    return finish


def _drawing(size: tuple[int, int], crop_px: int, seed: int) -> Callable:
    """Makes a function of a sample to its crop's corner (y, x), flip and turn."""
    free_y, free_x = (side - crop_px + 1 for side in size)

    def draw(sample):
        bits = tf.random.stateless_uniform(
            [4], [seed, sample], None, None, tf.int64, alg="philox"
        )
        turns = tf.cast(bits[3] % 4, tf.int32)
        return bits[0] % free_y, bits[1] % free_x, bits[2] % 2 == 1, turns

    return draw


def _watched(
    prepared: Prepared,
    batches: tf.data.Dataset,
    labels: Mapping[str, np.ndarray],
    on_bad: records.OnBad | None,
) -> Iterator[dict[str, Any]]:
    """Yields NumPy batches with labels, and reports records that cannot be read."""
    for batch in batches.as_numpy_iterator():
        wanted, used = batch.pop("wanted"), batch.pop("used")
        for record in dict.fromkeys(wanted[wanted != used].tolist()):
            if on_bad is None:
                raise records.damaged(prepared, record)
            on_bad(record)
        if (used < 0).any():  # none of the stand-ins could be read either
            raise records.DamagedRecord(
                f"so many records of {prepared.directory} cannot be read that none was "
                f"found in {1 + STAND_INS} draws: run --job=verify"
            )
        yield batch | {"labels": {name: codes[used] for name, codes in labels.items()}}
