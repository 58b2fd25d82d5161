"""The embedding pass: from a shard's tiles to feature sets, one row per record.

The jobs `embed` and `benchmark` share it.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from etils import epath

from gandl_jax import hosts, progress, sealed_json
from gandl_jax.errors import RunError
from gandl_jax.prepared import prepared
from gandl_jax.profiles import store
from gandl_jax.reading import tiles
from gandl_jax.reading.padding import Padding
from gandl_jax.training import pooling


def write_set(
    directory: epath.Path,
    dataset: prepared.Prepared,
    features: Callable[[int], tuple[np.ndarray, dict[str, np.ndarray]]],
) -> int:
    """Writes one part per shard, leaving out those that exist.

    Each of n hosts writes every n-th part.

    Args:
      directory: profiles/<dataset>/<encoder>.
      dataset: the prepared screen.
      features: shard to ([n] rows of the table, {set name: [n, D] float32}).

    Returns:
      The number of records that all hosts have embedded.

    Raises:
      RunError: another host's part is missing.
    """
    shards = range(hosts.index(), dataset.shards, hosts.count())
    total = sum(len(dataset.rows(shard)) for shard in shards)
    line = progress.Progress(f"embed {directory.name}", total, "sites")
    embedded = 0
    for shard in shards:
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
    """Returns the file name of a shard's features."""
    return f"part-{shard:05d}.parquet"


def finish(directory: epath.Path, shards: int) -> None:
    """Marks a set complete.

    Raises:
      RunError: the part of a shard is missing.
    """
    missing = [
        name
        for name in map(part_name, range(shards))
        if not (directory / name).exists()
    ]
    if missing:
        raise RunError(
            f"{directory} lacks {missing[0]}, which another host wrote or which was "
            "deleted meanwhile: run the same command again, with a --workdir that all "
            "hosts share"
        )
    store.finish(directory)


def intensities(dataset, channels, on_bad, shard: int):
    """Computes the set "intensity": mean and sd of each raw channel, [n, 2 C]."""
    rows, features = tiles.site_intensities(dataset, shard, channels, on_bad)
    return rows, {"intensity": features}


def encoded(dataset, config, encode: Callable, pool: Callable, on_bad, shard: int):
    """Embeds the records of a shard: [n] rows and {set: [n, D]}."""
    return pooling.pooled(encode, pool, tile_batches(dataset, config, on_bad, shard))


def tile_batches(
    dataset, config, on_bad, shard: int | None, rows: np.ndarray | None = None
) -> Iterator[dict]:
    """Reads the tiles of a shard's records in batches, the last padded and masked.

    Args:
      dataset: the prepared screen.
      config: of the experiment.
      on_bad: as in `tiles.tile_batches`.
      shard: number of the shard; None is all of them.
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


def write_summary(directory: epath.Path, method: Any, encoder: Any) -> None:
    """Writes the method's tables about an encoder, if it makes any.

    Args:
      directory: profiles/<dataset>/<encoder>; begun.
      method: as in `methods/contract.py`.
      encoder: the weights that its `embed` takes.
    """
    if hasattr(method, "summary"):
        tables = method.summary(encoder)
        sealed_json.write(directory / store.SUMMARY, tables)
