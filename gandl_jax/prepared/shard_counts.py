"""Counts taken while a shard is written, kept beside it until all shards are there.

Plates are spread over all shards, so each shard counts for all plates. Imports nothing
slow.
"""

import dataclasses
import hashlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from etils import epath

from gandl_jax import files
from gandl_jax.errors import InputError

_SEAL, _NUMBER = "seal", "number"  # names in a file


@dataclasses.dataclass
class ShardCounts:
    """Counts of all shards of a screen; a former version kept only the first two.

    Attributes:
      lengths: for each shard [n] int64, lengths of its records in bytes.
      histograms: plate to [C, levels] int64 pixel counts.
      written: for each shard "sha256", "bytes" and "records"; None if not kept.
      quality: [N, C, 2 + K] float16 in stored order, as from `image_quality.measure`;
        None if not kept.
      images: [N, C, 3] uint64 in stored order: 64 bits of each image's PNG's digest,
        its largest level, and the number of pixels of that level; None if not kept.
      blocks: plate to [C, h, w] int64, sums as from `illumination.block_sums`; None if
        not kept.
      digests: for each shard [n] int64, as from `records.digest`; None if not kept.
    """

    lengths: list[np.ndarray]
    histograms: dict[str, np.ndarray]
    written: list[dict[str, Any]] | None
    images: np.ndarray | None
    quality: np.ndarray | None
    blocks: dict[str, np.ndarray] | None
    digests: list[np.ndarray] | None


def path(directory: str, number: int) -> epath.Path:
    """Returns the path of a shard's counts."""
    return epath.Path(directory) / "facts" / f"{number:05d}.npz"


def write(directory: str, number: int, counts: Mapping[str, Any]) -> None:
    """Writes the counts of a shard: its arrays by name, its digest and its size.

    The shard's number and a digest of all are added: the checksums in an .npz file
    cover neither the arrays' names nor the shard's number.
    """
    counts = {**counts, _NUMBER: number}
    with files.replacing(path(directory, number)) as file:
        np.savez_compressed(file, **counts, **{_SEAL: _seal(counts)})


def _seal(counts: Mapping[str, Any]) -> str:
    """Returns the SHA-256, in hex, of arrays and their names."""
    total = hashlib.sha256()
    for name in sorted(counts):
        array = np.asarray(counts[name])
        total.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def _check_seal(archived: Mapping[str, np.ndarray], number: int) -> None:
    """Raises ValueError if counts are not as written, or another shard's."""
    counts = {name: archived[name] for name in archived if name != _SEAL}
    if _SEAL not in archived:  # of a former version
        return
    if str(archived[_SEAL]) != _seal(counts):
        raise ValueError("they are not as they were written")
    if int(counts[_NUMBER]) != number:
        raise ValueError(f"they are those of shard {int(counts[_NUMBER])}")


