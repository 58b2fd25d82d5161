"""Feature sets of every record: the encoder's at chosen steps, and intensities.

A separate pass: it reads the encoder item of a checkpoint and nothing else of it.
"""

import collections
import contextlib
import functools
import json
from collections.abc import Callable, Iterable

import jax
import numpy as np
from etils import epath

from gandl_jax import checkpoint, files, parallel, progress
from gandl_jax import config as configs
from gandl_jax.datasets import prepared, stream
from gandl_jax.errors import InputError, nearest
from gandl_jax.jobs import experiment
from gandl_jax.profiles import store


def run(config, workdir: epath.Path) -> None:
    """Embeds every record of the prepared screen; finished parts are not repeated.

    Raises:
      InputError: no prepared screen, no checkpoint, or one of another architecture.
    """
    dataset, channels = experiment.open_dataset(config)
    devices = parallel.devices(config.train.devices)
    parallel.check_batch(config.embed.batch, len(devices), 1)
    saved = checkpoint.Checkpoints(workdir)
    chosen = choose_steps(config.embed.steps, saved.steps())
    for step in chosen:
        saved.check(step, configs.architecture(config, channels))
    profiles = workdir / "profiles" / dataset.name
    made_from = {"prepared": dataset.fingerprint, "channels": list(channels)}
    with contextlib.closing(saved):
        for step in chosen:
            directory = profiles / f"{config.method.name}@{step}"
            if claim(directory, made_from | {"weights": config.embed.weights}):
                encode = make_encoder(config, dataset, saved, step, devices)
                write_set(directory, dataset, encode)
    if claim(profiles / "intensity", made_from):
        measure = functools.partial(intensities, dataset, channels)
        write_set(profiles / "intensity", dataset, measure)


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


def claim(directory: epath.Path, made_from: dict) -> bool:
    """Writes down what a feature set is made from.

    Args:
      directory: profiles/<dataset>/<encoder>.
      made_from: plain data.

    Returns:
      Whether parts are left to be made.

    Raises:
      InputError: it was begun from something else.
    """
    note = directory / "_made_from.json"  # readers of Parquet folders pass over _*
    if not note.exists():
        directory.mkdir(parents=True, exist_ok=True)
        files.replace(note, json.dumps(made_from, indent=1) + "\n")
    elif (before := json.loads(note.read_text())) != made_from:
        other = [key for key in made_from if before.get(key) != made_from[key]]
        raise InputError(
            f"{directory} was made from other {' and '.join(other)}: delete that "
            "folder to make it again, or go back to the former config"
        )
    if store.is_complete(directory):
        print(f"embed     {directory} is complete: nothing to do")
        return False
    return True


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
    line = progress.Progress(f"embed {directory.name}", dataset.records, "sites")
    for shard in range(dataset.shards):
        part = directory / f"part-{shard:05d}.parquet"
        if not part.exists():
            rows, sets = features(shard)
            store.write_part(part, dataset.table.iloc[rows], sets)
        line.update(len(dataset.rows(shard)))
    store.finish(directory)
    line.close()


def intensities(dataset, channels, shard: int):
    """The set "intensity": mean and sd of each raw channel, [n, 2 C]."""
    rows, features = stream.site_intensities(dataset, shard, channels)
    return rows, {"intensity": features}


def make_encoder(config, dataset, saved, step: int, devices: list[jax.Device]):
    """A function of a shard to its rows and the encoder's feature sets."""
    method = experiment.make_method(config, dataset)
    like = jax.eval_shape(lambda key: method.items(method.init(key)), jax.random.key(0))
    encoder = saved.restore(step, "encoder", parallel.on_one_device(like["encoder"]))
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
