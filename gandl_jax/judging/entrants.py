"""Entrants of a comparison: trainings of methods and recipes, and published tables.

Workdirs that differ in their seed alone are replicates of one arm. The settings in
which arms of one method differ are found from their configs, and the fewest that
distinguish them name them: the recipe, if that is enough. `config.compare.arm` of a
training names it too.
"""

import dataclasses
import glob
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from etils import epath

from gandl_jax import config as configs
from gandl_jax import events, modules
from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError
from gandl_jax.judging import seed_workdirs, task_results
from gandl_jax.profiles import feature_set, floors, joined, store
from gandl_jax.profiles.aligned import AlignedSets
from gandl_jax.raw import screen
from gandl_jax.training import opening

LENGTH = "train.total_images"  # in no experiment's identity, but it names a recipe
HOLD_OUT = "train.hold_out"
RECIPE = "method.recipe"  # a name for other keys, and in no experiment's identity
EXTRA = "data.extra"


@dataclasses.dataclass(frozen=True)
class Entrant:
    """A training, or a published table.

    Attributes:
      method: its name; of a table the table's name.
      recipe: settings that distinguish the arms of this method: "lsgan", "batch=16"; ""
        for a single arm.
      settings: all settings in which they differ: "batch=16 total_images=160".
      seed: of the training; None for a table.
      folder: the workdir.
      encoders: profiles/<dataset>/<encoder>: trained and untrained; of a table, or of a
        network that is not trained, its single one.
      trained: full name of the headline set.
      untrained: the same of the network before training; "" for a table, and for a
        network that is not trained.
      saw_all: whether it was trained on records that other entrants held out.
      beside: profiles/<dataset>/<floor> that the headline set takes parts from.
      arm_name: name of its arm from its config; "" is method and recipe.
      values: full key -> value, of all in which the arms of this method differ.
    """

    method: str
    recipe: str
    settings: str
    seed: int | None
    folder: epath.Path
    encoders: tuple[epath.Path, ...]
    trained: str
    untrained: str
    saw_all: bool
    beside: tuple[epath.Path, ...] = ()
    arm_name: str = ""
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    _opened: list[AlignedSets] = dataclasses.field(
        default_factory=list, repr=False, compare=False
    )

    @property
    def arm(self) -> str:
        """Name of the arm, and whether it was trained on all records."""
        name = self.arm_name or f"{self.method} {self.recipe}".strip()
        return f"{name} (trained on all)" if self.saw_all else name

    @property
    def directories(self) -> tuple[epath.Path, ...]:
        """All that its sets come from."""
        return (*self.encoders, *self.beside)

    def open(self, records: pd.DataFrame | None, within: str = "") -> AlignedSets:
        """Returns its sets; features are read when asked for, records once.

        Args:
          records: as in `task_results.records`, the same in all calls.
          within: the judged records, as in `AlignedSets`, the same in all calls.
        """
        if not self._opened:
            join = self.trained.partition("/")[2]
            sets = AlignedSets(self.directories, "", records, within, join=join)
            self._opened.append(sets)
        return self._opened[0].without_features()


@dataclasses.dataclass(frozen=True)
class _Read:
    """A workdir's training, before its arm has a name."""

    folder: epath.Path
    features: str
    seed: int
    encoders: tuple[epath.Path, ...]
    arm: Mapping[str, Any]
    arm_name: str = ""


def find(patterns: Iterable[str]) -> list[epath.Path]:
    """Returns the workdirs that paths or patterns match, in order.

    Args:
      patterns: such as "runs/methods/demo/*".

    Raises:
      InputError: a pattern matches no workdir.
    """
    folders: dict[str, epath.Path] = {}
    for pattern in patterns:
        literal = [pattern] if epath.Path(pattern).is_dir() else []
        paths = literal or sorted(glob.glob(pattern))
        paths = [p for p in paths if (epath.Path(p) / workdirs.FILE).exists()]
        if not paths:
            raise InputError(
                f"config.compare.workdirs names {pattern}, which is no workdir and "
                "matches none"
            )
        folders |= {path: epath.Path(path) for path in paths}
    return list(folders.values())


def read(job: str, folders: Sequence[epath.Path], dataset: str) -> list[Entrant]:
    """Reads the descriptions of workdirs, and no features.

    Args:
      job: that compares them, for its lines.
      folders: of the workdirs.
      dataset: the screen's name.

    Returns:
      The trainings in the order of the folders, then the tables.

    Raises:
      InputError: workdirs of different screens, preparations or held-out records; one
        that is not finished or not embedded; two of one method, recipe and seed, or of
        one config.compare.arm and different settings.
    """
    trainings, tables = [], {}
    for folder in folders:
        config = workdirs.read_config(folder)
        _check_screen(folder, config, dataset)
        encoders = task_results.encoders(job, folder / "profiles" / dataset)
        tables |= {d.name: d for d in encoders if _is_table(d.name)}
        if any(feature_set.is_network(d.name) for d in encoders):
            trainings.append(_training(job, folder, config, dataset))
    _check_preparations([d for training in trainings for d in training.encoders])
    held_out = _held_out(trainings)
    entrants = _name_arms(trainings, held_out)
    _check_arm_names(entrants)
    _check_seeds(entrants)
    return [*entrants, *(_table(directory) for directory in tables.values())]


