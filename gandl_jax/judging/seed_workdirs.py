"""Workdirs of trainings that differ in their seed, whose profiles are compared."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from etils import epath

from gandl_jax import config as configs
from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError
from gandl_jax.judging import task_results
from gandl_jax.profiles import feature_set, store, table
from gandl_jax.profiles.aligned import AlignedSets
from gandl_jax.raw import screen
from gandl_jax.training import network_files

# Keys of the notes beside features that differ between trainings.
OF_ONE_TRAINING = ("encoder", "weights_sha256", "skips_bad_records")


@dataclasses.dataclass(frozen=True)
class Training:
    """A workdir with profiles of trained encoders and of the untrained one.

    Attributes:
      folder: the workdir.
      seed: of the training.
      encoders: profiles/<dataset>/<encoder>: the trained ones, then the untrained.
      records: the screen's current `Metadata_*` columns, if the screen is here.
      within: the judged records, as in `AlignedSets`.
    """

    folder: epath.Path
    seed: int
    encoders: tuple[epath.Path, ...]
    records: pd.DataFrame | None
    within: str = ""

    def open(self) -> AlignedSets:
        """Returns its sets; features are read when asked for and kept for a while."""
        return AlignedSets(self.encoders, "", self.records, self.within)


def read(
    job: str,
    folders: Sequence[str],
    steps: Sequence[str],
    dataset: str,
    records: pd.DataFrame | None,
    within: str = "",
) -> list[Training]:
    """Reads the descriptions of workdirs, and no features.

    Args:
      job: that compares them, for its lines.
      folders: two or more workdirs.
      steps: of the trained encoders, "last", "all" or numbers.
      dataset: the screen's name.
      records: the screen's current `Metadata_*` columns, if the screen is here.
      within: the judged records, as in `AlignedSets`.

    Returns:
      The trainings, in the order of the folders.

    Raises:
      InputError: one is no workdir, or of another screen; two have the same seed, or
        differ in more; profiles are missing or not complete.
    """
    first, trainings = None, []
    for folder in map(epath.Path, folders):
        config = workdirs.read_config(folder)
        if (name := screen.load(config).name) != dataset:
            raise InputError(
                f"{folder} is of the screen {name!r}, this config's is {dataset!r}: "
                "compare trainings of one screen"
            )
        trained = trained_with(config)
        identity = _but_seed(config) | start_identity(folder)
        identity |= {
            f"{key} of the encoder": value for key, value in _but_seed(trained).items()
        }
        first = first or identity
        encoders = chosen_encoders(job, folder, steps, dataset)
        training = Training(folder, trained.seed, encoders, records, within)
        for other in trainings:
            _check_seed(training, other)
        if trainings:
            _refuse_difference(training, trainings[0], identity, first)
            _check_profiles(training, trainings[0])
        trainings.append(training)
    return trainings


def common_sets(trainings: Sequence[Training]) -> list[str]:
    """Returns the full names of the sets that all encoders of all trainings have.

    Args:
      trainings: as in `read`.

    Raises:
      InputError: there is none.
    """
    names_of_encoders = [
        list(store.widths(d)) for training in trainings for d in training.encoders
    ]
    common = [
        name
        for name in names_of_encoders[0]
        if all(name in names for names in names_of_encoders)
    ]
    if not common:
        raise InputError(
            f"no feature set is in all of {_listed(trainings)}: embed them again"
        )
    return [
        feature_set.full_name(directory.name, name)
        for directory in trainings[0].encoders
        for name in common
    ]


def check_records(folders: Sequence[epath.Path], opened: Sequence[AlignedSets]) -> None:
    """Refuses workdirs whose profiles are not of the same records.

    Args:
      folders: the workdirs.
      opened: their sets.

    Raises:
      InputError: two differ in their records or the order of them.
    """
    ids = [table.record_ids(sets.metadata, table_name="profiles") for sets in opened]
    for folder, folder_ids in zip(folders, ids, strict=True):
        if list(folder_ids) != list(ids[0]):
            raise InputError(
                f"{folder} and {folders[0]} have profiles of other records: embed both "
                "on the same prepared screen"
            )


def trained_with(config):
    """Returns the config of the training: another workdir's if its encoder is used."""
    checkpoint = config.embed.checkpoint
    if not checkpoint:
        return config
    if network_files.is_file(checkpoint):
        raise InputError(
            f"the encoder of {config.name} is of the file {checkpoint}, which has no "
            "seed: compare trainings"
        )
    return workdirs.read_config(epath.Path(config.embed.checkpoint))


