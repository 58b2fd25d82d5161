"""Runs config files: configs/demo.py:smoke,method=autoencoder."""

import importlib.util
import pathlib

import ml_collections

from gandl_jax import config as configs
from gandl_jax import modules, regular_files
from gandl_jax.errors import InputError, nearest


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
    file = pathlib.Path(path)
    regular_files.check(file)
    if not file.is_file():
        beside = [str(p) for p in file.parent.glob("*.py")]
        hint = nearest(path, beside) if beside else "no configs are in that folder"
        raise InputError(f"there is no config file {path!r}: {hint}")
    spec = importlib.util.spec_from_file_location(f"config_{file.stem}", file)
    if spec is None:
        raise InputError(f"{path!r} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        config = module.get_config(text)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{path} does not give a config: {_why(error)}") from error
    _check_method_taken(path, text, config)
    config.name = "-".join([file.stem, *_name_parts(text)])
    return config


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
