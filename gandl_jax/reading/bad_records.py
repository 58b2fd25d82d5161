"""What becomes of stored records that cannot be read: `config.data.bad_records`.

Imports nothing slow.
"""

import math

import pandas as pd
from etils import epath

from gandl_jax import csv_files
from gandl_jax.errors import InputError, RunError
from gandl_jax.prepared.prepared import Prepared

FILE = "bad_records.csv"  # in the workdir; of further hosts bad_records-1.csv ...
COLUMNS = ("shard", "record", "name", "what")


class BadRecords:
    """Writes down the records that are passed over, up to a share of the screen.

    Args:
      prepared: the screen.
      workdir: of the experiment; those that a former run found count too.
      max_frac: of the screen's records, rounded up.
      host: each host writes a file of its own.
      hosts: how many there are.
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
        self._lines = self._found()

    @property
    def count(self) -> int:
        """How many there are, of those that other hosts found too."""
        if not self._alone:
            self._lines = self._found()
        return len(self._lines)

    def _found(self) -> list[dict[str, str]]:
        lines = read(self._workdir).to_dict("records")
        return [line for line in lines if line["shard"] in self._prepared.files]

    def __call__(self, record: int) -> None:
        """Takes note of one, in the file too.

        Args:
          record: row of the table of records.

        Raises:
          RunError: there are too many.
        """
        name = str(self._prepared.table["Metadata_Record_ID"].iloc[record])
        if name not in {line["name"] for line in self._lines}:
            self._note(record, name)
        if self.count > self._allowed:  # also of a former run's
            raise RunError(
                f"{self.count} of {self._prepared.records} records of "
                f"{self._prepared.directory} cannot be read, listed in {self._file}; "
                f"config.data.bad_records_max_frac allows {self._allowed}: delete the "
                "shards that it names and run --job=prepare again, or raise that share"
            )

    def _note(self, record: int, name: str) -> None:
        from gandl_jax.prepared import records  # slow; readers do without it

        number, place = self._prepared.place(record)
        shard = self._prepared.files[number]
        what = records.fault(self._prepared, record)
        if what is None:  # the disk or the network: it may be read the next time
            raise records.damaged(self._prepared, record)
        self._lines.append(dict(zip(COLUMNS, (shard, place, name, what), strict=True)))
        table = pd.DataFrame(self._lines, columns=list(COLUMNS))
        csv_files.write(self._file, table)
        print(f"note: record {place} of {shard} ({name}) is passed over: {what}")


def read(workdir: epath.PathLike) -> pd.DataFrame:
    """The records that were passed over in a workdir so far; COLUMNS, all str."""
    files_of_hosts = sorted(epath.Path(workdir).glob("bad_records*.csv"))
    tables = [_table(file) for file in files_of_hosts]
    none = pd.DataFrame(columns=list(COLUMNS), dtype=str)
    found = pd.concat([none, *tables], ignore_index=True)
    return found.drop_duplicates(list(COLUMNS[:3]), ignore_index=True)


def _table(file: epath.Path) -> pd.DataFrame:
    try:
        return csv_files.read(file)[list(COLUMNS)]
    except (KeyError, ValueError) as error:  # no such columns; no table
        raise InputError(f"{file} is damaged: delete it") from error
