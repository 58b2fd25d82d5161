"""What in a workdir is no longer as the jobs wrote it."""

from collections.abc import Iterator

from etils import epath

from gandl_jax import (
    checkpoint,
    costs,
    events,
    json_lines,
    logs,
    modules,
    sealed_json,
)
from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError, RunError
from gandl_jax.profiles import store

# Folder of results to the job that makes them again; jobs with a chapter leave theirs
# under their own names.
_CHAPTERS = modules.names("jobs/report/job_chapters", "section")
RESULTS = {"tasks": "evaluate", **{job: job for job in _CHAPTERS}}
LINES = {logs.FILE: logs.is_metrics, events.FILE: events.is_event}


def find(workdir: epath.Path) -> Iterator[tuple[str, str]]:
    """Holds a workdir's files against the digests that were written with them.

    Pictures, TensorBoard's events, CSV tables, exports and the report carry no digest.

    Yields:
      The path within the workdir, and what is wrong and what to do.
    """
    yield from _of_config(workdir)
    yield from _of_lines(workdir)
    yield from _of_checkpoints(workdir)
    yield from _of_profiles(workdir)
    yield from _of_results(workdir)
    yield from _of_costs(workdir)


def _of_config(workdir: epath.Path) -> Iterator[tuple[str, str]]:
    if (workdir / workdirs.FILE).exists():
        try:
            workdirs.read_config(workdir)
        except InputError as error:
            yield workdirs.FILE, str(error)


def _of_lines(workdir: epath.Path) -> Iterator[tuple[str, str]]:
    for name, numbers in damaged_lines(workdir).items():
        yield name, f"{json_lines.told(numbers)}: restore it from a copy"


def _of_checkpoints(workdir: epath.Path) -> Iterator[tuple[str, str]]:
    passed_over: list[tuple[int, str]] = []
    try:
        for _ in checkpoint.Checkpoints(workdir).whole(
            lambda step, why: passed_over.append((step, why))
        ):
            pass
    except RunError as error:
        yield "checkpoints", str(error)
    for step, why in passed_over:
        yield f"checkpoints/{step}", f"{why}: restore it from a copy"


def _of_profiles(workdir: epath.Path) -> Iterator[tuple[str, str]]:
    for folder in feature_sets(workdir / "profiles"):
        if store.was_finished(folder) and (why := store.find_damage(folder)):
            name = f"profiles/{folder.parent.name}/{folder.name}"
            yield name, f"{why}: run --job=embed (for a table --job=import) again"


def _of_results(workdir: epath.Path) -> Iterator[tuple[str, str]]:
    for name, error in damaged_results(workdir).items():
        yield name, f"{error}: run --job={RESULTS[name.partition('/')[0]]} again"


def _of_costs(workdir: epath.Path) -> Iterator[tuple[str, str]]:
    try:
        costs.read(workdir)
    except InputError as error:
        yield costs.FILE, str(error)


def damaged_lines(workdir: epath.Path) -> dict[str, list[int]]:
    """File to the numbers, from 1, of its lines that are not as they were written."""
    found = {
        name: json_lines.damaged(workdir / name, is_right)
        for name, is_right in LINES.items()
    }
    return {name: numbers for name, numbers in found.items() if numbers}


def damaged_results(workdir: epath.Path) -> dict[str, ValueError]:
    """Path within the workdir of each damaged result, and what is wrong with it."""
    found = {}
    for folder in RESULTS:
        for path in results(workdir / folder):
            try:
                sealed_json.read(path)
            except ValueError as error:
                found[f"{folder}/{path.parent.name}/{path.name}"] = error
    return found


def results(folder: epath.Path) -> list[epath.Path]:
    """The results in a folder, which are <dataset>/<task>.json."""
    return [path for path in _within(folder) if path.suffix == ".json"]


def feature_sets(folder: epath.Path) -> list[epath.Path]:
    """The feature sets in a folder, which are folders <dataset>/<encoder>."""
    return [path for path in _within(folder) if path.is_dir()]


def _within(folder: epath.Path) -> list[epath.Path]:
    """What lies in the folders of a folder."""
    datasets = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path for one in datasets if one.is_dir() for path in sorted(one.iterdir())]
