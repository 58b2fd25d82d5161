"""The spec of a screen, and its metadata as tables. Imports nothing slow."""

import dataclasses
import importlib
import string
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from etils import epath

from gandl_jax import modules
from gandl_jax.errors import InputError, nearest

Filter = Mapping[str, tuple[str, ...]]

ROLES = ("response_0", "response_1", "treated", "other")


@dataclasses.dataclass(frozen=True)
class Screen:
    """The spec of a screen: how its records are found and what they mean.

    Attributes:
      name: the screen's name, that of its file in `gandl_jax/datasets`.
      channels: channel names; the number in a file's name is position + 1.
      file: an image's path below the source directory, a format string over the
        metadata's columns and `channel` (the number).
      key: the columns that together identify a record.
      columns: `Metadata_*` name to the source's column.
      response_0: the wells where no compound acts (source column to allowed
        values, "" is blank); None where the screen has no such control.
      response_1: the wells in the wanted state; None likewise.
      treated: what a treated well satisfies besides a treatment that is not blank
        and not being a control; None asks nothing more.
      generate: draws the raw screen, `generate(source_dir, options)`; None where the
        screen is measured.
    """

    name: str
    channels: tuple[str, ...]
    file: str
    key: tuple[str, ...]
    columns: Mapping[str, str]
    response_0: Filter | None = None
    response_1: Filter | None = None
    treated: Filter | None = None
    generate: Callable[[str, Any], None] | None = None

    @property
    def file_columns(self) -> tuple[str, ...]:
        """The columns that `file` names."""
        fields = [field for _, field, _, _ in string.Formatter().parse(self.file)]
        return tuple(name for name in fields if name and name != "channel")

    def image_path(self, row: Mapping[str, str], channel: int) -> str:
        """Path below the source directory; `channel` counts from 1."""
        return self.file.format(**{**row, "channel": channel})


def load(name: str) -> Screen:
    """The screen of that name.

    Raises:
      InputError: there is none; the message gives the nearest name.
    """
    choices = modules.names("datasets", "SCREEN")
    if name not in choices:
        raise InputError(f"unknown dataset {name!r}; {nearest(name, choices)}")
    return importlib.import_module(f"gandl_jax.datasets.{name}").SCREEN


def read_metadata(screen: Screen, source_dir: str) -> pd.DataFrame:
    """Reads `metadata.csv` of a raw screen; every column is str, blanks are "".

    Raises:
      InputError: no such directory, no metadata.csv, an unreadable or empty one, a
        missing column, or a doubled key.
    """
    folder = epath.Path(source_dir)
    if not source_dir or not folder.is_dir():
        raise InputError(
            f"the screen's directory {str(source_dir)!r} does not exist; set "
            "config.data.source_dir to the folder that holds metadata.csv and images/"
        )
    path = folder / "metadata.csv"
    if not path.exists():
        raise InputError(f"there is no metadata.csv in {source_dir}")
    metadata = _read_csv(path)
    _check_columns(screen, metadata, path)
    _check_keys(screen, metadata, path)
    return metadata


def _read_csv(path: epath.Path) -> pd.DataFrame:
    try:
        with path.open("r") as file:
            metadata = pd.read_csv(file, dtype=str, keep_default_na=False)
    except (ValueError, UnicodeDecodeError) as error:  # ParserError is a ValueError
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{path} is not a readable CSV table: {reason}") from error
    if metadata.empty:
        raise InputError(f"{path} has no rows")
    return metadata


def _check_columns(screen: Screen, metadata: pd.DataFrame, path: epath.Path) -> None:
    filters = (screen.response_0, screen.response_1, screen.treated)
    wanted = [*screen.key, *screen.file_columns, *screen.columns.values()]
    wanted += [column for rule in filters if rule for column in rule]
    missing = [name for name in dict.fromkeys(wanted) if name not in metadata]
    if missing:
        raise InputError(
            f"{path} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}; "
            f"it has {', '.join(map(str, metadata.columns))}"
        )


def _check_keys(screen: Screen, metadata: pd.DataFrame, path: epath.Path) -> None:
    doubled = metadata.duplicated(list(screen.key))
    if doubled.any():
        first = ", ".join(metadata.loc[doubled, list(screen.key)].iloc[0])
        raise InputError(
            f"{path} holds {int(doubled.sum())} rows whose key "
            f"({', '.join(screen.key)}) came before, the first {first}"
        )


def table(screen: Screen, metadata: pd.DataFrame) -> pd.DataFrame:
    """The records' metadata under the names that every screen shares.

    Args:
      screen: the spec.
      metadata: as from `read_metadata`, N rows.

    Returns:
      N rows in the same order: the `Metadata_*` columns of the spec as str, but
      Metadata_Concentration_uM as float64 in uM (NaN where blank), and Metadata_Role,
      one of ROLES.

    Raises:
      InputError: a concentration is not a finite number from 0 up.
    """
    columns = {name: metadata[column] for name, column in screen.columns.items()}
    result = pd.DataFrame(columns).reset_index(drop=True)
    dose, smiles = "Metadata_Concentration_uM", "Metadata_SMILES"
    if dose in result:
        result[dose] = _concentrations(result[dose], screen.columns[dose])
    if smiles in result:  # what follows a blank is a CXSMILES tail, not structure
        result[smiles] = result[smiles].str.split(" ").str[0]
    result["Metadata_Role"] = _roles(screen, metadata)
    return result


def _concentrations(text: pd.Series, column: str) -> pd.Series:
    blank = text.str.strip() == ""
    numbers = pd.to_numeric(text.where(~blank), errors="coerce").astype(np.float64)
    wrong = text[~blank & ~(np.isfinite(numbers) & (numbers >= 0))]
    if len(wrong):
        raise InputError(
            f"{len(wrong)} concentrations (column {column}) are not finite numbers "
            f"from 0 up, the first {wrong.iloc[0]!r}; mend metadata.csv"
        )
    return numbers


def _roles(screen: Screen, metadata: pd.DataFrame) -> np.ndarray:
    response_0 = matches(screen.response_0, metadata)
    response_1 = matches(screen.response_1, metadata)
    treated = np.ones(len(metadata), bool)
    if screen.treated is not None:
        treated = matches(screen.treated, metadata)
    if "Metadata_Treatment" in screen.columns:
        treatment = metadata[screen.columns["Metadata_Treatment"]]
        treated &= (treatment != "").to_numpy()
    else:
        treated[:] = False
    return np.select([response_0, response_1, treated], ROLES[:3], ROLES[3])


def matches(rule: Filter | None, metadata: pd.DataFrame) -> np.ndarray:
    """[N] bool: the rows whose every named column holds an allowed value."""
    if rule is None:
        return np.zeros(len(metadata), bool)
    chosen = np.ones(len(metadata), bool)
    for column, allowed in rule.items():
        chosen &= metadata[column].isin(allowed).to_numpy()
    return chosen
