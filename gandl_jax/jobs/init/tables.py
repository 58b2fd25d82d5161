"""Tables of a screen, and how their rows name images."""

import dataclasses
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import pandas as pd

from gandl_jax import names
from gandl_jax.errors import InputError
from gandl_jax.jobs.init import columns as column_roles
from gandl_jax.jobs.init.patterns import NamePattern
from gandl_jax.raw import raw_files, screen, wells
from gandl_jax.raw.raw_files import RawFiles

TABLES = (".csv", ".tsv")
FIRST = "metadata.csv"  # the preferred one of several tables
NAMING = 0.9  # share of texts, of a column or a field, that must match (ours)
ENOUGH = 0.5  # share of rows that must have all their images (ours)
FIRST_CELLS = 100  # of a column, one of which must end as an image does (ours)
_FIELD = re.compile(r"\{(\w+)\}")


@dataclasses.dataclass(frozen=True)
class Table:
    """Table and the pattern that joins it to the images.

    Attributes:
      name: of its file.
      rows: [N], all str.
      file: the pattern of its images' paths, over its columns.
      codes: of the channels, if each channel has its own file; else ().
      paths: the column that holds the paths, or "".
    """

    name: str
    rows: pd.DataFrame
    file: str
    codes: tuple[str, ...]
    paths: str


def candidates(paths: Iterable[str]) -> list[str]:
    """Returns the tables in the screen's folder itself, the usual name first."""
    tables = [
        path for path in paths if "/" not in path and path.lower().endswith(TABLES)
    ]
    return sorted(tables, key=lambda name: (name != FIRST, name))


def find(
    source: RawFiles, tables: Sequence[str], images: Sequence[str], pattern: NamePattern
) -> tuple[Table | None, list[str]]:
    """Finds the table whose rows have images.

    Args:
      source: the screen's files.
      tables: as from `candidates`.
      images: paths of all images.
      pattern: of their names.

    Returns:
      The table, or None; and a sentence on each table that was passed over.
    """
    notes = []
    for name in tables:
        try:
            rows = screen.read_csv(source, name)
        except InputError as error:
            notes.append(str(error))
            continue
        if table := _joined(name, rows, images, pattern):
            return table, notes
        notes.append(f"nothing was found that joins the rows of {name} to the images")
    return None, notes


def _joined(
    name: str, rows: pd.DataFrame, images: Sequence[str], pattern: NamePattern
) -> Table | None:
    """Joins a table to the images: by columns of paths, else by fields of names."""
    rows = rows.apply(names.cleaned)
    paths, file_names = set(images), {os.path.basename(path) for path in images}
    if columns := [c for c in rows if _names(rows[c], paths)]:
        return _of_paths(name, rows, columns, "")
    if columns := [c for c in rows if _names(rows[c], file_names)]:
        return _of_paths(name, rows, columns, _folder(rows, images, pattern))
    file = _over_columns(rows, pattern)
    return Table(name, rows, file, pattern.codes, "") if file else None


def _names(cells: pd.Series, paths: Collection[str]) -> bool:
    """Returns True if a column holds the paths, or the names, of images."""
    texts = [os.path.normpath(text) for text in cells.unique() if text]
    if not any(text.lower().endswith(raw_files.IMAGES) for text in texts[:FIRST_CELLS]):
        return False
    return sum(text in paths for text in texts) >= NAMING * len(texts)


def _of_paths(
    name: str, rows: pd.DataFrame, columns: Sequence[str], folder: str
) -> Table:
    """Makes a table with a column of paths, or one per channel (FileName_DNA ...)."""
    prefix = f"{folder}/" if folder else ""
    if len(columns) == 1:
        return Table(name, rows, f"{prefix}{{{columns[0]}}}", (), columns[0])
    start = os.path.commonprefix(columns)
    reversed_ends = [column[len(start) :][::-1] for column in columns]
    end = os.path.commonprefix(reversed_ends)[::-1]
    codes = tuple(c[len(start) : len(c) - len(end) or None] for c in columns)
    return Table(name, rows, f"{prefix}{{{start}{{channel}}{end}}}", codes, "")


