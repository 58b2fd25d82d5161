"""Runs config files: configs/demo.py:smoke,method=autoencoder.

A sweep's file, configs/sweeps/NAME.py:screen=demo, gives many configs: `:run=NAME` is
one of them, and without it they are all run by --job=sweep.
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
from gandl_jax import modules, regular_files, sweeps
from gandl_jax.config_text import read_options
from gandl_jax.errors import InputError, known

TEMPLATE = "my_screen.py"  # a config to be copied


def _split_options(path_and_options: str) -> tuple[str, str]:
    """A config's file and its options; folders may have colons in their names."""
    parts = path_and_options.split(":")
    for count in range(1, len(parts) + 1):
        path = ":".join(parts[:count])
        if pathlib.Path(path).is_file():
            return path, ":".join(parts[count:])
    return parts[0], ":".join(parts[1:])


def load(path_and_options: str) -> ml_collections.ConfigDict:
    """Runs a config file's `get_config(options)`.

    Args:
      path_and_options: `configs/demo.py` or `configs/demo.py:smoke`.

    Raises:
      InputError: no such file, one that does not run, or an option it does not declare.
    """
    path, text = _split_options(path_and_options)
    module = _run_file(path)
    if hasattr(module, "get_configs"):
        return _one_of_sweep(path, text, module)
    config = _called(path, lambda: module.get_config(text))
    _check_method_taken(path, text, config)
    config.name = "-".join([pathlib.Path(path).stem, *_name_parts(text)])
    return config


def load_sweep(path_and_options: str) -> sweeps.Configs:
    """Runs a sweep file's `get_configs(screen)`.

    Args:
      path_and_options: `configs/sweeps/methods.py:screen=demo`, or `...,smoke`.

    Returns:
      Name to config; `name` of each is "<sweep>/<screen>/<name>".

    Raises:
      InputError: as in `load`; no such screen, or no configs.
    """
    path, text = _split_options(path_and_options)
    return _all_of_sweep(path, text, _run_file(path))


def _all_of_sweep(path: str, text: str, module: types.ModuleType) -> sweeps.Configs:
    options = read_options(text, {"screen": "demo", "smoke": False, "run": ""})
    name, smoke = options["screen"], options["smoke"]
    folder = pathlib.Path(path).resolve().parent.parent
    files = [file.stem for file in sorted(folder.glob("*.py"))]
    known(f"screen of {path}", name, files)
    place = f"{folder / name}.py"
    screen = sweeps.Screen(name, functools.partial(_load_screen, place), smoke)
    made = _called(path, lambda: dict(module.get_configs(screen)))
    if not made:
        raise InputError(f"{path} gives no configs: add some to get_configs")
    sweep = "-".join([pathlib.Path(path).stem, *["smoke"] * smoke])
    for one, config in made.items():
        config.name = f"{sweep}/{name}/{one}"
    return made


def _load_screen(place: str, text: str) -> ml_collections.ConfigDict:
    return load(f"{place}:{text}")


def _one_of_sweep(
    path: str, text: str, module: types.ModuleType
) -> ml_collections.ConfigDict:
    """The config that run=NAME names, or the first, with the names of all."""
    made = _all_of_sweep(path, text, module)
    items = text.split(",")
    if wanted := dict(item.partition("=")[::2] for item in items).get("run"):
        known(f"run of {path}", wanted, made)
        return made[wanted]
    config = next(iter(made.values()))
    config.name = config.name.rpartition("/")[0]
    config.sweep.source, config.sweep.runs = f"{path}:{text}", tuple(made)
    return config


def _run_file(path: str) -> types.ModuleType:
    file = pathlib.Path(path)
    regular_files.check(file)
    if not file.is_file():
        raise InputError(f"there is no config file {path!r}: {_beside(file)}")
    spec = importlib.util.spec_from_file_location(f"config_{file.stem}", file)
    if spec is None:
        raise InputError(f"{path!r} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    _called(path, lambda: spec.loader.exec_module(module))
    return module


def _beside(file: pathlib.Path) -> str:
    """What to name in place of a config that is not there."""
    names = sorted(path.stem for path in file.parent.glob("*.py"))
    if not names:
        return "no configs are in that folder"
    if near := difflib.get_close_matches(file.stem, names, n=1):
        return f"did you mean {str(file.with_name(near[0] + '.py'))!r}?"
    own = f"copy {file.with_name(TEMPLATE)} to it for a screen of your own; "
    return own * (TEMPLATE[:-3] in names) + f"there are {', '.join(names)}"


def _called(path: str, make: Callable[[], Any]) -> Any:
    """What a config's file makes; whatever goes wrong in it is told in a sentence."""
    try:
        return make()
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{path} does not give a config: {_why(error)}") from error


def _why(error: Exception) -> str:
    """An error of a config file in a line, and what a key is called now."""
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    reason = reason.partition(" Other fields present")[0]
    for method in modules.names("methods", "Method"):
        for former, now in configs.moved_keys(method).items():
            if f'"{former.rpartition(".")[2]}"' in reason:
                return f"config.{former} is config.{now} now ({reason})"
    return reason


def _check_method_taken(path: str, text: str, config) -> None:
    """Refuses to train another method than was asked for, or without its recipe."""
    asked = dict(item.partition("=")[::2] for item in text.split(","))
    for key in ("method", "recipe"):
        value = asked.get(key, "")
        if value and value != config.method["name" if key == "method" else key]:
            raise InputError(
                f"{path} takes no {key}={value}: in it write config = configs.default("
                'options["method"]), and last return configs.finish(config, options)'
            )


def _name_parts(text: str) -> list[str]:
    """What a config's options add to its name, and so to its default workdir."""
    items = [item.partition("=") for item in text.split(",")]
    values = [v for k, _, v in items if k in ("method", "recipe") and v != "gan"]
    return values + ["smoke"] * any(k == "smoke" for k, _, _ in items)
