"""Tables that other programs wrote: CSV or Parquet, one row per record, read in pieces.

Only some rows are in memory at any time, so that a table may be larger than it. The
same table gives the same keys and numbers in either form.
"""

import contextlib
import dataclasses
import re
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from etils import epath

from gandl_jax import csv_layout, files
from gandl_jax.errors import InputError

ROWS = 4096  # of a piece of a Parquet file
MOST_COLUMNS = 100_000  # a file with more was crafted to fill the memory (ours)
BLOCK_BYTES = 8 << 20  # of text, of a piece of a CSV file: hundreds of wide rows
PARQUET = (".parquet", ".pq")
NULLS = pa_csv.ConvertOptions().null_values  # texts that stand for no number
_EXACT = 2.0**53  # whole numbers above it lose digits in a float
_BAD_VALUE = re.compile(r"In CSV column #(\d+): .*?invalid value '(.*)'", re.DOTALL)
_BAD_TEXT = re.compile(r"Failed to parse string: '(.*)' as a scalar", re.DOTALL)


class _UnfitColumn(Exception):
    """A column that is neither a key nor a feature, and what to do about it."""


@dataclasses.dataclass(frozen=True)
class ForeignTable:
    """A file and the names of its columns.

    Attributes:
      path: ends in .parquet or .pq; else it is CSV, tab-separated if it ends in .tsv,
        compressed if it ends in .gz.
      columns: in the file's order, names without blanks at their ends.
      layout: of a CSV file; None of Parquet.
    """

    path: epath.Path
    columns: tuple[str, ...]
    layout: csv_layout.Layout | None = None

    def rows(
        self, key: Sequence[str], features: Sequence[str]
    ) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """Yields the table, a piece at a time.

        Args:
          key: names of columns.
          features: names of D columns.

        Yields:
          [n] rows of the key columns as str, and [n, D] float64; a blank key is "", a
          blank number NaN.

        Raises:
          InputError: the file cannot be read to its end, a feature is no number, or a
            key column has a type that names nothing.
        """
        rows = 0
        if self.layout and not self.layout.rows:
            return
        with _reading(self):
            for columns in self._batches(key, features):
                keys = {name: _texts(columns[name], name) for name in key}
                length = len(next(iter(keys.values())))
                values = np.empty((length, len(features)), np.float64)
                for i, name in enumerate(features):
                    values[:, i] = _numbers(columns[name], name)
                rows += length
                yield pd.DataFrame(keys, dtype=str), values
        if self.layout and rows != self.layout.rows:
            raise InputError(
                f"{self.path} has {self.layout.rows:,} rows, of which {rows:,} can be "
                "read: mend the file"
            )

    def line(self, row: int) -> str:
        """Names a row's place in the file, for a message; rows count from 0."""
        if self.layout is None:
            return f"row {row + 1:,}"
        with _text(self.path) as stream:
            text = csv_layout.as_text(stream)
            return f"line {csv_layout.line_of(text, self.path, row):,}"

    def _batches(self, key, features) -> Iterator[dict[str, pa.Array]]:
        names = list(dict.fromkeys([*key, *features]))
        if self.layout is None:
            yield from _parquet_batches(self.path, names)
            return
        types = {name: pa.string() for name in key}
        types |= {name: pa.float64() for name in features}
        with _text(self.path) as stream:
            for batch in pa_csv.open_csv(
                stream,
                read_options=pa_csv.ReadOptions(
                    block_size=BLOCK_BYTES,
                    column_names=self.columns,
                    skip_rows=self.layout.header_line,
                ),
                parse_options=pa_csv.ParseOptions(
                    delimiter=csv_layout.delimiter(self.path),
                    newlines_in_values=self.layout.broken_cells,
                ),
                convert_options=pa_csv.ConvertOptions(
                    column_types=types, include_columns=names
                ),
            ):
                yield dict(zip(batch.schema.names, batch.columns, strict=True))


def open_table(path: epath.PathLike) -> ForeignTable:
    """Reads a table's header; a CSV file is checked to its end.

    Raises:
      InputError: there is no such file, it is empty or unreadable, or its rows and
        columns are not what its header says.
    """
    path = epath.Path(path)
    files.check_regular(path)
    if not path.exists() or path.is_dir():
        raise InputError(
            f"there is no file {path} (config.imported.file): name a CSV or Parquet "
            "file with one row per site or well"
        )
    with _reading(ForeignTable(path, ())):
        if path.suffix.lower() not in PARQUET:
            with _text(path) as stream:
                layout = csv_layout.check(
                    csv_layout.as_text(stream), path, most_columns=MOST_COLUMNS
                )
            return ForeignTable(path, layout.columns, layout)
        with files.reading(path) as file:
            names = pq.read_schema(file).names
    if len(names) > MOST_COLUMNS:
        raise InputError(
            f"{path} has {len(names):,} columns, and {MOST_COLUMNS:,} are the most: "
            "leave some out"
        )
    csv_layout.check_names(names, path)
    return ForeignTable(path, tuple(name.strip() for name in names))