def _is_table(name: str) -> bool:
    return not feature_set.is_network(name) and name not in floors.OF_IMAGES


def _table(directory: epath.Path) -> Entrant:
    """Makes an entrant of an imported table, by its first set."""
    name = feature_set.full_name(directory.name, next(iter(store.widths(directory))))
    folder = directory.parent.parent.parent
    return Entrant(directory.name, "", "", None, folder, (directory,), name, "", False)


def _check_screen(folder: epath.Path, config, dataset: str) -> None:
    if (name := screen.load(config).name) != dataset:
        raise InputError(
            f"{folder} is of the screen {name!r}, this config's is {dataset!r}: "
            "compare workdirs of one screen"
        )


def _training(job: str, folder: epath.Path, config, dataset: str) -> _Read:
    encoders = _encoders(job, folder, config, dataset)
    _check_finished(folder, config, feature_set.step(encoders[0].name))
    trained = seed_workdirs.trained_with(config)
    arm = configs.identity(trained) | seed_workdirs.start_identity(folder)
    arm |= {LENGTH: trained.train.total_images, RECIPE: trained.method.recipe}
    features, seed = config.evaluate.features, arm.pop("seed")
    arm[EXTRA] = [_without_seed(place, seed) for place in trained.data.extra]
    return _Read(folder, features, seed, encoders, arm, trained.compare.arm)


def _without_seed(place: str, seed: int) -> str:
    """A folder's path, the same for replicates that each have one of their seed.

    "runs/generator-seed3/generated" of seed 3 is "runs/generator-seed/generated".
    """
    return re.sub(rf"(?<=seed){seed}(?!\d)", "", place)


def _encoders(
    job: str, folder: epath.Path, config, dataset: str
) -> tuple[epath.Path, ...]:
    """Returns the trained, then the untrained encoder; that alone if none is trained.

    A network that starts from published weights is not untrained.
    """
    encoders = task_results.encoders(job, folder / "profiles" / dataset)
    networks = [d for d in encoders if feature_set.is_network(d.name)]
    if not config.train.total_images and [
        feature_set.step(d.name) for d in networks
    ] == [0]:
        return tuple(networks)
    return seed_workdirs.chosen_encoders(job, folder, ("last",), dataset)


def _check_finished(folder: epath.Path, config, step: int | None) -> None:
    """Refuses a training that is not finished, or was embedded before its end."""
    if config.embed.checkpoint:  # another workdir's, which embedding has checked
        return
    last = opening.newest_step(folder)
    total = configs.steps(config.train.total_images, config.train.batch)
    if last is None or (last < total and last != events.early_end(events.read(folder))):
        raise InputError(
            f"the training in {folder} is at step {last or 0} of {total}: finish it "
            "with the same command, or leave it out"
        )
    rules = modules.names("methods/step_rules", "badness")
    if set(rules) & set(config.embed.steps) and "last" not in config.embed.steps:
        return
    if (step or 0) != last:  # None: what it started from, at step 0
        raise InputError(
            f"{folder} is embedded at step {step}, and its training ended at {last}: "
            f"run --workdir={folder} --job=embed"
        )


def _check_preparations(encoders: Sequence[epath.Path]) -> None:
    first = None
    for directory in encoders:
        prepared = store.made_from(directory).get("prepared")
        first = first or (directory, prepared)
        if prepared != first[1]:
            raise InputError(
                f"{first[0]} and {directory} are of different preparations of the "
                "screen: embed both on one config.data.dir"
            )


def _held_out(trainings: Sequence[_Read]) -> str:
    """Returns the held-out records that the trainings have in common."""
    folder_by_text: dict[str, epath.Path] = {}
    for training in trainings:
        if text := training.arm[HOLD_OUT]:
            folder_by_text.setdefault(text, training.folder)
    if len(folder_by_text) > 1:
        texts = " and ".join(
            f"{text!r} in {folder}" for text, folder in folder_by_text.items()
        )
        raise InputError(
            f"config.train.hold_out is {texts}: compare trainings that hold out the "
            "same"
        )
    return next(iter(folder_by_text), "")


