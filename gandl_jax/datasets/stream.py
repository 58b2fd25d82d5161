"""Streams of a prepared screen: training batches, sites, tiles.

What a training batch holds is a function of the seed and the step alone: sample
n = step * batch + position is record permutation(seed, n // N)[n % N], cropped and
turned as (seed, n) says. A stream may therefore start anywhere and be split among
any number of processes.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from gandl_jax.datasets import records
from gandl_jax.datasets.host_tensorflow import tf
from gandl_jax.datasets.prepared import Prepared, check_crop, choose_channels
from gandl_jax.errors import InputError

FOREVER = 2**62  # a range's end that no training reaches


def train_batches(
    prepared: Prepared,
    *,
    channels: Sequence[str],
    scaling: str,
    crop_px: int,
    batch: int,
    seed: int,
    first_step: int,
    flips: bool,
    rotations: bool,
    process: int = 0,
    processes: int = 1,
    parallel_calls: int | None = None,
) -> Iterator[dict[str, np.ndarray]]:
    """Endless training batches; one process takes a contiguous part of each.

    Args:
      prepared: the screen.
      channels: C names; () is all.
      scaling: `config.data.scaling`, "dataset" or "plate".
      crop_px: side of the random crop.
      batch: B, over all processes; may exceed the records, which then come again.
      seed: of order, crops and turns.
      first_step: of the first batch; to start late costs nothing.
      flips: mirror every second sample, left to right.
      rotations: turn by a random multiple of 90 degrees (with flips: all 8
        orientations).
      process: which part of each batch.
      processes: parts in all.
      parallel_calls: records decoded at once; None lets tf.data choose.

    Returns:
      Iterator over {"images": [B / processes, crop_px, crop_px, C] float32 in [-1, 1],
      "index": [B / processes] int32, position in the global batch}.

    Raises:
      InputError: a batch that the processes do not divide, an unknown channel, images
        smaller than the crop, no plates to scale by.
      DamagedRecord: while iterating.
    """
    channels = choose_channels(prepared, channels)
    check_crop(prepared, crop_px)
    if batch % processes:
        raise InputError(f"{processes} processes do not divide the batch of {batch}")
    local = batch // processes
    part = slice(process * local, (process + 1) * local)
    calls = tf.data.AUTOTUNE if parallel_calls is None else parallel_calls
    augment = _augmentation(prepared, channels, crop_px, seed, flips, rotations)
    read = records.random_reader(prepared)
    ranges = tf.constant(prepared.ranges(channels, scaling))

    def example(sample, record):
        site = records.decode(prepared, channels, read(record))
        levels = tf.cast(augment(site, sample), tf.float64)
        images = tf.clip_by_value(_stretched(levels, ranges[record]), -1, 1)
        images = tf.cast(images, tf.float32)
        return {"images": images, "index": tf.cast(sample % batch, tf.int32)}

    order = _order(prepared.records, batch, seed, first_step, part)
    batches = order.map(example, num_parallel_calls=calls, deterministic=True)
    batches = batches.batch(local, drop_remainder=True).prefetch(2)
    return _watched(prepared, batches, order, local)


def _order(count: int, batch: int, seed: int, first_step: int, part: slice):
    """Dataset of (sample number, record number), int64, for a part of each batch."""
    first = first_step * batch

    def epoch(number):
        key = [seed, -1 - number]  # negative: the others are the samples' keys
        bits = tf.random.stateless_uniform(
            [count], key, None, None, tf.int64, alg="philox"
        )
        return tf.data.Dataset.from_tensor_slices(tf.cast(tf.argsort(bits), tf.int64))

    epochs = tf.data.Dataset.range(first // count, FOREVER).flat_map(epoch)
    numbered = tf.data.Dataset.zip(
        tf.data.Dataset.range(first, FOREVER), epochs.skip(first % count)
    )
    whole = numbered.batch(batch, drop_remainder=True)
    return whole.map(lambda sample, record: (sample[part], record[part])).unbatch()


def _augmentation(prepared, channels, crop_px, seed, flips, rotations):
    """Function of a site [H, W, C] and a sample number to its crop, turned."""
    free_y = prepared.height_px - crop_px + 1
    free_x = prepared.width_px - crop_px + 1

    def augment(site, sample):
        bits = tf.random.stateless_uniform(
            [4], [seed, sample], None, None, tf.int64, alg="philox"
        )
        y, x = bits[0] % free_y, bits[1] % free_x
        images = site[y : y + crop_px, x : x + crop_px]
        if flips:
            images = tf.cond(bits[2] % 2 == 1, lambda: images[:, ::-1], lambda: images)
        if rotations:
            images = tf.image.rot90(images, tf.cast(bits[3] % 4, tf.int32))
        return tf.ensure_shape(images, (crop_px, crop_px, len(channels)))

    return augment


def _stretched(levels, ends):
    """Grey levels [..., C], the low end [0] to -1 and the high one [1] to +1.

    Of 16 bits a channel may use few: only float64 keeps the differences whole.
    """
    return (levels - ends[0]) / (ends[1] - ends[0]) * 2 - 1


def _watched(prepared, batches, order, local: int) -> Iterator[dict[str, np.ndarray]]:
    """Iterates as NumPy; where reading fails, says which record is damaged."""
    done, failure = 0, tf.errors.OpError  # bound: `tf` may be gone as Python exits
    try:
        for batch in batches.as_numpy_iterator():
            yield batch
            done += 1
    except failure:
        failed = order.skip(done * local).take(local).as_numpy_iterator()
        for _, record in failed:
            records.check(prepared, int(record))
        raise


def sites(
    prepared: Prepared, shard: int, channels: Sequence[str]
) -> Iterator[tuple[int, np.ndarray]]:
    """Every record of a shard once, in stored order.

    Args:
      prepared: the screen.
      shard: number of the shard.
      channels: C names; () is all.

    Yields:
      The record's row in `prepared.table`, and its site [H, W, C] uint8 or uint16.

    Raises:
      InputError: an unknown channel.
      DamagedRecord: a record cannot be read.
    """
    channels = choose_channels(prepared, channels)
    examples = tf.data.TFRecordDataset(prepared.path(shard))
    decoded = examples.map(
        lambda example: records.decode(prepared, channels, example),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    iterator = decoded.prefetch(2).as_numpy_iterator()
    for row in prepared.rows(shard).tolist():
        try:
            site = next(iterator)
        except StopIteration:
            raise records.damaged(prepared, row, "the shard ends before it") from None
        except tf.errors.OpError as error:
            raise records.damaged(prepared, row, error.message) from error
        yield row, site


def site_intensities(
    prepared: Prepared, shard: int, channels: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sd of each raw site of a shard: what plain intensities tell.

    Returns:
      [n] int32 rows of `prepared.table`, and [n, 2 C] float32: the channels' means,
      then their sds, on a scale of 0 to 1 for the full bit depth.
    """
    full = 2**prepared.bit_depth - 1
    rows, features = [], []
    for row, site in sites(prepared, shard, channels):
        pixels = site.reshape(-1, site.shape[-1]) / full  # float64
        rows.append(row)
        features.append(np.concatenate([pixels.mean(0), pixels.std(0)]))
    return np.array(rows, np.int32), np.array(features, np.float32)


