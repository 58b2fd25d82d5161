"""The spec of a screen, and its metadata as tables. Imports nothing slow."""

import dataclasses
import functools
import importlib
import io
import string
from collections.abc import Callable, Mapping
from typing import Any

import ml_collections
import numpy as np
import pandas as pd
from etils import epath

from gandl_jax import modules
from gandl_jax.datasets import (
    blanks,
    confined,
    found_records,
    limits,
    raw_files,
    wells,
)
from gandl_jax.errors import InputError, nearest

Filter = Mapping[str, tuple[str, ...]]

ROLES = ("response_0", "response_1", "treated", "other")
PLACES = tuple(  # they name a record: what looks blank in them is told, not emptied
    f"Metadata_{name}" for name in "Site_ID Experiment Plate Well Site Cell".split()
)


@dataclasses.dataclass(frozen=True)
class Screen:
    """The spec of a screen: how its records are found and what they mean.

    A record's images lie in one file per channel where `file` names `{channel}`, else
    in one file that holds all channels: pages, samples such as RGB, or one grey plane.

    Attributes:
      name: of the prepared screen and its profiles; that of the file in
        `gandl_jax/datasets`, but for a screen of one's own.
      channels: channel names, in the order of the codes, pages or samples.
      file: an image's path below the source directory: text with `{column}` of the
        metadata and `{channel}`, the channel's code.
      key: the columns that together identify a record.
      columns: `Metadata_*` name to the source's column.
      response_0: the wells where no compound acts (source column to allowed
        values, "" is blank); None where the screen has no such control.
      response_1: the wells in the wanted state; None likewise.
      treated: what a treated well satisfies besides a treatment that is not blank
        and not being a control; None asks nothing more.
      generate: draws the raw screen, `generate(source_dir, options)`; None where the
        screen is measured.
      options: the keys of `config.simulate` that its images and table depend on.
      metadata: the table in the source directory; "" finds the records by `file`.
      channel_codes: what `{channel}` stands for, one for each channel; () is 1, 2 ...
      known_where: `Metadata_*` name to the rows in which it means what it says; it is
        blank in the others.
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
    options: tuple[str, ...] = ()
    metadata: str = "metadata.csv"
    channel_codes: tuple[str, ...] = ()
    known_where: Mapping[str, Filter] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def _parts(self) -> list[tuple[str, str | None]]:
        return [part[:2] for part in string.Formatter().parse(self.file)]

    @property
    def file_columns(self) -> tuple[str, ...]:
        """The columns that `file` names."""
        return tuple(name for _, name in self._parts if name and name != "channel")

    @property
    def file_per_channel(self) -> bool:
        """Whether each channel has a file of its own."""
        return any(name == "channel" for _, name in self._parts)

    @property
    def codes(self) -> tuple[str, ...]:
        """What `{channel}` stands for, one for each channel."""
        numbers = tuple(str(i + 1) for i in range(len(self.channels)))
        return self.channel_codes or numbers

    @property
    def filters(self) -> tuple[Filter, ...]:
        """All that choose rows."""
        rules = self.response_0, self.response_1, self.treated
        return tuple(rule for rule in (*rules, *self.known_where.values()) if rule)

    @property
    def planes(self) -> int:
        """How many channels each file holds: one or all."""
        return 1 if self.file_per_channel else len(self.channels)

    def image_path(self, row: Mapping[str, str], code: str = "") -> str:
        """Path below the source directory of a record's file, of a channel's code."""
        values = {**row, "channel": code}
        return "".join(
            text + (values[name] if name else "") for text, name in self._parts
        )

    def image_paths(self, row: Mapping[str, str]) -> list[str]:
        """Paths of all files of a record, in the order of the channels."""
        codes = self.codes if self.file_per_channel else ("",)
        return [self.image_path(row, code) for code in codes]


def load(config: ml_collections.ConfigDict) -> Screen:
    """The screen that a config names.

    Args:
      config: the whole config; `data.name` and, for a screen of one's own, `screen`
        are read.

    Raises:
      InputError: there is none of that name (the message gives the nearest), or
        `config.screen` does not describe one.
    """
    name, choices = config.data.name, modules.names("datasets", "SCREEN")
    if name not in choices:
        raise InputError(f"unknown dataset {name!r}; {nearest(name, choices)}")
    made = importlib.import_module(f"gandl_jax.datasets.{name}").SCREEN
    return made if isinstance(made, Screen) else made(config.screen)


def read_metadata(screen: Screen, source_dir: str) -> pd.DataFrame:
    """Reads a raw screen's table of records; every column is str, blanks are "".

    Raises:
      InputError: no such directory, no table, an unreadable or empty one, a missing
        column, a cell that is no text, or a doubled key; or no file that the pattern
        finds.
    """
    folder = epath.Path(source_dir)
    if not source_dir or not folder.is_dir():
        raise InputError(
            f"the screen's directory {str(source_dir)!r} does not exist; set "
            f"config.data.source_dir to the folder that holds {_contents(screen)}"
        )
    if not screen.metadata:
        metadata, path = _find(screen, source_dir), folder
    else:
        path, files = folder / screen.metadata, raw_files.open_files(source_dir)
        if not files.there([screen.metadata]):
            raise InputError(f"there is no {screen.metadata} in {source_dir}")
        metadata = _read_csv(files, screen.metadata)
    check_metadata(screen, metadata, path)
    return metadata


def check_metadata(screen: Screen, metadata: pd.DataFrame, path: epath.Path) -> None:
    """Checks that a table of records has what a screen's spec names.

    Args:
      screen: the spec.
      metadata: N rows, all columns str.
      path: where it is from, for the message.

    Raises:
      InputError: a missing column, a cell that is no text, or a doubled key.
    """
    _check_columns(screen, metadata, path)
    _check_cells(screen, metadata, path)
    _check_keys(screen, metadata, path)


def _find(screen: Screen, source_dir: str) -> pd.DataFrame:
    cell = screen.columns.get("Metadata_Cell")
    return found_records.find(screen.file, screen.codes, source_dir, cell=cell)


def _contents(screen: Screen) -> str:
    """What a raw screen's folder holds, for a message."""
    return f"{screen.metadata} and the images" if screen.metadata else "the images"


