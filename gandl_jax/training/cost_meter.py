"""Measures the cost of a training, over all its starts, for `costs.FILE`.

The figures up to a checkpoint are stored with it, and a resumed training continues
from them. Costs in the file beyond those were lost, and are reported as redone.
"""

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from etils import epath

from gandl_jax import compilation, costs, hosts, memory, parallel, plain_data

KINDS = STEPS, CHECKS, VALIDATION, PICTURES, CHECKPOINTS, COUNTING = (
    "steps",
    "checks",
    "validation",
    "pictures",
    "checkpoints",
    "counting",
)


class Meter:
    """Measures a training in this process.

    Args:
      workdir: of the experiment.
      config: of the experiment.
      method: that is trained.
      channels: C of the images.
      devices: of all hosts.
      clock: seconds.
    """

    def __init__(
        self,
        workdir: epath.Path,
        config: Any,
        method: Any,
        channels: int,
        devices: list[jax.Device],
        clock: Callable[[], float] = time.monotonic,
    ):
        self._workdir, self._devices, self._clock = workdir, devices, clock
        here = jax.process_index()  # other hosts' devices have no figures here
        self._local = [device for device in devices if device.process_index == here]
        self._config, self._method, self._channels = config, method, channels
        self._parameters: dict[str, Any] = {}
        self._compiled = compilation.seconds()  # already counted, or not of this run
        self._began, self._first, self._step = costs.now(), 0, 0
        self._before: dict[str, Any] = {}  # the figures at the start
        self._flops: float | None = None
        self._seconds = dict.fromkeys(KINDS, 0.0)
        self._kind, self._since = STEPS, (clock(), self._compiled)

    def begin(self, first: int, noted: Mapping[str, Any] | None) -> None:
        """Continues the figures of a checkpoint.

        Args:
          first: steps completed.
          noted: figures stored with it; None at step 0 or by a former version.
        """
        noted = noted if plain_data.fits(noted, costs.TRAINING) else None
        former = self._former() if noted or not first else None
        ever = former or noted or _nothing(first)
        # Work after the last checkpoint counts if the training stopped in order.
        is_whole = bool(former) and former["step"] == first
        kept = ever if is_whole else noted or _nothing(first)
        self._before = {**ever, "since_step": kept["since_step"]}
        self._before["redone"] = _redone(ever, kept, first)
        self._seconds = dict.fromkeys(KINDS, 0.0) | kept["seconds"]
        self._flops = self._flops or ever["flops_per_step"]
        self._parameters = (
            self._parameters
            or ever["parameters"]
            or parameters(self._config, self._method, self._channels)
        )
        self._first = self._step = first
        self._kind, self._since = STEPS, (self._clock(), compilation.seconds())

    def _former(self) -> dict[str, Any] | None:
        """Returns the file's figures of the training, on the first host; else None."""
        if not hosts.leads():
            return None
        return costs.read_or_begin(self._workdir).get("training")

    def count(self, count_flops: Callable[[], float | None]) -> None:
        """Counts a step's floating-point operations, unless they are known."""
        if self._flops is None and hosts.leads():
            with self.timing(COUNTING):
                try:
                    self._flops = count_flops()
                except Exception as error:  # no failure here may end the training
                    print(f"note: a step's operations are not counted: {error}")

    @contextlib.contextmanager
    def timing(self, kind: str) -> Iterator[None]:
        """Counts the seconds within as another kind than steps; may be nested."""
        self._take()
        outer, self._kind = self._kind, kind
        try:
            yield
        finally:
            self._take()
            self._kind = outer

    def _take(self) -> None:
        """Adds the time since the last call to the current kind."""
        clock, compiled = self._clock(), compilation.seconds()
        spent = clock - self._since[0] - (compiled - self._since[1])
        self._seconds[self._kind] += max(spent, 0.0)
        self._since = clock, compiled

    def done(self, step: int) -> None:
        """Notes the number of steps completed."""
        self._step = step

    def figures(self) -> dict[str, Any]:
        """Returns all figures until now, see `costs`."""
        self._take()
        before = self._before
        compiled = compilation.seconds() - self._compiled
        steps = self._step - before["since_step"]
        return {
            "step": self._step,
            "since_step": before["since_step"],
            "steps": steps,
            "images": steps * self._config.train.batch,
            "batch": self._config.train.batch,
            "stopped": None,
            "seconds": {
                kind: round(seconds, 3) for kind, seconds in self._seconds.items()
            },
            "compile_seconds": round(before["compile_seconds"] + compiled, 3),
            "redone": before["redone"],
            "peak_host_bytes": max(before["peak_host_bytes"], memory.peak_bytes()),
            "peak_device_bytes": _most(
                before["peak_device_bytes"], parallel.peak_bytes(self._local)
            ),
            "flops_per_step": self._flops,
            "parameters": self._parameters,
            **described(self._devices),
            "began": before["began"] or self._began,
            "written": costs.now(),
        }

    def write(self) -> None:
        """Writes the file, if a step was made."""
        if self._step == self._first or not hosts.leads():
            return
        costs.write_training(self._workdir, self.figures())

    def close(self) -> None:
        """Writes the file, with the compilations until now."""
        self.write()
        self._compiled = compilation.seconds()


