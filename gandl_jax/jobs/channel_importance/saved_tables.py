"""Computed tables, kept as CSV files so that a stopped run can continue."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
from etils import epath

from gandl_jax import csv_files, sealed_json
from gandl_jax.judging.task_results import plain


class SavedTables:
    """Tables in a folder, each named by its content and what it was made from.

    Args:
      folder: of the files.
      made_from: what all of them were made from, as plain data.
    """

    def __init__(self, folder: epath.Path, made_from: Mapping[str, Any]):
        self._folder, self._made_from = folder, made_from

    def read(
        self, name: str, made_from: Mapping[str, Any], columns: Sequence[str]
    ) -> pd.DataFrame | None:
        """Reads a table, every cell as str; None if it is missing or damaged."""
        path = self._path(name, made_from)
        try:
            table = csv_files.read(path)
        except FileNotFoundError:
            return None
        except ValueError:
            table = pd.DataFrame()
        if list(table) != list(columns) or table.eq("").to_numpy().any():
            print(f"note: {path} is damaged: it is made again", flush=True)
            return None
        return table

    def table(
        self,
        name: str,
        made_from: Mapping[str, Any],
        columns: Sequence[str],
        make: Callable[[], pd.DataFrame],
    ) -> pd.DataFrame:
        """Reads a table, or makes and keeps it; every cell as str, none blank.

        Args:
          name: of the file, without the digest of what it was made from.
          made_from: what this table was made from besides the common part, as plain
            data.
          columns: its names.
          make: makes the table.
        """
        table = self.read(name, made_from, columns)
        if table is not None:
            return table
        path, new_table = self._path(name, made_from), make()[list(columns)]
        path.parent.mkdir(parents=True, exist_ok=True)
        csv_files.write(path, new_table)
        return csv_files.read(path)

    def _path(self, name: str, made_from: Mapping[str, Any]) -> epath.Path:
        digest = sealed_json.digest(plain([self._made_from, made_from]))
        return self._folder / f"{name}-{digest[:12]}.csv"
