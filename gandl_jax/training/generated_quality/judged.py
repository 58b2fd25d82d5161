"""Rows of distances between generated and real images, and between real halves."""

from collections.abc import Sequence

import numpy as np

from gandl_jax.training.generated_quality import (
    frechet_distance,
    kernel_distance,
    manifolds,
)
from gandl_jax.training.generated_quality.kept import KERNEL, WHOLE, Row
from gandl_jax.training.generated_quality.measured import ALL, Features
from gandl_jax.training.generated_quality.real import Real


def rows(
    real: Real, generated: dict[str, Features], channels: Sequence[str]
) -> list[Row]:
    """A row for each space and, in it, all channels together and each alone.

    Args:
      real: as measured.
      generated: name of a space to features of generated images.
      channels: names, by their numbers.

    Returns:
      "space", "channel" (`WHOLE` or a name), "count" of images of each kind, "records"
      that the real ones are of, "width" of the features; "kernel_distance" with "_low"
      and "_high" (None where there is no interval), "frechet_distance", "precision" and
      "recall"; and all of these with "floor_" before them, of real images against as
      many other real ones. None where no feature differs between real images.
    """
    return [
        _row(real, name, features, key, channels)
        for name, features in generated.items()
        for key in features
    ]


def _row(
    real: Real, name: str, features: Features, key: int, channels: Sequence[str]
) -> Row:
    scale = real.scales[name][key]
    compared = scale.apply(real.compared.features[name][key])
    drawn = scale.apply(features[key])
    other = scale.apply(real.floor.features[name][key])
    count = len(compared)
    records = real.compared.record[:count]
    of_drawn = _distances(compared, drawn, records, np.arange(count))
    of_floor = _distances(compared, other, records, real.floor.record[:count])
    return {
        "space": name,
        "channel": WHOLE if key == ALL else channels[key],
        "count": count,
        "records": len(np.unique(records)),
        "width": compared.shape[1],
        **of_drawn,
        **{f"floor_{word}": value for word, value in of_floor.items()},
    }


def _distances(
    compared: np.ndarray,
    other: np.ndarray,
    compared_groups: np.ndarray,
    other_groups: np.ndarray,
) -> Row:
    words = (KERNEL, f"{KERNEL}_low", f"{KERNEL}_high")
    words += ("frechet_distance", "precision", "recall")
    if not compared.shape[1]:
        return dict.fromkeys(words)
    kernel = kernel_distance.distance(compared, other, compared_groups, other_groups)
    frechet = frechet_distance.distance(compared, other)
    shares = manifolds.precision_and_recall(compared, other)
    values = (*kernel, frechet, *shares)
    return {
        word: float(value) if np.isfinite(value) else None
        for word, value in zip(words, values, strict=True)
    }
