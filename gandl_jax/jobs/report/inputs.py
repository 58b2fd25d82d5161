"""Inputs of the report: what the other jobs left in the workdir."""

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import ml_collections
import pandas as pd
from etils import epath

from gandl_jax import (
    commands,
    costs,
    files,
    json_lines,
    logs,
    pictures,
    plain_data,
    sealed_json,
    workdir_faults,
)
from gandl_jax import config as configs
from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError
from gandl_jax.jobs.report import odd_images, of_jobs
from gandl_jax.profiles import feature_set, part_file, store, table
from gandl_jax.raw import screen
from gandl_jax.reading import bad_records
from gandl_jax.tasks import marks

SUMMARY = store.SUMMARY  # in an encoder's folder of profiles
TABLES = {str: [{str: (str, int, float, bool, None)}]}
DAMAGED = "its file cannot be read, or is not as it was written; evaluate again"
RESULT = {
    "rows?": ([{str: object}], None),
    "skipped?": (str, None),
    "warnings?": ([str], None),
}


@dataclasses.dataclass(frozen=True)
class Inputs:
    """Inputs of the report; what is missing is empty.

    Attributes:
      name: of the config.
      workdir: as the user gave it.
      config: of the experiment.
      record: content of `config.json`.
      metrics: lines of `metrics.jsonl`, one for each step, in order.
      tasks: dataset -> task -> {"rows": [...], "skipped": reason or None,
        "warnings": [...], "labels": where its controls and labels are from, as from
        `judging.labels`, or {}}.
      job_results: job -> dataset -> name of a file -> result of a job of `of_jobs`.
      grids: steps that have image grids, ascending.
      counts: dataset -> "record", "well", "plate" -> number that was embedded.
      bad_records: records that could not be read and were passed over.
      encoders: dataset -> encoder -> what its profiles were made from.
      summaries: dataset -> encoder -> name of a table -> rows, by its method.
      cost: cost of training and embedding, as of `costs`; {} of former versions.
      odd_images: images that stood out when the screen was prepared; None if the
        prepared screen is not here.
      damaged: damaged files and what to do, a sentence each.
      unsealed: paths of results without a digest, as former versions wrote them: they
        may be damaged.
    """

    name: str
    workdir: str
    config: ml_collections.ConfigDict
    record: Mapping[str, Any]
    metrics: list[dict[str, Any]]
    tasks: dict[str, dict[str, dict[str, Any]]]
    job_results: dict[str, dict[str, dict[str, dict[str, Any]]]]
    grids: list[int]
    counts: dict[str, dict[str, int]]
    bad_records: pd.DataFrame
    encoders: dict[str, dict[str, dict[str, Any]]]
    summaries: dict[str, dict[str, dict[str, list[dict[str, Any]]]]]
    cost: dict[str, Any]
    odd_images: odd_images.OddImages | None
    damaged: list[str]
    unsealed: list[str]

    def grid(self, step: int, name: str) -> epath.Path:
        """Returns the path of a channel's or the composite grid; it may be missing."""
        return epath.Path(self.workdir) / "images" / pictures.file_name(step, name)

    @property
    def channels(self) -> tuple[str, ...]:
        """Channels that were embedded, in the network's order."""
        for encoders in self.encoders.values():
            for made_from in encoders.values():
                if made_from.get("channels"):
                    return tuple(made_from["channels"])
        return tuple(self.config.data.channels or screen.load(self.config).channels)

    @property
    def has_networks(self) -> bool:
        """Returns True if some profiles are of a network."""
        return any(
            feature_set.is_network(encoder)
            for encoders in self.encoders.values()
            for encoder in encoders
        )

    @property
    def typed(self) -> str | None:
        """Command line as typed; None if it was not recorded."""
        options = self.record.get("command")
        return options and commands.whole(options)

    def command(self, job: str) -> str:
        """Returns the command that runs a job of this experiment."""
        options = self.record.get("command")
        options = commands.recorded(options, self.config.name, self.workdir)
        return commands.whole(commands.with_flag(options, "job", job))


