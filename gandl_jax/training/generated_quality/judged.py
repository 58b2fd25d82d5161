"""Rows of distances between generated and real images, and between real sets."""

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
    """Makes a row for each space and, in it, for all channels together and each alone.

    Args:
      real: as measured.
      generated: name of a space to features of generated images.
      channels: names, by their numbers.

    Returns:
      "space", "channel" (`WHOLE` or a name), "count" of images of each set, "records"
      of the real ones, "width" of the features; "kernel_distance" with "_low" and
      "_high" (None without an interval), "frechet_distance", "precision" and "recall";
      and these measures with the prefix "floor_", of real images against as many other
      real ones. None if no feature differs between real images.
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
    floor = scale.apply(real.floor.features[name][key])
    count = len(compared)
    records = real.compared.record[:count]
    of_drawn = _distances(compared, drawn, records, np.arange(count))
    of_floor = _distances(compared, floor, records, real.floor.record[:count])
    return {
        "space": name,
        "channel": WHOLE if key == ALL else channels[key],
        "count": count,
        "records": len(np.unique(records)),
        "width": compared.shape[1],
        **of_drawn,
        **{f"floor_{measure}": value for measure, value in of_floor.items()},
    }


def _distances(
    compared: np.ndarray,
    other: np.ndarray,
    compared_groups: np.ndarray,
    other_groups: np.ndarray,
) -> Row:
    measures = (KERNEL, f"{KERNEL}_low", f"{KERNEL}_high")
    measures += ("frechet_distance", "precision", "recall")
    if not compared.shape[1]:
        return dict.fromkeys(measures)
    kernel = kernel_distance.distance(compared, other, compared_groups, other_groups)
    frechet = frechet_distance.distance(compared, other)
    shares = manifolds.precision_and_recall(compared, other)
    values = (*kernel, frechet, *shares)
    return {
        measure: float(value) if np.isfinite(value) else None
        for measure, value in zip(measures, values, strict=True)
    }
