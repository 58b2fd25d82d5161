"""From what an encoder makes of tiles to one row a record.

Neither TensorFlow nor a prepared screen is needed for it.
"""

import functools
import itertools
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from gandl_jax import parallel

Sets = Mapping[str, np.ndarray]  # set name to [..., D]


def pooled(
    encode: Callable, pool: Callable, batches: Iterable[dict]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Embeds tiles, and makes one row of those of each record.

    Args:
      encode: images [B, H, W, C] to {set: [B, D]}.
      pool: {set: [tiles, D]} of a record to {set: [D]}, as from `of_method`.
      batches: as from `tiling.batches`.

    Returns:
      [n] int64 records in the order of their tiles, {set: [n, D] float32}.
    """
    batches_of_sets = (
        (b["record"][b["mask"]], encode(b["images"]), b["mask"]) for b in batches
    )
    records, rows = [], []
    for record, sets in by_record(batches_of_sets):
        records.append(record)
        rows.append(pool(sets))
    sets = {name: x.astype(np.float32) for name, x in _stacked(rows).items()}
    return np.array(records, np.int64), sets


def by_record(
    batches: Iterable[tuple[np.ndarray, Sets, np.ndarray]],
) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Gathers the tiles of each record, wherever batches are cut.

    Args:
      batches: (records [m] of the unmasked tiles, {set: [B, D]}, mask [B] bool); the
        tiles of a record follow one another.

    Yields:
      A record, {set: [tiles, D]}.
    """
    for record, own in itertools.groupby(_each_tile(batches), operator.itemgetter(0)):
        yield record, _stacked([sets for _, sets in own])


def _each_tile(batches) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    for records, sets, mask in batches:
        kept = {name: np.asarray(x)[mask] for name, x in sets.items()}
        for i, record in enumerate(records.tolist()):
            yield record, {name: x[i] for name, x in kept.items()}


def _stacked(rows: list[Sets]) -> dict[str, np.ndarray]:
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def of_method(method: Any, encoder: Any) -> Callable[[Sets], Sets]:
    """Function of {set: [tiles, D]} of a record to {set: [D]}: the method's, or means.

    Args:
      method: as of `methods/contract.py`.
      encoder: what its `embed` takes.
    """
    if hasattr(method, "pool"):
        return functools.partial(parallel.on_one(method.pool), encoder)
    return mean_over_tiles


def mean_over_tiles(sets: Sets) -> dict[str, np.ndarray]:
    """Means of {set: [tiles, D]} over the tiles, added up one by one in float64."""
    return {
        name: functools.reduce(np.add, x.astype(np.float64)) / len(x)
        for name, x in sets.items()
    }


def over_orientations(encode: Callable, count: int) -> Callable:
    """An encoder that averages what it sees of a tile in several orientations.

    Cells have no preferred orientation, and features of filters that do are noisy.

    Args:
      encode: images [B, H, W, C] to {set: [B, D]}.
      count: 1 as it is; 4 also turned by 90, 180 and 270 degrees; 8 mirrored too.

    Returns:
      The same as `encode`, means over the orientations.
    """

    def mean(images: np.ndarray) -> dict[str, np.ndarray]:
        mirrored = (images, images[:, :, ::-1])
        turned = [np.rot90(mirrored[i // 4], i % 4, (1, 2)) for i in range(count)]
        seen = [encode(np.ascontiguousarray(one)) for one in turned]
        return {name: np.mean([s[name] for s in seen], 0) for name in seen[0]}

    return mean
