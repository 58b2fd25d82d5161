"""The embedding pass: tiles of a shard's records to feature sets, one row a record.

The jobs `embed` and `benchmark` share it.
"""

import functools
import itertools
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from etils import epath

from gandl_jax import hosts, parallel, progress, sealed_json
from gandl_jax.errors import RunError
from gandl_jax.prepared import prepared
from gandl_jax.profiles import store
from gandl_jax.reading import tiles
from gandl_jax.reading.padding import Padding

Sets = Mapping[str, np.ndarray]  # set name to [..., D]


def write_set(
    directory: epath.Path,
    dataset: prepared.Prepared,
    features: Callable[[int], tuple[np.ndarray, dict[str, np.ndarray]]],
) -> int:
    """Writes one part per shard, leaving out those that are there.

    Of several hosts each writes every n-th part.

    Args:
      directory: profiles/<dataset>/<encoder>.
      dataset: the prepared screen.
      features: shard to ([n] rows of the table, {set name: [n, D] float32}).

    Returns:
      How many records all hosts have embedded.

    Raises:
      RunError: another host's part is not there.
    """
    own = range(hosts.index(), dataset.shards, hosts.count())
    total = sum(len(dataset.rows(shard)) for shard in own)
    line = progress.Progress(f"embed {directory.name}", total, "sites")
    embedded = 0
    for shard in own:
        part = directory / part_name(shard)
        if not store.is_whole(part):
            rows, sets = features(shard)
            store.write_part(part, dataset.table.iloc[rows], sets)
            embedded += len(rows)
        line.update(len(dataset.rows(shard)))
    line.close()
    embedded = sum(hosts.gather(embedded))
    hosts.once(lambda: finish(directory, dataset.shards))
    return embedded


def part_name(shard: int) -> str:
    """The file of a shard's features."""
    return f"part-{shard:05d}.parquet"


def finish(directory: epath.Path, shards: int) -> None:
    """Marks a set complete, once the parts of all shards are there."""
    missing = [n for n in map(part_name, range(shards)) if not (directory / n).exists()]
    if missing:
        raise RunError(
            f"{directory} lacks {missing[0]}, which another host wrote or which was "
            "deleted meanwhile: run the same command again, with a --workdir that all "
            "hosts share"
        )
    store.finish(directory)


def intensities(dataset, channels, on_bad, shard: int):
    """The set "intensity": mean and sd of each raw channel, [n, 2 C]."""
    rows, features = tiles.site_intensities(dataset, shard, channels, on_bad)
    return rows, {"intensity": features}


def encoded(dataset, config, encode: Callable, pool: Callable, on_bad, shard: int):
    """The encoder's sets of the records of a shard, [n, D] each."""
    return pooled(encode, pool, tile_batches(dataset, config, on_bad, shard))


def tile_batches(
    dataset, config, on_bad, shard: int, rows: np.ndarray | None = None
) -> Iterator[dict]:
    """The tiles of a shard's records, in batches, the last one padded and masked.

    Args:
      dataset: the prepared screen.
      config: of the experiment.
      on_bad: as of `tiles.tile_batches`.
      shard: number of the shard.
      rows: [n] of the table, those to read; None is all.
    """
    return tiles.tile_batches(
        dataset,
        shard,
        channels=config.data.channels,
        scaling=config.data.scaling,
        illumination=config.data.illumination,
        crop_px=config.data.crop_px,
        batch=config.embed.batch,
        padding=Padding(config.data.pad_px, config.data.padding),
        on_bad=on_bad,
        rows=rows,
    )


def pooled(
    encode: Callable, pool: Callable, batches: Iterable[dict]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Embeds tiles, and makes one row of those of each record.

    Args:
      encode: images [B, H, W, C] to {set: [B, D]}.
      pool: {set: [tiles, D]} of a record to {set: [D]}, as from `pooling`.
      batches: as from `tile_batches`.

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


def pooling(method: Any, encoder: Any) -> Callable[[Sets], Sets]:
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


def write_summary(directory: epath.Path, method: Any, encoder: Any) -> None:
    """Keeps what the method tells of an encoder in tables, where it tells any.

    Args:
      directory: profiles/<dataset>/<encoder>; begun.
      method: as of `methods/contract.py`.
      encoder: what its `embed` takes.
    """
    if hasattr(method, "summary"):
        tables = method.summary(encoder)
        sealed_json.write(directory / store.SUMMARY, tables)
