"""What the other jobs left in the workdir, read for the report."""

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
    """All that the report is made of; what is missing is empty.

    Attributes:
      name: of the config.
      workdir: as the user gave it.
      config: the experiment's config.
      record: `config.json`.
      metrics: lines of `metrics.jsonl`, one for each step, in order.
      tasks: dataset -> task -> {"rows": [...], "skipped": reason or None,
        "warnings": [...], "labels": where its controls and labels are from, as from
        `judging.labels`, or {}}.
      of_jobs: job -> dataset -> name -> what a job of `of_jobs` left.
      grids: steps that have image grids, ascending.
      counts: dataset -> "record", "well", "plate" -> how many were embedded.
      bad_records: those that could not be read and were passed over.
      encoders: dataset -> encoder -> what its profiles were made from.
      summaries: dataset -> encoder -> name of a table -> rows, as its method says it.
      cost: what training and embedding have cost, as of `costs`; {} of former versions.
      odd_images: what was odd about the screen's images when it was prepared; None
        where the prepared screen is not here.
      damaged: what is not as it was written, and what to do, a sentence each.
      unsealed: results that carry no digest, as former versions wrote them: nobody
        knows whether they are as they were.
    """

    name: str
    workdir: str
    config: ml_collections.ConfigDict
    record: Mapping[str, Any]
    metrics: list[dict[str, Any]]
    tasks: dict[str, dict[str, dict[str, Any]]]
    of_jobs: dict[str, dict[str, dict[str, dict[str, Any]]]]
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
        """The path of a channel's grid, or of `composite`; it may be missing."""
        return epath.Path(self.workdir) / "images" / pictures.file_name(step, name)

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that were embedded, in the network's order."""
        for encoders in self.encoders.values():
            for made_from in encoders.values():
                if made_from.get("channels"):
                    return tuple(made_from["channels"])
        return tuple(self.config.data.channels or screen.load(self.config).channels)

    @property
    def has_networks(self) -> bool:
        """True where some profiles are a network's, not a table's or intensities."""
        return any(
            feature_set.is_network(encoder)
            for encoders in self.encoders.values()
            for encoder in encoders
        )

    @property
    def typed(self) -> str | None:
        """The command line as it was typed; None where it was not recorded."""
        options = self.record.get("command")
        return options and commands.whole(options)

    def command(self, job: str) -> str:
        """The command that runs a job of this experiment, from the one as typed."""
        options = self.record.get("command")
        options = commands.recorded(options, self.config.name, self.workdir)
        return commands.whole(commands.with_flag(options, "job", job))


