"""The layout of a CSV table, checked in its file before anything reads it.

Readers guess: they fill short rows, rename columns, and take an unclosed quote for a
cell of many lines. Here each of these is refused with its line. The form is RFC 4180
with empty lines anywhere. Imports nothing slow.
"""

import collections
import csv
import dataclasses
import functools
import io
import itertools
import os
import pathlib
import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO, TextIO

from gandl_jax import names
from gandl_jax.errors import InputError

MOST_LINE = 1 << 24  # characters of a line, and of a row of several (ours)
MOST_NAME = 10_000  # characters of a column's name (ours)
_QUOTE = '"'
_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
_NO_UTF8 = re.compile("[\udc80-\udcff]")  # bytes decoded by surrogateescape
_UTF16 = "\udcff\udcfe", "\udcfe\udcff"  # its byte-order marks
_NULS_FRAC = 0.3  # of a line of UTF-16 that is read as UTF-8, half are (ours)
_SHOWN = 30  # characters of a line


@dataclasses.dataclass(frozen=True)
class Layout:
    """A table's columns and rows in its file.

    Attributes:
      columns: cleaned names (`names.clean`), all different. The first may be "", as
        pandas writes an index.
      header_line: number of the header's line, from 1; lines above it are empty.
      rows: number of rows below the header.
      broken_cells: whether cells hold line breaks.
      last_line_ends: whether a line break follows the last row.
    """

    columns: tuple[str, ...]
    header_line: int
    rows: int
    broken_cells: bool
    last_line_ends: bool


def delimiter(path: os.PathLike | str) -> str:
    """Returns the delimiter of a file: a tab for .tsv (and .tsv.gz), else a comma."""
    return "\t" if ".tsv" in pathlib.PurePath(str(path).lower()).suffixes else ","


def as_text(stream: BinaryIO) -> TextIO:
    """Decodes a file, without a byte-order mark and with one kind of line end.

    Bytes that are not UTF-8 become surrogates, which `check` refuses.
    """
    return io.TextIOWrapper(
        stream, encoding="utf-8-sig", errors="surrogateescape", newline=None
    )


def check(text: TextIO, path: os.PathLike | str, *, most_columns: int) -> Layout:
    """Counts a table's columns and rows, and refuses one that could be misread.

    Args:
      text: as from `as_text`, at its start; it is read to its end, line by line.
      path: of the file, for messages and for its `delimiter`.
      most_columns: more are refused.

    Returns:
      The layout of the file.

    Raises:
      InputError: names the line: it is not UTF-8; a row has more or fewer cells than
        the header; a quote is not closed, or is within a cell; a quoted cell holds
        whole rows; a column has no name or another's; the header is repeated; or there
        is no header.
    """
    between = delimiter(path)
    records = _records(text, path, between)
    header_line, header = next(records, (0, ""))
    if not header:
        raise InputError(f"{path} is empty: it should begin with a line of names")
    columns = _names(header, header_line, path, between, most_columns)
    rows, broken_cells, record = 0, False, header
    for line, record in records:
        if (width := _width(record, between)) != len(columns):
            raise InputError(_other_width(path, line, record, width, columns, between))
        if _bare(record) == _bare(header):
            raise InputError(
                f"{path}: line {line:,} is the header again: tables were put one after "
                "the other; remove that line where their columns are the same"
            )
        if "\n" in record[:-1]:
            broken_cells = True
            _check_broken_cells(path, line, record, len(columns), between)
        rows += 1
    return Layout(columns, header_line, rows, broken_cells, record.endswith("\n"))


def line_of(text: TextIO, path: os.PathLike | str, row: int) -> int:
    """Returns the number of the line, from 1, in which a row begins.

    Args:
      text: of a table that `check` has passed, at its start.
      path: of the file.
      row: from 0, below the header.
    """
    records = _records(text, path, delimiter(path))
    return next(itertools.islice(records, row + 1, None))[0]


def _records(text: TextIO, path, between: str) -> Iterator[tuple[int, str]]:
    """Yields header and rows, of one line or more, with the number of the first."""
    lines = enumerate(iter(functools.partial(text.readline, MOST_LINE), ""), 1)
    for number, line in lines:
        _check_line(path, number, line)
        if line == "\n":
            continue
        if _QUOTE in line:
            _check_quotes(path, number, line, between)
            line += "".join(_rest_of_cell(lines, path, number, line))
            _check_quotes(path, number, line, between)
        yield number, line


def _rest_of_cell(lines, path, number: int, line: str) -> Iterator[str]:
    """Yields the further lines of a cell that a line leaves open."""
    quotes, length = line.count(_QUOTE), len(line)
    while quotes % 2:
        line_number, next_line = next(lines, (0, ""))
        _check_line(path, line_number, next_line)
        quotes, length = quotes + next_line.count(_QUOTE), length + len(next_line)
        if not next_line or length > MOST_LINE:
            raise InputError(
                f"{path}: line {number:,} opens a quote that is never closed "
                f"({_shown(line)}): close or remove it"
            )
        yield next_line


def _check_line(path, number: int, line: str) -> None:
    """Refuses a line that is no text, or has no end."""
    if not line.isascii() and (match := _NO_UTF8.search(line)):
        if number == 1 and line.startswith(_UTF16):
            raise _utf16(path)
        byte = bytes([ord(match[0]) - 0xDC00])
        raise InputError(
            f"{path} is not a readable CSV table: line {number:,} holds the byte "
            f"0x{byte.hex()}, which is no UTF-8; in Latin-1 it is "
            f"{byte.decode('latin-1')!r}: {_save_as_utf8(path, 'latin1')}"
        )
    if "\0" in line:
        if number == 1 and line.count("\0") > _NULS_FRAC * len(line):
            raise _utf16(path)
        raise InputError(
            f"{path} is not a readable CSV table: line {number:,} holds the character "
            "'\\x00', which is no text: remove it"
        )
    if len(line) >= MOST_LINE:
        raise InputError(
            f"{path}: line {number:,} has {MOST_LINE:,} characters or more, too many "
            "for a row of a table"
        )


