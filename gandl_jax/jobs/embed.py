"""Feature sets of every record: the encoder's at chosen steps, and intensities.

A separate pass: it reads the encoder item of a checkpoint and nothing else of it.
"""

import collections
import json
from collections.abc import Callable, Iterable

import jax
import numpy as np
from etils import epath

from gandl_jax import checkpoint, logs, parallel
from gandl_jax import config as configs
from gandl_jax.datasets import prepared, stream
from gandl_jax.errors import InputError, nearest
from gandl_jax.jobs.train import make_method, open_dataset
from gandl_jax.profiles import store


def run(config, workdir: epath.Path) -> None:
    """Embeds every record of the prepared screen; finished parts are not repeated.

    Raises:
      InputError: no prepared screen, no checkpoint, or one of another architecture.
    """
    dataset, channels = open_dataset(config)
    saved = checkpoint.Checkpoints(workdir)
    devices = parallel.devices(config.train.devices)
    parallel.check_batch(config.embed.batch, len(devices), 1)
    chosen = choose_steps(config.embed.steps, saved.steps())
    for step in chosen:
        saved.check(step, configs.architecture(config, channels))
    profiles = workdir / "profiles" / dataset.name
    claim(profiles, dataset)
    write_set(
        profiles / "intensity",
        dataset,
        lambda shard: intensities(dataset, channels, shard),
    )
    for step in chosen:
        embed = make_encoder(config, dataset, saved, step, devices)
        write_set(profiles / f"{config.method.name}@{step}", dataset, embed)
    saved.close()


def choose_steps(wanted: tuple[str, ...], steps: list[int]) -> list[int]:
    """The checkpoints to embed with.

    Args:
      wanted: "first", "last" or numbers.
      steps: those that there are, oldest first.

    Raises:
      InputError: there is none, or not that one.
    """
    if not steps:
        raise InputError("there is no checkpoint in the workdir: run --job=train first")
    named = {"first": steps[0], "last": steps[-1], **{str(s): s for s in steps}}
    for name in wanted:
        if name not in named:
            raise InputError(
                f"config.embed.steps: there is no checkpoint {name!r}; "
                f"{nearest(name, named)}"
            )
    return sorted({named[name] for name in wanted})


def claim(profiles: epath.Path, dataset: prepared.Prepared) -> None:
    """Writes down which preparation the profiles are of.

    Raises:
      InputError: they are of another one.
    """
    note = profiles / "prepared.json"
    plan = {k: v for k, v in dataset.description["plan"].items() if k != "source_dir"}
    if not note.exists():
        profiles.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps(plan, indent=1) + "\n")
    elif json.loads(note.read_text()) != plan:
        raise InputError(
            f"{profiles} was made from another preparation than {dataset.directory}: "
            "delete it, or name the former config.data.dir"
        )


def write_set(
    directory: epath.Path,
    dataset: prepared.Prepared,
    features: Callable[[int], tuple[np.ndarray, dict[str, np.ndarray]]],
) -> None:
    """Writes one part per shard, leaving out those that are there.

    Args:
      directory: profiles/<dataset>/<encoder>.
      dataset: the prepared screen.
      features: shard to ([n] rows of the table, {set name: [n, D] float32}).
    """
    if store.is_complete(directory):
        print(f"embed     {directory} is complete: nothing to do")
        return
    progress = logs.Progress(f"embed {directory.name}", dataset.records, "sites")
    for shard in range(dataset.shards):
        part = directory / f"part-{shard:05d}.parquet"
        if not part.exists():
            rows, sets = features(shard)
            store.write_part(part, dataset.table.iloc[rows], sets)
        progress.update(len(dataset.rows(shard)))
    store.finish(directory)
    progress.close()


def intensities(dataset, channels, shard: int):
    """The set "intensity": mean and sd of each raw channel, [n, 2 C]."""
    rows, features = stream.site_intensities(dataset, shard, channels)
    return rows, {"intensity": features}


def make_encoder(config, dataset, saved, step: int, devices: list[jax.Device]):
    """A function of a shard to its rows and the encoder's feature sets."""
    method = make_method(config, dataset)
    like = jax.eval_shape(lambda key: method.items(method.init(key)), jax.random.key(0))
    encoder = saved.restore(step, "encoder", like["encoder"])
    embed = parallel.map_batch(method.embed, devices)

    def of_shard(shard: int):
        batches = stream.tile_batches(
            dataset,
            shard,
            config.data.channels,
            config.data.crop_px,
            config.embed.batch,
        )
        return mean_over_tiles(
            (b["record"][b["mask"]], embed(encoder, b["images"]), b["mask"])
            for b in batches
        )

    return of_shard


def mean_over_tiles(
    batches: Iterable[tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]],
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Averages the features of each record's tiles.

    Args:
      batches: (records [m] of the unmasked tiles, {set: [B, D]}, mask [B] bool).

    Returns:
      [n] records in the order of their first tile, {set: [n, D] float32}.
    """
    sums: dict[int, dict[str, np.ndarray]] = {}
    counts: collections.Counter[int] = collections.Counter()
    for records, sets, mask in batches:
        kept = {name: x[mask].astype(np.float64) for name, x in sets.items()}
        for i, record in enumerate(records.tolist()):
            tile = {name: x[i] for name, x in kept.items()}
            before = sums.get(record)
            sums[record] = (
                tile if before is None else {n: before[n] + tile[n] for n in tile}
            )
            counts[record] += 1
    rows = np.array(list(sums), np.int64)
    names = next(iter(sums.values()))
    return rows, {
        name: np.stack([sums[r][name] / counts[r] for r in sums]).astype(np.float32)
        for name in names
    }
