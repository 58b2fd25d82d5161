"""The file `trained_on.parquet`, of any folder; imports nothing slow."""

import hashlib
import io

import pandas as pd
from etils import epath

from gandl_jax import files
from gandl_jax.errors import InputError

FILE = "trained_on.parquet"
TRAINED, VALIDATED = "trained", "validated"
KEY = ["screen", "metadata_sha256", "record_id"]
COLUMNS = [*KEY, "seen", "labels"]


def read_file(path: epath.Path, wanted: str | None) -> pd.DataFrame:
    """Reads the file as `trained_on.read` does.

    Args:
      path: of the file.
      wanted: its SHA-256, in hex; None if not known.

    Raises:
      InputError: it is damaged or missing.
    """
    try:
        content = files.read_bytes(path)
        if wanted and hashlib.sha256(content).hexdigest() != wanted:
            raise ValueError("it is not as it was written")
        table = pd.read_parquet(io.BytesIO(content))
        return table[COLUMNS].astype(str)
    except FileNotFoundError as error:
        raise InputError(f"{path} is gone: restore it from a copy") from error
    except (ValueError, KeyError, OSError) as error:
        raise InputError(
            f"{path} is damaged ({_why(error)}): restore it from a copy"
        ) from error


def _why(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
