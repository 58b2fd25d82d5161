"""Errors whose remedy is up to the user."""

import difflib
import re
from collections.abc import Iterable

# A NumPy scalar as repr has it: np.str_('HRCE-1/2'), np.int64(3), np.True_.
_SCALAR = re.compile(
    r"""\bnp\.(?:\w+\((?=["'\d.+-]|nan|inf)("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|"""
    r"""[^()'"\s]*)\)|(True|False)_\b)"""
)


def plainly(words: object) -> object:
    """Writes NumPy's scalars as Python's: 'HRCE-1/2' of np.str_('HRCE-1/2')."""
    if not isinstance(words, str):
        return words
    return _SCALAR.sub(lambda match: match[1] or match[2], words)


class _Plain(Exception):
    """An error whose words are for people."""

    def __init__(self, *words: object):
        """Keeps the words as people write values."""
        super().__init__(*map(plainly, words))


class InputError(_Plain):
    """Bad input: one clear sentence that names the value and says what to do.

    `main` prints it without a traceback and exits with code 2.
    """


class RunError(_Plain):
    """A failure that ends a run: a damaged record, a diverged network.

    `main` prints it without a traceback and exits with code 1.
    """


class Skip(_Plain):
    """A lack of the screen, for which a task is skipped; the message is the reason."""


def nearest(name: str, choices: Iterable[str]) -> str:
    """Makes a hint to end an error message: the nearest valid name, or all of them.

    Args:
      name: what the user wrote.
      choices: the valid names.

    Returns:
      "did you mean 'x'?", or "valid: a, b, c" if no name is near.
    """
    choices = sorted(map(str, choices))
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
