"""What a workdir says of itself: `config.json`, and whose experiment it is."""

import datetime
import importlib.metadata
import json
from typing import Any

from etils import epath

from gandl_jax import config as configs
from gandl_jax import plain_data, sealed_json
from gandl_jax.errors import InputError

FILE = "config.json"
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
    "start?": {"from": str, "sha256": str, "trained_on": ([_SEEN], None)},
}
LIBRARIES = ("jax", "flax", "optax", "orbax-checkpoint", "tensorflow", "scikit-learn")


def refuse_another(workdir: epath.Path, config) -> None:
    """Raises InputError where the workdir belongs to another experiment."""
    saved = _read(workdir)
    if saved is None:
        return
    former = (
        configs.plain(configs.default()) | saved["config"]
    )  # keys of later versions
    for key, value in configs.identity(config).items():
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
    config = configs.default()
    known = configs.flatten(config)
    for key in known.keys() & saved["config"].keys():
        *groups, last = key.split(".")
        group = config
        for name in groups:
            group = group[name]
        value = saved["config"][key]
        if not plain_data.fits(value, _shape_of(known[key])):
            raise InputError(
                f"{workdir / FILE} has {key}={value!r}, which is of another type than "
                "it should be: restore that file from a copy"
            )
        group[last] = tuple(value) if isinstance(value, list) else value
    try:
        configs.check_ranges(config)
    except InputError as error:
        raise InputError(
            f"{workdir / FILE} is damaged: {error}: restore it from a copy"
        ) from error
    return config


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
    now = configs.plain(config)
    history = saved["history"] if saved else []
    before = saved["config"] if saved else now
    changed = {k: [before.get(k), v] for k, v in now.items() if before.get(k) != v}
    versions = {name: importlib.metadata.version(name) for name in LIBRARIES}
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
    recorded = ("config", "history", "versions", "command")
    former = json.loads(before)
    kept = {k: former[k] for k in recorded if k in former}
    _write(workdir, {**_read(workdir), **kept})


def claim(workdir: epath.Path, key: str, value: str, *, other: str) -> None:
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
