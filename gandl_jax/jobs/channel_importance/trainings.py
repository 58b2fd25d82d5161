"""Trainings whose networks are asked: on all channels, and without one each.

Those on the same channels differ only in their seed. Imports nothing slow.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import ml_collections
from etils import epath

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.judging import seed_workdirs
from gandl_jax.raw import screen
from gandl_jax.training import opening

VARIES = ("seed", "data.channels")
LENGTH = "train.total_images"  # in no experiment's identity


@dataclasses.dataclass(frozen=True)
class Training:
    """A workdir with a trained network.

    Attributes:
      folder: the workdir.
      config: of the training, with its channels spelt out and `data.dir` of the job.
    """

    folder: epath.Path
    config: ml_collections.ConfigDict

    @property
    def seed(self) -> int:
        """Seed of the training."""
        return self.config.seed

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the network's channels, in its order."""
        return tuple(self.config.data.channels)


@dataclasses.dataclass(frozen=True)
class Trainings:
    """Trainings to be compared, by the channels they have.

    Attributes:
      whole: trainings on all channels, by seed.
      without: channel to the trainings that lack only it, by seed.
    """

    whole: tuple[Training, ...]
    without: Mapping[str, tuple[Training, ...]]

    @property
    def channels(self) -> tuple[str, ...]:
        """All channels."""
        return self.whole[0].channels

    @property
    def config(self) -> ml_collections.ConfigDict:
        """Config of the first training on all channels."""
        return self.whole[0].config


def read(folders: Sequence[epath.Path], data_dir: str, dataset: str) -> Trainings:
    """Reads the configs of workdirs, but no network.

    Args:
      folders: of the trainings.
      data_dir: the prepared screen's present folder.
      dataset: the screen's name.

    Raises:
      InputError: a folder is no workdir, not finished, of another screen, learnt no
        label, or differs in more than its seed and one channel; or there is only one
        channel.
    """
    trainings = [_read(folder, data_dir, dataset) for folder in folders]
    channels = max((training.channels for training in trainings), key=len)
    if len(channels) < 2:
        raise InputError(
            f"{trainings[0].folder} was trained on one channel, {channels[0]}, and "
            "which matters is asked of two or more: name more in config.data.channels, "
            "and train again"
        )
    _check_alike(trainings)
    whole = [training for training in trainings if training.channels == channels]
    _check_length(whole)
    without: dict[str, list[Training]] = {}
    for training in trainings:
        if training.channels != channels:
            without.setdefault(_lacking(training, channels), []).append(training)
    return Trainings(
        _by_seed(whole),
        {name: _by_seed(without[name]) for name in channels if name in without},
    )


def read_config(folder: epath.Path, dataset: str) -> ml_collections.ConfigDict:
    """Reads the config that a workdir was trained with.

    Args:
      folder: of the training.
      dataset: name of the screen that is asked about.

    Raises:
      InputError: the folder is no workdir, or of another screen.
    """
    config = opening.read_trained(folder)
    if (name := screen.load(config).name) != dataset:
        raise InputError(
            f"{folder} is of the screen {name!r}, this config's is {dataset!r}: name "
            "trainings of one screen"
        )
    return config


def _read(folder: epath.Path, data_dir: str, dataset: str) -> Training:
    config = read_config(folder, dataset)
    if not configs.label_columns(config):
        raise InputError(
            f"{folder} learnt no label, and a channel matters for one: train a "
            "classifier with config.data.label"
        )
    opening.check_finished(folder, config)
    config.data.dir = data_dir
    config.embed.checkpoint = ""  # the network is this workdir's
    return Training(folder, config)


def _check_alike(trainings: Sequence[Training]) -> None:
    first, before = trainings[0], _identity(trainings[0])
    for training in trainings[1:]:
        now = _identity(training)
        for key in {**before, **now}:
            if before.get(key) != now.get(key):
                raise InputError(
                    f"{first.folder} and {training.folder} differ in more than seed "
                    f"and channels: {key} is {before.get(key)!r} and "
                    f"{now.get(key)!r}; name trainings of one kind"
                )


def _check_length(whole: Sequence[Training]) -> None:
    first = whole[0]
    for training in whole[1:]:
        lengths = [compared.config.train.total_images for compared in (first, training)]
        if lengths[0] != lengths[1]:
            raise InputError(
                f"{first.folder} and {training.folder} differ in more than their seed: "
                f"{LENGTH} is {lengths[0]} and {lengths[1]}; train both as long"
            )


def _identity(training: Training) -> dict[str, Any]:
    identity = configs.identity(training.config)
    identity |= seed_workdirs.start_identity(training.folder)
    return {key: value for key, value in identity.items() if key not in VARIES}


def _lacking(training: Training, channels: Sequence[str]) -> str:
    """Returns the channel that a training lacks.

    Raises:
      InputError: its channels are not all others, in their order.
    """
    lacking = [name for name in channels if name not in training.channels]
    others = tuple(name for name in channels if name not in lacking)
    if len(lacking) != 1 or training.channels != others:
        raise InputError(
            f"{training.folder} was trained on {', '.join(training.channels)}: name "
            f"trainings on {', '.join(channels)}, and on all but one of them in this "
            "order"
        )
    return lacking[0]


def _by_seed(trainings: Sequence[Training]) -> tuple[Training, ...]:
    """Sorts trainings on the same channels by seed; refuses a seed that comes twice."""
    folders: dict[int, epath.Path] = {}
    for training in trainings:
        if training.seed in folders:
            raise InputError(
                f"{folders[training.seed]} and {training.folder} are of the same "
                f"channels and seed, {training.seed}: leave one out"
            )
        folders[training.seed] = training.folder
    return tuple(sorted(trainings, key=lambda training: training.seed))