def _utf16(path) -> InputError:
    return InputError(
        f'{path} is not a readable CSV table: it is UTF-16 text ("Unicode text" '
        f"of spreadsheets): {_save_as_utf8(path, 'utf-16')}"
    )


def _save_as_utf8(path, encoding: str) -> str:
    """Returns the remedy, for a message."""
    return (
        'save it as UTF-8 ("CSV UTF-8" in a spreadsheet, or iconv -f '
        f"{encoding} -t utf-8 {pathlib.PurePath(str(path)).name} > new.csv)"
    )


def _check_quotes(path, number: int, record: str, between: str) -> None:
    """Refuses a quote that neither begins nor ends a cell.

    The last cell may still be open. Two quotes within quotes are an escaped quote.
    """
    outside = record.rstrip("\n").split(_QUOTE)[::2]
    closed = record.count(_QUOTE) % 2 == 0
    begins = [not text or text.startswith(between) for text in outside[1:]]
    ends = [not text or text.endswith(between) for text in outside]
    if closed:
        ends[-1] = True  # the row does
    if all(begins) and all(ends):
        return
    if last := record.rstrip("\n").count("\n"):
        raise InputError(
            f"{path}: line {number:,} opens a quote ({_shown(record)}) that meets a "
            f"quote within a cell in line {number + last:,}: close or remove it"
        )
    raise InputError(
        f"{path}: line {number:,} has a quote within a cell ({_shown(record)}): write "
        'the cell in quotes, and "" for a quote in it, or remove the quote'
    )


def _check_broken_cells(path, line: int, record: str, width: int, between: str) -> None:
    """Refuses a cell of several lines that may be rows behind an extra quote.

    Between two extra quotes before cells of one column, there are as many delimiters
    per line break as in a whole row.
    """
    for cell in _QUOTED.findall(record):
        breaks = cell.count("\n")
        if breaks and cell.count(between) >= breaks * (width - 1):
            raise InputError(
                f"{path}: the cell in quotes that begins in line {line:,} holds "
                f"{breaks:,} line break{'s' * (breaks > 1)} and as many cells as whole "
                f"rows ({_shown(record)}): a quote is not closed, close or remove it"
            )


def _names(
    header: str, line: int, path, between: str, most_columns: int
) -> tuple[str, ...]:
    """Reads the names of the columns."""
    if (width := _width(header, between)) > most_columns:
        raise InputError(
            f"{path} has a line of {width:,} columns, and {most_columns:,} are the "
            "most: leave some out"
        )
    _check_delimiter(header, path, between)
    try:
        cells = next(csv.reader([header], delimiter=between))
    except csv.Error as error:  # a name of more characters than it takes
        raise InputError(f"{path}: line {line:,} is no header ({error})") from error
    columns = [names.clean(cell) for cell in cells]
    for number, cell in enumerate(cells, 1):
        if len(cell) > MOST_NAME or "\n" in cell.strip():
            raise InputError(
                f"{path}: the name of column {number:,} (line {line:,}) has "
                f"{len(cell):,} characters, or a line break: shorten {cell[:20]!r}"
            )
        if not columns[number - 1] and number > 1:
            raise InputError(
                f"{path}: column {number:,} has no name in the header (line {line:,}): "
                "name it, or remove the column"
            )
    check_names(columns, path, f" of line {line:,}")
    return tuple(columns)


def check_names(
    columns: Sequence[str], path: os.PathLike | str, place: str = ""
) -> None:
    """Raises InputError if names of columns are equal but for blanks or Unicode."""
    plain = [names.clean(column) for column in columns]
    name, times = collections.Counter(plain).most_common(1)[0] if plain else ("", 0)
    if times > 1:
        first, second = [
            index for index, other_name in enumerate(plain, 1) if other_name == name
        ][:2]
        raise InputError(
            f"{path} has two columns {name!r} (numbers {first:,} and {second:,}{place})"
            ": rename one, or remove it"
        )


def _check_delimiter(header: str, path, between: str) -> None:
    """Refuses a header with another delimiter."""
    for found_delimiter, description in (";", "';'"), ("\t", "tabs"), (",", "commas"):
        if found_delimiter in header and between not in header:
            expected = "tabs" if between == "\t" else "commas"
            raise InputError(
                f"{path} looks separated by {description}: save it with {expected}"
            )


def _width(record: str, between: str) -> int:
    """Counts the cells of a row."""
    if _QUOTE not in record:
        return record.count(between) + 1
    return sum(text.count(between) for text in record.split(_QUOTE)[::2]) + 1


def _other_width(path, line: int, record: str, width: int, columns, between) -> str:
    ends = record.rstrip("\n").endswith(between) and width == len(columns) + 1
    why = ", for it ends in a delimiter" if ends else ""
    return (
        f"{path}: line {line:,} has {width:,} cell{'s' * (width > 1)} where the header "
        f"names {len(columns):,} columns{why} ({_shown(record)}): mend the line; the "
        "file may be cut short"
    )


def _bare(record: str) -> str:
    return record.rstrip("\n").lstrip("\ufeff")


def _shown(record: str) -> str:
    text = record.rstrip("\n")
    return repr(text[:_SHOWN]) + "..." * (len(text) > _SHOWN)
