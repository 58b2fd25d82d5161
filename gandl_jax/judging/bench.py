"""Asks every entrant the questions of tasks, and judges the answers on one board."""

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
from gandl_jax.profiles import feature_set, floors, held_out
from gandl_jax.profiles.aligned import AlignedSets
from gandl_jax.raw import screen
from gandl_jax.reading import labelling
from gandl_jax.tasks import steps
from gandl_jax.tasks.skip import Skip

CHOICE = ("nested", "inner_folds", "choose")  # options unused for headline sets


@dataclasses.dataclass(frozen=True)
class Bench:
    """Entrants to compare, and the records and options to judge them by.

    Attributes:
      job: that compares, for its lines.
      compared: the entrants.
      made_from: sources of the sets of each entrant.
      labels: origin of controls and labels, as in `task_results.labels`.
      records: of the screen, as in `task_results.records`.
      within: the judged records, as in `AlignedSets`.
      metadata: [N] rows of Metadata_* columns of the judged records.
      options: of each task.
      folder: of the stored answers.
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
        """Returns the sources of each task's result, as in `task_results.inputs`."""
        pairs = zip(self.compared, self.made_from, strict=True)
        by_name: dict[str, Any] = {
            _entrant_name(entrant): sources for entrant, sources in pairs
        }
        return task_results.inputs({**by_name, "labels": self.labels}, self.options)

    def comparisons(
        self, due: list[str]
    ) -> Iterator[tuple[str, dict[str, Any], list[dict[str, Any]]]]:
        """Yields name, result and table of each task."""
        plans = {name: self._plan(name) for name in due}
        for name, (asked_task, left_out) in plans.items():
            run = functools.partial(self._result, name, asked_task)
            result, remarks = task_results.run_with_remarks(self.job, name, run)
            content = {"task": name, "left_out": left_out + remarks} | result
            yield name, content, [judged.flat(row) for row in result["rows"]]

    def _plan(self, name: str) -> tuple[Asked | Skip, list[str]]:
        make = functools.partial(
            asked.for_task, name, self.metadata, self.options[name]
        )
        return task_results.plan(self.job, name, make, must=False)

    def _result(self, name: str, asked_task: Asked | Skip) -> dict[str, Any]:
        if isinstance(asked_task, Skip):
            return {"rows": [], "pairs": [], "skipped": str(asked_task)}
        board = judged.Board(asked_task.questions, self.options[name], asked_task.ways)
        stored_answers = self._stored_answers(name)
        with (
            StepLines(f"{self.job} {name}"),
            steps.counted(self._fits(asked_task), "fits"),
        ):
            self._ask_all(asked_task, board, stored_answers)
        for floor, answers in asked_task.floors().items():
            board.add_floor(floor, answers)
        stored_answers.delete_unused()
        rows, pairs = board.judge()
        return {"rows": rows, "pairs": pairs, "skipped": None}

    def _ask_all(
        self, asked_task: Asked, board: judged.Board, stored_answers: KeptAnswers
    ) -> None:
        """Asks the entrants, then the floors of images, one after the other.

        Each is opened anew, so that the features of only one are in memory.
        """
        for entrant, made_from in zip(self.compared, self.made_from, strict=True):
            opened = self._judged_alike(entrant.open(self.records, self.within))
            for role in (judged.TRAINED, judged.UNTRAINED):
                if name := getattr(entrant, role):
                    sets = opened.of_encoder(feature_set.encoder(name))
                    board.add(
                        entrant,
                        role,
                        asked_task.answers(sets, name, stored_answers, made_from),
                    )
        for name, (opened, made_from) in self._floors.items():
            board.add_floor(
                name, asked_task.answers(opened, name, stored_answers, made_from)
            )

    @functools.cached_property
    def _floors(self) -> dict[str, tuple[AlignedSets, Mapping[str, Any]]]:
        """Sets and sources of the first floor of each kind beside the encoders."""
        folders, sets_by_name = (
            [entrant.encoders[0].parent for entrant in self.compared],
            {},
        )
        for name in floors.OF_IMAGES:
            existing = [folder / name for folder in folders if (folder / name).is_dir()]
            for directory in existing[:1]:
                opened = self._judged_alike(
                    AlignedSets([directory], "", self.records, self.within)
                )
                sets_by_name[name] = opened, task_results.made_from([directory], opened)
        return sets_by_name

    def _judged_alike(self, opened: AlignedSets) -> AlignedSets:
        """Returns the same sets, judged by the records that all hold out.

        Floors and networks that were trained on all records hold nothing out.
        """
        return opened.held_out_as(self.metadata)

    def _fits(self, asked_task: Asked) -> int:
        """Counts the fits that all answers take."""
        encoders = [
            list(entrant.open(self.records, self.within).of_encoder(directory.name))
            for entrant in self.compared
            for directory in entrant.encoders
        ]
        floors_of_images = [opened for opened, _ in self._floors.values()]
        return sum(map(asked_task.fits, [*encoders, *floors_of_images]))

    def _stored_answers(self, name: str) -> KeptAnswers:
        """Returns the store of the answers to a task."""
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


