"""Command lines that continue an experiment, from the recorded one."""

import shlex
from typing import Any

PROGRAM = "python -m gandl_jax.main"


def whole(options: str) -> str:
    """Returns a command line as typed, whether or not its options name the program."""
    return f"{PROGRAM} {options.removeprefix(PROGRAM).strip()}"


def with_flag(options: str, flag: str, value: str) -> str:
    """Sets a flag in options, whatever it was before.

    Args:
      options: `--config=configs/demo.py --job all`, as a shell reads it.
      flag: its name without dashes.
      value: what it is set to.
    """
    kept, arguments = [], iter(shlex.split(options))
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        if name.lstrip("-") != flag or not name.startswith("-"):
            kept.append(argument)
        elif not equals:
            next(arguments, None)  # its value is the next word
    return shlex.join([*kept, f"--{flag}={value}"])


def recorded(options: Any, name: str, workdir: str) -> str:
    """Returns the options of `config.json`, or a guess if they are damaged.

    Args:
      options: its "command"; None, or text that no shell reads, if damaged.
      name: of the experiment's config.
      workdir: of the experiment.
    """
    try:
        if options and shlex.split(options):
            return options
    except (ValueError, AttributeError):  # an open quote; no text
        pass
    file, config_options = name or "NAME", ""
    if file.endswith("-smoke"):
        file, config_options = file.removesuffix("-smoke"), ":smoke"
    return shlex.join(
        [f"--config=configs/{file}.py{config_options}", f"--workdir={workdir}"]
    )
