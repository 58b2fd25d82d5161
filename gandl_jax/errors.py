"""Errors whose remedy is up to the user."""

import difflib
from collections.abc import Iterable


class InputError(Exception):
    """Bad input: one clear sentence that names the value and says what to do.

    `main` prints it without a traceback and exits with code 2.
    """


class RunError(Exception):
    """A failure that ends a run: a damaged record, a diverged network.

    `main` prints it without a traceback and exits with code 1.
    """


class Skip(Exception):
    """A lack of the screen, for which a task is skipped; the message is the reason."""


def nearest(name: str, choices: Iterable[str]) -> str:
    """Makes a hint to end an error message: the nearest valid name, or all of them.

    Args:
      name: what the user wrote.
      choices: the valid names.

    Returns:
      "did you mean 'x'?", or "valid: a, b, c" if no name is near.
    """
    choices = sorted(choices)
    near = difflib.get_close_matches(name, choices, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return "valid: " + ", ".join(choices)


def known(what: str, name: str, valid: Iterable[str]) -> None:
    """Refuses a name that is none of the valid ones.

    Raises:
      InputError: names the nearest.
    """
    if name not in valid:
        raise InputError(f"there is no {what} {name!r}: {nearest(name, valid)}")
