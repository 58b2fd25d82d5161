"""What in a workdir is no longer as the jobs wrote it."""

from collections.abc import Iterator

from etils import epath

from gandl_jax import checkpoint, events, json_lines, logs, sealed_json
from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError, RunError
from gandl_jax.profiles import store

RESULTS = {  # folder of results to the job that makes them again
    "tasks": "evaluate",
    "choose_features": "choose_features",
    "compare_seeds": "compare_seeds",
}
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


def _of_config(workdir: epath.Path) -> Iterator[tuple[str, str]]:
    if (workdir / workdirs.FILE).exists():
        try:
            workdirs.read_config(workdir)
        except InputError as error:
            yield workdirs.FILE, str(error)


def _of_lines(workdir: epath.Path) -> Iterator[tuple[str, str]]:
    for name, is_right in LINES.items():
        if numbers := json_lines.damaged(workdir / name, is_right):
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
    for folder in _within(workdir / "profiles"):
        if store.was_finished(folder) and (why := store.find_damage(folder)):
            name = f"profiles/{folder.parent.name}/{folder.name}"
            yield name, f"{why}: run --job=embed (for a table --job=import) again"


def _of_results(workdir: epath.Path) -> Iterator[tuple[str, str]]:
    for folder, job in RESULTS.items():
        for path in _within(workdir / folder):
            if path.suffix != ".json":
                continue
            try:
                sealed_json.read(path)
            except ValueError as error:
                name = f"{folder}/{path.parent.name}/{path.name}"
                yield name, f"{error}: run --job={job} again"


def _within(folder: epath.Path) -> list[epath.Path]:
    """What lies in the folders of a folder, such as profiles/<dataset>/<encoder>."""
    datasets = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path for one in datasets if one.is_dir() for path in sorted(one.iterdir())]
