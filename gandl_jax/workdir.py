"""What a workdir says of itself: `config.json`, and whose experiment it is."""

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
# Of a workdir in which nothing was made yet; the lock's is `lock.FILE`.
NOTHING_MADE = {FILE, f".{FILE}.partial", "lock", "trained_on.parquet"}
RECORDED = ("config", "history", "versions", "command")
_SEEN = {  # of which images a network was trained on
    "dataset": str,
    "prepared": (str, None),
    "metadata_sha256": (str, None),
}
SHAPE = {
    "config": {str: object},
    "history": [{"date": str, "changed": {str: [object]}}],
    "versions": {str: str},
    # and what came later
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
    """Makes a workdir and the folders above it; removes those that stay empty.

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
    """Where the work within fails before it makes anything, leaves nothing of it.

    Args:
      workdir: held by this process.
      before: the names that stay.
    """
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            if is_unused(workdir):
                for path in [p for p in workdir.iterdir() if p.name not in before]:
                    path.rmtree() if path.is_dir() else path.unlink()
        raise


def is_unused(workdir: epath.Path) -> bool:
    """Whether nothing was made in a workdir, though a run may have begun there."""
    return all(name in NOTHING_MADE for name in _files(workdir))


def contents(workdir: epath.Path) -> dict[str, tuple[int, int]] | None:
    """What was made in a workdir; None in a bucket, where to ask takes too long.

    Returns:
      Path of every file within it to its size in bytes and time of change in ns.
    """
    if files.is_remote(workdir):
        return None
    found = {}
    for folder, _, names in os.walk(workdir):
        for path in (os.path.join(folder, name) for name in names):
            stat = os.lstat(path)
            found[os.path.relpath(path, workdir)] = stat.st_size, stat.st_mtime_ns
    return {name: stat for name, stat in found.items() if name not in NOTHING_MADE}


def _above(workdir: epath.Path) -> Iterator[epath.Path]:
    """A workdir and, on a disk, the folders above it: a bucket has none."""
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
    """Raises InputError where something of another experiment is in the workdir."""
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
    key = "train.start_from"  # what is there is compared where it is read
    if bool(former[key]) != bool(config.train.start_from):
        raise InputError(
            f"{workdir} is another experiment's: its {key} is {former[key]!r}, this "
            f"config's {config.train.start_from!r}; choose another --workdir"
        )


def _former(saved: dict, config) -> dict[str, Any]:
    """A saved config with the keys of now; those of later versions are defaults."""
    stored = configs.with_keys_of_now(saved["config"], config.method.name)
    return configs.defaults(config) | stored


def read_config(workdir: epath.Path):
    """The config of an experiment; keys of later versions have their defaults.

    Raises:
      InputError: the folder is no experiment's.
    """
    saved = _read(workdir)
    if saved is None:
        raise InputError(
            f"{workdir} is no experiment's workdir: it holds no config.json"
        )
    config = _default(workdir, saved["config"])
    known = configs.flatten(config)
    stored = configs.with_keys_of_now(saved["config"], config.method.name)
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
    """The defaults of the method that an experiment was made by."""
    try:
        return configs.default(stored.get("method.name", "gan"))
    except InputError as error:
        raise InputError(
            f"{workdir} was made by a method that this version has not: {error}; use "
            "the version that made it, or another --workdir"
        ) from error


def _shape_of(default: Any) -> Any:
    """The shape of a key's values in JSON, by its default."""
    return [(str, float)] if isinstance(default, tuple) else type(default)


def record(workdir: epath.Path, config, command: str) -> None:
    """Writes `config.json`: the config, each change of it, versions of libraries.

    Args:
      workdir: made if need be.
      config: as resolved.
      command: the command line, for the reader of the report.
    """
    saved = _read(workdir)
    if saved and is_unused(workdir):  # what it was bound to came to nothing
        saved = {key: saved[key] for key in RECORDED if key in saved}
    now = configs.plain(config)
    history = saved["history"] if saved else []
    before = _former(saved, config) if saved else now
    changed = {k: [before.get(k), v] for k, v in now.items() if before.get(k) != v}
    versions = {name: _version(name) for name in LIBRARIES}
    if saved and not changed and saved["versions"] == versions:
        return
    date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    content = {
        **(saved or {}),
        "config": now,
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
    """Those values of a `config.json` that are of the type they should be."""
    if not isinstance(record, dict):
        return {}
    shapes = {k.removesuffix(plain_data.OPTIONAL): x for k, x in SHAPE.items()}
    return {
        key: value
        for key, value in record.items()
        if plain_data.fits(value, shapes.get(key, object))
    }


def forget(workdir: epath.Path, before: bytes) -> None:
    """Takes back what `record` wrote; what jobs have noted since stays.

    Args:
      workdir: of the experiment.
      before: `config.json` before that.
    """
    former = json.loads(before)
    kept = {k: former[k] for k in RECORDED if k in former}
    _write(workdir, {**_read(workdir), **kept})


def claim(workdir: epath.Path, key: str, value: Any, *, other: str) -> None:
    """Notes what the experiment is bound to from its first step on.

    Args:
      workdir: of the experiment.
      key: to note it under.
      value: what to note.
      other: what it was trained on, and what to do, where something else is noted.

    Raises:
      InputError: it is bound to something else.
    """
    before = _read(workdir).get(key, value)
    if before != value:
        raise InputError(f"{workdir} was trained {other}, or choose another --workdir")
    note(workdir, key, value)


def note(workdir: epath.Path, key: str, value: Any) -> None:
    """Adds what a job found out, such as the devices it runs on, as plain data."""
    _write(workdir, {**_read(workdir), key: value})


def noted(workdir: epath.Path, key: str) -> Any:
    """What a job noted under a key; None where it did not."""
    return (_read(workdir) or {}).get(key)


def _write(workdir: epath.Path, content: dict) -> None:
    workdir.mkdir(parents=True, exist_ok=True)
    sealed_json.write(workdir / FILE, content)


def _read(workdir: epath.Path) -> dict | None:
    file = workdir / FILE
    try:
        found = sealed_json.read(file)
        if not plain_data.fits(found, SHAPE):
            raise ValueError("a value lacks, or is of another type than it should be")
        return found
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise InputError(
            f"{file} is damaged: restore it from a copy, or choose another --workdir "
            f"({_why(error)})"
        ) from error


def _why(error: ValueError) -> str:
    """Why a file is refused, and what to do where somebody edited it."""
    if isinstance(error, UnicodeError):
        return "it is no text"
    if str(error) != sealed_json.CHANGED:
        return str(error)
    return (
        f"{error}; where it was edited by hand, and is meant so, take its "
        f'"{sealed_json.KEY}" out, with the comma before it'
    )