def _parquet_batches(path, names) -> Iterator[dict[str, pa.Array]]:
    with files.reading(path) as raw:
        file = pq.ParquetFile(raw, pre_buffer=False)
        stored = {column.strip(): column for column in file.schema_arrow.names}
        for batch in file.iter_batches(ROWS, columns=[stored[name] for name in names]):
            yield {column: batch.column(stored[column]) for column in names}


def _texts(column: pa.Array, name: str) -> np.ndarray:
    """Returns [n] str objects of a key column, "" for blanks."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    arrow_type = column.type
    if pa.types.is_floating(arrow_type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, arrow_type), column)
        if (pc.max(pc.abs(column)).as_py() or 0) >= _EXACT:
            raise _UnfitColumn(
                f"key column {name!r} holds fractions ({arrow_type}) above 2^53, which "
                "have lost their last digits: write it as text"
            )
    elif pa.types.is_boolean(arrow_type):
        column = pc.if_else(column, "True", "False")  # as CSV has it
    elif not (_is_text(arrow_type) or _is_plain(arrow_type)):
        raise _UnfitColumn(
            f"key column {name!r} holds {arrow_type}, which names nothing: write it as "
            "text, or name others in config.imported.key"
        )
    return column.cast(pa.string()).fill_null("").to_numpy(zero_copy_only=False)


def _is_text(arrow_type: pa.DataType) -> bool:
    types = pa.types
    return (
        types.is_string(arrow_type)
        or types.is_large_string(arrow_type)
        or types.is_string_view(arrow_type)
        or types.is_binary(arrow_type)
        or types.is_large_binary(arrow_type)
    )


def _is_plain(arrow_type: pa.DataType) -> bool:
    """Tells whether a cell is one number or day, or the column is empty."""
    types = pa.types
    number = types.is_integer(arrow_type) or types.is_decimal(arrow_type)
    return number or types.is_date(arrow_type) or types.is_null(arrow_type)


def _numbers(column: pa.Array, name: str) -> np.ndarray:
    """Returns [n] float64, NaN for blanks; text is read as in a CSV file."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    arrow_type = column.type
    if pa.types.is_null(arrow_type):
        return np.full(len(column), np.nan)
    if pa.types.is_decimal(arrow_type):
        column = column.cast(pa.string())
    elif _is_text(arrow_type):
        text = pc.utf8_trim_whitespace(column.cast(pa.string()))
        blank = pc.is_in(text, pa.array(NULLS))
        column = pc.if_else(blank, pa.scalar(None, pa.string()), text)
    elif not (pa.types.is_integer(arrow_type) or pa.types.is_floating(arrow_type)):
        raise _UnfitColumn(
            f"column {name!r} holds no numbers but {arrow_type}: write one number in a "
            f"column, or leave it out ({_not_a_feature(name)})"
        )
    if pa.types.is_string(column.type):
        try:
            column = column.cast(pa.float64())
        except pa.ArrowInvalid as error:
            match = _BAD_TEXT.search(str(error))
            raise _UnfitColumn(_no_number(name, match[1] if match else "")) from error
    return column.to_numpy(zero_copy_only=False).astype(np.float64)


def _no_number(name: str, text: str) -> str:
    return (
        f"column {name!r} holds {text[:40]!r}, which is no number: mend it, or leave "
        f"that column out ({_not_a_feature(name)})"
    )


def _not_a_feature(name: str) -> str:
    return f"--config.imported.not_features={name[:40]}"


@contextlib.contextmanager
def _text(path: epath.Path) -> Iterator[pa.NativeFile]:
    with files.reading(path) as raw:
        stream = pa.PythonFile(raw, mode="r")
        if path.suffix.lower() == ".gz":
            stream = pa.CompressedInputStream(stream, "gzip")
        yield stream


@contextlib.contextmanager
def _reading(table: ForeignTable) -> Iterator[None]:
    """Raises Arrow's errors again as one sentence about the file."""
    try:
        yield
    except (pa.ArrowException, OSError, _UnfitColumn) as error:
        raise InputError(f"{table.path}: {_reason(table, error)}") from error


def _reason(table: ForeignTable, error: Exception) -> str:
    text = str(error)
    if isinstance(error, _UnfitColumn):
        return text
    if match := _BAD_VALUE.search(text):
        return _no_number(table.columns[int(match[1])], match[2])
    return f"not readable as a table ({text.splitlines()[0][:120]}): mend the file"
