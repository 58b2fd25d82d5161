"""Sites and tiles of a prepared screen, shard by shard: what an embedding reads."""

from collections.abc import Iterator, Sequence

import numpy as np

from gandl_jax.host_tensorflow import CALLS, tf, without_tuning
from gandl_jax.prepared import records
from gandl_jax.prepared.prepared import Prepared, check_crop, choose_channels
from gandl_jax.reading import levels, tiling
from gandl_jax.reading.padding import NONE, Padding


def sites(
    prepared: Prepared,
    shard: int | None,
    channels: Sequence[str],
    on_bad: records.OnBad | None = None,
    rows: np.ndarray | None = None,
) -> Iterator[tuple[int, np.ndarray]]:
    """Every record of a shard once, in stored order.

    Args:
      prepared: the screen.
      shard: number of the shard; None is all of them.
      channels: C names; () is all.
      on_bad: called with a record that cannot be read, which is left out; None
        raises, and so do records of which the whole shard has none.
      rows: of `prepared.table`, those to read; None is all.

    Yields:
      The record's row in `prepared.table`, and its site [H, W, C] uint8 or uint16.

    Raises:
      InputError: an unknown channel.
      DamagedRecord: a record cannot be read.
    """
    channels = choose_channels(prepared, channels)
    every = np.arange(prepared.records)
    in_shard = every if shard is None else prepared.rows(shard)
    rows = in_shard if rows is None else np.intersect1d(in_shard, rows)
    if not len(rows):
        return
    own = prepared.part(rows)  # the whole index would be copied with the graph
    read = tf.data.Dataset.range(len(rows)).map(
        lambda record: records.first_readable(own, channels, record[None]),
        num_parallel_calls=CALLS,
        deterministic=True,
    )
    iterator = without_tuning(read.prefetch(2)).as_numpy_iterator()
    bad = []
    for row, (used, planes) in zip(rows.tolist(), iterator, strict=True):
        if used >= 0:
            yield row, np.stack(planes, -1)
            continue
        bad.append(row)
        if not on_bad:
            raise records.damaged(prepared, row)
        on_bad(row)
    if len(bad) == len(rows):
        where = "those asked for" if shard is None else prepared.path(shard)
        raise records.DamagedRecord(
            f"no record of {where} can be read: delete that shard and run "
            "--job=prepare again"
        )


def site_intensities(
    prepared: Prepared,
    shard: int | None,
    channels: Sequence[str],
    on_bad: records.OnBad | None = None,
    rows: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sd of each raw site of a shard: what plain intensities tell.

    Args:
      prepared: the screen.
      shard: as in `sites`, and so are `on_bad` and `rows`.
      channels: C names; () is all.

    Returns:
      [n] int32 rows of `prepared.table`, and [n, 2 C] float32: the channels' means,
      then their sds, on a scale of 0 to 1 for the full bit depth.
    """
    full = 2**prepared.bit_depth - 1
    own, features = [], []
    for row, site in sites(prepared, shard, channels, on_bad, rows):
        pixels = site.reshape(-1, site.shape[-1]) / full  # float64
        own.append(row)
        features.append(np.concatenate([pixels.mean(0), pixels.std(0)]))
    return np.array(own, np.int32), np.array(features, np.float32)


def stretched_sites(
    prepared: Prepared,
    shard: int | None,
    *,
    channels: Sequence[str],
    scaling: str,
    illumination: str,
    on_bad: records.OnBad | None = None,
    rows: np.ndarray | None = None,
) -> Iterator[tuple[int, np.ndarray]]:
    """Every record of a shard once, whole, as bright as networks see it.

    Args:
      prepared: the screen.
      shard: as in `sites`, and so are `on_bad` and `rows`.
      channels: C names; () is all.
      scaling: as in `tile_batches`, and so is `illumination`.

    Yields:
      The record's row in `prepared.table`, and its image [H, W, C] float32 in [0, 1].

    Raises:
      InputError: an unknown channel, no plates to scale by.
      DamagedRecord: a record cannot be read.
    """
    channels = choose_channels(prepared, channels)
    network = levels.grey_levels(prepared, channels, scaling, illumination)
    for row, site in sites(prepared, shard, channels, on_bad, rows):
        seen = network.stretch(np, site.astype(np.float64), row, 0, 0)
        yield row, ((seen.clip(-1, 1) + 1) / 2).astype(np.float32)


def padded_size(prepared: Prepared, padding: Padding, crop_px: int) -> tuple[int, int]:
    """Height and width of a screen's images with padding, in pixels.

    Raises:
      InputError: they are smaller than the crop, or than what they shall reflect.
    """
    size_px = prepared.height_px, prepared.width_px
    check_crop(prepared.name, size_px, crop_px, padding.px, padding.kind)
    return padding.size(*size_px)


def tile_batches(
    prepared: Prepared,
    shard: int | None,
    *,
    channels: Sequence[str],
    scaling: str,
    illumination: str,
    crop_px: int,
    batch: int,
    padding: Padding = NONE,
    on_bad: records.OnBad | None = None,
    rows: np.ndarray | None = None,
) -> Iterator[dict[str, np.ndarray]]:
    """All tiles of all sites of a shard, the last batch padded and masked.

    Args:
      prepared: the screen.
      shard: as in `sites`.
      channels: C names; () is all.
      scaling: `config.data.scaling`, "dataset" or "plate".
      illumination: `config.data.illumination`, "none" or "plate".
      crop_px: side of a tile.
      batch: B, tiles per batch.
      padding: around every image, before tiles are cut.
      on_bad: as in `sites`.
      rows: as in `sites`.

    Yields:
      {"images": [B, crop_px, crop_px, C] float32 in [-1, 1], 0 in the padding;
      "record": [B] int32, row of `prepared.table`, 0 in the padding;
      "mask": [B] bool, False in the padding}.

    Raises:
      InputError: an unknown channel, images smaller than the crop, no plates to scale
        by.
      DamagedRecord: a record cannot be read.
    """
    size = padded_size(prepared, padding, crop_px)
    channels = choose_channels(prepared, channels)
    network = levels.grey_levels(prepared, channels, scaling, illumination, padding)
    every = sites(prepared, shard, channels, on_bad, rows)
    yield from tiling.batches(
        ((row, padding.around(np, site)) for row, site in every),
        network,
        tiling.offsets(*size, crop_px),
        (batch, crop_px, crop_px, len(channels)),
    )
