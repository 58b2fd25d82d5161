"""Tables that were computed, as CSV files: a run that stops goes on there."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
from etils import epath

from gandl_jax import csv_files, sealed_json
from gandl_jax.judging.task_results import plain


class Kept:
    """Tables in a folder, each named by what it is and what it comes from.

    Args:
      folder: of the files.
      made_from: what all of them come from, as plain data.
    """

    def __init__(self, folder: epath.Path, made_from: Mapping[str, Any]):
        self._folder, self._made_from = folder, made_from

    def read(
        self, name: str, made_from: Mapping[str, Any], columns: Sequence[str]
    ) -> pd.DataFrame | None:
        """A table, every cell as str; None where it is not there or damaged."""
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
        """A table that is kept, or is made and kept; every cell as str, none blank.

        Args:
          name: of the file, with a digest of what it comes from after it.
          made_from: what it comes from besides what all do, as plain data.
          columns: that it has.
          make: gives it.
        """
        table = self.read(name, made_from, columns)
        if table is not None:
            return table
        path, made = self._path(name, made_from), make()[list(columns)]
        path.parent.mkdir(parents=True, exist_ok=True)
        csv_files.write(path, made)
        return csv_files.read(path)

    def _path(self, name: str, made_from: Mapping[str, Any]) -> epath.Path:
        digest = sealed_json.digest(plain([self._made_from, made_from]))
        return self._folder / f"{name}-{digest[:12]}.csv"
