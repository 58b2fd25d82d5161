"""What is compared: trainings of several methods and recipes, and published tables.

Workdirs that differ in their seed alone are replicates of one arm. What makes arms of
one method differ is found by itself, and the least of it that tells them apart names
them: the recipe, where that is enough. `config.compare.arm` of a training names it too.
"""

import dataclasses
import glob
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from etils import epath

from gandl_jax import config as configs
from gandl_jax import events
from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError
from gandl_jax.judging import seed_workdirs, task_results
from gandl_jax.profiles import feature_set, floors, store
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
      method: its name; of a table the table's.
      recipe: what tells the arms of this method apart: "lsgan", "batch=16"; "" of one.
      settings: all in which they differ: "batch=16 total_images=160".
      seed: of the training; None of a table.
      folder: the workdir.
      encoders: profiles/<dataset>/<encoder>: trained and untrained; of a table its one.
      trained: full name of the headline set.
      untrained: the same of the network before training; "" of a table.
      saw_all: whether it was trained on records that others held out.
      named: its arm's name, as its config gives it; "" is method and recipe.
      values: full key to value, of all in which the arms of this method differ.
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
    named: str = ""
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    _opened: list[AlignedSets] = dataclasses.field(
        default_factory=list, repr=False, compare=False
    )

    @property
    def arm(self) -> str:
        """Its name, and whether it saw records that others held out."""
        words = self.named or f"{self.method} {self.recipe}".strip()
        return f"{words} (trained on all)" if self.saw_all else words

    def open(self, records: pd.DataFrame | None, within: str = "") -> AlignedSets:
        """Its sets, whose features are read when asked for; records are read once.

        Args:
          records: as of `task_results.records`, the same in all calls.
          within: which of them, as of `AlignedSets`, the same in all calls.
        """
        if not self._opened:
            self._opened.append(AlignedSets(self.encoders, "", records, within))
        return self._opened[0].without_features()


@dataclasses.dataclass(frozen=True)
class _Read:
    """A workdir's training, before its arm has a name."""

    folder: epath.Path
    features: str
    seed: int
    encoders: tuple[epath.Path, ...]
    arm: Mapping[str, Any]
    named: str = ""


def find(patterns: Iterable[str]) -> list[epath.Path]:
    """The workdirs that paths or patterns ("runs/methods/demo/*") name, in order.

    Raises:
      InputError: one names none.
    """
    found: dict[str, epath.Path] = {}
    for pattern in patterns:
        literal = [pattern] if epath.Path(pattern).is_dir() else []
        own = literal or sorted(glob.glob(pattern))
        own = [p for p in own if (epath.Path(p) / workdirs.FILE).exists()]
        if not own:
            raise InputError(
                f"config.compare.workdirs names {pattern}, which is no workdir and "
                "matches none"
            )
        found |= {path: epath.Path(path) for path in own}
    return list(found.values())


