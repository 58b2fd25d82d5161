"""TFRecord shards of a raw screen, which TFDS loads without code of ours.

A record holds the source's metadata columns as text and one grey PNG per channel: byte
for byte the source's if that is one, else the same pixels without loss, or what
`config.data.downscale` and `white_level` make of them. A shard is complete when it and
its counts have their final names, so a killed conversion redoes only the rest.
"""

import contextlib
import dataclasses
import functools
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from etils import epath
from PIL import Image

from gandl_jax import files
from gandl_jax.host_tensorflow import tf
from gandl_jax.prepared import (
    illumination,
    image_quality,
    manifest,
    records,
    shard_counts,
)
from gandl_jax.prepared.description import shard_name
from gandl_jax.prepared.prepared import plates
from gandl_jax.raw import image_files, read_ahead
from gandl_jax.raw.image_files import ImageFormat, Unreadable
from gandl_jax.raw.raw_files import RawFiles
from gandl_jax.raw.read_ahead import RawImage
from gandl_jax.raw.reduction import Reduction
from gandl_jax.raw.screen import Screen, table

FRAME_BYTES = 16  # TFRecord: length, its checksum, and the data's, around each record


@dataclasses.dataclass(frozen=True)
class Raw:
    """A raw screen whose images are known to be there.

    Attributes:
      screen: the spec.
      source: its files.
      metadata: N rows, all columns str.
      image_format: format of every image.
      reduction: how shards reduce the images.
    """

    screen: Screen
    source: RawFiles
    metadata: pd.DataFrame
    image_format: ImageFormat
    reduction: Reduction = Reduction()

    @property
    def size_px(self) -> tuple[int, int]:
        """Height and width of the prepared images."""
        return self.reduction.size_px(self.image_format)

    @property
    def bit_depth(self) -> int:
        """Bits of the prepared images, 8 or 16."""
        return self.reduction.bit_depth(self.image_format)

    @functools.cached_property
    def plates(self) -> np.ndarray:
        """[N] str, the plate of each record; "" if the screen has none."""
        names = plates(table(self.screen, self.metadata))
        return np.full(len(self.metadata), "") if names is None else names


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
      records_per_shard: the most in one shard.
      seed: of the permutation.
    """
    order = stored_order(len(metadata), seed)
    count = -(-len(metadata) // records_per_shard)
    rows_of_shard = np.array_split(order, count)
    return [Shard(number, count, rows) for number, rows in enumerate(rows_of_shard)]


def stored_order(records: int, seed: int) -> np.ndarray:
    """Returns [N] int64, the metadata's rows in the order in which they are stored."""
    return np.random.default_rng(seed).permutation(records)


def alone(shard: Shard, raw: Raw) -> tuple[Shard, Raw]:
    """Returns a shard with only what its own records need, for another process."""
    shard_metadata = raw.metadata.iloc[shard.rows].reset_index(drop=True)
    paths = [
        path
        for row in shard_metadata.to_dict("records")
        for path in raw.screen.image_paths(row)
    ]
    shard_raw = dataclasses.replace(
        raw, metadata=shard_metadata, source=raw.source.subset(paths)
    )
    return dataclasses.replace(shard, rows=np.arange(len(shard_metadata))), shard_raw


def unfinished(plan: Sequence[Shard], name: str, directory: str) -> list[Shard]:
    """Lists the shards without their final name, or whose counts are gone.

    Counts are renamed before their shard. They are not read: they are many.
    """
    present = _names(epath.Path(directory))
    counted = _names(shard_counts.path(directory, 0).parent)
    return [
        shard
        for shard in plan
        if shard_name(name, shard.number, shard.count) not in present
        or shard_counts.path(directory, shard.number).name not in counted
    ]


def _names(folder: epath.Path) -> set[str]:
    return {file.name for file in folder.iterdir()} if folder.exists() else set()


