"""Rate of the phases of a training step, on random images."""

import tempfile
from typing import Any

import jax
import ml_collections
import numpy as np

from gandl_jax import parallel
from gandl_jax.jobs.benchmark import (
    fresh_process,
    matrix_product,
    memory,
    random_training,
    rounds,
)
from gandl_jax.jobs.benchmark.random_training import RandomTraining

MOST_SECONDS = 300.0  # of a period of whole steps; none is run if it takes longer


def check(config: ml_collections.ConfigDict) -> None:
    """Raises the InputErrors of training: the devices do not divide the batch."""
    random_training.chosen(config)


def measure(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """Trains on random images, in two processes one after the other.

    The first starts without a compilation cache, the second with the first one's.

    Args:
      config: the whole config.

    Returns:
      The entries of `figures`; and, for the second start, second_init_seconds etc.
    """
    with tempfile.TemporaryDirectory() as cache_folder:
        first = fresh_process.call(_first_start, config, cache_folder)
        return first | fresh_process.call(_second_start, config, cache_folder)


def _first_start(
    config: ml_collections.ConfigDict, cache_folder: str
) -> dict[str, Any]:
    jax.config.update("jax_compilation_cache_dir", cache_folder)
    return figures(config)


def _second_start(
    config: ml_collections.ConfigDict, cache_folder: str
) -> dict[str, Any]:
    jax.config.update("jax_compilation_cache_dir", cache_folder)
    second = _starting(RandomTraining(config))
    return {f"second_{name}": seconds for name, seconds in second.items()}


def figures(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """Measures every phase and whole steps, in this process.

    Args:
      config: the whole config.

    Returns:
      images_per_second and step_ms of a step at the recipe's rates (a phase that runs
      every 16 steps counts a sixteenth); the same by the time of the cores, which other
      programs do not change: images_per_core_second and core_ms; gflop_per_step, as XLA
      counts it before optimising, and share_of_matrix_product, its rate relative to the
      devices' rate of matrix products (both None if JAX cannot count); init_seconds,
      compile_seconds and compile_core_seconds; peaks of memory; phases, one row each,
      and whole_steps, one row of steps that were run: none if that takes minutes. Times
      are of warm calls: the median of the rounds, the least and the most.
    """
    training = RandomTraining(config)
    starting = _starting(training)
    phases = [_phase(training, number) for number in range(len(training.method.phases))]
    step_ms, core_ms = _per_step(phases, "ms"), _per_step(phases, "core_ms")
    gflop, batch = _per_step(phases, "gflop"), len(training.batch["images"])
    whole_steps = _whole_steps(training, step_ms / 1e3)
    peaks = memory.peaks_mb(training.devices)  # before the matrix products
    dtype = parallel.compute_dtype(config.model.dtype)
    shares = matrix_product.shares(
        gflop and gflop * 1e9, step_ms / 1e3, core_ms / 1e3, training.devices, dtype
    )
    return {
        "devices": parallel.describe(training.devices),
        "dtype": str(dtype),
        "image_px": config.data.crop_px,
        "channels": training.batch["images"].shape[-1],
        "batch": batch,
        "images_per_second": batch / step_ms * 1e3,
        "step_ms": step_ms,
        "images_per_core_second": batch / core_ms * 1e3,
        "core_ms": core_ms,
        "gflop_per_step": gflop,
        **shares,
        **starting,
        **peaks,
        "phases": phases,
        "whole_steps": whole_steps,
    }


def _starting(training: RandomTraining) -> dict[str, float]:
    """Times the start until the first step; the first call compiles all phases."""
    compiling = rounds.compiling(lambda times: training.run_phase(0, times))
    return {"init_seconds": training.init_seconds, **compiling}


def _phase(training: RandomTraining, number: int) -> dict[str, Any]:
    phase, batch = training.method.phases[number], training.batch
    seconds = rounds.seconds_per_call(lambda times: training.run_phase(number, times))
    in_one = training.method_in_one.phases[number]  # JAX counts only one turn of a loop
    flops = parallel.count_flops(in_one.fn, training.state, batch, training.key)
    median = float(np.median(seconds.clock))
    return {
        "phase": phase.name,
        "every_steps": phase.every,
        "ms": 1e3 * median,
        "ms_least": 1e3 * float(seconds.clock.min()),
        "ms_most": 1e3 * float(seconds.clock.max()),
        "rounds": len(seconds.clock),
        "core_ms": 1e3 * float(np.median(seconds.cores)),
        "images_per_second": len(batch["images"]) / median,
        "gflop": flops and flops / 1e9,
        "gflop_per_second": flops and flops / 1e9 / median,
    }


def _whole_steps(training: RandomTraining, step_seconds: float) -> list[dict[str, Any]]:
    """Times whole steps, a period of the phases at a time; [] if that takes long."""
    expected = step_seconds * training.period
    if expected > MOST_SECONDS:
        return []
    seconds = rounds.seconds_per_call(training.run_periods, first=expected)
    images = training.period * len(training.batch["images"])
    return [{"steps": training.period, **rounds.rates(seconds, images, "images")}]


def _per_step(phases: list[dict[str, Any]], column: str) -> float | None:
    """Sums over the phases at the recipe's rates; None if one is not known."""
    if any(row[column] is None for row in phases):
        return None
    return sum(row[column] / row["every_steps"] for row in phases)
