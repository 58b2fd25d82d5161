"""Asks every entrant what a task asks, and judges their answers on one board."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ml_collections
import pandas as pd
from etils import epath

import gandl_jax
from gandl_jax import config as configs
from gandl_jax import modules, task_choice
from gandl_jax.errors import InputError
from gandl_jax.judging import (
    asked,
    comparing,
    entrants,
    judged,
    seed_workdirs,
    task_results,
    task_tables,
)
from gandl_jax.judging.asked import Asked
from gandl_jax.judging.entrants import Entrant
from gandl_jax.judging.kept_answers import KeptAnswers
from gandl_jax.judging.step_lines import StepLines
from gandl_jax.profiles import feature_set, floors, store
from gandl_jax.profiles.aligned import AlignedSets
from gandl_jax.raw import screen
from gandl_jax.reading import labelling
from gandl_jax.tasks import steps
from gandl_jax.tasks.skip import Skip

CHOICE = ("nested", "inner_folds", "choose")  # options that headline sets know not of


@dataclasses.dataclass(frozen=True)
class Bench:
    """All that is compared, and what it is compared by.

    Attributes:
      job: that compares, for its lines.
      compared: the entrants.
      made_from: what the sets of each come from.
      labels: where controls and labels come from, as of `task_results.labels`.
      records: the screen's, as of `task_results.records`.
      within: which of them are judged, as of `AlignedSets`.
      metadata: [N] rows of Metadata_* columns of what is judged.
      options: of each task.
      folder: of the answers that are kept.
    """

    job: str
    compared: Sequence[Entrant]
    made_from: Sequence[Mapping[str, Any]]
    labels: Mapping[str, Any]
    records: pd.DataFrame | None
    within: str
    metadata: pd.DataFrame
    options: Mapping[str, Mapping[str, Any]]
    folder: epath.Path

    def inputs(self) -> dict[str, dict[str, Any]]:
        """All that each task's result comes from, as of `task_results.inputs`."""
        both = zip(self.compared, self.made_from, strict=True)
        named: dict[str, Any] = {_named(one): made for one, made in both}
        return task_results.inputs({**named, "labels": self.labels}, self.options)

    def comparisons(
        self, due: list[str]
    ) -> Iterator[tuple[str, dict[str, Any], list[dict[str, Any]]]]:
        """Gives name, result and table of each task."""
        plans = {name: self._plan(name) for name in due}
        for name, (made, left_out) in plans.items():
            run = functools.partial(self._result, name, made)
            result, noticed = task_results.noted(self.job, name, run)
            content = {"task": name, "left_out": left_out + noticed} | result
            yield name, content, [judged.flat(row) for row in result["rows"]]

    def _plan(self, name: str) -> tuple[Asked | Skip, list[str]]:
        make = functools.partial(asked.of_task, name, self.metadata, self.options[name])
        return task_results.plan(self.job, name, make, must=False)

    def _result(self, name: str, made: Asked | Skip) -> dict[str, Any]:
        if isinstance(made, Skip):
            return {"rows": [], "pairs": [], "skipped": str(made)}
        board = judged.Board(made.questions, self.options[name], made.ways)
        kept = self._kept(name)
        with (
            StepLines(f"{self.job} {name}"),
            steps.counted(self._fits(made), "fits"),
        ):
            self._ask_all(made, board, kept)
        for floor, answers in made.floors().items():
            board.add_floor(floor, answers)
        kept.forget_others()
        rows, pairs = board.judge()
        return {"rows": rows, "pairs": pairs, "skipped": None}

    def _ask_all(self, made: Asked, board: judged.Board, kept: KeptAnswers) -> None:
        """Asks the entrants, then the floors of images, one after the other.

        Each is opened anew, so that one's features are in memory.
        """
        for one, made_from in zip(self.compared, self.made_from, strict=True):
            opened = one.open(self.records, self.within)
            for role in (judged.TRAINED, judged.UNTRAINED):
                if name := getattr(one, role):
                    own = opened.of_encoder(feature_set.encoder(name))
                    board.add(one, role, made.answers(own, name, kept, made_from))
        for name, (opened, made_from) in self._floors.items():
            board.add_floor(name, made.answers(opened, name, kept, made_from))

    @functools.cached_property
    def _floors(self) -> dict[str, tuple[AlignedSets, Mapping[str, Any]]]:
        """The first of each kind beside the entrants' encoders, and what it is from."""
        places, found = [one.encoders[0].parent for one in self.compared], {}
        for name in floors.OF_IMAGES:
            there = [place / name for place in places if (place / name).is_dir()]
            for directory in there[:1]:
                opened = AlignedSets([directory], "", self.records, self.within)
                found[name] = opened, task_results.made_from([directory], opened)
        return found

    def _fits(self, made: Asked) -> int:
        """How many there are of all that is asked."""
        encoders = [_names(d) for one in self.compared for d in one.encoders]
        floors_of_images = [opened for opened, _ in self._floors.values()]
        return sum(map(made.fits, [*encoders, *floors_of_images]))

    def _kept(self, name: str) -> KeptAnswers:
        """The answers of a task."""
        made_from = {
            "version": gandl_jax.__version__,
            "code": task_results.code(name),
            "options": {k: v for k, v in self.options[name].items() if k not in CHOICE},
            "judged": self._judged,
        }
        return KeptAnswers(self.folder / name, made_from)

    @functools.cached_property
    def _judged(self) -> str:
        return task_results.digest(self.metadata)


