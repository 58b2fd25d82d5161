"""Warnings that name the caller's own line, not one of the package."""

import contextlib
import sys
import warnings
from collections.abc import Iterator

from gandl_jax.tasks.skip import LeftOut

PACKAGE = __name__.partition(".")[0]


def tell(words: str) -> None:
    """Warns of what is in doubt."""
    frame, level = sys._getframe(1), 2
    while frame.f_back and _is_ours(frame):
        frame, level = frame.f_back, level + 1
    warnings.warn(words, stacklevel=level)


def _is_ours(frame) -> bool:
    return frame.f_globals.get("__name__", "").partition(".")[0] == PACKAGE


@contextlib.contextmanager
def left_out() -> Iterator[None]:
    """Tells within the block what tasks say that they leave out."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", LeftOut)
        yield
    for warning in caught:
        if issubclass(warning.category, LeftOut):
            tell(str(warning.message))
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
