"""Spec of a screen, and its metadata as tables. Imports nothing slow."""

import dataclasses
import functools
import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import ml_collections
import numpy as np
import pandas as pd
from etils import epath

from gandl_jax import csv_layout, modules, names, recipe_parts
from gandl_jax.errors import InputError, nearest
from gandl_jax.raw import (
    blanks,
    confined,
    filters,
    found_records,
    limits,
    path_pattern,
    raw_files,
    wells,
)
from gandl_jax.raw.filters import Filter
from gandl_jax.raw.ome_options import OmeOptions

ROLES = ("response_0", "response_1", "treated", "other")
NAMING_COLUMNS = tuple(  # they name a record: blanks in them are reported, not emptied
    f"Metadata_{name}" for name in "Site_ID Experiment Plate Well Site Cell".split()
)


@dataclasses.dataclass(frozen=True)
class Screen:
    """Spec of a screen: how its records are found, and which wells are controls.

    A record's images lie in one file per channel where `file` names `{channel}`, else
    in one file that holds all channels: pages, samples such as RGB, or one grey plane.

    Attributes:
      name: of the prepared screen and its profiles; that of the file in
        `gandl_jax/screens`, except for a user's own screen.
      channels: channel names, in the order of the codes, pages or samples.
      file: an image's path below the source directory, a `path_pattern`.
      key: the columns that together identify a record.
      columns: `Metadata_*` name to the source's column.
      response_0: filter of the wells where no compound acts (source column to allowed
        values, "" is blank); None if the screen has no such control.
      response_1: filter of the wells in the wanted state, or None.
      treated: filter of treated wells, besides that they are no controls and have a
        treatment that is not blank; None adds no condition.
      generate: draws the raw screen, `generate(source_dir, options)`; None if the
        screen is measured.
      options: the keys of `config.simulate` that its images and table depend on.
      metadata: the table in the source directory; "" finds the records by `file`.
      channel_codes: values of `{channel}`, one for each channel; () is 1, 2 ...
      ignored_files: globs of files that are no images of the screen, where `file` has
        a "*", or the screen has no table.
      wells_per_row: wells in a row, if wells are numbers along the rows; else 0.
      known_where: `Metadata_*` name to a filter of the rows in which it is valid; it is
        blank in the others.
      filters_must_match: True if every filter must match records. Of published screens
        people have parts, in which a control may be missing.
      parts: rule that parts records into those that recipes are chosen by and those for
        reports; None without one.
      source: origin of its images and its table, for messages; "" if not stated.
      limits: limits of its scores, a sentence that reports repeat, or "".
      optional: `Metadata_*` names whose column a table may lack, as tables of a former
        version do; the records then have none of that name.
      ome: options of OME plates.
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
    ignored_files: tuple[str, ...] = ()
    wells_per_row: int = 0
    known_where: Mapping[str, Filter] = dataclasses.field(default_factory=dict)
    filters_must_match: bool = False
    parts: recipe_parts.Rule | None = None
    source: str = ""
    limits: str = ""
    optional: tuple[str, ...] = ()
    ome: OmeOptions = OmeOptions()

    @functools.cached_property
    def pattern(self) -> path_pattern.PathPattern:
        """Parsed pattern of `file`."""
        return path_pattern.parse(self.file)

    @property
    def file_columns(self) -> tuple[str, ...]:
        """Columns that `file` names."""
        return self.pattern.columns(self.codes)

    @property
    def file_per_channel(self) -> bool:
        """Returns True if each channel has its own file."""
        return self.pattern.per_channel

    @property
    def codes(self) -> tuple[str, ...]:
        """Values of `{channel}`, one for each channel."""
        numbers = tuple(str(i + 1) for i in range(len(self.channels)))
        return self.channel_codes or numbers

    @property
    def filters(self) -> tuple[Filter, ...]:
        """Filters that choose rows, of controls, treated wells and valid columns."""
        rules = self.response_0, self.response_1, self.treated
        return tuple(rule for rule in (*rules, *self.known_where.values()) if rule)

    @property
    def planes(self) -> int:
        """Number of channels in each file: 1, or all."""
        return 1 if self.file_per_channel else len(self.channels)

    def open_files(self, source_dir: str) -> raw_files.RawFiles:
        """Opens a raw screen's files, with the OME plates that `file` asks for."""
        return raw_files.open_for(self.file, source_dir, self.ome)

    def image_path(self, row: Mapping[str, str], code: str = "") -> str:
        """Returns the path of a record's file below the source directory.

        Args:
          row: column to its text.
          code: of the channel, if each channel has its own file.
        """
        return self.pattern.fill(row, code)

    def image_paths(self, row: Mapping[str, str]) -> list[str]:
        """Returns the paths of all files of a record, in the order of the channels."""
        codes = self.codes if self.file_per_channel else ("",)
        return [self.image_path(row, code) for code in codes]


