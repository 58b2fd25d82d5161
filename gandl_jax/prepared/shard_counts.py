"""What is counted while a shard is written, kept beside it until all are there.

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

_SEAL, _NUMBER = "seal", "number"  # of a file


@dataclasses.dataclass
class ShardCounts:
    """Counts of all shards of a screen; a former version kept the first two alone.

    Attributes:
      lengths: of the records of each shard, [n] int64, in bytes.
      histograms: plate to [C, levels] int64 pixel counts.
      written: of each shard its "sha256", "bytes" and "records"; None where not kept.
      quality: [N, C, 2 + K] float16 in stored order, as from `image_quality.measure`;
        None where not kept.
      images: [N, C, 3] uint64 in stored order: of each image 64 bits of its PNG's
        digest, its largest level, and how many pixels have that; None where not kept.
      blocks: plate to [C, h, w] int64, sums as from `illumination.block_sums`; None
        where not kept.
      digests: of the records of each shard, [n] int64, as from `records.digest`; None
        where not kept.
    """

    lengths: list[np.ndarray]
    histograms: dict[str, np.ndarray]
    written: list[dict[str, Any]] | None
    images: np.ndarray | None
    quality: np.ndarray | None
    blocks: dict[str, np.ndarray] | None
    digests: list[np.ndarray] | None


def path(directory: str, number: int) -> epath.Path:
    """Where the counts of a shard are kept."""
    return epath.Path(directory) / "facts" / f"{number:05d}.npz"


def write(directory: str, number: int, kept: Mapping[str, Any]) -> None:
    """Writes the counts of a shard: its arrays by name, its digest and its size.

    Its number and a digest of them all go with them: the checksums in an .npz file
    cover neither the arrays' names nor which shard they are of.
    """
    kept = {**kept, _NUMBER: number}
    with files.replacing(path(directory, number)) as file:
        np.savez_compressed(file, **kept, **{_SEAL: _seal(kept)})


def _seal(kept: Mapping[str, Any]) -> str:
    """SHA-256, in hex, of arrays and their names."""
    total = hashlib.sha256()
    for name in sorted(kept):
        array = np.asarray(kept[name])
        total.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def _check_seal(found: Mapping[str, np.ndarray], number: int) -> None:
    """Raises ValueError where facts are not as written, or of another shard."""
    kept = {name: found[name] for name in found if name != _SEAL}
    if _SEAL not in found:  # of a former version
        return
    if str(found[_SEAL]) != _seal(kept):
        raise ValueError("they are not as they were written")
    if int(kept[_NUMBER]) != number:
        raise ValueError(f"they are those of shard {int(kept[_NUMBER])}")


def of_plates(
    histograms: Mapping[str, np.ndarray], blocks: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """A shard's counts of the same plates as arrays, of histograms what is not zero.

    Of the 65,536 levels of 16 bits most are empty.
    """
    flat = [np.ravel(histogram) for histogram in histograms.values()]
    index = [np.flatnonzero(one) for one in flat]
    return {
        "plates": np.array(list(histograms), str),
        "shape": np.array(next(iter(histograms.values())).shape),
        "sizes": np.array([len(i) for i in index]),  # of each plate's part
        "index": np.concatenate(index).astype(np.int32),
        "counts": np.concatenate([h[i] for h, i in zip(flat, index, strict=True)]),
        "blocks": np.stack([blocks[plate] for plate in histograms]),
    }


def read(directory: str, count: int) -> ShardCounts:
    """Adds up the counts of all shards.

    Raises:
      InputError: a former version wrote them, without plates; or some are damaged.
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
      InputError: as `read`.
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
            found = dict(archive)
        _check_seal(found, number)
        _add(total, directory, found)
    except InputError:
        raise
    except Exception as error:  # whatever NumPy and zipfile raise at changed bytes
        raise InputError(
            f"{file} is damaged ({error}): delete it and run --job=prepare again, "
            "which redoes its shard"
        ) from error


def _add(total: ShardCounts, directory: str, found: Mapping[str, np.ndarray]) -> None:
    if "counts" not in found:
        raise InputError(
            f"{directory} was begun by a former version, which counted no plates; "
            "choose another config.data.dir"
        )
    lengths, names = found["lengths"], found["plates"].tolist()
    total.lengths.append(lengths)
    _add_histograms(total.histograms, names, found)
    if "sha256" not in found:
        total.written = total.images = None
    elif total.written is not None:
        written = {"sha256": str(found["sha256"]), "bytes": int(found["bytes"])}
        total.written.append(written | {"records": len(lengths)})
        total.images.append(found["images"])
    if "quality" not in found:
        total.quality = None
    elif total.quality is not None:
        total.quality.append(found["quality"])
    if "digests" not in found:
        total.digests = None
    elif total.digests is not None:
        total.digests.append(found["digests"])
    if "blocks" not in found:
        total.blocks = None
    elif total.blocks is not None:
        for name, sums in zip(names, found["blocks"], strict=True):
            total.blocks[name] = sums + total.blocks.get(name, 0)


def _add_histograms(
    total: dict[str, np.ndarray], names: list[str], found: Mapping[str, np.ndarray]
) -> None:
    """Undoes `of_plates`."""
    shape, ends = tuple(found["shape"]), np.cumsum(found["sizes"])[:-1]
    parts = np.split(found["index"], ends), np.split(found["counts"], ends)
    for name, index, counts in zip(names, *parts, strict=True):
        one = total.setdefault(name, np.zeros(shape, np.int64))
        one.reshape(-1)[index] += counts  # no index comes twice


def statistics_of_channels(
    channels: Sequence[str], histograms: np.ndarray, plan: Mapping[str, Any]
) -> dict[str, dict[str, float]]:
    """Channel to its `statistics`.

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
    """Statistics of a channel over all pixels of a screen or a plate, in grey levels.

    Args:
      histogram: [levels] int64 pixel counts.
      low: percentile in [0, 100].
      high: percentile in [0, 100].

    Returns:
      low, high (interpolated as `numpy.percentile` does), mean, sd, min, max.
    """
    levels = np.arange(len(histogram), dtype=np.float64)
    share = histogram / histogram.sum()
    mean = float(share @ levels)
    found = np.flatnonzero(histogram)
    return {
        "low": _percentile(histogram, low),
        "high": _percentile(histogram, high),
        "mean": mean,
        "sd": float(np.sqrt(share @ (levels - mean) ** 2)),
        "min": float(found[0]),
        "max": float(found[-1]),
    }


def _percentile(histogram: np.ndarray, percent: float) -> float:
    upto = np.cumsum(histogram)
    position = percent / 100 * (upto[-1] - 1)
    below, above = np.searchsorted(
        upto, [np.floor(position), np.ceil(position)], side="right"
    )
    return float(below + (above - below) * (position - np.floor(position)))