def _folder(rows: pd.DataFrame, images: Sequence[str], pattern: NamePattern) -> str:
    """Returns the pattern of the images' folders, over a table's columns."""
    folders = {os.path.dirname(path) for path in images}
    if len(folders) == 1:
        return folders.pop()
    folder_pattern = _replaced(
        pattern.file.rpartition("/")[0], _matching(rows, pattern)
    )
    return (
        _FIELD.sub("*", folder_pattern)
        if set(_FIELD.findall(folder_pattern)) - set(rows)
        else folder_pattern
    )


def _over_columns(rows: pd.DataFrame, pattern: NamePattern) -> str | None:
    """Returns the pattern of names over the table's columns; None if some lack."""
    columns = _matching(rows, pattern)
    file = _replaced(pattern.file, columns)
    fields = {"channel", *(text[1:-1] for text in columns.values())}
    if set(_FIELD.findall(file)) - fields or not columns:
        return None
    return _with_constants(file, rows)


def _matching(rows: pd.DataFrame, pattern: NamePattern) -> dict[str, str]:
    """Maps texts of the pattern ("{plate}", "P{plate}") to the columns for them."""
    roles, taken = column_roles.roles(rows), set()
    column_of: dict[str, str] = {}
    for field in pattern.values.keys() - {"channel"}:
        usual_columns = [roles[field]] if field in roles else []
        others = (c for c in rows if c not in usual_columns)
        for column in (*usual_columns, *others):
            text = _fitting(pattern, field, rows[column])
            if text and column not in taken:
                column_of[text] = f"{{{column}}}"
                taken.add(column)
                break
    return column_of


def _fitting(pattern: NamePattern, field: str, cells: pd.Series) -> str | None:
    """Returns the text of the pattern that a column stands for, or None.

    The text may include letters before a field, with which all its folders begin.
    """
    letters = re.search(rf"(?:^|/)([^/{{}}*]*)\{{{field}\}}", pattern.file)
    for start in dict.fromkeys(("", letters[1] if letters else "")):
        texts = {_plain(field, text, pattern.wells_per_row) for text in cells.unique()}
        wanted = {
            _plain(field, start + text, pattern.wells_per_row)
            for text in pattern.values[field]
        }
        if len(wanted & texts) >= NAMING * len(wanted):
            return f"{start}{{{field}}}"
    return None


def _plain(field: str, text: str, wells_per_row: int) -> str | None:
    """Normalises a text to compare it: one notation of wells, no leading zeros."""
    if field == "well":
        return wells.read_name(text, wells_per_row)
    return text.lstrip("0") or "0" if text.isdecimal() else text.casefold()


def _replaced(file: str, columns: Mapping[str, str]) -> str:
    """Replaces fields of a pattern by columns; others stay."""
    if not columns:
        return file
    texts = sorted(columns, key=len, reverse=True)
    pattern = "|".join(map(re.escape, texts))
    return re.sub(pattern, lambda match: columns[match[0]], file)


def _with_constants(file: str, rows: pd.DataFrame) -> str:
    """Replaces folders of a pattern that a constant column names by the column."""
    roles = column_roles.roles(rows)
    folders = file.split("/")
    for role in ("experiment", "plate"):
        column = roles.get(role)
        if not column or rows[column].nunique() != 1 or f"{{{column}}}" in file:
            continue
        text = rows[column].iloc[0]
        for i, folder in enumerate(folders[:-1]):
            prefix = (
                folder.removesuffix(text) if text and folder.endswith(text) else None
            )
            if prefix is not None and "{" not in folder and not prefix[-1:].isdecimal():
                folders[i] = f"{prefix}{{{column}}}"
                break
    return "/".join(folders)