def read(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> Inputs:
    """Reads the workdir; a file that is missing or damaged counts as not there.

    Args:
      config: the experiment's config.
      workdir: the experiment's folder.
    """
    folder = epath.Path(workdir)
    seen = _Seen([], [])
    encoders = _encoders(folder / "profiles", seen)
    return Inputs(
        name=config.name or folder.name,
        workdir=str(workdir),
        config=config,
        record=workdirs.known(seen.read(folder / "config.json", "restore it")),
        metrics=_metrics(folder, seen),
        tasks=_tasks(folder / "tasks", config, encoders, seen),
        of_jobs={job: _of_job(folder / job, encoders, seen) for job in of_jobs.known()},
        grids=_grids(folder / "images"),
        counts=_counts(folder / "profiles"),
        bad_records=bad_records.read(folder),
        encoders=encoders,
        summaries=_summaries(folder / "profiles", seen),
        cost=_cost(folder, seen),
        odd_images=odd_images.read(config),
        damaged=seen.damaged,
        unsealed=seen.unsealed,
    )


@dataclasses.dataclass(frozen=True)
class _Seen:
    """What was found to be damaged, or to carry no digest, as the files were read."""

    damaged: list[str]
    unsealed: list[str]

    def read(self, path: epath.Path, do: str) -> Any:
        """The content of a file; None where it is missing or damaged."""
        try:
            return sealed_json.read(path)
        except FileNotFoundError:
            return None
        except ValueError:
            self.add(f"{path} is not as it was written: {do}")
            return None

    def result(self, path: epath.Path, job: str) -> dict[str, Any] | None:
        """A job's result; None where it is damaged."""
        content = self.read(path, f"run --job={job} again")
        if content is not None and sealed_json.KEY not in files.read_json(path):
            self.unsealed.append(str(path))
        if content is None or plain_data.fits(content, RESULT):
            return content
        self.add(f"{path} is no result: run --job={job} again")
        return None

    def add(self, words: str) -> None:
        print(f"note: {words}", flush=True)
        self.damaged.append(words)


def _cost(folder: epath.Path, seen: _Seen) -> dict[str, Any]:
    try:
        return costs.read(folder) or {}
    except InputError as error:
        seen.add(str(error))
        return {}


def _metrics(folder: epath.Path, seen: _Seen) -> list[dict[str, Any]]:
    if numbers := json_lines.damaged(folder / logs.FILE, logs.is_metrics):
        words = f"{json_lines.describe_damage(numbers)} and left out"
        seen.add(f"{folder / logs.FILE}: {words}")
    return [line for line in logs.read(folder) if "images" in line]


def _tasks(
    folder: epath.Path, config: ml_collections.ConfigDict, encoders, seen: _Seen
) -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for path in workdir_faults.results(folder):
        content = seen.result(path, "evaluate") or {"skipped": DAMAGED}
        labels = (content.get("inputs") or {}).get("labels") or {}
        found.setdefault(path.parent.name, {})[path.stem] = {
            "rows": _marked(content.get("rows") or [], path, encoders),
            "skipped": content.get("skipped"),
            "warnings": [*(content.get("warnings") or []), *_other(labels, config)],
            "labels": labels,
        }
    return found


def _other(
    labels: Mapping[str, Any], config: ml_collections.ConfigDict
) -> Iterator[str]:
    """Says that a result is of other labels than the config's, where it is."""
    now = configs.screen_description(config)
    changed = [key for key, value in now.items() if labels.get(key, value) != value]
    if changed:
        yield (
            f"scores are by a former {', '.join(changed)}: run --job=evaluate,report "
            "for those of the config as it is now"
        )


def _marked(rows: list[dict], path: epath.Path, encoders) -> list[dict]:
    """The rows of a result; those of a former version, marked by the profiles' notes.

    Such a version embedded no screen of which some records were held out.
    """
    notes = encoders.get(path.parent.name, {})
    learnt = {name for name, note in notes.items() if note.get("learnt_label")}
    return [row if marks.LABELS in row else _mark(row, learnt) for row in rows]


def _mark(row: dict[str, Any], learnt: Collection[str]) -> dict[str, Any]:
    if not row.get(marks.IMAGES):
        return row
    taken = (feature_set.encoder(one["set"]) for one in row.get("taken") or ())
    used = {row.get("encoder"), *taken}
    return row | {marks.LABELS: not used.isdisjoint(learnt)}


def _of_job(
    folder: epath.Path, encoders, seen: _Seen
) -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for path in workdir_faults.results(folder):
        if content := seen.result(path, folder.name):
            if content.get("rows"):
                content["rows"] = _marked(content["rows"], path, encoders)
            found.setdefault(path.parent.name, {})[path.stem] = content
    return found


def _grids(folder: epath.Path) -> list[int]:
    paths = folder.glob("*_composite.png") if folder.exists() else ()
    steps = (path.name.removesuffix("_composite.png") for path in paths)
    return sorted(int(step) for step in steps if step.isdecimal())


def _counts(folder: epath.Path) -> dict[str, dict[str, int]]:
    """Records of each dataset's first complete encoder: all embed the same."""
    found: dict[str, dict[str, int]] = {}
    for directory in workdir_faults.feature_sets(folder):
        if directory.parent.name not in found:
            try:
                metadata = store.read_metadata(directory)
            except InputError:
                continue  # the report tells what there is; evaluate refuses it
            found[directory.parent.name] = _count(metadata)
    return found


def _count(metadata) -> dict[str, int]:
    counts = {"record": len(metadata)}
    if "Metadata_Well" in metadata:
        counts["well"] = len(set(table.wells(metadata)))
    if "Metadata_Plate" in metadata:
        counts["plate"] = len(set(table.plates(metadata)))
    return counts


def _encoders(folder: epath.Path, seen: _Seen) -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for directory in workdir_faults.feature_sets(folder):
        if trouble := store.find_damage(directory):
            seen.add(f"{directory} is left out: {trouble}; {part_file.AGAIN}")
            continue
        made_from = store.made_from(directory)
        found.setdefault(directory.parent.name, {})[directory.name] = made_from
    return found


def _summaries(
    folder: epath.Path, seen: _Seen
) -> dict[str, dict[str, dict[str, list[dict[str, Any]]]]]:
    found: dict[str, dict[str, dict[str, list[dict[str, Any]]]]] = {}
    for directory in workdir_faults.feature_sets(folder):
        tables = seen.read(directory / SUMMARY, "run --job=embed again")
        if tables is None:
            continue
        if plain_data.fits(tables, TABLES):
            found.setdefault(directory.parent.name, {})[directory.name] = tables
        else:
            seen.add(f"{directory / SUMMARY} is no summary: run --job=embed again")
    return found
