"""Cost of checkpoints, and of checks that a training is sound, on random images."""

import contextlib
import functools
import tempfile
import time
from collections.abc import Callable
from typing import Any

import jax
import ml_collections
import numpy as np
from etils import epath

from gandl_jax import checkpoint, files, parallel
from gandl_jax import config as configs
from gandl_jax.jobs.benchmark import random_training, rounds
from gandl_jax.jobs.benchmark.random_training import RandomTraining
from gandl_jax.methods.contract import FIXED
from gandl_jax.training import soundness

ROUNDS = 7
STEPS_SECONDS = 4.0  # of training while a checkpoint is written


def check(config: ml_collections.ConfigDict) -> None:
    """Raises the InputErrors of training: the devices do not divide the batch."""
    random_training.chosen(config)


def measure(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """Trains on random images, alternately with and without writing a checkpoint.

    Args:
      config: the whole config.

    Returns:
      For one checkpoint megabytes, blocks_ms (until training goes on) and costs_ms (how
      much longer the same steps take while it is written), by the clock and by the
      cores' time; for `config.train`'s intervals lost_share and lost_core_share of the
      training's time. check_ms and check_share of one check of all numbers, and the
      same for each of the method's checks by its name. Medians over rounds.
    """
    training = RandomTraining(config)
    training.run_periods(1)
    periods = _periods(training)
    steps = periods * training.period
    with tempfile.TemporaryDirectory() as folder:
        saved = checkpoint.Checkpoints(folder)
        with contextlib.closing(saved):
            rows = [
                _round(training, saved, periods, number)
                for number in range(1, ROUNDS + 1)
            ]
            newest = epath.Path(folder) / "checkpoints" / str(saved.steps()[-1])
            size = sum(stat.length for stat in files.stats(newest))
    plain, with_checkpoint, blocks = (
        np.array([row[column] for row in rows]) for column in range(3)
    )
    step_ms = 1e3 * np.median(plain[:, 0]) / steps
    core_ms = 1e3 * np.median(plain[:, 1]) / steps
    costs_ms, costs_core_ms = 1e3 * np.median(with_checkpoint - plain, axis=0)
    batch = config.train.batch
    every_steps = configs.steps(config.train.checkpoint_every_images, batch)
    return {
        "devices": parallel.describe(training.devices),
        "image_px": config.data.crop_px,
        "batch": batch,
        "rounds": ROUNDS,
        "step_ms": step_ms,
        "core_ms": core_ms,
        "megabytes": size / 1e6,
        "every_steps": every_steps,
        "blocks_ms": 1e3 * float(np.median(blocks)),
        "costs_ms": costs_ms,
        "costs_core_ms": costs_core_ms,
        "lost_share": costs_ms / (every_steps * step_ms),
        "lost_core_share": costs_core_ms / (every_steps * core_ms),
        **_looks(config, training, step_ms),
    }


def _periods(training: RandomTraining) -> int:
    began = time.monotonic()
    training.run_periods(1)
    return max(1, round(STEPS_SECONDS / (time.monotonic() - began)))


def _round(training, saved, periods: int, number: int) -> tuple:
    """Times (clock, cores) without and with a checkpoint; until training goes on."""
    plain = _seconds(lambda: training.run_periods(periods))
    blocks = 0.0

    def with_checkpoint() -> None:
        nonlocal blocks
        began = time.monotonic()
        saved.save(number, training.method.items(training.state), {})
        blocks = time.monotonic() - began
        training.run_periods(periods)
        saved.wait()

    return plain, _seconds(with_checkpoint), blocks


def _seconds(run) -> tuple[float, float]:
    clock, cores = time.monotonic(), time.process_time()
    run()
    return time.monotonic() - clock, time.process_time() - cores


def _looks(config, training: RandomTraining, step_ms: float) -> dict[str, float]:
    """Times the check of all numbers and each of the method's: ms and shares."""
    finite = parallel.on_one(soundness.finite)
    train, times = config.train, {}
    looks = {"check": (lambda: finite(training.state), train.check_every_steps)}
    fixed = jax.tree.map(lambda array: array[:FIXED], training.batch)
    for check in getattr(training.method, "checks", ()):
        fn = parallel.on_one(check.fn)
        look = functools.partial(fn, training.state, fixed, training.key)
        looks[check.name] = (look, configs.steps(check.every_images, train.batch))
    for name, (look, every_steps) in looks.items():
        jax.block_until_ready(look())  # it compiles
        clock = rounds.seconds_per_call(functools.partial(_repeat, look)).clock
        times[f"{name}_ms"] = 1e3 * float(np.median(clock))
        times[f"{name}_share"] = times[f"{name}_ms"] / (every_steps * step_ms)
    return times


def _repeat(look: Callable, times: int) -> None:
    for _ in range(times):
        jax.block_until_ready(look())
