"""The networks of trainings: what each answers about images, and its weights."""

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
      importance: [C] float64 of sum 1, of a layer that weighs channels by fixed
        numbers; None without one.
      answer: gives of images [n, H, W, C] float32 in [-1, 1] {column: [n, classes]},
        how likely each class is; compiled when it is first called.
    """

    digest: str
    importance: np.ndarray | None
    answer: Answer


def read(training: Training) -> Network:
    """Restores the network of the last checkpoint.

    Raises:
      InputError: there is none, or its method does not answer with classes.
    """
    config = training.config
    of_folder = encoders.find_trained(config, training.folder)
    with contextlib.closing(of_folder.saved):
        (step,) = encoders.choose_steps(("last",), of_folder.steps)
        source = of_folder.source()
        architecture = sources.architecture(config, source)
        of_folder.saved.check(step, architecture, configs.defaults(config))
        method = opening.make_method(config, source)
        if not hasattr(method, "answer"):
            raise InputError(
                f"the method {config.method.name} of {training.folder} does not say "
                "which class an image is of: train with method=classifier"
            )
        encoder = encoders.restore(method, of_folder.saved, step)
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
    """Answers in batches of one size, means over the orientations of embedding."""

    @functools.cache
    def compiled() -> Callable:
        devices = parallel.devices(config.train.devices)
        parallel.check_batch(config.embed.batch, len(devices), 1)
        on_devices = parallel.map_batch(method.answer, devices)
        encode = functools.partial(on_devices, encoder)
        return pooling.over_orientations(encode, config.embed.orientations)

    def answer(images: np.ndarray) -> dict[str, np.ndarray]:
        parts = [compiled()(part) for part in _batches(images, config.embed.batch)]
        joined = jax.tree.map(lambda *x: np.concatenate(x)[: len(images)], *parts)
        return dict(joined)

    return answer


def _batches(images: np.ndarray, size: int) -> Sequence[np.ndarray]:
    """The images in batches of one size, the last one filled up with zeros."""
    lacking = -len(images) % size
    zeros = np.zeros((lacking, *images.shape[1:]), images.dtype)
    return np.split(np.concatenate([images, zeros]), (len(images) + lacking) // size)