def _read_csv(files: raw_files.RawFiles, name: str) -> pd.DataFrame:
    path = epath.Path(files.source_dir) / name
    try:
        file = io.StringIO(files.read(name).decode(), newline=None)
        _check_width(file, path)
        header = file.readline()
        if ";" in header and "," not in header:
            raise InputError(f"{path} looks separated by ';': save it with commas")
        file.seek(0)
        metadata = pd.read_csv(file, dtype=str, keep_default_na=False)
    except ValueError as error:  # as are ParserError, UnicodeDecodeError, Unreadable
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{path} is not a readable CSV table: {reason}") from error
    if metadata.empty:
        raise InputError(f"{path} has no rows")
    return metadata


def _check_width(file: io.StringIO, path: epath.Path) -> None:
    """Raises where a line has more columns than a table of records can mean."""
    widest = 1 + max((line.count(",") for line in file), default=0)
    file.seek(0)
    if widest > limits.MOST_COLUMNS:
        raise InputError(
            f"{path} has a line of {widest:,} columns, and {limits.MOST_COLUMNS:,} are "
            "the most: leave out what does not describe a record"
        )


def _check_columns(screen: Screen, metadata: pd.DataFrame, path: epath.Path) -> None:
    missing = [name for name in _used(screen) if name not in metadata]
    if missing:
        raise InputError(
            f"{path} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}; "
            f"it has {', '.join(map(str, metadata.columns))}"
        )


def _used(screen: Screen) -> list[str]:
    """The columns that name and describe the records."""
    wanted = [*screen.key, *screen.file_columns, *screen.columns.values()]
    wanted += [column for rule in screen.filters for column in rule]
    return list(dict.fromkeys(wanted))


def _check_cells(screen: Screen, metadata: pd.DataFrame, path: epath.Path) -> None:
    """Raises where a cell would do harm in a line, on a page or as a file's name."""
    for name in _used(screen):
        for cell in metadata[name].unique():
            if len(cell) > limits.MOST_CHARACTERS:
                raise InputError(
                    f"{path}: a cell of the column {name!r} has {len(cell):,} "
                    f"characters, and {limits.MOST_CHARACTERS:,} are the most: "
                    f"shorten {cell[:20]!r}..."
                )
            if confined.is_no_text(cell):
                raise InputError(
                    f"{path}: the cell {cell[: confined.SHOWN]!r} of the column "
                    f"{name!r} holds characters that are no text: remove them"
                )


def _check_keys(screen: Screen, metadata: pd.DataFrame, path: epath.Path) -> None:
    doubled = record_ids(screen, metadata).duplicated().to_numpy()
    if doubled.any():
        first = ", ".join(metadata.loc[doubled, list(screen.key)].iloc[0])
        raise InputError(
            f"{path} holds {int(doubled.sum())} rows whose key "
            f"({', '.join(screen.key)}) came before, the first {first}"
        )


def record_ids(screen: Screen, metadata: pd.DataFrame) -> pd.Series:
    """[N] str, the name of each record: its key columns joined by "_"."""
    first, *others = (metadata[column] for column in screen.key)
    return first.str.cat(others, sep="_") if others else first


def emptied(screen: Screen, metadata: pd.DataFrame) -> pd.DataFrame:
    """The metadata with "" for all that stands for a blank.

    What names a record or its files stays as it is, and so does a text that a filter
    asks for.
    """
    named = {screen.columns[name] for name in PLACES if name in screen.columns}
    named |= {*screen.key, *screen.file_columns}
    columns = [*screen.columns.values(), *(c for rule in screen.filters for c in rule)]
    columns = [column for column in dict.fromkeys(columns) if column not in named]
    allowed = [text for rule in screen.filters for text in rule.values()]
    return blanks.emptied(
        metadata, columns, meant={t for some in allowed for t in some}
    )


def table(screen: Screen, metadata: pd.DataFrame) -> pd.DataFrame:
    """The records' metadata under the names that every screen shares.

    Args:
      screen: the spec.
      metadata: as from `read_metadata`, N rows.

    Returns:
      N rows in the same order: the `Metadata_*` columns of the spec as str, but
      Metadata_Concentration_uM as float64 in uM (NaN where blank) and Metadata_Well as
      "A01", "AA02" whatever the source writes, and what stands for a blank is ""; then
      Metadata_Role, one of ROLES, and Metadata_Record_ID, unique.

    Raises:
      InputError: a concentration is not a finite number from 0 up, or the name of a
        well cannot be read.
    """
    metadata = emptied(screen, metadata)
    columns = {name: metadata[column] for name, column in screen.columns.items()}
    for name, rule in screen.known_where.items():
        columns[name] = columns[name].where(matches(rule, metadata), "")
    columns["Metadata_Record_ID"] = record_ids(screen, metadata)
    result = pd.DataFrame(columns).reset_index(drop=True)
    dose, smiles = "Metadata_Concentration_uM", "Metadata_SMILES"
    if dose in result:
        result[dose] = _concentrations(result[dose], screen.columns[dose])
    if "Metadata_Well" in result:
        column = screen.columns["Metadata_Well"]
        result["Metadata_Well"] = wells.canonical(result["Metadata_Well"], column)
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
            f"from 0 up, the first {wrong.iloc[0]!r}; mend the table"
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
