"""Reasons that a task, or a part of it, does not apply to a screen."""

import importlib.util

import pandas as pd

from gandl_jax.errors import Skip as Skip
from gandl_jax.errors import plainly


class LeftOut(UserWarning):
    """Warning that a task leaves out a part of the request, named in the message."""

    def __init__(self, *message: object):
        """Keeps the message, with values written for people."""
        super().__init__(*map(plainly, message))


def need_columns(metadata: pd.DataFrame, *names: str) -> None:
    """Checks that a screen's table has the columns that a task reads.

    Args:
      metadata: [N] rows of Metadata_* columns.
      *names: without Metadata_.

    Raises:
      Skip: the table lacks a column; the message names the first.
    """
    for name in names:
        if f"Metadata_{name}" not in metadata:
            raise Skip(f"the screen has no column Metadata_{name}")


def need_package(name: str, module: str) -> None:
    """Checks that a package that a task needs is installed.

    Args:
      name: of the package, one of the extra "report".
      module: name of its import.

    Raises:
      Skip: it is missing; the message says how to install it.
    """
    if importlib.util.find_spec(module) is None:
        raise Skip(f'{name} is not installed: pip install "gandl_jax[report]"')
