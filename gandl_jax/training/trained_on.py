"""Which records a network has seen, and with which labels: `trained_on.parquet`.

One row for each record that was seen, of whatever screen; imports nothing slow.
"""

import io

import pandas as pd
from etils import epath

from gandl_jax import files
from gandl_jax.errors import InputError

FILE = "trained_on.parquet"
COLUMNS = ["screen", "metadata_sha256", "record_id", "seen", "labels"]


def read(workdir: epath.Path) -> pd.DataFrame | None:
    """The table, or None where a former version trained, which wrote none.

    Raises:
      InputError: it is damaged.
    """
    path = workdir / FILE
    if not path.exists():
        return None
    try:
        found = pd.read_parquet(io.BytesIO(files.read_bytes(path)))
        return found[COLUMNS].astype(str)
    except (ValueError, KeyError, OSError) as error:
        raise InputError(
            f"{path} is damaged: restore it from a copy ({type(error).__name__})"
        ) from error