def open_bench(
    job: str,
    config: ml_collections.ConfigDict,
    folders: Sequence[epath.Path],
    answers_folder: epath.Path,
) -> Bench:
    """Reads the descriptions of workdirs, and no features.

    Args:
      job: that compares, for its lines.
      config: data, screen, evaluate, choose and compare are read.
      folders: workdirs of one screen.
      answers_folder: the folder of the stored answers.

    Raises:
      InputError: workdirs that cannot be compared, missing, incomplete or broken
        profiles, or a screen that allows no task.
    """
    dataset = screen.load(config).name
    compared = entrants.read(job, folders, dataset)
    if len({entrant.arm for entrant in compared}) < 2:
        raise InputError(
            f"{len(folders)} workdirs are of one method and recipe: name others beside "
            "them, or compare seeds by --job=compare_seeds"
        )
    records = task_results.records(job, config, dataset)
    for folder in folders if records is None else ():
        labelling.check_written(config, folder, dataset)
    within = config.evaluate.within
    opened = [entrant.open(records, within) for entrant in compared]
    seed_workdirs.check_records([entrant.folder for entrant in compared], opened)
    return Bench(
        job=job,
        compared=compared,
        made_from=[
            task_results.made_from(entrant.directories, sets)
            for entrant, sets in zip(compared, opened, strict=True)
        ],
        labels=task_results.labels(config, records),
        records=records,
        within=within,
        metadata=_metadata(compared, opened),
        options={n: _options(config, n) for n in _tasks(config.evaluate.tasks)},
        folder=answers_folder,
    )


def _tasks(wanted: str) -> list[str]:
    """Returns the wanted tasks that can compare sets, in the order of their tables.

    Raises:
      InputError: there are none.
    """
    able = {*task_results.classifications(), *modules.names("tasks", "counting")}
    named = sorted(task_choice.names(wanted), key=task_tables.order)
    tasks = [name for name in named if name in able]
    if not tasks:
        raise InputError(
            f"config.evaluate.tasks={wanted!r} names no task by which sets can be "
            f"compared: name some of {', '.join(sorted(able))}"
        )
    return tasks


def _options(config: ml_collections.ConfigDict, task: str) -> dict[str, Any]:
    """Returns the options that the questions of a task depend on."""
    if task not in task_results.classifications():
        return configs.task_options(config, task)
    return comparing.options(config, task, nested=config.compare.choose_sets)


def _metadata(compared: Sequence[Entrant], opened: Sequence) -> pd.DataFrame:
    """Returns the metadata of the records, with the held-out split if there is one.

    An untrained network has seen no records, and so has no such split.
    """
    sure = [
        sets.metadata
        for entrant, sets in zip(compared, opened, strict=True)
        if entrant.seed is not None and not entrant.saw_all
    ]
    with_split = [metadata for metadata in sure if held_out.COLUMN in metadata]
    return (with_split or sure or [opened[0].metadata])[0]


def _entrant_name(entrant: Entrant) -> str:
    return f"{entrant.arm}, seed {entrant.seed}"
