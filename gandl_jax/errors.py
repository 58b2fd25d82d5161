"""The error that is the user's to mend."""

import difflib
from collections.abc import Iterable


class InputError(Exception):
    """Bad input: one clear sentence that names the value and says what to do.

    `main` prints it without a traceback and exits with code 2.
    """


class RunError(Exception):
    """What a run cannot go on from: a damaged record, a diverged network.

    `main` prints it without a traceback and exits with code 1.
    """


class Skip(Exception):
    """The screen lacks what is needed; the message is the reason, in words."""


def nearest(name: str, choices: Iterable[str]) -> str:
    """A hint that ends an error message: the nearest valid name, or all of them.

    Args:
      name: what the user wrote.
      choices: the valid names.

    Returns:
      "did you mean 'x'?", or "valid: a, b, c" where nothing is near.
    """
    choices = sorted(choices)
    near = difflib.get_close_matches(name, choices, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return "valid: " + ", ".join(choices)


def known(what: str, name: str, valid: Iterable[str]) -> None:
    """Refuses a name that is none of the valid ones.

    Raises:
      InputError: with the nearest.
    """
    if name not in valid:
        raise InputError(f"there is no {what} {name!r}: {nearest(name, valid)}")
