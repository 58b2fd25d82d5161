"""A training on random images: no screen is needed, and nothing is written."""

import math
import time
from typing import Any

import jax
import ml_collections
import numpy as np

from gandl_jax import parallel
from gandl_jax.datasets import prepared, screen
from gandl_jax.jobs import experiment, train


def channels(config: ml_collections.ConfigDict) -> tuple[str, ...]:
    """The channels that the network takes, of a screen that need not be prepared.

    Raises:
      InputError: the screen has no such channel.
    """
    spec = screen.load(config)
    return prepared.check_channels(spec.name, spec.channels, config.data.channels)


def images(config: ml_collections.ConfigDict, count: int) -> np.ndarray:
    """[count, crop_px, crop_px, C] float32 noise in [-1, 1)."""
    size = config.data.crop_px
    shape = (count, size, size, len(channels(config)))
    drawn = np.random.default_rng(config.seed).random(shape, np.float32)
    return 2 * drawn - 1


def chosen(config: ml_collections.ConfigDict) -> tuple[list[jax.Device], Any]:
    """The devices that train, and the method that the config names.

    Raises:
      InputError: there are not so many devices, they do not divide the batch, or the
        screen has no such channel.
    """
    channels(config)
    devices = parallel.devices(config.train.devices)
    method = experiment.make_method(config, screen.load(config))
    parallel.check_batch(config.train.batch, len(devices), method.unit)
    return devices, method


class RandomTraining:
    """Phases on the devices, and a state that moves on with every call of them.

    Args:
      config: the whole config.

    Attributes:
      method: that the config names.
      devices: that train.
      state: after the last call.
      batch: as training has it, in the host's memory.
      period: steps after which the phases come round again.
      init_seconds: to compile and make the state.

    Raises:
      InputError: as `chosen`.
    """

    def __init__(self, config: ml_collections.ConfigDict):
        self.devices, self.method = chosen(config)
        count = config.train.batch
        index = np.arange(count, dtype=np.int32)
        self.batch = {"images": images(config, count), "index": index}
        self.period = math.lcm(*(phase.every for phase in self.method.phases))
        self.key = train.stream_key(config, train.STEPS)
        self._phases = parallel.split_all(
            [phase.fn for phase in self.method.phases], self.devices
        )
        self._step = train.in_turn(config, self.method, self._phases)
        began = time.monotonic()
        init = parallel.on_one(self.method.init)
        self.state = init(train.stream_key(config, train.INIT))
        jax.block_until_ready(self.state)
        self.init_seconds = time.monotonic() - began

    def run_phase(self, number: int, times: int) -> None:
        """Runs one phase, and waits; the first call of any compiles all."""
        for _ in range(times):
            self.state, metrics = self._phases[number](self.state, self.batch, self.key)
        jax.block_until_ready((self.state, metrics))

    def run_periods(self, times: int) -> None:
        """Runs whole steps, as training does, and waits."""
        for step in range(times * self.period):
            self.state, metrics = self._step(self.state, self.batch, step)
        jax.block_until_ready((self.state, metrics))
