"""The stream of training batches of a prepared screen.

What a batch holds is a function of the seed and the step alone (`reading/order.py`),
and a sample's crop and turn one of the seed and its number. A stream may therefore
start anywhere and be split among any number of processes.
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

_STAND_IN = 2**62  # of their keys: the samples' lie below
STAND_INS = 7  # records to try in place of a damaged one, where those are skipped


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
    """Endless training batches; one process takes a contiguous part of each.

    Args:
      prepared: the screen.
      channels: C names; () is all.
      scaling: `config.data.scaling`, "dataset" or "plate".
      illumination: `config.data.illumination`, "none" or "plate".
      crop_px: side of the random crop.
      batch: B, over all processes; may exceed the records, which then come again.
      seed: of order, crops and turns.
      first_step: of the first batch.
      flips: mirror every second sample, left to right.
      rotations: turn by a random multiple of 90 degrees (with flips: all 8
        orientations).
      padding: around every image, before crops are cut.
      crops_per_site: of each decoded site, for as many batches. To start late decodes
        the sites of (crops_per_site - 1) * order.APART steps again, else nothing.
      process: which part of each batch.
      processes: parts in all.
      parallel_calls: records decoded at once; None is one per core.
      labels: column to [N] int32, the class of each record, -1 where it has none.
      rows: [n] int64, the records to take, ascending; none of the others is read. None
        is all.
      side_by_side: which of those records follow one another; None is any.
      on_bad: called with a record that cannot be read; another one, drawn by the seed,
        stands in for it, of its own unit where they come side by side. None raises.

    Returns:
      Iterator over {"images": [B / processes, crop_px, crop_px, C] float32 in [-1, 1],
      "index": [B / processes] int32, position in the global batch, "labels": {column:
      [B / processes] int32}, the classes of what is seen}.

    Raises:
      InputError: a batch that processes, crops and groups side by side do not divide,
        more crops than the records or such groups allow, an unknown channel, images
        smaller than the crop, no plates to scale by.
      DamagedRecord: while iterating.
    """
    channels = choose_channels(prepared, channels)
    size = padded_size(prepared, padding, crop_px)
    taken = prepared.records if rows is None else len(rows)
    order = Order(
        taken, batch, crops_per_site, seed, first_step, process, processes, side_by_side
    )
    network = levels.grey_levels(prepared, channels, scaling, illumination, padding)
    draw = _drawing(size, crop_px, seed)
    cut = _cutting(
        prepared, channels, order, rows, draw, crop_px, padding, stand_in=bool(on_bad)
    )
    kind, shape = records.pixel_dtype(prepared), (crop_px, crop_px, len(channels))
    finish = _finishing(kind, network, draw, shape, flips, rotations)
    calls = CALLS if parallel_calls is None else parallel_calls
    batches = _batches(order, cut, finish, calls)
    return _watched(prepared, without_tuning(batches), labels or {}, on_bad)


def _batches(
    order: Order, cut: Callable, finish: Callable, calls: int
) -> tf.data.Dataset:
    """Sites are cut, their crops come in the order of batches, and are finished."""

    def example(packed, sample, record, used):
        images = finish(packed, sample, used)
        index = tf.cast(sample % order.batch, tf.int32)
        return {"images": images, "index": index, "wanted": record, "used": used}

    sites = order.sites().map(cut, num_parallel_calls=calls, deterministic=True)
    examples = order.in_batches(sites).map(
        example, num_parallel_calls=calls, deterministic=True
    )
    own = order.batch // order.processes
    return examples.batch(own, drop_remainder=True).prefetch(2)


def _cutting(
    prepared, channels, order, rows, draw, crop_px, padding, *, stand_in
) -> Callable:
    """Function of a site's place, and its number among `rows`, to its crops.

    [crops] each: the crops packed, their samples, the record wanted and the one read.
    """
    rows = None if rows is None else tf.constant(rows, tf.int64)

    def candidates(place, number):
        numbers = _numbers_to_try(order, place, number) if stand_in else number[None]
        return numbers if rows is None else tf.gather(rows, numbers)

    def cut(place, number):
        wanted = candidates(place, number)
        used, planes = records.first_readable(prepared, channels, wanted)
        planes = [padding.around(tf, plane) for plane in planes]
        samples = order.samples(place)
        corners = [draw(sample)[:2] for sample in tf.unstack(samples)]
        packed = [
            tf.io.serialize_tensor(
                tf.stack([p[y : y + crop_px, x : x + crop_px] for p in planes], -1)
            )
            for y, x in corners
        ]
        both = tf.repeat(tf.stack([wanted[:1], [used]]), order.crops, axis=1)
        return tf.stack(packed), samples, *tf.unstack(both)

    return cut


def _numbers_to_try(order: Order, place: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """[n] int64: a site's number, and those that may stand in for it."""
    together = order.side_by_side
    drawn_for = place // together.count if together else place
    others = tf.random.stateless_uniform(
        [STAND_INS],
        [order.seed, _STAND_IN + drawn_for],
        0,
        order.records,
        tf.int64,
        alg="philox",
    )
    if together:
        return together.to_try(number, place % together.count, others)
    return tf.concat([number[None], others], 0)


def _finishing(kind, network, draw, shape, flips, rotations) -> Callable:
    """Function of a packed crop, its sample and record to the network's image."""
    network = network.constants(tf)

    def finish(packed, sample, record):
        y, x, mirrored, turns = draw(sample)
        pixels = tf.ensure_shape(tf.io.parse_tensor(packed, kind), shape)
        pixels = tf.cast(pixels, tf.float64)
        scaled = network.stretch(tf, pixels, tf.maximum(record, 0), y, x)
        image = tf.cast(tf.clip_by_value(scaled, -1, 1), tf.float32)
        if flips:
            image = tf.cond(mirrored, lambda: image[:, ::-1], lambda: image)
        if rotations:
            image = tf.image.rot90(image, turns)
        return tf.ensure_shape(image, shape)

    return finish


def _drawing(size: tuple[int, int], crop_px: int, seed: int) -> Callable:
    """Function of a sample to its crop's corner (y, x), and how it is turned."""
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
    """Iterates as NumPy, with labels, and tells of records that could not be read."""
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
