"""Runs config files: configs/demo.py:smoke,method=autoencoder.

Or by name one of the package's own: gandl_jax:demo:smoke,method=autoencoder.

A sweep's file, configs/sweeps/NAME.py:screen=demo, makes many configs: `:run=NAME` is
one of them, and --job=sweep runs all.
"""

import difflib
import functools
import importlib.util
import pathlib
import types
from collections.abc import Callable
from typing import Any

import ml_collections

from gandl_jax import config as configs
from gandl_jax import modules, packaged_configs, regular_files, sweeps
from gandl_jax.config_text import read_options
from gandl_jax.errors import InputError, known

TEMPLATE = "my_screen.py"  # a config to be copied


def _split_options(path_and_options: str) -> tuple[str, str]:
    """Splits a config's file from its options; folders' names may have colons."""
    if packaged_configs.is_named(path_and_options):
        return packaged_configs.split(path_and_options)
    parts = path_and_options.split(":")
    for count in range(1, len(parts) + 1):
        path = ":".join(parts[:count])
        if pathlib.Path(path).is_file():
            return path, ":".join(parts[count:])
    return parts[0], ":".join(parts[1:])


def _file(path: str) -> pathlib.Path:
    if packaged_configs.is_named(path):
        return packaged_configs.file(path)
    return pathlib.Path(path)


def load(path_and_options: str) -> ml_collections.ConfigDict:
    """Runs a config file's `get_config(options)`.

    Args:
      path_and_options: `configs/demo.py` or `configs/demo.py:smoke`; or of the
        package's own `gandl_jax:demo:smoke`.

    Raises:
      InputError: no such file, one that does not run, or an option it does not declare.
    """
    path, text = _split_options(path_and_options)
    module = _run_file(path)
    if hasattr(module, "get_configs"):
        return _one_of_sweep(path, text, module)
    config = _called(path, lambda: module.get_config(text))
    _check_method_taken(path, text, config)
    config.name = "-".join([_file(path).stem, *_name_parts(text)])
    return config


def load_sweep(path_and_options: str) -> sweeps.Configs:
    """Runs a sweep file's `get_configs(screen)`.

    Args:
      path_and_options: `configs/sweeps/methods.py:screen=demo`, or `...,smoke`.

    Returns:
      {name: config}; the `name` of each config is "<sweep>/<screen>/<name>".

    Raises:
      InputError: as in `load`; no such screen, or no configs.
    """
    path, text = _split_options(path_and_options)
    return _all_of_sweep(path, text, _run_file(path))


def _all_of_sweep(path: str, text: str, module: types.ModuleType) -> sweeps.Configs:
    options = read_options(text, {"screen": "demo", "smoke": False, "run": ""})
    name, smoke = options["screen"], options["smoke"]
    folder = _file(path).resolve().parent.parent
    files = [file.stem for file in sorted(folder.glob("*.py"))]
    known(f"screen of {path}", name, files)
    screen_file = f"{folder / name}.py"
    screen = sweeps.Screen(name, functools.partial(_load_screen, screen_file), smoke)
    run_configs = _called(path, lambda: dict(module.get_configs(screen)))
    if not run_configs:
        raise InputError(f"{path} gives no configs: add some to get_configs")
    sweep = "-".join([_file(path).stem, *["smoke"] * smoke])
    for run, config in run_configs.items():
        config.name = f"{sweep}/{name}/{run}"
    return run_configs


def _load_screen(path: str, text: str) -> ml_collections.ConfigDict:
    return load(f"{path}:{text}")


def _one_of_sweep(
    path: str, text: str, module: types.ModuleType
) -> ml_collections.ConfigDict:
    """Returns the config that run=NAME names, or the first, with the names of all."""
    run_configs = _all_of_sweep(path, text, module)
    items = text.split(",")
    if wanted := dict(item.partition("=")[::2] for item in items).get("run"):
        known(f"run of {path}", wanted, run_configs)
        return run_configs[wanted]
    config = next(iter(run_configs.values()))
    config.name = config.name.rpartition("/")[0]
    config.sweep.source, config.sweep.runs = f"{path}:{text}", tuple(run_configs)
    return config


def _run_file(path: str) -> types.ModuleType:
    file = _file(path)
    regular_files.check(file)
    if not file.is_file():
        raise InputError(f"there is no config file {path!r}: {_hint(path)}")
    spec = importlib.util.spec_from_file_location(f"config_{file.stem}", file)
    if spec is None:
        raise InputError(f"{path!r} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    _called(path, lambda: spec.loader.exec_module(module))
    return module


def _hint(path: str) -> str:
    """Makes a hint for a config that does not exist."""
    file = _file(path)
    names = sorted(config.stem for config in file.parent.glob("*.py"))
    if not names:
        own = sorted(config.stem for config in packaged_configs.folder().glob("*.py"))
        return (
            "no configs are in that folder; the package's own are "
            f"--config={packaged_configs.PREFIX}NAME, where NAME is {', '.join(own)}"
        )
    if near := difflib.get_close_matches(file.stem, names, n=1):
        return f"did you mean {_sibling(path, near[0])!r}?"
    if TEMPLATE[:-3] not in names or packaged_configs.is_named(path):
        return f"there are {', '.join(names)}"
    return (
        f"copy {file.with_name(TEMPLATE)} to it for a screen of your own; "
        f"there are {', '.join(names)}"
    )


def _sibling(path: str, name: str) -> str:
    """The path, or name, of another config beside one."""
    if packaged_configs.is_named(path):
        group = pathlib.PurePath(path.removeprefix(packaged_configs.PREFIX)).parent
        return packaged_configs.PREFIX + str(group / name)
    return str(pathlib.Path(path).with_name(f"{name}.py"))


def _called(path: str, make: Callable[[], Any]) -> Any:
    """Calls code of a config file; raises its errors as InputError."""
    try:
        return make()
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{path} does not give a config: {_why(error)}") from error


def _why(error: Exception) -> str:
    """Describes an error of a config file in a line, with a key's present name."""
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    reason = reason.partition(" Other fields present")[0]
    for method in modules.names("methods", "Method"):
        for former, present in configs.moved_keys(method).items():
            if f'"{former.rpartition(".")[2]}"' in reason:
                return f"config.{former} is config.{present} now ({reason})"
    return reason


def _check_method_taken(path: str, text: str, config) -> None:
    """Refuses a file that ignores the method or recipe that is asked for."""
    asked = dict(item.partition("=")[::2] for item in text.split(","))
    for key in ("method", "recipe"):
        value = asked.get(key, "")
        if value and value != config.method["name" if key == "method" else key]:
            raise InputError(
                f"{path} takes no {key}={value}: in it write config = configs.default("
                'options["method"]), and last return configs.finish(config, options)'
            )


def _name_parts(text: str) -> list[str]:
    """Returns a config's options in its name, and so in its default workdir."""
    items = [item.partition("=") for item in text.split(",")]
    values = [
        value
        for key, _, value in items
        if key in ("method", "recipe") and value != "gan"
    ]
    return values + ["smoke"] * any(key == "smoke" for key, _, _ in items)
