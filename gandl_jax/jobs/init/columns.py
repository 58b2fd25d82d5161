"""What the columns of a table mean, by their names and by what they hold."""

import itertools
import re
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from gandl_jax.raw import wells

NAMES = {  # our column to what others call it, without blanks and signs
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
)  # told of each record
OTHER_UNITS = re.compile(r"(^|[^a-z])(nm|mm|ngml|ugml|mgml|gl|percent)$")
MOST_VALUES = 100  # of a column that colours and splits (ours)
KEYS = ("experiment", "plate", "well", "site", "cell")  # that may name a record


def plain(name: str) -> str:
    """A column's name without signs, blanks, capitals and "Metadata_"."""
    return re.sub(r"[^a-z0-9]", "", name.lower().removeprefix("metadata_"))


def roles(table: pd.DataFrame) -> dict[str, str]:
    """Our columns to the table's, each once; those of which nothing is known lack.

    A well's column holds names of wells, a dose's numbers.
    """
    found: dict[str, str] = {}
    for role, text in NAMES.items():
        for known in text.split():
            fit = [c for c in table if plain(c) == known and c not in found.values()]
            fit = [c for c in fit if _holds(role, table[c])]
            if fit and role not in found:
                found[role] = fit[0]
    return found


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


def key(table: pd.DataFrame, found: dict[str, str], paths: str) -> tuple[str, ...]:
    """The columns that together name a record; () where none do.

    Args:
      table: [N] rows.
      found: as from `roles`.
      paths: the column of paths, or "".
    """
    site_id, cell = ([found[r]] if r in found else [] for r in ("site_id", "cell"))
    choices = [tuple(site_id), tuple(site_id + cell) if site_id else ()]
    named = [found[role] for role in KEYS if role in found]
    for count in range(1, len(named) + 1):
        choices += itertools.combinations(named, count)
    choices.append((paths,) if paths else ())
    for choice in filter(None, choices):
        rows = table[list(choice)]
        if not rows.duplicated().any() and not (rows == "").any().any():
            return choice
    return ()


def more(table: pd.DataFrame, taken: Iterable[str]) -> list[str]:
    """Other columns that may colour, split and label: few values, often repeated."""
    left = [c for c in table if c not in set(taken) and not _is_index(c)]
    counts = {c: table[c][table[c].str.strip() != ""].nunique() for c in left}
    most = min(MOST_VALUES, len(table) // 2)
    return [c for c, n in counts.items() if 2 <= n <= most and plain(c)]


def _is_index(name: str) -> bool:
    return not name or name.lower().startswith("unnamed")


def label(names: Sequence[str]) -> str | None:
    """The column that classes are told by, of those named; None where there is none."""
    return next((c for known in LABELS for c in names if plain(c) == known), None)


def other_unit(name: str) -> bool:
    """Whether a dose's column says that it is not in micromolar."""
    return bool(OTHER_UNITS.search(re.sub(r"[^a-z]+", " ", name.lower()).strip()))