def _but_seed(config) -> dict[str, Any]:
    return {k: v for k, v in configs.identity(config).items() if k != "seed"}


def start_identity(folder: epath.Path) -> dict[str, str]:
    """Returns the identity of the training's start; {} for random networks.

    It is independent of the path of the start.
    """
    start = workdirs.noted(folder, "start")
    return {"train.start_from": start["sha256"]} if start else {}


def chosen_encoders(
    job: str, folder: epath.Path, steps: Sequence[str], dataset: str
) -> tuple[epath.Path, ...]:
    """Returns the profiles of a workdir's trained encoders, then its untrained one.

    Raises:
      InputError: one is missing; the message says how to make it.
    """
    profiles = folder / "profiles" / dataset
    encoders = {d.name: d for d in task_results.encoders(job, profiles)}
    roles = feature_set.roles(encoders)
    for role in ("trained", "untrained"):
        if role not in roles:
            raise InputError(
                f"{profiles} lacks the {role} encoder: {_embed(folder, ('last',))}"
            )
    method = roles["trained"].rpartition("@")[0]
    every = [name for name in encoders if _is_after_start(name, method)]
    wanted = [
        name
        for step in steps
        for name in {"all": every[::-1], "last": [roles["trained"]]}.get(
            step, [f"{method}@{step}"]
        )
    ]
    for name in wanted:
        if name not in encoders:
            raise InputError(
                f"{profiles} has no encoder {name}, but {', '.join(encoders)}: "
                f"{_embed(folder, steps)}"
            )
    names = (*dict.fromkeys(wanted), roles["untrained"])
    return tuple(encoders[name] for name in names)


def _is_after_start(name: str, method: str) -> bool:
    """Whether an encoder is a checkpoint of a method after step 0."""
    return bool(feature_set.step(name)) and name == f"{method}@{feature_set.step(name)}"


def _embed(folder: epath.Path, steps: Sequence[str]) -> str:
    wanted = ",".join(dict.fromkeys(("first", *map(str, steps))))
    return f"run --workdir={folder} --job=embed with --config.embed.steps={wanted}"


def _check_seed(training: Training, former: Training) -> None:
    if training.seed == former.seed:
        raise InputError(
            f"{former.folder} and {training.folder} are of the same seed, "
            f"{training.seed}: name trainings of other seeds"
        )


def _check_profiles(training: Training, first: Training) -> None:
    """Refuses encoders that were trained longer, or embedded in another way."""
    names = [[d.name for d in each.encoders] for each in (first, training)]
    if names[0] != names[1]:
        reference, compared = (", ".join(encoder_names[:-1]) for encoder_names in names)
        raise InputError(
            f"config.compare.steps asks for {reference} of {first.folder}, for "
            f"{compared} of {training.folder}: train and embed both to the same step"
        )
    for compared, reference in zip(training.encoders, first.encoders, strict=True):
        notes = (
            {k: v for k, v in store.made_from(d).items() if k not in OF_ONE_TRAINING}
            for d in (compared, reference)
        )
        _refuse_difference(training, first, *notes)


def _refuse_difference(
    training: Training,
    first: Training,
    values: Mapping[str, Any],
    first_values: Mapping[str, Any],
) -> None:
    for key in {**first_values, **values}:
        if values.get(key) != first_values.get(key):
            raise InputError(
                f"{first.folder} and {training.folder} differ in more than their seed: "
                f"{key} is {first_values.get(key)!r} and {values.get(key)!r}"
            )


def _listed(trainings: Sequence[Training]) -> str:
    return ", ".join(str(training.folder) for training in trainings)