def load(config: ml_collections.ConfigDict) -> Screen:
    """Returns the screen that a config names.

    Args:
      config: the whole config; `data.name` is read, and the keys from which that screen
        is made.

    Raises:
      InputError: there is none of that name (the message gives the nearest), or
        `config.screen` does not describe one.
    """
    name, choices = config.data.name, modules.names("screens", "SCREEN")
    if name not in choices:
        raise InputError(f"unknown dataset {name!r}; {nearest(name, choices)}")
    screen = modules.load("screens", name).SCREEN
    return screen if isinstance(screen, Screen) else screen(config)


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
            f"{_origin(screen)}"
        )
    if not screen.metadata:
        metadata, path = _find(screen, source_dir), folder
    else:
        path, source = folder / screen.metadata, raw_files.open_files(source_dir)
        if not source.existing([screen.metadata]):
            raise InputError(
                f"there is no {screen.metadata} in {source_dir}{_origin(screen)}"
            )
        metadata = read_csv(source, screen.metadata)
        _check_columns(_spec_for_table(screen, metadata), metadata, path)
        _check_named(screen, metadata, source)
    check_metadata(screen, metadata, path)
    return metadata


def check_metadata(screen: Screen, metadata: pd.DataFrame, path: epath.Path) -> None:
    """Checks that a table of records has the columns that a spec names.

    Args:
      screen: the spec.
      metadata: N rows, all columns str.
      path: of the table, for the message.

    Raises:
      InputError: a missing column, a cell that is no text, or a doubled key.
    """
    screen = _spec_for_table(screen, metadata)
    _check_columns(screen, metadata, path)
    _check_cells(screen, metadata, path)
    _check_keys(screen, metadata, path)


def _find(screen: Screen, source_dir: str) -> pd.DataFrame:
    return found_records.find(
        screen.file,
        screen.codes,
        source_dir,
        cell=screen.columns.get("Metadata_Cell"),
        well=screen.columns.get("Metadata_Well"),
        wells_per_row=screen.wells_per_row,
        ignored=screen.ignored_files,
    )


def _contents(screen: Screen) -> str:
    """Names the contents of a raw screen's folder, for a message."""
    return f"{screen.metadata} and the images" if screen.metadata else "the images"


def _origin(screen: Screen) -> str:
    """Names the origin of a raw screen, as the end of a message."""
    return f": they are of {screen.source}" if screen.source else ""


def read_csv(files: raw_files.RawFiles, name: str) -> pd.DataFrame:
    """Reads a table of a raw screen unchanged, all str.

    Raises:
      InputError: it cannot be read as one table, or has no rows.
    """
    path = epath.Path(files.source_dir) / name
    try:
        data = files.read(name)
        layout = csv_layout.check(
            csv_layout.as_text(io.BytesIO(data)), path, most_columns=limits.MOST_COLUMNS
        )
        metadata = pd.read_csv(
            csv_layout.as_text(io.BytesIO(data)),
            sep=csv_layout.delimiter(path),
            header=None,
            names=layout.columns,
            skiprows=layout.header_line,
            index_col=False,
            dtype=str,
            keep_default_na=False,
        )
    except ValueError as error:  # as are ParserError and Unreadable
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{path} is not a readable CSV table: {reason}") from error
    if metadata.empty:
        raise InputError(f"{path} has no rows")
    if len(metadata) != layout.rows:
        raise InputError(
            f"{path} has {layout.rows:,} rows, of which {len(metadata):,} can be read: "
            "remove lines of blanks alone"
        )
    return metadata