def write(
    shard: Shard, raw: Raw, directory: str, *, on_record: Callable[[int], Any]
) -> None:
    """Writes one shard and its counts under temporary names, then renames both.

    Args:
      shard: from `plan`.
      raw: what it was planned from.
      directory: exists, with a folder `facts`.
      on_record: called with 1 after each record.

    Raises:
      BadImages: some images do not decode to the format; nothing of the shard is left.
      RunError: the source can no longer be read; nothing of the shard is left.
      OSError: the disk cannot be written; nothing of the shard is left.
    """
    name = shard_name(raw.screen.name, shard.number, shard.count)
    with files.partial(epath.Path(directory) / name) as partial:
        try:
            kept = _write_records(shard, raw, partial, on_record)
        except tf.errors.OpError as error:  # a full disk, no permission
            raise OSError(error.message.rpartition("; ")[2]) from error
        shard_counts.write(directory, shard.number, kept | manifest.digest(partial))


def _write_records(
    shard: Shard, raw: Raw, path: epath.Path, on_record: Callable[[int], Any]
) -> dict[str, np.ndarray]:
    """Writes the shard's file; returns the counts of its records."""
    histograms: dict[str, np.ndarray] = {}
    blocks: dict[str, np.ndarray] = {}
    lengths, digests, images, quality, bad = [], [], [], [], {}
    rows = raw.metadata.iloc[shard.rows].to_dict("records")
    paths = [raw.screen.image_paths(row) for row in rows]
    most_bytes = raw.image_format.most_bytes
    with (
        tf.io.TFRecordWriter(os.fspath(path)) as writer,
        contextlib.closing(
            read_ahead.records(raw.source, paths, most_bytes)
        ) as files_of_records,
    ):
        record_plates = raw.plates[shard.rows]
        for plate, row, file_names, data in zip(
            record_plates, rows, paths, files_of_records, strict=True
        ):
            record = _record(raw, row, dict(zip(file_names, data, strict=True)))
            writer.write(record.example)
            lengths.append(len(record.example))
            digests.append(records.digest(record.example).numpy())
            histograms[plate] = record.histograms + histograms.get(plate, 0)
            blocks[plate] = record.blocks + blocks.get(plate, 0)
            images.append(record.images)
            quality.append(record.quality)
            bad |= record.bad
            on_record(1)
    if bad:
        raise BadImages(bad)
    return {
        "lengths": np.array(lengths, np.int64),
        "digests": np.array(digests, np.int64),
        "images": np.stack(images),
        "quality": np.stack(quality),
        **shard_counts.pack_plates(histograms, blocks),
    }


@dataclasses.dataclass(frozen=True)
class _Record:
    example: bytes
    histograms: np.ndarray  # [C, levels] int64
    images: np.ndarray  # [C, 3] uint64, as `shard_counts.ShardCounts` has them
    quality: np.ndarray  # [C, 2 + K] float16, as from `image_quality.measure`
    blocks: np.ndarray  # [C, h, w] int64, as from `illumination.block_sums`
    bad: Mapping[str, str]  # path to what is wrong


def _record(
    raw: Raw,
    row: Mapping[str, str],
    file_data: Mapping[str, RawImage],
) -> _Record:
    """Makes a record of its files, path to what was read; each must decode."""
    feature = {name: _bytes(str(text).encode()) for name, text in row.items()}
    levels = 2**raw.bit_depth
    histograms = np.zeros((len(raw.screen.channels), levels), np.int64)
    images = np.zeros((len(raw.screen.channels), 3), np.uint64)
    measure_count = 2 + len(image_quality.counted_levels(raw.bit_depth))
    quality = np.zeros((len(images), measure_count), np.float16)
    blocks = np.zeros((len(images), *illumination.grid(raw.size_px)), np.int64)
    planes, bad = [], {}
    for path, data in file_data.items():
        try:
            planes += grey_pngs(data, raw.image_format, raw.reduction)
        except Unreadable as error:
            bad[raw.source.spellings.actual(path)] = str(error)
    named_planes = zip(raw.screen.channels, planes, strict=not bad)
    for i, (name, (png, pixels)) in enumerate(named_planes):
        feature[f"images/{name}"] = _bytes(png)
        histograms[i] = histogram(pixels)
        largest = np.flatnonzero(histograms[i])[-1]
        images[i, 0] = _short_digest(png)
        blocks[i] = illumination.block_sums(pixels)
        images[i, 1:] = largest, histograms[i, largest]
        quality[i] = image_quality.measure(pixels, histograms[i])
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    # else the order of a map's entries may differ, and with it the bytes
    serialized = example.SerializeToString(deterministic=True)
    return _Record(serialized, histograms, images, quality, blocks, bad)


