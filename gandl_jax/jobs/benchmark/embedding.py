"""Rate of embedding records: by the network alone, and from a prepared screen."""

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import jax
import ml_collections
import numpy as np
from etils import epath

from gandl_jax import parallel
from gandl_jax.jobs.benchmark import matrix_product, memory, random_training, rounds
from gandl_jax.methods.source import Source
from gandl_jax.prepared import prepared
from gandl_jax.reading import tiles, tiling
from gandl_jax.reading.padding import Padding
from gandl_jax.training import (
    embedding,
    encoders,
    for_screen,
    loop,
    network_files,
    opening,
    pooling,
)


def check(config: ml_collections.ConfigDict) -> None:
    """Raises the InputErrors of embedding: the devices do not divide the batch."""
    for_screen.channels(config)
    opening.encoder_config(config)
    devices = parallel.devices(config.train.devices)
    parallel.check_batch(config.embed.batch, len(devices), 1)
    if prepared.is_complete(config.data.dir):
        opening.open_dataset(config)


def measure(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """Measures `figures` without the compilation cache."""
    jax.config.update("jax_enable_compilation_cache", False)
    return figures(config)


def figures(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """Embeds random tiles, and records if there is a prepared screen.

    The encoder is untrained, which is as fast as a trained one.

    Args:
      config: the whole config.

    Returns:
      tiles_per_second of the network alone, from the host's memory and back: the
      median of the rounds, the least and the most, and the median by the time of the
      cores, which other programs do not change; gflop_per_tile, as XLA counts it before
      optimising, and share_of_matrix_product, its rate relative to the devices' rate of
      matrix products (both None if JAX cannot count); compile_seconds; peaks of memory.
      With a prepared screen also the same for sites_per_second of decoding, cutting,
      embedding and averaging.
    """
    check(config)
    encoder_config = opening.encoder_config(config)
    method = opening.encoder_method(
        config, encoder_config, _source(config, encoder_config)
    )
    devices = parallel.devices(config.train.devices)
    encoder = parallel.on_one(lambda key: method.items(method.init(key))["encoder"])(
        loop.stream_key(config, loop.INIT)
    )
    embed = functools.partial(parallel.map_batch(method.embed, devices), encoder)
    encode = pooling.over_orientations(embed, config.embed.orientations)
    images = random_training.images(config, config.embed.batch)
    run = functools.partial(_repeat, encode, images)
    compiling = rounds.compiling(run)
    network = rounds.seconds_per_call(run)
    sites = {}
    if prepared.is_complete(config.data.dir):
        sites = _sites(config, encode, pooling.pool_function(method, encoder))
    peaks = memory.peaks_mb(devices)  # before the matrix products
    dtype = parallel.compute_dtype(encoder_config.model.dtype)
    flops = parallel.count_flops(method.embed, encoder, images)
    work = flops and flops * config.embed.orientations
    clock, cores = map(np.median, network)
    return {
        "devices": parallel.describe(devices),
        "dtype": str(dtype),
        "tile_px": config.data.crop_px,
        "channels": images.shape[-1],
        "batch": config.embed.batch,
        "orientations": config.embed.orientations,
        **rounds.rates(network, config.embed.batch, "tiles"),
        "gflop_per_tile": work and work / config.embed.batch / 1e9,
        **matrix_product.shares(work, float(clock), float(cores), devices, dtype),
        **compiling,
        **sites,
        **peaks,
    }


def _repeat(encode: Callable, images: np.ndarray, times: int) -> None:
    for _ in range(times):
        encode(images)


def _source(config, encoder_config) -> Source:
    """Returns the encoder's source: its checkpoint's, or that of a new training."""
    checkpoint = config.embed.checkpoint
    if checkpoint and not network_files.is_file(checkpoint):
        return encoders.find_trained(config, epath.Path(checkpoint)).source()
    return for_screen.source(encoder_config)


def _sites(
    config: ml_collections.ConfigDict, encode: Callable, pool: Callable
) -> dict[str, Any]:
    """Measures the whole path, over the prepared screen's shards from the first on."""
    dataset, _ = opening.open_dataset(config)
    batches = _all_batches(dataset, config)

    def run(times: int) -> None:
        pooling.pooled(encode, pool, itertools.islice(batches, times))

    run(1)  # opens the first shard
    seconds = rounds.seconds_per_call(run)
    rates = rounds.rates(seconds, _sites_per_batch(dataset, config), "sites")
    rates["sites_rounds"] = rates.pop("rounds")
    return {
        "image_px": [dataset.height_px, dataset.width_px],
        "tiles_per_site": _tiles_per_site(dataset, config),
        **rates,
    }


def _tiles_per_site(
    dataset: prepared.Prepared, config: ml_collections.ConfigDict
) -> int:
    data = config.data
    padding = Padding(data.pad_px, data.padding)
    size = tiles.padded_size(dataset, padding, data.crop_px)
    return len(tiling.offsets(*size, data.crop_px))


def _sites_per_batch(
    dataset: prepared.Prepared, config: ml_collections.ConfigDict
) -> float:
    """Returns the mean over the screen: a shard's last batch may hold fewer."""
    per_site = _tiles_per_site(dataset, config)
    batches = [
        math.ceil(len(dataset.rows(shard)) * per_site / config.embed.batch)
        for shard in range(dataset.shards)
    ]
    return dataset.records / sum(batches)


def _all_batches(
    dataset: prepared.Prepared, config: ml_collections.ConfigDict
) -> Iterator[dict]:
    """Yields batches of tiles without end, cycling through the shards."""
    for shard in itertools.cycle(range(dataset.shards)):
        yield from embedding.tile_batches(dataset, config, None, shard)
