"""Workdirs: their `config.json`, and the experiment that they belong to."""

import contextlib
import datetime
import importlib.metadata
import json
import os
from collections.abc import Container, Iterator
from typing import Any

from etils import epath

from gandl_jax import config as configs
from gandl_jax import config_checks, files, plain_data, sealed_json
from gandl_jax.errors import InputError

FILE = "config.json"
# Files of a workdir in which nothing was made yet; "lock" is `lock.FILE`.
NOTHING_MADE = {FILE, f".{FILE}.partial", "lock", "trained_on.parquet"}
RECORDED = ("config", "history", "versions", "command")
_SEEN = {  # of the images that a network was trained on
    "dataset": str,
    "prepared": (str, None),
    "metadata_sha256": (str, None),
}
SHAPE = {
    "config": {str: object},
    "history": [{"date": str, "changed": {str: [object]}}],
    "versions": {str: str},
    # keys of later versions
    "command?": str,
    "devices?": str,
    "prepared?": str,
    "metadata_sha256?": str,
    "trained_on_sha256?": str,
    "extra?": [str],
    "start?": {"from": str, "sha256": str, "trained_on": ([_SEEN], None)},
}
LIBRARIES = ("jax", "flax", "optax", "orbax-checkpoint", "tensorflow", "scikit-learn")


@contextlib.contextmanager
def making(workdir: epath.Path) -> Iterator[set[str]]:
    """Makes a workdir and the folders above it; removes them if they stay empty.

    Yields:
      The names that were in it before.
    """
    absent = [path for path in _above(workdir) if not path.exists()]
    before = set() if absent else {path.name for path in workdir.iterdir()}
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        yield before
    except BaseException:
        with contextlib.suppress(OSError):  # of a disk that can only be read by now
            for path in absent:
                if path.exists() and not any(path.iterdir()):
                    path.rmdir()
        raise


@contextlib.contextmanager
def clearing(workdir: epath.Path, before: Container[str]) -> Iterator[None]:
    """Clears a workdir if the work within fails before it makes anything.

    Args:
      workdir: held by this process.
      before: the names that stay.
    """
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            if is_unused(workdir):
                for path in [
                    path for path in workdir.iterdir() if path.name not in before
                ]:
                    path.rmtree() if path.is_dir() else path.unlink()
        raise


def is_unused(workdir: epath.Path) -> bool:
    """Whether nothing was made in a workdir; a run may have begun there."""
    return all(name in NOTHING_MADE for name in _files(workdir))


def contents(workdir: epath.Path) -> dict[str, tuple[int, int]] | None:
    """Lists the files made in a workdir; None for a bucket, where it takes too long.

    Returns:
      {path within it: (size in bytes, time of change in ns)}.
    """
    if files.is_remote(workdir):
        return None
    stats_by_path = {}
    for folder, _, names in os.walk(workdir):
        for path in (os.path.join(folder, name) for name in names):
            stat = os.lstat(path)
            stats_by_path[os.path.relpath(path, workdir)] = (
                stat.st_size,
                stat.st_mtime_ns,
            )
    return {
        name: stat for name, stat in stats_by_path.items() if name not in NOTHING_MADE
    }


def _above(workdir: epath.Path) -> Iterator[epath.Path]:
    """Yields a workdir and, on a disk, the folders above it."""
    yield workdir
    if not files.is_remote(workdir):
        yield from workdir.parents


def _files(folder: epath.Path, above: str = "") -> Iterator[str]:
    for path in folder.iterdir() if folder.exists() else ():
        if path.is_dir():
            yield from _files(path, f"{above}{path.name}/")
        else:
            yield above + path.name


def refuse_another(workdir: epath.Path, config) -> None:
    """Raises InputError if the workdir holds files of another experiment."""
    saved = _read(workdir)
    if saved is None or is_unused(workdir):
        return
    former = _former(saved, config)
    identity = configs.identity(config)
    for key in ("method.name", *identity):
        value = identity[key]
        if former[key] != value:
            raise InputError(
                f"{workdir} is another experiment's: its {key} is {former[key]!r}, "
                f"this config's {value!r}; choose another --workdir"
            )
    key = "train.start_from"  # its content is compared when it is read
    if bool(former[key]) != bool(config.train.start_from):
        raise InputError(
            f"{workdir} is another experiment's: its {key} is {former[key]!r}, this "
            f"config's {config.train.start_from!r}; choose another --workdir"
        )


def _former(saved: dict, config) -> dict[str, Any]:
    """Returns a saved config with present keys; new ones have their defaults."""
    stored = configs.with_present_keys(saved["config"], config.method.name)
    return configs.defaults(config) | stored


