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
    known = set(images)
    columns = {c: _path_pattern(c, rows[c], known) for c in rows}
    of_paths = {c: pattern for c, pattern in columns.items() if pattern}
    if len(of_paths) == 1:
        ((column, pattern),) = of_paths.items()
        return Table(name, rows, pattern, (), column)
    if of_paths:
        return _per_channel(name, rows, of_paths, named)
    file = _over_columns(rows, named)
    return Table(name, rows, file, named.codes, "") if file else None


def _path_pattern(column: str, cells: pd.Series, images: Collection[str]) -> str | None:
    """The pattern of a column that names images; None where it does not."""
    texts = [text for text in cells.unique() if text]
    if not texts or not any(t.lower().endswith(raw_files.IMAGES) for t in texts[:100]):
        return None
    if _share(texts, images) >= THERE:
        return f"{{{column}}}"
    folders = {os.path.dirname(path) for path in images}
    for folder in sorted(folders) if len(folders) <= 100 else ():
        if folder and _share([f"{folder}/{t}" for t in texts], images) >= THERE:
            return f"{folder}/{{{column}}}"
    known = {os.path.basename(path) for path in images}
    if _share(texts, known) >= THERE and len({p.count("/") for p in images}) == 1:
        return "*/" * next(iter(images)).count("/") + f"{{{column}}}"
    return None


def _share(texts: Sequence[str], known: Collection[str]) -> float:
    return sum(os.path.normpath(text) in known for text in texts) / len(texts)


def _per_channel(
    name: str, rows: pd.DataFrame, of_paths: Mapping[str, str], named: Named
) -> Table:
    """A table with a column of paths for each channel: FileName_DNA, FileName_ER."""
    columns = list(of_paths)
    start, end = os.path.commonprefix(columns), _common_end(columns)
    codes = tuple(c[len(start) : len(c) - len(end) or None] for c in columns)
    field = f"{{{start}{{channel}}{end}}}"
    folder = os.path.dirname(next(iter(of_paths.values())))
    if set(_FIELD.findall(named.file.rpartition("/")[0])):
        fields = _matching(rows, named)
        outer = _replaced(named.file.rpartition("/")[0], fields, keep=False)
        folder = outer or folder
    return Table(name, rows, f"{folder}/{field}" if folder else field, codes, "")


def _common_end(columns: Sequence[str]) -> str:
    start = os.path.commonprefix(columns)
    turned = [column[len(start) :][::-1] for column in columns]
    return os.path.commonprefix(turned)[::-1]


def _over_columns(rows: pd.DataFrame, named: Named) -> str | None:
    """The pattern of names with the table's columns in it; None where some lack."""
    fields = _matching(rows, named)
    if not {"well", "image"} & fields.keys():
        return None
    if set(named.values) - {"channel"} - fields.keys():
        return None
    return _with_constants(_replaced(named.file, fields, keep=True), rows)


def _matching(rows: pd.DataFrame, named: Named) -> dict[str, str]:
    """Field of the names to the column that holds its texts."""
    roles = column_roles.roles(rows)
    found: dict[str, str] = {}
    for field in named.values.keys() - {"channel"}:
        usual = [roles[field]] if field in roles else []
        others = (c for c in rows if c not in usual)
        fit = (c for c in (*usual, *others) if _fits(named, field, rows[c]))
        if column := next((c for c in fit if c not in found.values()), None):
            found[field] = column
    return found


def _fits(named: Named, field: str, cells: pd.Series) -> bool:
    """Whether a column holds the texts of a field."""

    def plain(texts: Iterable[str]) -> set[str | None]:
        return {_plain(field, text, named.wells_per_row) for text in texts}

    wanted = plain(named.values[field])
    return len(wanted & plain(cells.unique())) >= THERE * len(wanted)


def _plain(field: str, text: str, wells_per_row: int) -> str | None:
    """A text as it is compared: wells in one notation, numbers without zeros."""
    if field == "well":
        return wells.meant_by(text, wells_per_row)
    return text.lstrip("0") or "0" if text.isdecimal() else text.casefold()


def _replaced(file: str, fields: Mapping[str, str], *, keep: bool) -> str:
    """A pattern with columns for its fields; others stay, or become "*"."""

    def column(match: re.Match[str]) -> str:
        name = match[1]
        if name in fields:
            return f"{{{fields[name]}}}"
        return match[0] if keep else "*"

    return _FIELD.sub(column, file)


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