def described(devices: Sequence[jax.Device]) -> dict[str, Any]:
    """Describes the devices, with None as kind if there is none."""
    return {
        "device": devices[0].device_kind if devices else None,
        "devices": len(devices),
        "hosts": hosts.count(),
    }


def parameters(config: Any, method: Any, channels: int) -> dict[str, Any]:
    """Counts the parameters of the encoder and of the state, see `costs`.

    Args:
      config: of the experiment.
      method: as in `methods/contract.py`.
      channels: C of the images.
    """
    state = jax.eval_shape(method.init, jax.random.key(0))
    encoder = jax.eval_shape(method.items, state)["encoder"]
    size = config.data.crop_px
    shape = config.embed.batch, size, size, channels
    images = jax.ShapeDtypeStruct(shape, np.float32)
    encoder_counts = _by_name(encoder, parallel.used(method.embed, encoder, images))
    return {
        "encoder": sum(encoder_counts.values()),
        "encoder_by_name": encoder_counts,
        "state": sum(_by_name(state).values()),
        "state_by_name": _by_name(state),
    }


def _by_name(tree: Any, used: Sequence[bool] | None = None) -> dict[str, int]:
    """Counts the numbers under each pair of uppermost names.

    Args:
      tree: of shapes.
      used: per leaf, whether it counts; None counts all.
    """
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    numbers: dict[str, int] = {}
    for (path, leaf), is_counted in zip(
        leaves, used or [True] * len(leaves), strict=True
    ):
        if is_counted:
            name = jax.tree_util.keystr(path[:2], simple=True, separator="/")
            numbers[name] = numbers.get(name, 0) + math.prod(leaf.shape)
    return numbers


def _nothing(first: int) -> dict[str, Any]:
    """Returns the figures of a training that is measured from `first` on."""
    return {
        "step": first,
        "since_step": first,
        "seconds": {},
        "compile_seconds": 0.0,
        "redone": {"steps": 0, "seconds": 0.0},
        "peak_host_bytes": 0,
        "peak_device_bytes": None,
        "flops_per_step": None,
        "parameters": None,
        "began": None,
    }


def _redone(
    ever: Mapping[str, Any], path: Mapping[str, Any], first: int
) -> dict[str, Any]:
    """Returns the work lost so far, with that after the checkpoint `first`."""
    lost = sum(ever["seconds"].values()) - sum(path["seconds"].values())
    return {
        "steps": ever["redone"]["steps"] + max(ever["step"] - first, 0),
        "seconds": round(ever["redone"]["seconds"] + max(lost, 0.0), 3),
    }


def _most(*bytes_seen: int | None) -> int | None:
    return max((count for count in bytes_seen if count is not None), default=None)
