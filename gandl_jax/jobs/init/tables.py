"""The table of a screen, and how its rows name their images."""

import dataclasses
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import pandas as pd

from gandl_jax import names
from gandl_jax.errors import InputError
from gandl_jax.jobs.init import columns as column_roles
from gandl_jax.jobs.init.patterns import Named
from gandl_jax.raw import raw_files, screen, wells
from gandl_jax.raw.raw_files import RawFiles

TABLES = (".csv", ".tsv")
FIRST = "metadata.csv"  # of several tables the one of this name
THERE = 0.9  # of a column's cells that name images, for it to be one of paths (ours)
ENOUGH = 0.5  # of rows with all their images, for a table to be theirs (ours)
FIRST_CELLS = 100  # of a column, one of which ends as an image does (ours)
_FIELD = re.compile(r"\{(\w+)\}")


@dataclasses.dataclass(frozen=True)
class Table:
    """A table and what joins it to the images.

    Attributes:
      name: of its file.
      rows: [N], all str.
      file: the pattern of its images' paths, over its columns.
      codes: of the channels, where each has a file; else ().
      paths: the column that holds the paths, or "".
    """

    name: str
    rows: pd.DataFrame
    file: str
    codes: tuple[str, ...]
    paths: str


def candidates(paths: Iterable[str]) -> list[str]:
    """The tables that lie in the screen's folder itself, the usual one first."""
    found = [p for p in paths if "/" not in p and p.lower().endswith(TABLES)]
    return sorted(found, key=lambda name: (name != FIRST, name))


def find(
    files: RawFiles, tables: Sequence[str], images: Sequence[str], named: Named
) -> tuple[Table | None, list[str]]:
    """The table whose rows have images.

    Args:
      files: of the screen.
      tables: as from `candidates`.
      images: paths of all images.
      named: what their names say.

    Returns:
      The table, None where there is none; and a sentence on each that is not it.
    """
    notes = []
    for name in tables:
        try:
            rows = screen.read_csv(files, name)
        except InputError as error:
            notes.append(str(error))
            continue
        if joined := _joined(name, rows, images, named):
            return joined, notes
        notes.append(f"nothing was found that joins the rows of {name} to the images")
    return None, notes


def _joined(
    name: str, rows: pd.DataFrame, images: Sequence[str], named: Named
) -> Table | None:
    """The table with its pattern: columns of paths go before parts of names."""
    rows = rows.apply(names.cleaned)
    whole, short = set(images), {os.path.basename(path) for path in images}
    if columns := [c for c in rows if _names(rows[c], whole)]:
        return _of_paths(name, rows, columns, "")
    if columns := [c for c in rows if _names(rows[c], short)]:
        return _of_paths(name, rows, columns, _folder(rows, images, named))
    file = _over_columns(rows, named)
    return Table(name, rows, file, named.codes, "") if file else None


def _names(cells: pd.Series, known: Collection[str]) -> bool:
    """Whether a column holds the paths, or the names, of images."""
    texts = [os.path.normpath(text) for text in cells.unique() if text]
    if not any(text.lower().endswith(raw_files.IMAGES) for text in texts[:FIRST_CELLS]):
        return False
    return sum(text in known for text in texts) >= THERE * len(texts)


def _of_paths(
    name: str, rows: pd.DataFrame, columns: Sequence[str], folder: str
) -> Table:
    """A table with a column of paths, or one for each channel (FileName_DNA ...)."""
    before = f"{folder}/" if folder else ""
    if len(columns) == 1:
        return Table(name, rows, f"{before}{{{columns[0]}}}", (), columns[0])
    start = os.path.commonprefix(columns)
    turned = [column[len(start) :][::-1] for column in columns]
    end = os.path.commonprefix(turned)[::-1]
    codes = tuple(c[len(start) : len(c) - len(end) or None] for c in columns)
    return Table(name, rows, f"{before}{{{start}{{channel}}{end}}}", codes, "")


def _folder(rows: pd.DataFrame, images: Sequence[str], named: Named) -> str:
    """The pattern of the folders that images lie in, over a table's columns."""
    folders = {os.path.dirname(path) for path in images}
    if len(folders) == 1:
        return folders.pop()
    outer = _replaced(named.file.rpartition("/")[0], _matching(rows, named))
    return _FIELD.sub("*", outer) if set(_FIELD.findall(outer)) - set(rows) else outer


def _over_columns(rows: pd.DataFrame, named: Named) -> str | None:
    """The pattern of names with the table's columns in it; None where some lack."""
    columns = _matching(rows, named)
    file = _replaced(named.file, columns)
    fields = {"channel", *(text[1:-1] for text in columns.values())}
    if set(_FIELD.findall(file)) - fields or not columns:
        return None
    return _with_constants(file, rows)


def _matching(rows: pd.DataFrame, named: Named) -> dict[str, str]:
    """Text of the pattern ("{plate}", "P{plate}") to the column that stands for it."""
    roles, taken = column_roles.roles(rows), set()
    found: dict[str, str] = {}
    for field in named.values.keys() - {"channel"}:
        usual = [roles[field]] if field in roles else []
        others = (c for c in rows if c not in usual)
        for column in (*usual, *others):
            text = _fitting(named, field, rows[column])
            if text and column not in taken:
                found[text] = f"{{{column}}}"
                taken.add(column)
                break
    return found


def _fitting(named: Named, field: str, cells: pd.Series) -> str | None:
    """The text of the pattern that a column stands for; None where it does for none.

    It may hold the letters before a field too, that all its folders begin with.
    """
    before = re.search(rf"(?:^|/)([^/{{}}*]*)\{{{field}\}}", named.file)
    for start in dict.fromkeys(("", before[1] if before else "")):
        known = {_plain(field, text, named.wells_per_row) for text in cells.unique()}
        wanted = {
            _plain(field, start + text, named.wells_per_row)
            for text in named.values[field]
        }
        if len(wanted & known) >= THERE * len(wanted):
            return f"{start}{{{field}}}"
    return None


def _plain(field: str, text: str, wells_per_row: int) -> str | None:
    """A text as it is compared: wells in one notation, numbers without zeros."""
    if field == "well":
        return wells.read_name(text, wells_per_row)
    return text.lstrip("0") or "0" if text.isdecimal() else text.casefold()


def _replaced(file: str, columns: Mapping[str, str]) -> str:
    """A pattern with columns for its fields; others stay."""
    if not columns:
        return file
    texts = sorted(columns, key=len, reverse=True)
    pattern = "|".join(map(re.escape, texts))
    return re.sub(pattern, lambda match: columns[match[0]], file)


def _with_constants(file: str, rows: pd.DataFrame) -> str:
    """A pattern in which folders that a column names once are that column."""
    roles = column_roles.roles(rows)
    parts = file.split("/")
    for role in ("experiment", "plate"):
        column = roles.get(role)
        if not column or rows[column].nunique() != 1 or f"{{{column}}}" in file:
            continue
        text = rows[column].iloc[0]
        for i, part in enumerate(parts[:-1]):
            before = part.removesuffix(text) if text and part.endswith(text) else None
            if before is not None and "{" not in part and not before[-1:].isdecimal():
                parts[i] = f"{before}{{{column}}}"
                break
    return "/".join(parts)
