"""Networks of trainings: their answers about images, and their weights."""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from gandl_jax import config as configs
from gandl_jax import parallel
from gandl_jax.errors import InputError
from gandl_jax.jobs.channel_importance.trainings import Training
from gandl_jax.methods.contract import IMPORTANCE
from gandl_jax.training import encoders, opening, pooling, sources

Answer = Callable[[np.ndarray], Mapping[str, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class Network:
    """The last network of a training.

    Attributes:
      digest: SHA-256, in hex, of its numbers.
      importance: [C] float64 of sum 1, from a layer that weighs channels by fixed
        numbers; None without one.
      answer: maps images [n, H, W, C] float32 in [-1, 1] to {label column: [n,
        classes]}, the probability of each class; compiled at the first call.
    """

    digest: str
    importance: np.ndarray | None
    answer: Answer


def read(training: Training) -> Network:
    """Restores the network of the last checkpoint.

    Raises:
      InputError: there is no checkpoint, or its method does not name classes.
    """
    config = training.config
    trained = encoders.find_trained(config, training.folder)
    with contextlib.closing(trained.saved):
        (step,) = encoders.choose_steps(("last",), trained.steps)
        source = trained.source()
        architecture = sources.architecture(config, source)
        trained.saved.check(step, architecture, configs.defaults(config))
        method = opening.make_method(config, source)
        if not hasattr(method, "answer"):
            raise InputError(
                f"the method {config.method.name} of {training.folder} does not say "
                "which class an image is of: train with method=classifier"
            )
        encoder = encoders.restore(method, trained.saved, step)
    return Network(
        encoders.fingerprint(encoder),
        _importance(method, encoder),
        _answering(config, method, encoder),
    )


def _importance(method: Any, encoder: Any) -> np.ndarray | None:
    tables = method.summary(encoder) if hasattr(method, "summary") else {}
    rows = tables.get(IMPORTANCE)
    return rows and np.array([row["importance"] for row in rows], np.float64)


def _answering(config, method: Any, encoder: Any) -> Answer:
    """Makes a function that answers in batches, averaged over orientations."""

    @functools.cache
    def compiled() -> Callable:
        devices = parallel.devices(config.train.devices)
        parallel.check_batch(config.embed.batch, len(devices), 1)
        on_devices = parallel.map_batch(method.answer, devices)
        encode = functools.partial(on_devices, encoder)
        return pooling.over_orientations(encode, config.embed.orientations)

    def answer(images: np.ndarray) -> dict[str, np.ndarray]:
        batches = [compiled()(batch) for batch in _batches(images, config.embed.batch)]
        joined = jax.tree.map(
            lambda *arrays: np.concatenate(arrays)[: len(images)], *batches
        )
        return dict(joined)

    return answer


def _batches(images: np.ndarray, size: int) -> Sequence[np.ndarray]:
    """Splits the images into batches of one size, the last filled up with zeros."""
    lacking = -len(images) % size
    zeros = np.zeros((lacking, *images.shape[1:]), images.dtype)
    return np.split(np.concatenate([images, zeros]), (len(images) + lacking) // size)
