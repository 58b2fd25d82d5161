"""TFRecord shards of a raw screen, which TFDS loads without code of ours.

A record holds the source's metadata columns as text and one grey PNG per channel: byte
for byte the source's where that is one, else the same pixels without loss, or fewer
where `config.data.downscale` asks for that. A shard is complete when it has its final
name, so a conversion that was killed redoes only the shards without one.
"""

import concurrent.futures
import dataclasses
import functools
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from etils import epath

from gandl_jax import files
from gandl_jax.datasets import image_files, manifest
from gandl_jax.datasets.downscale import area_mean
from gandl_jax.datasets.host_tensorflow import tf
from gandl_jax.datasets.image_files import ImageFormat, Unreadable
from gandl_jax.datasets.prepared import plates
from gandl_jax.datasets.raw_files import RawFiles
from gandl_jax.datasets.screen import Screen, table
from gandl_jax.errors import InputError

FRAME_BYTES = 16  # TFRecord: length, its checksum, and the data's, around each record


@dataclasses.dataclass(frozen=True)
class Raw:
    """A raw screen whose images are known to be there.

    Attributes:
      screen: the spec.
      source: its files.
      metadata: N rows, all columns str.
      image_format: that of every image.
      downscale: how many pixels of a side become one.
    """

    screen: Screen
    source: RawFiles
    metadata: pd.DataFrame
    image_format: ImageFormat
    downscale: int = 1

    @property
    def size_px(self) -> tuple[int, int]:
        """Height and width of the prepared images."""
        found = self.image_format
        return found.height_px // self.downscale, found.width_px // self.downscale

    @functools.cached_property
    def plates(self) -> np.ndarray:
        """[N] str, the plate of each record; "" where the screen has none."""
        found = plates(table(self.screen, self.metadata))
        return np.full(len(self.metadata), "") if found is None else found


@dataclasses.dataclass(frozen=True)
class Shard:
    """One file of records.

    Attributes:
      number: counts from 0.
      count: shards in all.
      rows: [n] int64, rows of the metadata in stored order.
    """

    number: int
    count: int
    rows: np.ndarray


class BadImages(Exception):
    """Images that do not decode; `images` maps path to what is wrong."""

    def __init__(self, images: Mapping[str, str]):
        super().__init__(images)
        self.images = images


