"""Pools the features of a record's tiles into one row.

Neither TensorFlow nor a prepared screen is needed.
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
    """Embeds tiles, and pools those of each record into one row.

    Args:
      encode: images [B, H, W, C] to {set: [B, D]}.
      pool: {set: [tiles, D]} of a record to {set: [D]}, as from `pool_function`.
      batches: as from `tiling.batches`.

    Returns:
      ([n] int64 records in the order of their tiles, {set: [n, D] float32}).
    """
    batches_of_sets = (
        (batch["record"][batch["mask"]], encode(batch["images"]), batch["mask"])
        for batch in batches
    )
    records, rows = [], []
    for record, sets in by_record(batches_of_sets):
        records.append(record)
        rows.append(pool(sets))
    sets = {name: array.astype(np.float32) for name, array in _stacked(rows).items()}
    return np.array(records, np.int64), sets


def by_record(
    batches: Iterable[tuple[np.ndarray, Sets, np.ndarray]],
) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Gathers the tiles of each record, which may span batches.

    Args:
      batches: (records [m] of the unmasked tiles, {set: [B, D]}, mask [B] bool); the
        tiles of a record follow one another.

    Yields:
      A record, {set: [tiles, D]}.
    """
    for record, tiles in itertools.groupby(_each_tile(batches), operator.itemgetter(0)):
        yield record, _stacked([sets for _, sets in tiles])


def _each_tile(batches) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    for records, sets, mask in batches:
        kept = {name: np.asarray(array)[mask] for name, array in sets.items()}
        for index, record in enumerate(records.tolist()):
            yield record, {name: array[index] for name, array in kept.items()}


def _stacked(rows: list[Sets]) -> dict[str, np.ndarray]:
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def pool_function(method: Any, encoder: Any) -> Callable[[Sets], Sets]:
    """Returns a function of a record's {set: [tiles, D]} to {set: [D]}.

    It is the method's `pool`, or else the mean.

    Args:
      method: as in `methods/contract.py`.
      encoder: the weights that its `embed` takes.
    """
    if hasattr(method, "pool"):
        return functools.partial(parallel.on_one(method.pool), encoder)
    return mean_over_tiles


def mean_over_tiles(sets: Sets) -> dict[str, np.ndarray]:
    """Averages {set: [tiles, D]} over the tiles, added one by one in float64."""
    return {
        name: functools.reduce(np.add, array.astype(np.float64)) / len(array)
        for name, array in sets.items()
    }


def over_orientations(encode: Callable, count: int) -> Callable:
    """Makes an encoder that averages the features of several orientations of a tile.

    Cells have no preferred orientation, and features of filters that do are noisy.

    Args:
      encode: images [B, H, W, C] to {set: [B, D]}.
      count: 1 for the tile only; 4 with turns by 90, 180 and 270 degrees; 8 with all
        of these mirrored.

    Returns:
      A function like `encode`.
    """

    def mean(images: np.ndarray) -> dict[str, np.ndarray]:
        mirrored = (images, images[:, :, ::-1])
        turned = [
            np.rot90(mirrored[index // 4], index % 4, (1, 2)) for index in range(count)
        ]
        features = [encode(np.ascontiguousarray(oriented)) for oriented in turned]
        return {
            name: np.mean([sets[name] for sets in features], 0) for name in features[0]
        }

    return mean
