"""Rate of --job=generate's drawing, beside the generator's forward pass alone."""

import contextlib
import functools
import io
import tempfile
from typing import Any

import jax
import ml_collections
import numpy as np
from etils import epath

from gandl_jax import config as configs
from gandl_jax import modules, parallel
from gandl_jax.errors import InputError
from gandl_jax.jobs.benchmark import memory, rounds
from gandl_jax.jobs.generate.candidates import Candidates
from gandl_jax.jobs.generate.drawn_by import Generator
from gandl_jax.jobs.generate.job import SELECTION
from gandl_jax.training import for_screen, loop, opening

ROUND_SECONDS = 2.0  # of each round, at least: files are written in bursts


def check(config: ml_collections.ConfigDict) -> None:
    """Raises the InputErrors of generating: no classes, or a method that draws none."""
    _generator(config)
    devices = parallel.devices(config.train.devices)
    parallel.check_batch(config.generate.batch, len(devices), 1)


def measure(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """Measures `figures` without the compilation cache."""
    jax.config.update("jax_enable_compilation_cache", False)
    return figures(config)


def figures(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """Draws candidates of one class in turn with the forward pass alone.

    The generator is untrained, which is as fast as a trained one.

    Args:
      config: the whole config; generate.batch and generate.select are read.

    Returns:
      images_per_second of the forward pass, its result in the host's memory, and of
      drawing (forward pass, grey levels, thumbnails, what the selection measures, and
      files): medians of rounds that alternate, so that other work meets both alike;
      share, the median of the rounds' ratios, and core_share, the same by the time of
      the cores, which other programs do not change.
    """
    generator, devices = _generator(config), parallel.devices(config.train.devices)
    batch, channels = config.generate.batch, for_screen.channels(config)
    forward = functools.partial(
        parallel.map_batch(generator.function(config), devices), generator.state
    )
    select = modules.load(SELECTION, config.generate.select)
    features = generator.features(config, devices)
    with tempfile.TemporaryDirectory() as folder:
        candidates = Candidates(epath.Path(folder), batch)
        drawn = [0]

        def draw(times: int) -> None:
            drawn[0] += times * batch
            with contextlib.redirect_stdout(io.StringIO()):  # its progress
                candidates.draw(
                    {0: drawn[0]},
                    forward,
                    lambda code, numbers: np.tile(
                        np.array([[0.0], [255.0]]), (len(numbers), 1, len(channels))
                    ),
                    select,
                    features,
                    8,
                )

        def repeat(times: int) -> None:
            for number in range(times):
                numbers = number * batch + np.arange(batch, dtype=np.int32)
                forward({"number": numbers, "code": np.zeros_like(numbers)})

        compiling = rounds.compiling(repeat)
        draw(1)  # compiles what measures
        alone, drawing = rounds.by_turns([repeat, draw], seconds=ROUND_SECONDS)
    peaks = memory.peaks_mb(devices)
    return {
        "devices": parallel.describe(devices),
        "image_px": config.data.crop_px,
        "channels": len(channels),
        "batch": batch,
        "select": config.generate.select,
        "forward_images_per_second": float(np.median(batch / alone.clock)),
        "drawing_images_per_second": float(np.median(batch / drawing.clock)),
        "share": float(np.median(alone.clock / drawing.clock)),
        "core_share": float(np.median(alone.cores / drawing.cores)),
        "rounds": len(alone.clock),
        **compiling,
        **peaks,
    }


def _generator(config: ml_collections.ConfigDict) -> Generator:
    """An untrained generator.

    Raises:
      InputError: the config names no label, or the method draws no images.
    """
    if len(configs.label_columns(config)) != 1:
        raise InputError(
            "config.benchmark.parts=generating draws images of one label's classes: "
            "name it, as in --config.data.label=Class"
        )
    source = for_screen.source(config)
    method = opening.make_method(config, source)
    if not hasattr(method, "samples"):
        raise InputError(
            f"config.benchmark.parts=generating: the method {config.method.name} draws "
            "no images: name gan, or another that has `samples`"
        )
    state = parallel.on_one(method.init)(loop.stream_key(config, loop.INIT))
    return Generator(method, state, 0, source, "", b"")
