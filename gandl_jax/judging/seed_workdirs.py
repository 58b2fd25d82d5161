"""Trainings that differ in their seed: the workdirs of which profiles are compared."""

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

# Of what is noted beside features: what each training has of its own.
OF_ONE_TRAINING = ("encoder", "weights_sha256", "skips_bad_records")


@dataclasses.dataclass(frozen=True)
class Training:
    """A workdir with profiles of trained encoders and of the untrained one.

    Attributes:
      folder: the workdir.
      seed: of the training.
      encoders: profiles/<dataset>/<encoder>: the trained ones, then the untrained.
      records: the screen's `Metadata_*` columns as they are now, if it is here.
      within: which records are judged, as of `AlignedSets`.
    """

    folder: epath.Path
    seed: int
    encoders: tuple[epath.Path, ...]
    records: pd.DataFrame | None
    within: str = ""

    def open(self) -> AlignedSets:
        """Its sets, whose features are read when asked for and kept for a while."""
        return AlignedSets(self.encoders, "", self.records, self.within)


def read(
    job: str,
    folders: Sequence[str],
    steps: Sequence[str],
    dataset: str,
    records: pd.DataFrame | None,
    within: str = "",
) -> list[Training]:
    """Reads what the workdirs say of themselves, and no features.

    Args:
      job: that compares them, for its lines.
      folders: two or more workdirs.
      steps: of the trained encoders, "last", "all" or numbers.
      dataset: the screen's name.
      records: the screen's `Metadata_*` columns as they are now, if it is here.
      within: which records are judged, as of `AlignedSets`.

    Returns:
      The trainings, in the order of the folders.

    Raises:
      InputError: one is no workdir, or of another screen; two have the same seed, or
        differ in more; profiles are missing or not complete.
    """
    first, made = None, []
    for folder in map(epath.Path, folders):
        config = workdirs.read_config(folder)
        if (name := screen.load(config).name) != dataset:
            raise InputError(
                f"{folder} is of the screen {name!r}, this config's is {dataset!r}: "
                "compare trainings of one screen"
            )
        trained = trained_with(config)
        identity = _but_seed(config) | started(folder)
        identity |= {
            f"{key} of the encoder": value for key, value in _but_seed(trained).items()
        }
        first = first or identity
        encoders = chosen_encoders(job, folder, steps, dataset)
        training = Training(folder, trained.seed, encoders, records, within)
        for other in made:
            _check_seed(training, other)
        if made:
            _refuse_difference(training, made[0], identity, first)
            _check_profiles(training, made[0])
        made.append(training)
    return made


def common_sets(trainings: Sequence[Training]) -> list[str]:
    """The full names of the sets that all have, trained and untrained.

    Args:
      trainings: as of `read`.

    Raises:
      InputError: there is none.
    """
    known = [list(store.widths(d)) for one in trainings for d in one.encoders]
    kept = [name for name in known[0] if all(name in names for names in known)]
    if not kept:
        raise InputError(
            f"no feature set is in all of {_listed(trainings)}: embed them again"
        )
    return [
        feature_set.full_name(directory.name, name)
        for directory in trainings[0].encoders
        for name in kept
    ]


def check_records(folders: Sequence[epath.Path], opened: Sequence[AlignedSets]) -> None:
    """Refuses workdirs whose profiles are not of the same records.

    Args:
      folders: the workdirs.
      opened: their sets.

    Raises:
      InputError: two are of others, or in another order.
    """
    ids = [table.record_ids(sets.metadata, table_name="profiles") for sets in opened]
    for folder, own in zip(folders, ids, strict=True):
        if list(own) != list(ids[0]):
            raise InputError(
                f"{folder} and {folders[0]} have profiles of other records: embed both "
                "on the same prepared screen"
            )


def trained_with(config):
    """The config of the training: another workdir's where its encoder is."""
    place = config.embed.checkpoint
    if not place:
        return config
    if network_files.is_file(place):
        raise InputError(
            f"the encoder of {config.name} is of the file {place}, which has no seed: "
            "compare trainings"
        )
    return workdirs.read_config(epath.Path(config.embed.checkpoint))


def _but_seed(config) -> dict[str, Any]:
    return {k: v for k, v in configs.identity(config).items() if k != "seed"}


def started(folder: epath.Path) -> dict[str, str]:
    """What the training started from, wherever that lies; {} of random networks."""
    start = workdirs.noted(folder, "start")
    return {"train.start_from": start["sha256"]} if start else {}


def chosen_encoders(
    job: str, folder: epath.Path, steps: Sequence[str], dataset: str
) -> tuple[epath.Path, ...]:
    """The profiles of a workdir's trained encoders, then of its untrained one.

    Raises:
      InputError: one is not there; the message says how to make it.
    """
    profiles = folder / "profiles" / dataset
    found = {d.name: d for d in task_results.encoders(job, profiles)}
    roles = feature_set.roles(found)
    for role in ("trained", "untrained"):
        if role not in roles:
            raise InputError(
                f"{profiles} lacks the {role} encoder: {_embed(folder, ('last',))}"
            )
    method = roles["trained"].rpartition("@")[0]
    every = [name for name in found if _is_after_start(name, method)]
    wanted = [
        name
        for step in steps
        for name in {"all": every[::-1], "last": [roles["trained"]]}.get(
            step, [f"{method}@{step}"]
        )
    ]
    for name in wanted:
        if name not in found:
            raise InputError(
                f"{profiles} has no encoder {name}, but {', '.join(found)}: "
                f"{_embed(folder, steps)}"
            )
    names = (*dict.fromkeys(wanted), roles["untrained"])
    return tuple(found[name] for name in names)


def _is_after_start(name: str, method: str) -> bool:
    """Whether an encoder is a checkpoint of a method after step 0."""
    return bool(feature_set.step(name)) and name == f"{method}@{feature_set.step(name)}"


def _embed(folder: epath.Path, steps: Sequence[str]) -> str:
    asked = ",".join(dict.fromkeys(("first", *map(str, steps))))
    return f"run --workdir={folder} --job=embed with --config.embed.steps={asked}"


def _check_seed(one: Training, other: Training) -> None:
    if one.seed == other.seed:
        raise InputError(
            f"{other.folder} and {one.folder} are of the same seed, {one.seed}: name "
            "trainings of other seeds"
        )


def _check_profiles(one: Training, first: Training) -> None:
    """Refuses encoders that were trained longer, or embedded in another way."""
    names = [[d.name for d in training.encoders] for training in (first, one)]
    if names[0] != names[1]:
        its, own = (", ".join(of[:-1]) for of in names)
        raise InputError(
            f"config.compare.steps asks for {its} of {first.folder}, for {own} of "
            f"{one.folder}: train and embed both to the same step"
        )
    for own, its in zip(one.encoders, first.encoders, strict=True):
        notes = (
            {k: v for k, v in store.made_from(d).items() if k not in OF_ONE_TRAINING}
            for d in (own, its)
        )
        _refuse_difference(one, first, *notes)


def _refuse_difference(
    one: Training, first: Training, own: Mapping[str, Any], its: Mapping[str, Any]
) -> None:
    for key in {**its, **own}:
        if own.get(key) != its.get(key):
            raise InputError(
                f"{first.folder} and {one.folder} differ in more than their seed: "
                f"{key} is {its.get(key)!r} and {own.get(key)!r}"
            )


def _listed(trainings: Sequence[Training]) -> str:
    return ", ".join(str(training.folder) for training in trainings)
