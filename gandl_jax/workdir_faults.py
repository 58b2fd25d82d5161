"""Damage of a workdir: files that are no longer as the jobs wrote them."""

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

# {folder of results: job that makes them}; jobs with a chapter write into folders of
# their names.
_CHAPTERS = modules.names("jobs/report/job_chapters", "section")
RESULTS = {"tasks": "evaluate", **{job: job for job in _CHAPTERS}}
LINES = {logs.FILE: logs.is_metrics, events.FILE: events.is_event}


def find(workdir: epath.Path) -> Iterator[tuple[str, str]]:
    """Checks a workdir's files against the digests that were written with them.

    Pictures, TensorBoard's events, CSV tables, exports and the report have no digest.

    Yields:
      The path within the workdir, and the damage with a remedy.
    """
    yield from _config_faults(workdir)
    yield from _line_faults(workdir)
    yield from _checkpoint_faults(workdir)
    yield from _profile_faults(workdir)
    yield from _result_faults(workdir)
    yield from _cost_faults(workdir)


def _config_faults(workdir: epath.Path) -> Iterator[tuple[str, str]]:
    if (workdir / workdirs.FILE).exists():
        try:
            workdirs.read_config(workdir)
        except InputError as error:
            yield workdirs.FILE, str(error)


def _line_faults(workdir: epath.Path) -> Iterator[tuple[str, str]]:
    for name, numbers in damaged_lines(workdir).items():
        yield name, f"{json_lines.describe_damage(numbers)}: restore it from a copy"


def _checkpoint_faults(workdir: epath.Path) -> Iterator[tuple[str, str]]:
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


def _profile_faults(workdir: epath.Path) -> Iterator[tuple[str, str]]:
    for folder in feature_sets(workdir / "profiles"):
        if store.was_finished(folder) and (why := store.find_damage(folder)):
            name = f"profiles/{folder.parent.name}/{folder.name}"
            yield name, f"{why}: run --job=embed (for a table --job=import) again"


def _result_faults(workdir: epath.Path) -> Iterator[tuple[str, str]]:
    for name, error in damaged_results(workdir).items():
        yield name, f"{error}: run --job={RESULTS[name.partition('/')[0]]} again"


def _cost_faults(workdir: epath.Path) -> Iterator[tuple[str, str]]:
    try:
        costs.read(workdir)
    except InputError as error:
        yield costs.FILE, str(error)


def damaged_lines(workdir: epath.Path) -> dict[str, list[int]]:
    """Returns {file: numbers, from 1, of its damaged lines}."""
    numbers_by_file = {
        name: json_lines.damaged(workdir / name, is_right)
        for name, is_right in LINES.items()
    }
    return {name: numbers for name, numbers in numbers_by_file.items() if numbers}


def damaged_results(workdir: epath.Path) -> dict[str, ValueError]:
    """Returns {path within the workdir: damage} of each damaged result."""
    errors = {}
    for folder in RESULTS:
        for path in results(workdir / folder):
            try:
                sealed_json.read(path)
            except ValueError as error:
                errors[f"{folder}/{path.parent.name}/{path.name}"] = error
    return errors


def results(folder: epath.Path) -> list[epath.Path]:
    """Lists the results in a folder, which are <dataset>/<task>.json."""
    return [path for path in _within(folder) if path.suffix == ".json"]


def feature_sets(folder: epath.Path) -> list[epath.Path]:
    """Lists the feature sets in a folder, which are folders <dataset>/<encoder>."""
    return [path for path in _within(folder) if path.is_dir()]


def _within(folder: epath.Path) -> list[epath.Path]:
    """Lists the entries of the folders of a folder."""
    datasets = sorted(folder.iterdir()) if folder.is_dir() else []
    return [
        path
        for dataset in datasets
        if dataset.is_dir()
        for path in sorted(dataset.iterdir())
    ]
