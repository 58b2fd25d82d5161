"""Training on random images: needs no screen and writes nothing."""

import math
import time
from typing import Any

import jax
import ml_collections
import numpy as np

from gandl_jax import parallel
from gandl_jax.training import for_screen, loop


def images(config: ml_collections.ConfigDict, count: int) -> np.ndarray:
    """Draws [count, crop_px, crop_px, C] float32 noise in [-1, 1)."""
    size = config.data.crop_px
    shape = (count, size, size, len(for_screen.channels(config)))
    drawn = np.random.default_rng(config.seed).random(shape, np.float32)
    return 2 * drawn - 1


def chosen(config: ml_collections.ConfigDict) -> tuple[list[jax.Device], Any]:
    """Returns the devices that train, and the method that the config names.

    Raises:
      InputError: there are fewer devices, they do not divide the batch, or the screen
        has no such channel.
    """
    devices, microbatches = (
        parallel.devices(config.train.devices),
        config.train.accumulate,
    )
    method = for_screen.make_method(config)
    parallel.check_batch(config.train.batch, len(devices), method.unit, microbatches)
    return devices, method


class RandomTraining:
    """Phases on the devices, and a state that each call advances.

    Args:
      config: the whole config.

    Attributes:
      method: that the config names.
      method_in_one: the same without gradient accumulation.
      devices: that train.
      state: after the last call.
      batch: like training's, in the host's memory.
      period: steps after which the phases repeat.
      init_seconds: to compile and make the state.

    Raises:
      InputError: see `chosen`.
    """

    def __init__(self, config: ml_collections.ConfigDict):
        self.devices, self.method = chosen(config)
        without_accumulation = config.copy_and_resolve_references()
        without_accumulation.train.accumulate = 1
        self.method_in_one = for_screen.make_method(without_accumulation)
        count = config.train.batch
        index = np.arange(count, dtype=np.int32)
        self.batch = {"images": images(config, count), "index": index}
        classes = for_screen.source(config).classes
        self.batch["labels"] = {
            name: index % len(names) for name, names in classes.items()
        }
        self.period = math.lcm(*(phase.every for phase in self.method.phases))
        self.key = loop.stream_key(config, loop.STEPS)
        self._phases = parallel.split_all(
            [phase.fn for phase in self.method.phases], self.devices
        )
        self._step = loop.in_turn(config, self.method, self._phases)
        began = time.monotonic()
        init = parallel.on_one(self.method.init)
        self.state = init(loop.stream_key(config, loop.INIT))
        jax.block_until_ready(self.state)
        self.init_seconds = time.monotonic() - began

    def run_phase(self, number: int, times: int) -> None:
        """Runs one phase, and waits; the first call of any phase compiles all."""
        for _ in range(times):
            self.state, metrics = self._phases[number](self.state, self.batch, self.key)
        jax.block_until_ready((self.state, metrics))

    def run_periods(self, times: int) -> None:
        """Runs whole steps like training, and waits."""
        for step in range(times * self.period):
            self.state, metrics = self._step(self.state, self.batch, step)
        jax.block_until_ready((self.state, metrics))