def _name_arms(trainings: Sequence[_Read], held_out: str) -> list[Entrant]:
    """Makes the entrants, named by the settings in which arms of a method differ."""
    arms = _arms(trainings)
    entrants = []
    for training, arm in zip(trainings, arms, strict=True):
        method = arm["method.name"]
        method_arms = [
            other_arm for other_arm in arms if other_arm["method.name"] == method
        ]
        keys = differing(method_arms)
        untrained = [
            feature_set.full_name(directory.name, training.features)
            for directory in training.encoders[1:]
        ]
        entrants.append(
            Entrant(
                method,
                settings_text(arm, _distinguishing(method_arms, keys)),
                settings_text(arm, keys),
                training.seed,
                training.folder,
                training.encoders,
                _set_name(training.folder, training.encoders[0], training.features),
                next(iter(untrained), ""),
                bool(held_out) and not training.arm[HOLD_OUT],
                _beside(training),
                training.arm_name,
                {key: arm.get(key) for key in keys},
            )
        )
    return entrants


def _arms(trainings: Sequence[_Read]) -> list[dict[str, Any]]:
    """Returns the settings of each; equal settings share the first recipe's name."""
    recipes: dict[str, str] = {}
    arms = []
    for training in trainings:
        settings = {key: value for key, value in training.arm.items() if key != RECIPE}
        recipe = recipes.setdefault(str(sorted(settings.items())), training.arm[RECIPE])
        arms.append(settings | {RECIPE: recipe})
    return arms


def _set_name(folder: epath.Path, directory: epath.Path, features: str) -> str:
    names = store.widths(directory)
    for part in joined.short_parts(features, names):
        if part not in (*names, *floors.OF_IMAGES):
            raise InputError(
                f"{folder} shows the set config.evaluate.features={features!r} first, "
                f"and {directory.name} has {', '.join(names)}: embed it again"
            )
    return feature_set.full_name(directory.name, features)


def _beside(training: _Read) -> tuple[epath.Path, ...]:
    """Returns the directories of the floors that the headline set takes parts from."""
    profiles, features = training.encoders[0].parent, training.features
    folders = [profiles / name for name in joined.floors_of(features)]
    for folder in folders:
        if not folder.is_dir():
            raise InputError(
                f"{training.folder} shows the set config.evaluate.features="
                f"{features!r} first, and has no {folder.name}: embed it with "
                f"--config.evaluate.{folder.name}=on"
            )
    return tuple(folders)


def differing(arms: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the keys in which arms differ: the recipe first, the length last.

    Args:
      arms: full key -> value, of each arm.
    """
    keys = {key for arm in arms for key in arm} - {HOLD_OUT}
    different = [k for k in keys if any(arm.get(k) != arms[0].get(k) for arm in arms)]
    groups = ("method.", "model.", "")  # a key belongs to the first prefix that it has
    return sorted(
        different,
        key=lambda k: (
            k != RECIPE,
            k == LENGTH,
            *(not k.startswith(g) for g in groups),
            k,
        ),
    )


def _distinguishing(
    arms: Sequence[Mapping[str, Any]], keys: Sequence[str]
) -> list[str]:
    """Returns the first of the keys that distinguish all arms that differ."""

    def count_distinct(chosen: Sequence[str]) -> int:
        return len({tuple(map(repr, map(arm.get, chosen))) for arm in arms})

    needed: list[str] = []
    for key in keys:
        if count_distinct([*needed, key]) > count_distinct(needed):
            needed.append(key)
    return needed


def settings_text(arm: Mapping[str, Any], keys: Sequence[str]) -> str:
    """Writes some settings of an arm: "lsgan batch=16"."""
    return " ".join(
        arm[key] if key == RECIPE else f"{key.rpartition('.')[2]}={arm.get(key)}"
        for key in keys
    ).strip()


def different_settings(first: Entrant, second: Entrant) -> tuple[str, ...]:
    """Returns the keys in which arms differ; of two methods "method.name" alone."""
    if first.method != second.method:
        return ("method.name",)
    keys = dict.fromkeys([*first.values, *second.values])
    return tuple(k for k in keys if first.values.get(k) != second.values.get(k))


def _check_arm_names(entrants: Sequence[Entrant]) -> None:
    first_of_name: dict[str, Entrant] = {}
    for entrant in entrants:
        first = first_of_name.setdefault(entrant.arm_name, entrant)
        if entrant.arm_name and (keys := different_settings(entrant, first)):
            raise InputError(
                f"{first.folder} and {entrant.folder} have the same "
                f"config.compare.arm={entrant.arm_name!r} and differ in "
                f"{', '.join(keys)}: name each arm differently"
            )


def _check_seeds(entrants: Sequence[Entrant]) -> None:
    folder_by_key: dict[tuple, epath.Path] = {}
    for entrant in entrants:
        key = entrant.arm, entrant.seed
        if key in folder_by_key:
            raise InputError(
                f"{folder_by_key[key]} and {entrant.folder} are of one method, recipe "
                f"and seed ({entrant.arm}, {entrant.seed}): leave one out"
            )
        folder_by_key[key] = entrant.folder
