"""The command lines that go on with an experiment, from the one that was recorded."""

import shlex
from typing import Any

PROGRAM = "python -m gandl_jax.main"


def whole(options: str) -> str:
    """A command line as it is typed, whether or not its options name the program."""
    return f"{PROGRAM} {options.removeprefix(PROGRAM).strip()}"


def with_flag(options: str, flag: str, value: str) -> str:
    """The options with a flag set, whatever it was before.

    Args:
      options: `--config=configs/demo.py --job all`, as a shell reads it.
      flag: its name without dashes.
      value: what it is set to.
    """
    kept, words = [], iter(shlex.split(options))
    for word in words:
        name, equals, _ = word.partition("=")
        if name.lstrip("-") != flag or not name.startswith("-"):
            kept.append(word)
        elif not equals:
            next(words, None)  # its value is the next word
    return shlex.join([*kept, f"--{flag}={value}"])


def recorded(options: Any, name: str, workdir: str) -> str:
    """The options as `config.json` has them, or what they may have been.

    Args:
      options: under "command"; None, or what no shell reads, where it is damaged.
      name: of the experiment's config.
      workdir: of the experiment.
    """
    try:
        if options and shlex.split(options):
            return options
    except (ValueError, AttributeError):  # an open quote; no text
        pass
    file, after = name or "NAME", ""
    if file.endswith("-smoke"):
        file, after = file.removesuffix("-smoke"), ":smoke"
    return shlex.join([f"--config=configs/{file}.py{after}", f"--workdir={workdir}"])
