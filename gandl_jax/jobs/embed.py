"""Feature sets of every record: the encoder's at chosen steps, and intensities.

A separate pass, which needs of a training nothing but its encoders.
"""

import collections
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from etils import epath

from gandl_jax import compilation, hosts, parallel, progress
from gandl_jax.errors import RunError
from gandl_jax.methods.source import Source
from gandl_jax.prepared import prepared
from gandl_jax.profiles import store
from gandl_jax.reading import labelling, tiles
from gandl_jax.training import encoders, opening

ON_ALL_HOSTS = True


def check(config, workdir: epath.Path, before: Sequence[str]) -> None:
    """Refuses an encoder or a screen that is not there, before anything is run.

    Args:
      config: of the experiment.
      workdir: of it.
      before: jobs that run first, which may yet prepare the screen.

    Raises:
      InputError: no such encoder, one of other channels or tiles; no prepared screen.
    """
    opening.encoder_config(config)
    if not before:
        opening.open_dataset(config)


def run(config, workdir: epath.Path) -> None:
    """Embeds every record of the prepared screen; finished parts are not repeated.

    Raises:
      InputError: no prepared screen, no checkpoint, or one of another architecture.
    """
    compilation.keep()
    theirs = opening.encoder_config(config)
    dataset, channels = opening.open_dataset(config)
    hosts.agree({"the screen in config.data.dir": dataset.fingerprint})
    devices = parallel.devices(config.train.devices)
    parallel.check_batch(config.embed.batch, len(devices), 1)
    trained = encoders.find_trained(config, workdir)
    source = trained.source() if trained and trained.steps else Source(channels)
    method = opening.make_method(theirs, source)
    chosen = encoders.choose(config, theirs, method, dataset, trained, source)
    bad = opening.bad_records_policy(config, dataset, workdir)
    profiles = workdir / "profiles" / dataset.name
    made_from = {"prepared": dataset.fingerprint, "channels": list(channels)}
    if bad:
        made_from["skips_bad_records"] = True
    turned = {}
    if config.embed.orientations > 1:
        turned["orientations"] = config.embed.orientations
    for encoder in chosen:
        directory = profiles / encoder.name
        note = made_from | encoder.note | turned
        claim = functools.partial(store.claim, directory, note, encoder.trained_on)
        if hosts.once(claim):
            embed = parallel.map_batch(method.embed, devices)
            encode = functools.partial(embed, encoder.weights())
            hosts.once(
                functools.partial(labelling.note_written, config, workdir, directory)
            )
            encode = over_orientations(encode, config.embed.orientations)
            sets = functools.partial(encoded, dataset, config, encode, bad)
            write_set(directory, dataset, sets)
    note = made_from | {"saw_images": False}
    if hosts.once(functools.partial(store.claim, profiles / "intensity", note)):
        measure = functools.partial(intensities, dataset, channels, bad)
        hosts.once(
            functools.partial(
                labelling.note_written, config, workdir, profiles / "intensity"
            )
        )
        write_set(profiles / "intensity", dataset, measure)


def write_set(
    directory: epath.Path,
    dataset: prepared.Prepared,
    features: Callable[[int], tuple[np.ndarray, dict[str, np.ndarray]]],
) -> None:
    """Writes one part per shard, leaving out those that are there.

    Of several hosts each writes every n-th part.

    Args:
      directory: profiles/<dataset>/<encoder>.
      dataset: the prepared screen.
      features: shard to ([n] rows of the table, {set name: [n, D] float32}).

    Raises:
      RunError: another host's part is not there.
    """
    own = range(hosts.index(), dataset.shards, hosts.count())
    total = sum(len(dataset.rows(shard)) for shard in own)
    line = progress.Progress(f"embed {directory.name}", total, "sites")
    for shard in own:
        part = directory / part_name(shard)
        if not store.is_whole(part):
            rows, sets = features(shard)
            store.write_part(part, dataset.table.iloc[rows], sets)
        line.update(len(dataset.rows(shard)))
    line.close()
    hosts.meet()
    hosts.once(lambda: finish(directory, dataset.shards))


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


def encoded(dataset, config, encode: Callable, on_bad, shard: int):
    """The encoder's sets, averaged over the tiles of each record, [n, D] each."""
    return averaged(encode, tile_batches(dataset, config, on_bad, shard))


def tile_batches(dataset, config, on_bad, shard: int) -> Iterator[dict]:
    """The tiles of a shard's records, in batches, the last one padded and masked."""
    return tiles.tile_batches(
        dataset,
        shard,
        channels=config.data.channels,
        scaling=config.data.scaling,
        illumination=config.data.illumination,
        crop_px=config.data.crop_px,
        batch=config.embed.batch,
        on_bad=on_bad,
    )


def averaged(encode: Callable, batches: Iterable[dict]):
    """The encoder's sets of the tiles, averaged over those of each record."""
    return mean_over_tiles(
        (b["record"][b["mask"]], encode(b["images"]), b["mask"]) for b in batches
    )


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