def read(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> Inputs:
    """Reads the workdir; a file that is missing or damaged counts as absent.

    Args:
      config: the experiment's config.
      workdir: the experiment's folder.
    """
    folder = epath.Path(workdir)
    reader = _Reader([], [])
    encoders = _encoders(folder / "profiles", reader)
    return Inputs(
        name=config.name or folder.name,
        workdir=str(workdir),
        config=config,
        record=workdirs.known(reader.read(folder / "config.json", "restore it")),
        metrics=_metrics(folder, reader),
        tasks=_tasks(folder / "tasks", config, encoders, reader),
        job_results={
            job: _job_results(folder / job, encoders, reader) for job in of_jobs.known()
        },
        grids=_grids(folder / "images"),
        counts=_counts(folder / "profiles"),
        bad_records=bad_records.read(folder),
        encoders=encoders,
        summaries=_summaries(folder / "profiles", reader),
        cost=_cost(folder, reader),
        odd_images=odd_images.read(config),
        damaged=reader.damaged,
        unsealed=reader.unsealed,
    )


@dataclasses.dataclass(frozen=True)
class _Reader:
    """Reads files; collects which are damaged, and which carry no digest.

    Attributes:
      damaged: sentences.
      unsealed: paths.
    """

    damaged: list[str]
    unsealed: list[str]

    def read(self, path: epath.Path, do: str) -> Any:
        """Reads a file; returns None if it is missing or damaged."""
        try:
            return sealed_json.read(path)
        except FileNotFoundError:
            return None
        except ValueError:
            self.add(f"{path} is not as it was written: {do}")
            return None

    def result(self, path: epath.Path, job: str) -> dict[str, Any] | None:
        """Reads a job's result; returns None if it is damaged."""
        content = self.read(path, f"run --job={job} again")
        if content is not None and sealed_json.KEY not in files.read_json(path):
            self.unsealed.append(str(path))
        if content is None or plain_data.fits(content, RESULT):
            return content
        self.add(f"{path} is no result: run --job={job} again")
        return None

    def add(self, sentence: str) -> None:
        print(f"note: {sentence}", flush=True)
        self.damaged.append(sentence)


def _cost(folder: epath.Path, reader: _Reader) -> dict[str, Any]:
    try:
        return costs.read(folder) or {}
    except InputError as error:
        reader.add(str(error))
        return {}


def _metrics(folder: epath.Path, reader: _Reader) -> list[dict[str, Any]]:
    if damaged_lines := json_lines.damaged(folder / logs.FILE, logs.is_metrics):
        damage = f"{json_lines.describe_damage(damaged_lines)} and left out"
        reader.add(f"{folder / logs.FILE}: {damage}")
    return [line for line in logs.read(folder) if "images" in line]


def _tasks(
    folder: epath.Path, config: ml_collections.ConfigDict, encoders, reader: _Reader
) -> dict[str, dict[str, dict[str, Any]]]:
    by_dataset: dict[str, dict[str, dict[str, Any]]] = {}
    for path in workdir_faults.results(folder):
        content = reader.result(path, "evaluate") or {"skipped": DAMAGED}
        labels = (content.get("inputs") or {}).get("labels") or {}
        by_dataset.setdefault(path.parent.name, {})[path.stem] = {
            "rows": _marked(content.get("rows") or [], path, encoders),
            "skipped": content.get("skipped"),
            "warnings": [
                *(content.get("warnings") or []),
                *_other_labels_warning(labels, config),
            ],
            "labels": labels,
        }
    return by_dataset


def _other_labels_warning(
    labels: Mapping[str, Any], config: ml_collections.ConfigDict
) -> Iterator[str]:
    """Warns if a result's labels are not the config's."""
    described = configs.screen_description(config)
    changed = [
        key for key, value in described.items() if labels.get(key, value) != value
    ]
    if changed:
        yield (
            f"scores are by a former {', '.join(changed)}: run --job=evaluate,report "
            "for those of the config as it is now"
        )


def _marked(rows: list[dict], path: epath.Path, encoders) -> list[dict]:
    """Marks rows of a former version by the profiles' notes; others are kept.

    Such a version embedded no screen of which some records were held out.
    """
    notes = encoders.get(path.parent.name, {})
    learnt = {name for name, note in notes.items() if note.get("learnt_label")}
    return [row if marks.LABELS in row else _mark(row, learnt) for row in rows]


def _mark(row: dict[str, Any], learnt: Collection[str]) -> dict[str, Any]:
    if not row.get(marks.IMAGES):
        return row
    taken = (feature_set.encoder(choice["set"]) for choice in row.get("taken") or ())
    used = {row.get("encoder"), *taken}
    return row | {marks.LABELS: not used.isdisjoint(learnt)}


def _job_results(
    folder: epath.Path, encoders, reader: _Reader
) -> dict[str, dict[str, dict[str, Any]]]:
    by_dataset: dict[str, dict[str, dict[str, Any]]] = {}
    for path in workdir_faults.results(folder):
        if content := reader.result(path, folder.name):
            if content.get("rows"):
                content["rows"] = _marked(content["rows"], path, encoders)
            by_dataset.setdefault(path.parent.name, {})[path.stem] = content
    return by_dataset


def _grids(folder: epath.Path) -> list[int]:
    paths = folder.glob("*_composite.png") if folder.exists() else ()
    steps = (path.name.removesuffix("_composite.png") for path in paths)
    return sorted(int(step) for step in steps if step.isdecimal())


def _counts(folder: epath.Path) -> dict[str, dict[str, int]]:
    """Counts the records of each dataset by its first complete encoder."""
    by_dataset: dict[str, dict[str, int]] = {}
    for directory in workdir_faults.feature_sets(folder):
        if directory.parent.name not in by_dataset:
            try:
                metadata = store.read_metadata(directory)
            except InputError:
                continue  # the report shows what there is; evaluate refuses it
            by_dataset[directory.parent.name] = _count(metadata)
    return by_dataset


def _count(metadata) -> dict[str, int]:
    counts = {"record": len(metadata)}
    if "Metadata_Well" in metadata:
        counts["well"] = len(set(table.wells(metadata)))
    if "Metadata_Plate" in metadata:
        counts["plate"] = len(set(table.plates(metadata)))
    return counts


def _encoders(
    folder: epath.Path, reader: _Reader
) -> dict[str, dict[str, dict[str, Any]]]:
    by_dataset: dict[str, dict[str, dict[str, Any]]] = {}
    for directory in workdir_faults.feature_sets(folder):
        if damage := store.find_damage(directory):
            reader.add(f"{directory} is left out: {damage}; {part_file.AGAIN}")
            continue
        made_from = store.made_from(directory)
        by_dataset.setdefault(directory.parent.name, {})[directory.name] = made_from
    return by_dataset


def _summaries(
    folder: epath.Path, reader: _Reader
) -> dict[str, dict[str, dict[str, list[dict[str, Any]]]]]:
    by_dataset: dict[str, dict[str, dict[str, list[dict[str, Any]]]]] = {}
    for directory in workdir_faults.feature_sets(folder):
        tables = reader.read(directory / SUMMARY, "run --job=embed again")
        if tables is None:
            continue
        if plain_data.fits(tables, TABLES):
            by_dataset.setdefault(directory.parent.name, {})[directory.name] = tables
        else:
            reader.add(f"{directory / SUMMARY} is no summary: run --job=embed again")
    return by_dataset