def _names(directory: epath.Path) -> list[str]:
    """Full names of an encoder's sets."""
    return [feature_set.full_name(directory.name, s) for s in store.widths(directory)]


def open_bench(
    job: str,
    config: ml_collections.ConfigDict,
    folders: Sequence[epath.Path],
    kept: epath.Path,
) -> Bench:
    """Reads what workdirs say of themselves, and no features.

    Args:
      job: that compares, for its lines.
      config: data, screen, evaluate, choose and compare are read.
      folders: workdirs of one screen.
      kept: the folder of the answers.

    Raises:
      InputError: workdirs that cannot be compared, missing, incomplete or broken
        profiles, or a screen that allows no task.
    """
    dataset = screen.load(config).name
    compared = entrants.read(job, folders, dataset)
    if len({one.arm for one in compared}) < 2:
        raise InputError(
            f"{len(folders)} workdirs are of one method and recipe: name others beside "
            "them, or compare seeds by --job=compare_seeds"
        )
    records = task_results.records(job, config, dataset)
    for folder in folders if records is None else ():
        labelling.check_written(config, folder, dataset)
    within = config.evaluate.within
    opened = [one.open(records, within) for one in compared]
    seed_workdirs.check_records([one.folder for one in compared], opened)
    return Bench(
        job=job,
        compared=compared,
        made_from=[
            task_results.made_from(one.encoders, sets)
            for one, sets in zip(compared, opened, strict=True)
        ],
        labels=task_results.labels(config, records),
        records=records,
        within=within,
        metadata=_metadata(compared, opened),
        options={n: _options(config, n) for n in _tasks(config.evaluate.tasks)},
        folder=kept,
    )


def _tasks(wanted: str) -> list[str]:
    """The tasks, of those asked for, by which sets are compared, as tables stand.

    Raises:
      InputError: there are none.
    """
    can = {*task_results.classifications(), *modules.names("tasks", "counting")}
    named = sorted(task_choice.names(wanted), key=task_tables.place)
    found = [name for name in named if name in can]
    if not found:
        raise InputError(
            f"config.evaluate.tasks={wanted!r} names no task by which sets can be "
            f"compared: name some of {', '.join(sorted(can))}"
        )
    return found


def _options(config: ml_collections.ConfigDict, task: str) -> dict[str, Any]:
    """What the questions of a task depend on; parts and choices of classifications."""
    if task not in task_results.classifications():
        return configs.task_options(config, task)
    return comparing.options(config, task, nested=config.compare.choose_sets)


def _metadata(compared: Sequence[Entrant], opened: Sequence) -> pd.DataFrame:
    """The records, with what those that hold out hold out."""
    sure = [
        sets.metadata
        for one, sets in zip(compared, opened, strict=True)
        if one.seed is not None and not one.saw_all
    ]
    return (sure or [opened[0].metadata])[0]


def _named(one: Entrant) -> str:
    return f"{one.arm}, seed {one.seed}"
