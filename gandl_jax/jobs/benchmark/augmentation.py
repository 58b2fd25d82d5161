"""What crops and augmentation on the device take of a training step.

The step is timed by turns with one that sees as many images of the same sides, whole
and as they are.
"""

from typing import Any

import ml_collections
import numpy as np

from gandl_jax import parallel
from gandl_jax.jobs.benchmark import random_training, rounds
from gandl_jax.jobs.benchmark.random_training import RandomTraining
from gandl_jax.methods import multi_crop_options
from gandl_jax.training import for_screen, step_shapes


def check(config: ml_collections.ConfigDict) -> None:
    """Raises the InputErrors of training: the devices do not divide the batch."""
    random_training.chosen(config)


def measure(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """Trains on random images, alternately with and without augmentation.

    Args:
      config: the whole config.

    Returns:
      ms of a step, with ("step_ms") and without it ("plain_step_ms"), the same of the
      cores' time; "share" of the step that it takes, the median of the rounds, the
      least and the most, and "core_share"; "gflop_per_step" and "plain_gflop_per_step",
      as XLA counts them before optimising, and "flops_share" (None if JAX cannot
      count). Shares are noise about 0 where nothing is augmented.
    """
    plain = multi_crop_options.unaugmented(config)
    trainings = [RandomTraining(one) for one in (config, plain)]
    whole, without = rounds.by_turns([one.run_periods for one in trainings])
    period = trainings[0].period
    shares, core_shares = (
        1 - b / a
        for a, b in ((whole.clock, without.clock), (whole.cores, without.cores))
    )
    source = for_screen.source(config)
    flops, plain_flops = (
        step_shapes.flops_per_step(one, source) for one in (config, plain)
    )
    return {
        "devices": parallel.describe(trainings[0].devices),
        "image_px": config.data.crop_px,
        "batch": config.train.batch,
        "rounds": len(shares),
        "step_ms": 1e3 * float(np.median(whole.clock)) / period,
        "plain_step_ms": 1e3 * float(np.median(without.clock)) / period,
        "core_ms": 1e3 * float(np.median(whole.cores)) / period,
        "plain_core_ms": 1e3 * float(np.median(without.cores)) / period,
        "share": float(np.median(shares)),
        "share_least": float(shares.min()),
        "share_most": float(shares.max()),
        "core_share": float(np.median(core_shares)),
        "gflop_per_step": flops and flops / 1e9,
        "plain_gflop_per_step": plain_flops and plain_flops / 1e9,
        "flops_share": flops and 1 - plain_flops / flops,
    }
