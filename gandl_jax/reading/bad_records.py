"""Bookkeeping of stored records that cannot be read: `config.data.bad_records`.

Imports nothing slow.
"""

import math

import pandas as pd
from etils import epath

from gandl_jax import csv_files
from gandl_jax.errors import InputError, RunError
from gandl_jax.prepared.prepared import Prepared

FILE = "bad_records.csv"  # in the workdir; further hosts write bad_records-1.csv ...
COLUMNS = ("shard", "record", "name", "what")


class BadRecords:
    """Keeps a list of the records that are skipped, up to a share of the screen.

    Args:
      prepared: the screen.
      workdir: of the experiment; records that former runs found count too.
      max_frac: largest share of the screen's records, rounded up.
      host: number of this host, which has its own file.
      hosts: number of hosts.
    """

    def __init__(
        self,
        prepared: Prepared,
        workdir: epath.PathLike,
        max_frac: float,
        host: int = 0,
        hosts: int = 1,
    ):
        self._prepared, self._workdir = prepared, epath.Path(workdir)
        self._file = self._workdir / (f"bad_records-{host}.csv" if host else FILE)
        self._allowed = math.ceil(max_frac * prepared.records)
        self._alone = hosts == 1
        self._lines = self._known_lines()

    @property
    def count(self) -> int:
        """Number of records found, by other hosts too."""
        if not self._alone:
            self._lines = self._known_lines()
        return len(self._lines)

    def _known_lines(self) -> list[dict[str, str]]:
        lines = read(self._workdir).to_dict("records")
        return [line for line in lines if line["shard"] in self._prepared.files]

    def __call__(self, record: int) -> None:
        """Notes a record, in the file too.

        Args:
          record: row of the table of records.

        Raises:
          RunError: too many records cannot be read.
        """
        name = str(self._prepared.table["Metadata_Record_ID"].iloc[record])
        if name not in {line["name"] for line in self._lines}:
            self._note(record, name)
        if self.count > self._allowed:  # with those of former runs
            raise RunError(
                f"{self.count} of {self._prepared.records} records of "
                f"{self._prepared.directory} cannot be read, listed in {self._file}; "
                f"config.data.bad_records_max_frac allows {self._allowed}: delete the "
                "shards that it names and run --job=prepare again, or raise that share"
            )

    def _note(self, record: int, name: str) -> None:
        from gandl_jax.prepared import records  # slow, and not needed for reading

        number, index = self._prepared.place(record)
        shard = self._prepared.files[number]
        fault = records.fault(self._prepared, record)
        if fault is None:  # of the disk or the network, which may pass
            raise records.damaged(self._prepared, record)
        self._lines.append(dict(zip(COLUMNS, (shard, index, name, fault), strict=True)))
        table = pd.DataFrame(self._lines, columns=list(COLUMNS))
        csv_files.write(self._file, table)
        print(f"note: record {index} of {shard} ({name}) is passed over: {fault}")


def read(workdir: epath.PathLike) -> pd.DataFrame:
    """Reads the records that were skipped in a workdir so far: COLUMNS, all str."""
    paths = sorted(epath.Path(workdir).glob("bad_records*.csv"))
    tables = [_table(file) for file in paths]
    empty = pd.DataFrame(columns=list(COLUMNS), dtype=str)
    lines = pd.concat([empty, *tables], ignore_index=True)
    return lines.drop_duplicates(list(COLUMNS[:3]), ignore_index=True)


def _table(file: epath.Path) -> pd.DataFrame:
    try:
        return csv_files.read(file)[list(COLUMNS)]
    except (KeyError, ValueError) as error:  # no such columns; no table
        raise InputError(f"{file} is damaged: delete it") from error