def read_config(workdir: epath.Path):
    """Reads the config of an experiment; new keys have their defaults.

    Raises:
      InputError: the folder is no workdir.
    """
    saved = _read(workdir)
    if saved is None:
        raise InputError(
            f"{workdir} is no experiment's workdir: it holds no config.json"
        )
    config = _default(workdir, saved["config"])
    known = configs.flatten(config)
    stored = configs.with_present_keys(saved["config"], config.method.name)
    for key in known.keys() & stored.keys():
        *groups, last = key.split(".")
        group = config
        for name in groups:
            group = group[name]
        value = stored[key]
        if not plain_data.fits(value, _shape_of(known[key])):
            raise InputError(
                f"{workdir / FILE} has {key}={value!r}, which is of another type than "
                "it should be: restore that file from a copy"
            )
        group[last] = tuple(value) if isinstance(value, list) else value
    try:
        config_checks.check_ranges(config)
    except InputError as error:
        raise InputError(
            f"{workdir / FILE} is damaged: {error}: restore it from a copy"
        ) from error
    return config


def _default(workdir: epath.Path, stored: dict[str, Any]):
    """Returns the defaults of an experiment's method."""
    try:
        return configs.default(stored.get("method.name", "gan"))
    except InputError as error:
        raise InputError(
            f"{workdir} was made by a method that this version has not: {error}; use "
            "the version that made it, or another --workdir"
        ) from error


def _shape_of(default: Any) -> Any:
    """Returns the shape of a key's values in JSON, by its default."""
    return [(str, float)] if isinstance(default, tuple) else type(default)


def record(workdir: epath.Path, config, command: str) -> None:
    """Writes `config.json`: the config, its changes, versions of libraries.

    Args:
      workdir: of the experiment; made if needed.
      config: as resolved.
      command: the command line, for the reader of the report.
    """
    saved = _read(workdir)
    if saved and is_unused(workdir):  # its claims are void
        saved = {key: saved[key] for key in RECORDED if key in saved}
    present = configs.plain(config)
    history = saved["history"] if saved else []
    before = _former(saved, config) if saved else present
    changed = {
        key: [before.get(key), value]
        for key, value in present.items()
        if before.get(key) != value
    }
    versions = {name: _version(name) for name in LIBRARIES}
    if saved and not changed and saved["versions"] == versions:
        return
    date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    content = {
        **(saved or {}),
        "config": present,
        "history": [*history, {"date": date, "changed": changed}],
        "versions": versions,
        "command": command,
    }
    _write(workdir, content)


def _version(library: str) -> str:
    """The version of a library; TensorFlow's wheel for CPUs has a name of its own."""
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return importlib.metadata.version(f"{library}-cpu")


def known(record: Any) -> dict[str, Any]:
    """Returns the values of a `config.json` that have the right types."""
    if not isinstance(record, dict):
        return {}
    shapes = {
        key.removesuffix(plain_data.OPTIONAL): shape for key, shape in SHAPE.items()
    }
    return {
        key: value
        for key, value in record.items()
        if plain_data.fits(value, shapes.get(key, object))
    }


def restore_record(workdir: epath.Path, before: bytes) -> None:
    """Restores the content before `record`; notes of jobs since then stay.

    Args:
      workdir: of the experiment.
      before: content of `config.json` before it.
    """
    former = json.loads(before)
    kept = {key: former[key] for key in RECORDED if key in former}
    _write(workdir, {**_read(workdir), **kept})


def claim(workdir: epath.Path, key: str, value: Any, *, other: str) -> None:
    """Notes a value to which the experiment is bound from its first step on.

    Args:
      workdir: of the experiment.
      key: to note it under.
      value: to note, plain data.
      other: the error's clause and remedy, if another value is noted.

    Raises:
      InputError: it is bound to another value.
    """
    before = _read(workdir).get(key, value)
    if before != value:
        raise InputError(f"{workdir} was trained {other}, or choose another --workdir")
    note(workdir, key, value)


def note(workdir: epath.Path, key: str, value: Any) -> None:
    """Notes a job's value, such as the devices it runs on, as plain data."""
    _write(workdir, {**_read(workdir), key: value})


def noted(workdir: epath.Path, key: str) -> Any:
    """Returns a job's note under a key; None if there is none."""
    return (_read(workdir) or {}).get(key)


def _write(workdir: epath.Path, content: dict) -> None:
    workdir.mkdir(parents=True, exist_ok=True)
    sealed_json.write(workdir / FILE, content)


def _read(workdir: epath.Path) -> dict | None:
    file = workdir / FILE
    try:
        content = sealed_json.read(file)
        if not plain_data.fits(content, SHAPE):
            raise ValueError("a value lacks, or is of another type than it should be")
        return content
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise InputError(
            f"{file} is damaged: restore it from a copy, or choose another --workdir "
            f"({_why(error)})"
        ) from error


def _why(error: ValueError) -> str:
    """Describes why a file is refused, with a remedy if somebody edited it."""
    if isinstance(error, UnicodeError):
        return "it is no text"
    if str(error) != sealed_json.CHANGED:
        return str(error)
    return (
        f"{error}; where it was edited by hand, and is meant so, take its "
        f'"{sealed_json.KEY}" out, with the comma before it'
    )