def pack_plates(
    histograms: Mapping[str, np.ndarray], blocks: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Packs a shard's counts by plate into arrays; of histograms only what is not zero.

    Most of the 65,536 levels of 16 bits are empty.
    """
    flat = [np.ravel(histogram) for histogram in histograms.values()]
    index = [np.flatnonzero(counts) for counts in flat]
    return {
        "plates": np.array(list(histograms), str),
        "shape": np.array(next(iter(histograms.values())).shape),
        # Lengths of the plates' stretches of index and counts.
        "sizes": np.array([len(nonzero) for nonzero in index]),
        "index": np.concatenate(index).astype(np.int32),
        "counts": np.concatenate(
            [histogram[nonzero] for histogram, nonzero in zip(flat, index, strict=True)]
        ),
        "blocks": np.stack([blocks[plate] for plate in histograms]),
    }


def read(directory: str, count: int) -> ShardCounts:
    """Adds up the counts of all shards.

    Raises:
      InputError: a former version wrote the counts, without plates; or some are
        damaged.
    """
    total = ShardCounts([], {}, [], [], [], {}, [])
    for number in range(count):
        _read(total, directory, number)
    if total.images is not None:
        total.images = np.concatenate(total.images)
    if total.quality is not None:
        total.quality = np.concatenate(total.quality)
    return total


def read_one(directory: str, number: int) -> ShardCounts:
    """Reads the counts of one shard; `images` and `quality` are in a list each.

    Raises:
      InputError: see `read`.
    """
    total = ShardCounts([], {}, [], [], [], {}, [])
    _read(total, directory, number)
    return total


def _read(total: ShardCounts, directory: str, number: int) -> None:
    file = path(directory, number)
    data = io.BytesIO(files.read_bytes(file))
    try:
        files.check_unpacked(data)
        with np.load(data, allow_pickle=False) as archive:
            counts = dict(archive)
        _check_seal(counts, number)
        _add(total, directory, counts)
    except InputError:
        raise
    except Exception as error:  # NumPy and zipfile raise many types for changed bytes
        raise InputError(
            f"{file} is damaged ({error}): delete it and run --job=prepare again, "
            "which redoes its shard"
        ) from error


def _add(total: ShardCounts, directory: str, counts: Mapping[str, np.ndarray]) -> None:
    if "counts" not in counts:
        raise InputError(
            f"{directory} was begun by a former version, which counted no plates; "
            "choose another config.data.dir"
        )
    lengths, names = counts["lengths"], counts["plates"].tolist()
    total.lengths.append(lengths)
    _add_histograms(total.histograms, names, counts)
    if "sha256" not in counts:
        total.written = total.images = None
    elif total.written is not None:
        written = {"sha256": str(counts["sha256"]), "bytes": int(counts["bytes"])}
        total.written.append(written | {"records": len(lengths)})
        total.images.append(counts["images"])
    if "quality" not in counts:
        total.quality = None
    elif total.quality is not None:
        total.quality.append(counts["quality"])
    if "digests" not in counts:
        total.digests = None
    elif total.digests is not None:
        total.digests.append(counts["digests"])
    if "blocks" not in counts:
        total.blocks = None
    elif total.blocks is not None:
        for name, sums in zip(names, counts["blocks"], strict=True):
            total.blocks[name] = sums + total.blocks.get(name, 0)


def _add_histograms(
    total: dict[str, np.ndarray], names: list[str], packed: Mapping[str, np.ndarray]
) -> None:
    """Unpacks the histograms of `pack_plates` and adds them."""
    shape, ends = tuple(packed["shape"]), np.cumsum(packed["sizes"])[:-1]
    nonzero = np.split(packed["index"], ends), np.split(packed["counts"], ends)
    for name, index, counts in zip(names, *nonzero, strict=True):
        histogram = total.setdefault(name, np.zeros(shape, np.int64))
        histogram.reshape(-1)[index] += counts  # no index comes twice


def statistics_of_channels(
    channels: Sequence[str], histograms: np.ndarray, plan: Mapping[str, Any]
) -> dict[str, dict[str, float]]:
    """Returns channel to its `statistics`.

    Args:
      channels: C names.
      histograms: [C, levels] int64 pixel counts.
      plan: of the prepared screen, which names the percentiles.
    """
    low, high = plan["low_percentile"], plan["high_percentile"]
    return {
        channel: statistics(histogram, low=low, high=high)
        for channel, histogram in zip(channels, histograms, strict=True)
    }


def statistics(histogram: np.ndarray, *, low: float, high: float) -> dict[str, float]:
    """Computes a channel's statistics over all its pixels, in grey levels.

    Args:
      histogram: [levels] int64 pixel counts.
      low: percentile in [0, 100].
      high: percentile in [0, 100].

    Returns:
      low, high (interpolated like `numpy.percentile`), mean, sd, min, max.
    """
    levels = np.arange(len(histogram), dtype=np.float64)
    share = histogram / histogram.sum()
    mean = float(share @ levels)
    levels_present = np.flatnonzero(histogram)
    return {
        "low": _percentile(histogram, low),
        "high": _percentile(histogram, high),
        "mean": mean,
        "sd": float(np.sqrt(share @ (levels - mean) ** 2)),
        "min": float(levels_present[0]),
        "max": float(levels_present[-1]),
    }


def _percentile(histogram: np.ndarray, percent: float) -> float:
    upto = np.cumsum(histogram)
    position = percent / 100 * (upto[-1] - 1)
    below, above = np.searchsorted(
        upto, [np.floor(position), np.ceil(position)], side="right"
    )
    return float(below + (above - below) * (position - np.floor(position)))
