"""The embedding pass: tiles of a shard's records to feature sets, one row a record.

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
    return pooling.pooled(encode, pool, tile_batches(dataset, config, on_bad, shard))


def tile_batches(
    dataset, config, on_bad, shard: int | None, rows: np.ndarray | None = None
) -> Iterator[dict]:
    """The tiles of a shard's records, in batches, the last one padded and masked.

    Args:
      dataset: the prepared screen.
      config: of the experiment.
      on_bad: as of `tiles.tile_batches`.
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
    """Keeps what the method tells of an encoder in tables, where it tells any.

    Args:
      directory: profiles/<dataset>/<encoder>; begun.
      method: as of `methods/contract.py`.
      encoder: what its `embed` takes.
    """
    if hasattr(method, "summary"):
        tables = method.summary(encoder)
        sealed_json.write(directory / store.SUMMARY, tables)
