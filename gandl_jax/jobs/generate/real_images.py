"""Real images that a generator was trained on, and the selection's measures of them."""

import dataclasses
from types import ModuleType
from typing import Any

import ml_collections
import numpy as np

from gandl_jax import config as configs
from gandl_jax import parallel, progress
from gandl_jax.jobs.generate import thumbnails
from gandl_jax.methods.scaled import scaled
from gandl_jax.training import embedding
from gandl_jax.training.training_records import TrainingRecords

SHOWN = 16  # images of each class that are kept whole, for its grid


@dataclasses.dataclass(frozen=True)
class RealImages:
    """Tiles of the training records with a class.

    Attributes:
      code: [R] int, class of each tile.
      record: [R] int, row of the screen's table that it is of.
      measured: [R, M] by the selection.
      thumbnails: [R, s, s, C] float32.
      first: class to its first tiles [n, crop, crop, C] in [-1, 1], n at most `SHOWN`.
    """

    code: np.ndarray
    record: np.ndarray
    measured: np.ndarray
    thumbnails: np.ndarray
    first: dict[int, np.ndarray]


def measure(
    config: ml_collections.ConfigDict,
    records: TrainingRecords,
    column: str,
    select: ModuleType,
    features: Any,
) -> RealImages:
    """Reads every training record once.

    Args:
      config: of the experiment.
      records: of the training; held-out ones are not read.
      column: of the labels.
      select: a module of `selection`.
      features: function of images that it takes.
    """
    codes = records.labels[column]
    rows = records.rows.trained
    rows = np.unique(rows[codes[rows] >= 0])
    shrink = parallel.on_one(lambda x: scaled(x, configs.network_px(config)))
    line = progress.Progress("measure", len(rows), "records")
    measured_batches, first, seen_records = [], {}, set()
    for batch in embedding.tile_batches(records.dataset, config, None, None, rows):
        mask, tile_records = batch["mask"], batch["record"][batch["mask"]]
        images = np.asarray(shrink(batch["images"]))
        values = select.measured(images, features)[mask]
        small_images = thumbnails.make(batch["images"][mask])
        measured_batches.append(
            (codes[tile_records], tile_records, values, small_images)
        )
        _keep_first(first, codes[tile_records], batch["images"][mask])
        line.update(len(set(tile_records.tolist()) - seen_records))
        seen_records |= set(tile_records.tolist())
    line.close()
    joined = (np.concatenate(column) for column in zip(*measured_batches, strict=True))
    first_images = {code: np.stack(images) for code, images in first.items()}
    return RealImages(*joined, first_images)


def _keep_first(
    first: dict[int, list[np.ndarray]], codes: np.ndarray, images: np.ndarray
) -> None:
    for code, image in zip(codes.tolist(), images, strict=True):
        kept = first.setdefault(code, [])
        if len(kept) < SHOWN:
            kept.append(image)