def plan(metadata: pd.DataFrame, *, records_per_shard: int, seed: int) -> list[Shard]:
    """Distributes the records, permuted across plates, over shards of equal size.

    Args:
      metadata: N rows.
      records_per_shard: at most so many in each.
      seed: of the permutation.
    """
    order = np.random.default_rng(seed).permutation(len(metadata))
    count = -(-len(metadata) // records_per_shard)
    parts = np.array_split(order, count)
    return [Shard(number, count, rows) for number, rows in enumerate(parts)]


def file_name(name: str, number: int, count: int) -> str:
    """A shard's file name as TFDS expects it."""
    return f"{name}-train.tfrecord-{number:05d}-of-{count:05d}"


def facts_path(directory: str, number: int) -> epath.Path:
    """Where the digest, record lengths and pixel counts of a shard are kept."""
    return epath.Path(directory) / "facts" / f"{number:05d}.npz"


def unfinished(plan: Sequence[Shard], name: str, directory: str) -> list[Shard]:
    """The shards without their final name (their facts are renamed before them)."""
    folder = epath.Path(directory)
    there = {file.name for file in folder.iterdir()} if folder.exists() else set()
    return [s for s in plan if file_name(name, s.number, s.count) not in there]


def write(
    shard: Shard, raw: Raw, directory: str, *, on_record: Callable[[int], Any]
) -> None:
    """Writes one shard and its facts under temporary names, then renames both.

    Args:
      shard: from `plan`.
      raw: what it was planned from.
      directory: exists, with a folder `facts`.
      on_record: called with 1 after each record.

    Raises:
      BadImages: some do not decode to the format; nothing of the shard is left.
      OSError: the source cannot be read or the disk not written; likewise.
    """
    name = file_name(raw.screen.name, shard.number, shard.count)
    with files.partial(epath.Path(directory) / name) as partial:
        try:
            facts = _write_records(shard, raw, partial, on_record)
        except tf.errors.OpError as error:  # a full disk, no permission
            raise OSError(error.message) from error
        facts |= manifest.digest(partial)
        with files.replacing(facts_path(directory, shard.number)) as file:
            np.savez_compressed(file, **facts)


def _write_records(
    shard: Shard, raw: Raw, path: epath.Path, on_record: Callable[[int], Any]
) -> dict[str, np.ndarray]:
    """Writes the shard's file; returns what is counted and kept of its records."""
    histograms: dict[str, np.ndarray] = {}
    lengths, images, bad = [], [], {}
    with (
        tf.io.TFRecordWriter(os.fspath(path)) as writer,
        concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        rows = raw.metadata.iloc[shard.rows].to_dict("records")
        records = pool.map(lambda row: _read(raw, row), rows)
        for plate, record in zip(raw.plates[shard.rows], records, strict=True):
            writer.write(record.example)
            lengths.append(len(record.example))
            histograms[plate] = record.histograms + histograms.get(plate, 0)
            images.append(record.images)
            bad |= record.bad
            on_record(1)
    if bad:
        raise BadImages(bad)
    kept = {"lengths": np.array(lengths, np.int64), "images": np.stack(images)}
    return kept | _sparse(histograms)


def _sparse(histograms: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Histograms [C, levels] by plate as arrays of what is not zero in them.

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
    }


@dataclasses.dataclass(frozen=True)
class _Record:
    example: bytes
    histograms: np.ndarray  # [C, levels] int64
    images: np.ndarray  # [C, 3] uint64, as from `read_kept`
    bad: Mapping[str, str]  # path to what is wrong


def _read(raw: Raw, row: Mapping[str, str]) -> _Record:
    """Reads a record's images and checks that each decodes."""
    levels = 2**raw.image_format.bit_depth
    feature = {name: _bytes(str(text).encode()) for name, text in row.items()}
    histograms = np.zeros((len(raw.screen.channels), levels), np.int64)
    images = np.zeros((len(raw.screen.channels), 3), np.uint64)
    planes, bad = [], {}
    for path in raw.screen.image_paths(row):
        try:
            data = raw.source.read(path)
            planes += _planes(data, raw.image_format, raw.downscale)
        except Unreadable as error:
            bad[raw.source.spellings.actual(path)] = str(error)
    named = zip(raw.screen.channels, planes, strict=not bad)
    for i, (name, (png, pixels)) in enumerate(named):
        feature[f"images/{name}"] = _bytes(png)
        histograms[i] = np.bincount(pixels.ravel(), minlength=levels)
        largest = pixels.max()
        images[i, 0] = _short_digest(png)
        images[i, 1:] = largest, histograms[i, largest]
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    # the order of a map's entries is otherwise left open, and with it the bytes
    serialized = example.SerializeToString(deterministic=True)
    return _Record(serialized, histograms, images, bad)


def _short_digest(data: bytes) -> int:
    """64 bits: that two of RxRx19a's images share them by chance is 1 in 10^7."""
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "big")


def _bytes(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _planes(
    data: bytes, wanted: ImageFormat, downscale: int
) -> list[tuple[bytes, np.ndarray]]:
    """Each channel of a file as a grey PNG, with its pixels [H, W]."""
    tiff = image_files.is_tiff(data)
    if tiff:
        found, pixels = image_files.tiff_pixels(data)
    else:
        found = image_files.png_format(data[:26])
    if found != wanted:
        raise Unreadable(str(found))
    if not tiff:
        pixels = _png_pixels(data, wanted)
        if wanted.planes == downscale == 1:
            return [(data, pixels[..., 0])]
    # Level 1 writes eight times as fast as the usual 6; files are 8 % larger.
    split = [area_mean(pixels[..., i], downscale) for i in range(wanted.planes)]
    return [(tf.io.encode_png(one[..., None], 1).numpy(), one) for one in split]


def _png_pixels(png: bytes, image_format: ImageFormat) -> np.ndarray:
    """Decodes with the stream's own decoder, so that it will not fail there."""
    dtype = tf.uint8 if image_format.bit_depth == 8 else tf.uint16
    try:
        return tf.io.decode_png(png, image_format.planes, dtype).numpy()
    except tf.errors.OpError as error:
        raise Unreadable("truncated or corrupt") from error


def read_facts(
    directory: str, count: int
) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """The shards' record lengths, and the pixel histograms of the plates.

    Returns:
      The lengths in bytes, [n] int64 for each shard, and plate to [C, levels] int64
      pixel counts over all shards.

    Raises:
      InputError: a former version wrote the facts, without plates.
    """
    lengths: list[np.ndarray] = []
    totals: dict[str, np.ndarray] = {}
    for number in range(count):
        with facts_path(directory, number).open("rb") as file, np.load(file) as facts:
            if "counts" not in facts:
                raise InputError(
                    f"{directory} was begun by a former version, which counted no "
                    "plates; choose another config.data.dir"
                )
            lengths.append(facts["lengths"])
            _add(totals, facts)
    return lengths, totals


def _add(totals: dict[str, np.ndarray], facts: Mapping[str, np.ndarray]) -> None:
    """Adds a shard's histograms, as from `_sparse`, to those of the plates."""
    shape, ends = tuple(facts["shape"]), np.cumsum(facts["sizes"])[:-1]
    parts = np.split(facts["index"], ends), np.split(facts["counts"], ends)
    for plate, index, counts in zip(facts["plates"].tolist(), *parts, strict=True):
        total = totals.setdefault(plate, np.zeros(shape, np.int64))
        total.reshape(-1)[index] += counts  # no index comes twice


def read_kept(
    directory: str, count: int
) -> tuple[list[dict[str, Any]], np.ndarray] | None:
    """What is kept to check the shards by later, and to compare the images.

    Returns:
      Of each shard its "sha256", "bytes" and "records"; and [N, C, 3] uint64 in stored
      order: of each image 64 bits of its PNG's digest, its largest level, and how many
      pixels have that. None where a former version wrote a shard and kept neither.
    """
    kept, images = [], []
    for number in range(count):
        with facts_path(directory, number).open("rb") as file, np.load(file) as facts:
            if "sha256" not in facts:
                return None
            written = {"sha256": str(facts["sha256"]), "bytes": int(facts["bytes"])}
            kept.append(written | {"records": len(facts["lengths"])})
            images.append(facts["images"])
    return kept, np.concatenate(images)


def locations(lengths: Sequence[np.ndarray]) -> pd.DataFrame:
    """Where each record is: shard, the offset of its frame and its length in bytes."""
    return pd.concat(
        pd.DataFrame(
            {
                "shard": number,
                "offset": np.cumsum(n + FRAME_BYTES) - (n + FRAME_BYTES),
                "length": n,
            }
        )
        for number, n in enumerate(lengths)
    ).reset_index(drop=True)


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


def write_tfds_metadata(
    directory: str, raw: Raw, lengths: Sequence[np.ndarray]
) -> None:
    """Adds what lets `tfds.builder_from_directory` load the folder."""
    import tensorflow_datasets as tfds  # slow; the streams do without it

    form = raw.image_format
    image = tfds.features.Image(
        shape=(*raw.size_px, 1),
        dtype=np.uint8 if form.bit_depth == 8 else np.uint16,
        encoding_format="png",
    )
    features = {str(name): tfds.features.Text() for name in raw.metadata.columns}
    features["images"] = {name: image for name in raw.screen.channels}
    split = tfds.core.SplitInfo(
        name="train",
        shard_lengths=[len(n) for n in lengths],
        num_bytes=int(sum(n.sum() for n in lengths)),
        filename_template=tfds.core.ShardedFileTemplate(
            data_dir=epath.Path(directory),
            dataset_name=raw.screen.name,
            split="train",
            filetype_suffix="tfrecord",
        ),
    )
    tfds.folder_dataset.write_metadata(
        data_dir=directory,
        features=tfds.features.FeaturesDict(features),
        split_infos=[split],
        check_data=False,
    )
