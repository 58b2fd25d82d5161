"""Warnings that point to the caller's line, not to one of the package."""

import contextlib
import sys
import warnings
from collections.abc import Iterator

from gandl_jax.tasks.skip import LeftOut

PACKAGE = __name__.partition(".")[0]


def warn_caller(sentence: str) -> None:
    """Warns of a doubt, at the caller's line."""
    frame, level = sys._getframe(1), 2
    while frame.f_back and _is_ours(frame):
        frame, level = frame.f_back, level + 1
    warnings.warn(sentence, stacklevel=level)


def _is_ours(frame) -> bool:
    return frame.f_globals.get("__name__", "").partition(".")[0] == PACKAGE


@contextlib.contextmanager
def warn_of_left_out() -> Iterator[None]:
    """Turns warnings of tasks about what they leave out into the caller's."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", LeftOut)
        yield
    for warning in caught:
        if issubclass(warning.category, LeftOut):
            warn_caller(str(warning.message))
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
