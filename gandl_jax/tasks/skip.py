"""Why a task, or a part of it, does not apply to a screen."""

import importlib.util

import pandas as pd

from gandl_jax.errors import Skip as Skip
from gandl_jax.errors import plainly


class LeftOut(UserWarning):
    """A task does a part of what was asked; the message says which it does not."""

    def __init__(self, *words: object):
        """Keeps the words as people write values."""
        super().__init__(*map(plainly, words))


def need_columns(metadata: pd.DataFrame, *names: str) -> None:
    """Checks that a screen's table has what a task reads.

    Args:
      metadata: [N] rows of Metadata_* columns.
      *names: without their Metadata_.

    Raises:
      Skip: naming the first column that the table lacks.
    """
    for name in names:
        if f"Metadata_{name}" not in metadata:
            raise Skip(f"the screen has no column Metadata_{name}")


def need_package(name: str, module: str) -> None:
    """Checks that what a task computes with is there.

    Args:
      name: of the package, one of the extra "report".
      module: that it is imported as.

    Raises:
      Skip: saying how to install it.
    """
    if importlib.util.find_spec(module) is None:
        raise Skip(f'{name} is not installed: pip install "gandl_jax[report]"')
