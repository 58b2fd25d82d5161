"""What is measured of the images that a generator was trained on, and of no others."""

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
      first: class to some tiles [n, crop, crop, C] in [-1, 1].
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
      records: of the training; those that are held out are not read.
      column: of the labels.
      select: a module of `selection`.
      features: as it takes them.
    """
    codes = records.labels[column]
    rows = records.rows.trained
    rows = np.unique(rows[codes[rows] >= 0])
    shrink = parallel.on_one(lambda x: scaled(x, configs.network_px(config)))
    line = progress.Progress("measure", len(rows), "records")
    parts, first, seen = [], {}, set()
    for batch in embedding.tile_batches(records.dataset, config, None, None, rows):
        mask, own = batch["mask"], batch["record"][batch["mask"]]
        images = np.asarray(shrink(batch["images"]))
        values = select.measured(images, features)[mask]
        small = thumbnails.make(batch["images"][mask])
        parts.append((codes[own], own, values, small))
        _keep_first(first, codes[own], batch["images"][mask])
        line.update(len(set(own.tolist()) - seen))
        seen |= set(own.tolist())
    line.close()
    found = (np.concatenate(column) for column in zip(*parts, strict=True))
    whole = {code: np.stack(images) for code, images in first.items()}
    return RealImages(*found, whole)


def _keep_first(
    first: dict[int, list[np.ndarray]], codes: np.ndarray, images: np.ndarray
) -> None:
    for code, image in zip(codes.tolist(), images, strict=True):
        own = first.setdefault(code, [])
        if len(own) < SHOWN:
            own.append(image)
