"""Sites and tiles of a prepared screen, shard by shard, for embedding."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from gandl_jax.host_tensorflow import without_tuning
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
    """Reads every record of a shard once, in stored order.

    Args:
      prepared: the screen.
      shard: number of the shard; None for all of them.
      channels: C names; () is all.
      on_bad: called with a record that cannot be read, which is left out; None
        raises, and so does a shard without any record that can be read.
      rows: rows of `prepared.table` to read; None for all.

    Yields:
      The record's row in `prepared.table`, and its site [H, W, C] uint8 or uint16.

    Raises:
      InputError: an unknown channel.
      DamagedRecord: a record cannot be read.
    """
    channels = choose_channels(prepared, channels)
    all_rows = np.arange(prepared.records)
    in_shard = all_rows if shard is None else prepared.rows(shard)
    rows = in_shard if rows is None else np.intersect1d(in_shard, rows)
    if not len(rows):
        return
    read = records.readable(prepared, channels, rows)
    iterator = without_tuning(read.prefetch(2)).as_numpy_iterator()
    bad = []

    def pass_over(numbers: Iterable[int]) -> None:
        for row in rows[list(numbers)].tolist():
            bad.append(row)
            if not on_bad:
                raise records.damaged(prepared, row)
            on_bad(row)

    expected = 0
    for number, planes in iterator:
        pass_over(range(expected, number))
        expected = number + 1
        yield int(rows[number]), np.stack(planes, -1)
    pass_over(range(expected, len(rows)))
    if len(bad) == len(rows):
        source = "those asked for" if shard is None else prepared.path(shard)
        raise records.DamagedRecord(
            f"no record of {source} can be read: delete that shard and run "
            "--job=prepare again"
        )


def site_intensities(
    prepared: Prepared,
    shard: int | None,
    channels: Sequence[str],
    on_bad: records.OnBad | None = None,
    rows: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Computes mean and sd of each raw site of a shard, the plain intensities.

    Args:
      prepared: the screen.
      shard, on_bad, rows: as in `sites`.
      channels: C names; () is all.

    Returns:
      [n] int32 rows of `prepared.table`, and [n, 2 C] float32: the channels' means,
      then their sds, on a scale of 0 to 1 for the full bit depth.
    """
    full = 2**prepared.bit_depth - 1
    row_numbers, features = [], []
    for row, site in sites(prepared, shard, channels, on_bad, rows):
        pixels = site.reshape(-1, site.shape[-1]) / full  # float64
        row_numbers.append(row)
        features.append(np.concatenate([pixels.mean(0), pixels.std(0)]))
    return np.array(row_numbers, np.int32), np.array(features, np.float32)


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
    """Reads every record of a shard once, whole, stretched as for networks.

    Args:
      prepared: the screen.
      shard, on_bad, rows: as in `sites`.
      channels: C names; () is all.
      scaling, illumination: as in `tile_batches`.

    Yields:
      The record's row in `prepared.table`, and its image [H, W, C] float32 in [0, 1].

    Raises:
      InputError: an unknown channel, no plates to scale by.
      DamagedRecord: a record cannot be read.
    """
    channels = choose_channels(prepared, channels)
    grey_levels = levels.grey_levels(prepared, channels, scaling, illumination)
    for row, site in sites(prepared, shard, channels, on_bad, rows):
        stretched = grey_levels.stretch(np, site.astype(np.float64), row, 0, 0)
        yield row, ((stretched.clip(-1, 1) + 1) / 2).astype(np.float32)


def padded_size(prepared: Prepared, padding: Padding, crop_px: int) -> tuple[int, int]:
    """Returns height and width of a screen's padded images, in pixels.

    Raises:
      InputError: they are smaller than the crop, or than the reflected padding.
    """
    size_px = prepared.height_px, prepared.width_px
    check_crop(prepared.name, size_px, crop_px, padding.px, padding.mode)
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
    """Reads all tiles of all sites of a shard, the last batch padded and masked.

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
    grey_levels = levels.grey_levels(prepared, channels, scaling, illumination, padding)
    read_sites = sites(prepared, shard, channels, on_bad, rows)
    yield from tiling.batches(
        ((row, padding.around(np, site)) for row, site in read_sites),
        grey_levels,
        tiling.offsets(*size, crop_px),
        (batch, crop_px, crop_px, len(channels)),
    )