def read(job: str, folders: Sequence[epath.Path], dataset: str) -> list[Entrant]:
    """Reads what workdirs say of themselves, and no features.

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
        found = task_results.encoders(job, folder / "profiles" / dataset)
        tables |= {d.name: d for d in found if _is_table(d.name)}
        if any(feature_set.is_network(d.name) for d in found):
            trainings.append(_training(job, folder, config, dataset))
    _check_preparations([d for one in trainings for d in one.encoders])
    held_out = _held_out(trainings)
    made = _named(trainings, held_out)
    _check_named(made)
    _check_seeds(made)
    return [*made, *(_table(directory) for directory in tables.values())]


def _is_table(name: str) -> bool:
    return not feature_set.is_network(name) and name not in floors.OF_IMAGES


def _table(directory: epath.Path) -> Entrant:
    """An imported table, by its first set."""
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
    encoders = seed_workdirs.chosen_encoders(job, folder, ("last",), dataset)
    _check_finished(folder, config, feature_set.step(encoders[0].name))
    trained = seed_workdirs.trained_with(config)
    arm = configs.identity(trained) | seed_workdirs.started(folder)
    arm |= {LENGTH: trained.train.total_images, RECIPE: trained.method.recipe}
    features, seed = config.evaluate.features, arm.pop("seed")
    arm[EXTRA] = [_without_seed(place, seed) for place in trained.data.extra]
    return _Read(folder, features, seed, encoders, arm, trained.compare.arm)


def _without_seed(place: str, seed: int) -> str:
    """A folder's path, the same for replicates that each have one of their seed.

    "runs/generator-seed3/generated" of seed 3 is "runs/generator-seed/generated".
    """
    return re.sub(rf"(?<=seed){seed}(?!\d)", "", place)


def _check_finished(folder: epath.Path, config, step: int | None) -> None:
    """Refuses a training that has not come to its end, or was embedded before it."""
    if config.embed.checkpoint:  # another workdir's, which embedding has checked
        return
    last = opening.newest_step(folder)
    total = configs.steps(config.train.total_images, config.train.batch)
    if last is None or (last < total and last != events.early_end(events.read(folder))):
        raise InputError(
            f"the training in {folder} is at step {last or 0} of {total}: finish it "
            "with the same command, or leave it out"
        )
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
    """What all hold out that hold out anything."""
    asked: dict[str, epath.Path] = {}
    for one in trainings:
        if text := one.arm[HOLD_OUT]:
            asked.setdefault(text, one.folder)
    if len(asked) > 1:
        told = " and ".join(f"{text!r} in {folder}" for text, folder in asked.items())
        raise InputError(
            f"config.train.hold_out is {told}: compare trainings that hold out the same"
        )
    return next(iter(asked), "")


def _named(trainings: Sequence[_Read], held_out: str) -> list[Entrant]:
    """Names arms by what differs between those of one method."""
    arms = _arms(trainings)
    made = []
    for one, arm in zip(trainings, arms, strict=True):
        method = arm["method.name"]
        others = [other for other in arms if other["method.name"] == method]
        differ = differing(others)
        untrained = one.encoders[-1].name
        made.append(
            Entrant(
                method,
                words(arm, _telling(others, differ)),
                words(arm, differ),
                one.seed,
                one.folder,
                one.encoders,
                _set_name(one.folder, one.encoders[0], one.features),
                feature_set.full_name(untrained, one.features),
                bool(held_out) and not one.arm[HOLD_OUT],
                one.named,
                {key: arm.get(key) for key in differ},
            )
        )
    return made


def _arms(trainings: Sequence[_Read]) -> list[dict[str, Any]]:
    """The settings of each; the same ones have one recipe's name, the first."""
    recipes: dict[str, str] = {}
    made = []
    for one in trainings:
        own = {key: value for key, value in one.arm.items() if key != RECIPE}
        recipe = recipes.setdefault(str(sorted(own.items())), one.arm[RECIPE])
        made.append(own | {RECIPE: recipe})
    return made


def _set_name(folder: epath.Path, directory: epath.Path, features: str) -> str:
    if features not in store.widths(directory):
        known = ", ".join(store.widths(directory))
        raise InputError(
            f"{folder} shows the set config.evaluate.features={features!r} first, and "
            f"{directory.name} has {known}: embed it again"
        )
    return feature_set.full_name(directory.name, features)


def differing(arms: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys in which arms differ: the recipe first, the length last.

    Args:
      arms: full key to value, of each.
    """
    keys = {key for arm in arms for key in arm} - {HOLD_OUT}
    found = [k for k in keys if any(arm.get(k) != arms[0].get(k) for arm in arms)]
    groups = ("method.", "model.", "")  # that of a key is the first that it begins with
    return sorted(
        found,
        key=lambda k: (
            k != RECIPE,
            k == LENGTH,
            *(not k.startswith(g) for g in groups),
            k,
        ),
    )


def _telling(arms: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> list[str]:
    """The first of the keys that tell apart what all of them do."""

    def told_apart(some: Sequence[str]) -> int:
        return len({tuple(map(repr, map(arm.get, some))) for arm in arms})

    kept: list[str] = []
    for key in keys:
        if told_apart([*kept, key]) > told_apart(kept):
            kept.append(key)
    return kept


def words(arm: Mapping[str, Any], keys: Sequence[str]) -> str:
    """Some settings of an arm: "lsgan batch=16"."""
    return " ".join(
        arm[key] if key == RECIPE else f"{key.rpartition('.')[2]}={arm.get(key)}"
        for key in keys
    ).strip()


def different_settings(one: Entrant, other: Entrant) -> tuple[str, ...]:
    """The full keys in which two arms differ; "method.name" alone of two methods."""
    if one.method != other.method:
        return ("method.name",)
    keys = dict.fromkeys([*one.values, *other.values])
    return tuple(k for k in keys if one.values.get(k) != other.values.get(k))


def _check_named(made: Sequence[Entrant]) -> None:
    first: dict[str, Entrant] = {}
    for one in made:
        other = first.setdefault(one.named, one)
        if one.named and (differ := different_settings(one, other)):
            raise InputError(
                f"{other.folder} and {one.folder} have the same config.compare.arm="
                f"{one.named!r} and differ in {', '.join(differ)}: name each arm "
                "differently"
            )


def _check_seeds(made: Sequence[Entrant]) -> None:
    known: dict[tuple, epath.Path] = {}
    for one in made:
        key = one.arm, one.seed
        if key in known:
            raise InputError(
                f"{known[key]} and {one.folder} are of one method, recipe and seed "
                f"({one.arm}, {one.seed}): leave one out"
            )
        known[key] = one.folder
