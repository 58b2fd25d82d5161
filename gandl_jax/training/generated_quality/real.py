"""Real images to compare with: crops as training sees them, in three equal parts."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gandl_jax import parallel
from gandl_jax.methods.scaled import scaled
from gandl_jax.training.generated_quality import measured
from gandl_jax.training.generated_quality.crop_stream import RECORD
from gandl_jax.training.generated_quality.measured import Features, Space
from gandl_jax.training.generated_quality.standardised import Scale, scale_of

PARTS = SCALING, COMPARED, FLOOR = range(3)


@dataclasses.dataclass(frozen=True)
class Part:
    """Part of the real images.

    Attributes:
      record: [n] int, row of the screen's table of each crop's record.
      labels: column to [n] int classes, -1 where blank.
      features: name of a space to its features of the part, not scaled.
    """

    record: np.ndarray
    labels: dict[str, np.ndarray]
    features: dict[str, Features]


@dataclasses.dataclass(frozen=True)
class Real:
    """Real images in the spaces, on one scale.

    Attributes:
      compared: the part that generated images are compared with.
      floor: another part, compared with it in place of generated images.
      scales: name of a space to the scale of each of its `Features`, by a third part.
    """

    compared: Part
    floor: Part
    scales: dict[str, dict[int, Scale]]


def measure(
    batches: Iterator[Mapping[str, Any]], spaces: Sequence[Space], count: int, px: int
) -> Real:
    """Measures three times `count` crops from a stream of training batches.

    Args:
      batches: of the training, with `RECORD` among their labels.
      spaces: that measure.
      count: images of a part.
      px: side that the method sees.
    """
    parts = [_part(batches, spaces, count, px) for _ in PARTS]
    scales = {
        name: {key: scale_of(values) for key, values in features.items()}
        for name, features in parts[SCALING].features.items()
    }
    return Real(parts[COMPARED], parts[FLOOR], scales)


def _part(batches, spaces: Sequence[Space], count: int, px: int) -> Part:
    shrink = parallel.on_one(lambda images: scaled(images, px))
    labels: dict[str, list[np.ndarray]] = {}

    def images() -> Iterator[np.ndarray]:
        for batch in batches:
            for column, codes in batch["labels"].items():
                labels.setdefault(column, []).append(codes)
            yield np.asarray(shrink(batch["images"]))

    features = measured.measure(images(), spaces, count)
    codes = {column: np.concatenate(x)[:count] for column, x in labels.items()}
    return Part(codes.pop(RECORD), codes, features)