def _spec_for_table(screen: Screen, metadata: pd.DataFrame) -> Screen:
    """Returns the spec without the optional columns that a table lacks."""
    columns = {
        name: column
        for name, column in screen.columns.items()
        if name not in screen.optional or column in metadata
    }
    return dataclasses.replace(screen, columns=columns)


def _check_columns(screen: Screen, metadata: pd.DataFrame, path: epath.Path) -> None:
    missing = [name for name in _used(screen) if name not in metadata]
    if missing:
        raise InputError(
            f"{path} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}; "
            f"it has {', '.join(map(str, metadata.columns))}{_origin(screen)}"
        )


def _used(screen: Screen) -> list[str]:
    """Returns the columns that name and describe the records."""
    columns = [*screen.key, *screen.file_columns, *screen.columns.values()]
    columns += [column for rule in screen.filters for column in rule]
    return list(dict.fromkeys(columns))


def _check_named(
    screen: Screen, metadata: pd.DataFrame, files: raw_files.RawFiles
) -> None:
    """Raises if a row lacks its key; one of several columns may be blank in all."""
    path = epath.Path(files.source_dir) / screen.metadata
    for column in screen.key:
        blank = (metadata[column].str.strip() == "").to_numpy()
        if not blank.any() or (blank.all() and len(screen.key) > 1):
            continue
        text = csv_layout.as_text(io.BytesIO(files.read(screen.metadata)))
        line = csv_layout.line_of(text, path, int(blank.argmax()))
        raise InputError(
            f"{path}: {int(blank.sum()):,} rows have no {column}, which names a "
            f"record, the first in line {line:,}: fill the cells, or remove the rows"
        )


