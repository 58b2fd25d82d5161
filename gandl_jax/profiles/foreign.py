"""Tables that others made: CSV or Parquet, one row per record, read in pieces.

Only some rows are in memory at any time, so that a table may be larger than it.
"""

import collections
import contextlib
import csv
import dataclasses
import functools
import io
import re
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from etils import epath

from gandl_jax import files
from gandl_jax.errors import InputError

ROWS = 4096  # of a piece of a Parquet file
MOST_COLUMNS = 100_000  # more were made to fill the memory (ours)
MOST_CHARACTERS = 1 << 24  # of a header that is read at once
BLOCK_BYTES = 8 << 20  # of text, of a piece of a CSV file: hundreds of wide rows
PARQUET = (".parquet", ".pq")
_BAD_VALUE = re.compile(r"In CSV column #(\d+): .*?invalid value '(.*)'", re.DOTALL)
_BAD_LINE = re.compile(r"Expected (\d+) columns, got (\d+): (.*)", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class ForeignTable:
    """A file and the names of its columns.

    Attributes:
      path: ends in .parquet or .pq; else it is CSV, with tabs where it ends in .tsv,
        compressed where it ends in .gz.
      columns: in the file's order.
    """

    path: epath.Path
    columns: tuple[str, ...]

    def keys(self, key: Sequence[str]) -> Iterator[pd.DataFrame]:
        """The key columns, a piece of the table at a time.

        Args:
          key: names of columns.

        Yields:
          [n] rows of str.

        Raises:
          InputError: the file cannot be read to its end.
        """
        with _reading(self):
            for batch in self._batches(key, ()):
                yield batch.to_pandas().astype(str)

    def rows(
        self, key: Sequence[str], features: Sequence[str]
    ) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """The table, a piece at a time.

        Args:
          key: names of columns.
          features: names of D columns.

        Yields:
          [n] rows of the key columns as str, and [n, D] float32; a blank is NaN.

        Raises:
          InputError: the file cannot be read to its end, or a feature is no number.
        """
        with _reading(self):
            for batch in self._batches(key, features):
                values = np.empty((len(batch), len(features)), np.float32)
                for i, name in enumerate(features):
                    column = batch.column(name).cast(pa.float32())
                    values[:, i] = column.to_numpy(zero_copy_only=False)
                yield batch.select(list(key)).to_pandas().astype(str), values

    def _batches(self, key, features) -> Iterator[pa.RecordBatch]:
        if self.path.suffix in PARQUET:
            yield from _parquet_batches(self.path, [*key, *features], features)
            return
        types = {name: pa.string() for name in key}
        types |= {name: pa.float32() for name in features}
        with _text(self.path) as stream:
            yield from pa_csv.open_csv(
                stream,
                read_options=pa_csv.ReadOptions(block_size=BLOCK_BYTES),
                parse_options=pa_csv.ParseOptions(delimiter=_delimiter(self.path)),
                convert_options=pa_csv.ConvertOptions(
                    column_types=types, include_columns=[*key, *features]
                ),
            )


def open_table(path: epath.PathLike) -> ForeignTable:
    """Reads a table's header.

    Raises:
      InputError: there is no such file, it is empty or unreadable, or two columns have
        one name.
    """
    path = epath.Path(path)
    files.check_regular(path)
    if not path.exists() or path.is_dir():
        raise InputError(
            f"there is no file {path} (config.imported.file): name a CSV or Parquet "
            "file with one row per site or well"
        )
    with _reading(ForeignTable(path, ())):
        names = _parquet_header(path) if path.suffix in PARQUET else _csv_header(path)
    if len(names) > MOST_COLUMNS:
        raise InputError(
            f"{path} has {len(names):,} columns or more, and {MOST_COLUMNS:,} are the "
            "most: leave some out"
        )
    if len(set(names)) < len(names):
        doubled = collections.Counter(names).most_common(1)[0][0]
        raise InputError(f"{path} has two columns {doubled!r}: rename one")
    return ForeignTable(path, tuple(names))


def _parquet_header(path: epath.Path) -> list[str]:
    with files.reading(path) as file:
        return pq.read_schema(file).names


def _csv_header(path: epath.Path) -> list[str]:
    with _text(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        lines = iter(functools.partial(text.readline, MOST_CHARACTERS), "")
        names = next(csv.reader(lines, delimiter=_delimiter(path)), None)
    if not names:
        raise InputError(f"{path} is empty: name another config.imported.file")
    if len(names) == 1 and ";" in names[0]:
        raise InputError(f"{path} looks separated by ';': save it with commas")
    return names


def _parquet_batches(path, names, features) -> Iterator[pa.RecordBatch]:
    with files.reading(path) as raw:
        file = pq.ParquetFile(raw, pre_buffer=False)
        for name in features:
            kind = file.schema_arrow.field(name).type
            if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
                raise InputError(
                    f"{path}: column {name!r} holds no numbers but {kind}: leave it "
                    "out of the table, or name it in config.imported.key"
                )
        yield from file.iter_batches(batch_size=ROWS, columns=names)


@contextlib.contextmanager
def _text(path: epath.Path) -> Iterator[pa.NativeFile]:
    with files.reading(path) as raw:
        stream = pa.PythonFile(raw, mode="r")
        if path.suffix == ".gz":
            stream = pa.CompressedInputStream(stream, "gzip")
        yield stream


def _delimiter(path: epath.Path) -> str:
    return "\t" if ".tsv" in path.suffixes else ","


@contextlib.contextmanager
def _reading(table: ForeignTable) -> Iterator[None]:
    """Says in one sentence what Arrow found wrong with a file."""
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError, csv.Error, OSError) as error:
        raise InputError(f"{table.path}: {_reason(table, str(error))}") from error


def _reason(table: ForeignTable, text: str) -> str:
    if match := _BAD_VALUE.search(text):
        name = table.columns[int(match[1])]
        return (
            f"column {name!r} holds {match[2][:40]!r}, which is no number: leave that "
            "column out of the table, or mend it"
        )
    if match := _BAD_LINE.search(text):
        return (
            f"a line has {match[2]} values where the header has {match[1]} "
            f"({match[3][:30]!r}...): the file may be cut short, fetch it again"
        )
    return f"not readable as a table ({text.splitlines()[0][:120]}): mend the file"