def histogram(pixels: np.ndarray) -> np.ndarray:
    """Counts the pixels [H, W] uint8 or uint16 of each level: [levels] int64."""
    if pixels.dtype == np.uint8:  # Pillow is three times as fast as NumPy
        return np.array(Image.fromarray(pixels).histogram(), np.int64)
    return np.bincount(pixels.ravel(), minlength=2**16)


def _short_digest(data: bytes) -> int:
    """Returns 64 bits: two of RxRx19a's images share them by chance with 1 in 10^7."""
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "big")


def _bytes(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def grey_pngs(
    data: RawImage, wanted: ImageFormat, reduction: Reduction
) -> list[tuple[bytes, np.ndarray]]:
    """Makes each channel of a file a grey PNG, with its pixels.

    Args:
      data: the file's bytes, or its pixels [H, W, planes] uint8 or uint16; or the
        error of reading it, which is raised.
      wanted: its format.
      reduction: how to reduce the images.

    Returns:
      For each channel the PNG, and [H, W] uint8 or uint16.

    Raises:
      Unreadable: the file does not decode to that format.
    """
    if isinstance(data, Unreadable):
        raise data
    decoded = isinstance(data, np.ndarray) or image_files.is_tiff(data)
    if isinstance(data, np.ndarray):
        image_format, pixels = image_files.format_of(data), data
    elif decoded:
        image_format, pixels = image_files.decode_tiff(data)
    else:
        image_format = image_files.png_format(data[:26])
    if image_format != wanted:
        raise Unreadable(str(image_format))
    if not decoded:
        pixels = _png_pixels(data, wanted)
        if wanted.planes == 1 and reduction.is_none:
            return [(data, pixels[..., 0])]
    # Level 1 writes eight times as fast as the usual 6; files are 8 % larger.
    reduced = [reduction.reduce(pixels[..., i]) for i in range(wanted.planes)]
    return [
        (tf.io.encode_png(channel[..., None], 1).numpy(), channel)
        for channel in reduced
    ]


def _png_pixels(png: bytes, image_format: ImageFormat) -> np.ndarray:
    """Decodes with the stream's own decoder, so that it will not fail there."""
    dtype = tf.uint8 if image_format.bit_depth == 8 else tf.uint16
    try:
        return tf.io.decode_png(png, image_format.planes, dtype).numpy()
    except tf.errors.OpError as error:
        raise Unreadable("truncated or corrupt") from error


def locations(
    lengths: Sequence[np.ndarray], digests: Sequence[np.ndarray] | None
) -> pd.DataFrame:
    """Tabulates the location and digest of each record.

    Args:
      lengths: for each shard [n] int64, lengths of its records in bytes.
      digests: for each shard [n] int64, as from `records.digest`; None if not known.

    Returns:
      The shard, the offset of the record's frame and its length in bytes, its digest.
    """
    table = pd.concat(
        pd.DataFrame(
            {
                "shard": number,
                "offset": np.cumsum(shard_lengths + FRAME_BYTES)
                - (shard_lengths + FRAME_BYTES),
                "length": shard_lengths,
            }
        )
        for number, shard_lengths in enumerate(lengths)
    ).reset_index(drop=True)
    return table if digests is None else table.assign(digest=np.concatenate(digests))


def write_tfds_metadata(
    directory: str, raw: Raw, lengths: Sequence[np.ndarray]
) -> None:
    """Writes the files with which `tfds.builder_from_directory` loads the folder."""
    import tensorflow_datasets as tfds  # slow; the streams do not need it

    image = tfds.features.Image(
        shape=(*raw.size_px, 1),
        dtype=np.uint8 if raw.bit_depth == 8 else np.uint16,
        encoding_format="png",
    )
    features = {str(name): tfds.features.Text() for name in raw.metadata.columns}
    features["images"] = {name: image for name in raw.screen.channels}
    split = tfds.core.SplitInfo(
        name="train",
        shard_lengths=[len(shard_lengths) for shard_lengths in lengths],
        num_bytes=int(sum(shard_lengths.sum() for shard_lengths in lengths)),
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