def tile_offsets(height: int, width: int, crop_px: int) -> list[tuple[int, int]]:
    """Upper left corners of the fewest tiles that cover an image, evenly spread.

    Args:
      height: of the image, in pixels.
      width: of the image, in pixels.
      crop_px: side of a tile, at most the image's.

    Returns:
      (y, x) in pixels, row by row.
    """
    return [(y, x) for y in _starts(height, crop_px) for x in _starts(width, crop_px)]


def _starts(size: int, crop_px: int) -> list[int]:
    count = -(-size // crop_px)
    if count == 1:
        return [(size - crop_px) // 2]
    return [i * (size - crop_px) // (count - 1) for i in range(count)]


def tile_batches(
    prepared: Prepared,
    shard: int,
    *,
    channels: Sequence[str],
    scaling: str,
    crop_px: int,
    batch: int,
) -> Iterator[dict[str, np.ndarray]]:
    """All tiles of all sites of a shard, the last batch padded and masked.

    Args:
      prepared: the screen.
      shard: number of the shard.
      channels: C names; () is all.
      scaling: `config.data.scaling`, "dataset" or "plate".
      crop_px: side of a tile.
      batch: B, tiles per batch.

    Yields:
      {"images": [B, crop_px, crop_px, C] float32 in [-1, 1], 0 in the padding;
      "record": [B] int32, row of `prepared.table`, 0 in the padding;
      "mask": [B] bool, False in the padding}.

    Raises:
      InputError: an unknown channel, images smaller than the crop, no plates to scale
        by.
      DamagedRecord: a record cannot be read.
    """
    check_crop(prepared, crop_px)
    channels = choose_channels(prepared, channels)
    images = np.zeros((batch, crop_px, crop_px, len(channels)), np.float32)
    record, filled = np.zeros(batch, np.int32), 0
    for row, tile in _tiles(prepared, shard, channels, scaling, crop_px):
        images[filled], record[filled] = tile, row
        filled += 1
        if filled == batch:
            yield {"images": images, "record": record, "mask": np.ones(batch, bool)}
            images, record, filled = np.zeros_like(images), np.zeros_like(record), 0
    if filled:
        yield {"images": images, "record": record, "mask": np.arange(batch) < filled}


def _tiles(
    prepared, shard, channels, scaling, crop_px
) -> Iterator[tuple[int, np.ndarray]]:
    """(row, tile [crop_px, crop_px, C] float32 in [-1, 1])."""
    ranges = prepared.ranges(channels, scaling)
    offsets = tile_offsets(prepared.height_px, prepared.width_px, crop_px)
    for row, site in sites(prepared, shard, channels):
        for y, x in offsets:
            tile = _stretched(site[y : y + crop_px, x : x + crop_px], ranges[row])
            yield row, tile.clip(-1, 1).astype(np.float32)