def _check_cells(screen: Screen, metadata: pd.DataFrame, path: epath.Path) -> None:
    """Raises if a cell would do harm in a line, on a page or as a file's name."""
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
            if "\n" in cell:
                raise InputError(
                    f"{path}: the cell {cell[: confined.SHOWN]!r} of the column "
                    f"{name!r} holds a line break, which no name does: remove it"
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
    """Returns [N] str, the record names: key columns, cleaned, joined by "_"."""
    first, *others = (names.cleaned(metadata[column]) for column in screen.key)
    return first.str.cat(others, sep="_") if others else first


def tidied(screen: Screen, metadata: pd.DataFrame) -> pd.DataFrame:
    """Tidies metadata: clean names, empty blanks, one text per number.

    Columns that name a record or its well are only cleaned: NA and 1.0 may be names
    there. Marks of a blank that a filter allows are kept.
    """
    screen = _spec_for_table(screen, metadata)
    clean = _cleaned(screen, metadata)
    describing = _describing(screen)
    allowed_texts = [texts for rule in screen.filters for texts in rule.values()]
    clean = blanks.emptied(
        clean, describing, kept={text for texts in allowed_texts for text in texts}
    )
    dose = screen.columns.get("Metadata_Concentration_uM")
    return clean.assign(
        **{
            column: names.one_spelling(clean[column])
            for column in describing
            if column != dose
        }
    )


def _cleaned(screen: Screen, metadata: pd.DataFrame) -> pd.DataFrame:
    columns = _record_columns(screen)
    return metadata.assign(**{c: names.cleaned(metadata[c]) for c in columns})


def _record_columns(screen: Screen) -> list[str]:
    """Returns the columns that describe or name records, not files alone."""
    filtered = (column for rule in screen.filters for column in rule)
    return list(dict.fromkeys([*screen.key, *screen.columns.values(), *filtered]))


def _describing(screen: Screen) -> list[str]:
    """Returns the columns that describe records and name neither them nor files."""
    naming = {screen.columns[name] for name in NAMING_COLUMNS if name in screen.columns}
    naming |= {*screen.key, *screen.file_columns}
    return [column for column in _record_columns(screen) if column not in naming]


def cell_remarks(screen: Screen, metadata: pd.DataFrame) -> Iterator[str]:
    """Yields a sentence for each column in which cells are read as other texts."""
    screen = _spec_for_table(screen, metadata)
    tidy = tidied(screen, metadata)
    yield from blanks.remarks(metadata, tidy)
    clean = _cleaned(screen, metadata)
    for column in _record_columns(screen):
        before, after = metadata[column], clean[column]
        changed = (before != after) & (after != "")
        if changed.any():
            yield (
                f"{_cells(changed)} of the column {column} {_has(changed)} blanks at "
                "the ends, characters that nobody sees or another form of Unicode, "
                f"such as {before[changed].iloc[0]!a}: read as "
                f"{after[changed].iloc[0]!r}"
            )
    describing = _describing(screen)
    for column in _record_columns(screen):
        if column not in describing:
            yield from _numbers_kept_apart(clean[column])
    for column in describing:
        before, after = clean[column], tidy[column]
        changed = (before != after) & (after != "")
        if changed.any():
            yield (
                f"{_cells(changed)} of the column {column} {_has(changed)} another "
                f"spelling of a number, such as {before[changed].iloc[0]}: read as "
                f"{after[changed].iloc[0]}"
            )
    if dose := screen.columns.get("Metadata_Concentration_uM"):
        yield from _joined_doses(tidy[dose], dose)


def _cells(changed: pd.Series) -> str:
    return "1 cell" if changed.sum() == 1 else f"{changed.sum():,} cells"


def _has(changed: pd.Series) -> str:
    return "has" if changed.sum() == 1 else "have"


def _numbers_kept_apart(column: pd.Series) -> Iterator[str]:
    """Warns of a column of names that writes a number in several ways."""
    short = names.one_spelling(column)
    changed = short != column
    if changed.any():
        yield (
            f"the column {column.name} writes a number in several ways, such as "
            f"{short[changed].iloc[0]!r} and {column[changed].iloc[0]!r}, which are "
            "kept apart as names: correct the table if they are one"
        )


def _joined_doses(text: pd.Series, column: str) -> Iterator[str]:
    doses = _numbers(text, column)
    joined = names.one_dose(doses)
    changed = np.flatnonzero((doses != joined) & np.isfinite(doses))
    if len(changed):
        written, read = float(doses[changed[0]]), float(joined[changed[0]])
        yield (
            f"{len(changed):,} of {np.isfinite(doses).sum():,} doses of the column "
            f"{column} differ from another by rounding alone, such as {written!r}: "
            f"read as {read!r}"
        )


def table(screen: Screen, metadata: pd.DataFrame) -> pd.DataFrame:
    """Returns the records' metadata under the names that all screens share.

    Args:
      screen: the spec.
      metadata: as from `read_metadata`, N rows.

    Returns:
      N rows in the same order: the `Metadata_*` columns of the spec as str (`tidied`),
      but Metadata_Concentration_uM as float64 in uM (NaN where blank; doses that differ
      by rounding are one) and Metadata_Well as "A01", "AA02" in any notation of the
      source; then Metadata_Role, one of ROLES, and Metadata_Record_ID, unique; and
      Metadata_Part where the screen has parts.

    Raises:
      InputError: a concentration is not a finite number from 0 up, the name of a well
        cannot be read, or a record fits both controls.
    """
    screen = _spec_for_table(screen, metadata)
    metadata = tidied(screen, metadata)
    columns = {name: metadata[column] for name, column in screen.columns.items()}
    for name, rule in screen.known_where.items():
        columns[name] = columns[name].where(matches(screen, rule, metadata), "")
    columns["Metadata_Record_ID"] = record_ids(screen, metadata)
    result = pd.DataFrame(columns).reset_index(drop=True)
    dose, smiles = "Metadata_Concentration_uM", "Metadata_SMILES"
    if dose in result:
        doses = _numbers(result[dose], screen.columns[dose])
        result[dose] = names.one_dose(doses)
    if "Metadata_Well" in result:
        column = screen.columns["Metadata_Well"]
        result["Metadata_Well"] = wells.canonical(
            result["Metadata_Well"], column, screen.wells_per_row
        )
    if smiles in result:  # what follows a blank is a CXSMILES tail, not structure
        result[smiles] = result[smiles].str.split(" ").str[0]
    result["Metadata_Role"] = _roles(screen, metadata)
    if screen.parts:
        result[recipe_parts.COLUMN] = screen.parts.part(result)
    return result


def _numbers(text: pd.Series, column: str) -> np.ndarray:
    """Returns [N] float64, the concentrations of cleaned cells; NaN where blank."""
    blank = text == ""
    numbers = pd.to_numeric(text.where(~blank), errors="coerce").astype(np.float64)
    wrong = text[~blank & ~(np.isfinite(numbers) & (numbers >= 0))]
    if len(wrong):
        raise InputError(
            f"{len(wrong)} concentrations (column {column}) are not finite numbers "
            f"from 0 up, the first {wrong.iloc[0]!r}; mend the table"
        )
    return numbers.to_numpy() + 0.0  # -0 is 0


def _roles(screen: Screen, metadata: pd.DataFrame) -> np.ndarray:
    response_0 = matches(screen, screen.response_0, metadata)
    response_1 = matches(screen, screen.response_1, metadata)
    _check_apart(screen, metadata, response_0 & response_1)
    treated = np.ones(len(metadata), bool)
    if screen.treated is not None:
        treated = matches(screen, screen.treated, metadata)
    if "Metadata_Treatment" in screen.columns:
        treatment = metadata[screen.columns["Metadata_Treatment"]]
        treated &= (treatment != "").to_numpy()
    else:
        treated[:] = False
    return np.select([response_0, response_1, treated], ROLES[:3], ROLES[3])


def _check_apart(screen: Screen, metadata: pd.DataFrame, is_both: np.ndarray) -> None:
    """Raises if a record is both controls."""
    if is_both.any():
        filter_0, filter_1 = map(
            filters.as_text, (screen.response_0, screen.response_1)
        )
        raise InputError(
            f"{int(is_both.sum())} records are both controls, such as "
            f"{record_ids(screen, metadata)[is_both].iloc[0]!r}: they fit "
            f"config.screen.response_0={filter_0!r} and response_1={filter_1!r}; write "
            "filters of which no record fits both"
        )


def matches(screen: Screen, rule: Filter | None, metadata: pd.DataFrame) -> np.ndarray:
    """Returns [N] bool, the rows of tidied metadata that a filter chooses.

    Args:
      screen: the spec.
      rule: the filter; None chooses no row.
      metadata: N rows, as from `tidied`.
    """
    return filters.matches(rule, metadata, **_filter_options(screen))


def _filter_options(screen: Screen) -> dict[str, Any]:
    """Returns the columns of doses and wells, and how wells count."""
    shared_names = {"dose": "Metadata_Concentration_uM", "well": "Metadata_Well"}
    columns = {
        option: screen.columns.get(name, "") for option, name in shared_names.items()
    }
    return columns | {"wells_per_row": screen.wells_per_row}


def check_filters(screen: Screen, metadata: pd.DataFrame) -> None:
    """Refuses filters that match no record, of a screen whose filters must match.

    Args:
      screen: the spec.
      metadata: as from `read_metadata`.

    Raises:
      InputError: names the values of the column, the nearest first.
    """
    if screen.filters_must_match:
        metadata = tidied(screen, metadata)
        for key, rule in _named_filters(screen).items():
            filters.check(key, rule, metadata, **_filter_options(screen))


def filter_remarks(screen: Screen, metadata: pd.DataFrame) -> Iterator[str]:
    """Yields a sentence for each filter of which some values match no record."""
    metadata = tidied(screen, metadata)
    for key, rule in (
        _named_filters(screen).items() if screen.filters_must_match else ()
    ):
        idle = [*filters.unmet(rule, metadata, **_filter_options(screen))]
        if idle:
            yield (
                f"config.screen.{key}={filters.as_text(rule)!r} matches no record by "
                f"{', '.join(idle)}: is that spelled as in the table?"
            )


def _named_filters(screen: Screen) -> dict[str, Filter]:
    """Returns the filters that a config can name, by key."""
    keys = "response_0", "response_1", "treated"
    rules = {key: getattr(screen, key) for key in keys}
    return {key: rule for key, rule in rules.items() if rule}
