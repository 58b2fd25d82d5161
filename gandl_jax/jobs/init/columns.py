"""Roles of a table's columns, by their names and by their cells."""

import itertools
import re
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from gandl_jax.raw import wells

NAMES = {  # our column to names of it elsewhere, without blanks and signs
    "site_id": "siteid imageid recordid imageset",
    "experiment": "experiment batch run assay",
    "plate": "plate plateid platename barcode platebarcode assayplatebarcode",
    "well": "well wellid wellname wellposition position wellno",
    "site": "site field fieldofview fov fieldid siteno",
    "cell": "cell cellid cellno object objectnumber",
    "cell_type": "celltype cellline cellmodel cells",
    "condition": "condition diseasecondition welltype controltype state",
    "treatment": "treatment compound compoundname drug perturbation pertiname "
    "broadsample molecule sirna gene reagent",
    "concentration_um": "concentration concentrationum conc concum dose doseum "
    "treatmentconc compoundconcentration micromolar um",
    "smiles": "smiles pertsmiles compoundsmiles canonicalsmiles",
    "mechanism": "mechanism moa mechanismofaction pathway",
    "split": "split dataset",
}
LABELS = (
    "class",
    "classes",
    "label",
    "phenotype",
    "stage",
    "target",
)  # of a column of classes
OTHER_UNITS = re.compile(r"(^|[^a-z])(nm|mm|ngml|ugml|mgml|gl|percent)$")
MOST_VALUES = 100  # of a column to colour and split by (ours)
KEYS = ("experiment", "plate", "well", "site", "cell")  # may name a record


def plain(name: str) -> str:
    """Strips a column's name of signs, blanks, capitals and "Metadata_"."""
    return re.sub(r"[^a-z0-9]", "", name.lower().removeprefix("metadata_"))


def roles(table: pd.DataFrame) -> dict[str, str]:
    """Maps our columns to the table's, each once; unknown ones are left out.

    Wells must be names of wells, doses numbers.
    """
    columns: dict[str, str] = {}
    for role, usual_names in NAMES.items():
        for usual_name in usual_names.split():
            fitting = [
                column
                for column in table
                if plain(column) == usual_name and column not in columns.values()
            ]
            fitting = [column for column in fitting if _holds(role, table[column])]
            if fitting and role not in columns:
                columns[role] = fitting[0]
    return columns


def _holds(role: str, column: pd.Series) -> bool:
    texts = column[column.str.strip() != ""].unique()
    if not len(texts):
        return False
    if role == "well":
        return all(wells.read_name(text) for text in texts)
    if role == "concentration_um":
        numbers = pd.to_numeric(pd.Series(texts), errors="coerce")
        return bool(np.isfinite(numbers).all() and (numbers >= 0).all())
    return True


def key(table: pd.DataFrame, columns: dict[str, str], paths: str) -> tuple[str, ...]:
    """Returns the columns that together name a record; () if none do.

    Args:
      table: [N] rows.
      columns: as from `roles`.
      paths: the column of paths, or "".
    """
    site_id, cell = (
        [columns[role_name]] if role_name in columns else []
        for role_name in ("site_id", "cell")
    )
    choices = [tuple(site_id), tuple(site_id + cell) if site_id else ()]
    naming = [columns[role] for role in KEYS if role in columns]
    for count in range(1, len(naming) + 1):
        choices += itertools.combinations(naming, count)
    choices.append((paths,) if paths else ())
    for choice in filter(None, choices):
        rows = table[list(choice)]
        if not rows.duplicated().any() and not (rows == "").any().any():
            return choice
    return ()


def extra(table: pd.DataFrame, taken: Iterable[str]) -> list[str]:
    """Returns other columns to colour, split and label by: few, repeated values."""
    others = [
        column for column in table if column not in set(taken) and not _is_index(column)
    ]
    counts = {
        column: table[column][table[column].str.strip() != ""].nunique()
        for column in others
    }
    limit = min(MOST_VALUES, len(table) // 2)
    return [column for column, n in counts.items() if 2 <= n <= limit and plain(column)]


def _is_index(name: str) -> bool:
    return not name or name.lower().startswith("unnamed")


def label(names: Sequence[str]) -> str | None:
    """Returns the column of classes among the named ones, or None."""
    return next(
        (name for usual_name in LABELS for name in names if plain(name) == usual_name),
        None,
    )


def has_other_unit(name: str) -> bool:
    """Returns True if the name of a dose's column names another unit than uM."""
    return bool(OTHER_UNITS.search(re.sub(r"[^a-z]+", " ", name.lower()).strip()))
