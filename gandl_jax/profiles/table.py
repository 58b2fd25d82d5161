"""Reads the Metadata_* columns: plates, wells, rows of wells, record names."""

import re

import numpy as np
import pandas as pd

from gandl_jax import names
from gandl_jax.errors import InputError

_WELL = re.compile(r"([A-Z]{1,2})(\d{1,2})")
_OF_A_WELL = ("Treatment", "Concentration_uM", "Role", "Cell_Type")


def parse_well(name: str) -> tuple[int, int]:
    """Parses a well's name into row and column, both counted from 1.

    Rows of 1536-well plates go on after Z with AA, AB ...

    Args:
      name: "A01", "AA02".

    Returns:
      (row, column): "A01" is (1, 1), "AA02" is (27, 2).

    Raises:
      InputError: the name has another form.
    """
    match = _WELL.fullmatch(name)
    if match is None or int(match[2]) == 0:
        raise InputError(
            f"Well {name!r} is not a row of one or two capitals and a column, such as "
            "A01 or AA02: correct it in the metadata."
        )
    row = 0
    for letter in match[1]:
        row = 26 * row + ord(letter) - ord("A") + 1
    return row, int(match[2])


def plates(metadata: pd.DataFrame) -> np.ndarray:
    """Names each record's physical plate: plate numbers repeat between experiments.

    Args:
      metadata: [N] rows of Metadata_* columns.

    Returns:
      [N] str objects, "EXPERIMENT/PLATE"; "PLATE" without a column Metadata_Experiment;
      without Metadata_Plate all records are on the plate "all".
    """
    if "Metadata_Plate" not in metadata:
        return np.full(len(metadata), "all", object)
    return _joined(metadata, "Metadata_Experiment", "Metadata_Plate")


def wells(metadata: pd.DataFrame) -> np.ndarray:
    """Names the well of each record.

    Args:
      metadata: [N] rows of Metadata_* columns.

    Returns:
      [N] str objects, "EXPERIMENT/PLATE/WELL", without the columns that lack. Without
      Metadata_Well the crops of one image (Metadata_Cell, with Metadata_Site_ID or
      Metadata_Site) are a well, since neighbouring cells are alike; any other record is
      a well of its own, by its record's name.
    """
    if "Metadata_Well" in metadata:
        return _on_plates(metadata, "Metadata_Well")
    named = [
        column for column in ("Metadata_Site_ID", "Metadata_Site") if column in metadata
    ]
    if "Metadata_Cell" not in metadata or not named:
        return record_ids(metadata)
    image = metadata[named[0]]
    blank = (image.isna() | (image.astype(str).str.strip() == "")).to_numpy()
    image_names = _on_plates(metadata, named[0])
    return (
        np.where(blank, record_ids(metadata), image_names)
        if blank.any()
        else image_names
    )


def mixed_wells(metadata: pd.DataFrame) -> str | None:
    """Describes wells that cannot be one well.

    Args:
      metadata: [N] rows of Metadata_* columns.

    Returns:
      The number of wells with more than one treatment, dose, role or cell type, the
      first of them and the column that may be missing; None if there are none.
    """
    columns = [
        f"Metadata_{name}" for name in _OF_A_WELL if f"Metadata_{name}" in metadata
    ]
    if "Metadata_Well" not in metadata or not columns:
        return None
    # Compared as text, so that a blank dose differs from any other.
    distinct = (
        metadata[columns].astype(str).assign(well=wells(metadata)).drop_duplicates()
    )
    mixed = np.unique(distinct["well"][distinct["well"].duplicated()].to_numpy(str))
    if not len(mixed):
        return None
    lacking = [
        name
        for name in ("plate", "experiment")
        if f"Metadata_{name.title()}" not in metadata
    ]
    hint = (
        f"is the {lacking[0]}'s column (config.screen.columns.{lacking[0]}) missing?"
        if lacking
        else "their records are averaged; correct the table"
    )
    hold = "well holds" if len(mixed) == 1 else "wells hold"
    return (
        f"{len(mixed)} {hold} more than one treatment, dose, role or cell type, the "
        f"first {mixed[0]}: {hint}"
    )


def rows(metadata: pd.DataFrame) -> np.ndarray:
    """Names the row of wells that each record lies in.

    Args:
      metadata: [N] rows with Metadata_Experiment, _Plate and _Well.

    Returns:
      [N] str objects, "EXPERIMENT/PLATE/ROW" with the row as a number from 1.

    Raises:
      InputError: a well's name cannot be read.
    """
    row_of = {
        name: str(parse_well(name)[0]) for name in _as_text(metadata, "Well").unique()
    }
    row = _as_text(metadata, "Well").map(row_of)
    return (pd.Series(plates(metadata), row.index) + "/" + row).to_numpy(object)


def cell_models(metadata: pd.DataFrame) -> np.ndarray:
    """Names the cell model of each record.

    Args:
      metadata: [N] rows of Metadata_* columns.

    Returns:
      [N] str objects; "all" if the screen has no column Metadata_Cell_Type.
    """
    if "Metadata_Cell_Type" not in metadata:
        return np.full(len(metadata), "all", object)
    return _as_text(metadata, "Cell_Type").to_numpy(object)


def as_meant(metadata: pd.DataFrame) -> pd.DataFrame:
    """Cleans names, and makes doses that differ by rounding one number.

    Tables of former versions hold cells as in their source.

    Args:
      metadata: [N] rows of Metadata_* columns.
    """
    changed = {
        column: names.cleaned(metadata[column])
        for column in metadata.select_dtypes(exclude="number")
    }
    dose = "Metadata_Concentration_uM"
    if dose in metadata:
        changed[dose] = names.one_dose(metadata[dose].to_numpy(float))
    return metadata.assign(**changed)


def record_ids(metadata: pd.DataFrame, *, table_name: str = "the table") -> np.ndarray:
    """Names each record; tables are matched by these names.

    Args:
      metadata: [N] rows with Metadata_Record_ID; tables written before there was one
        have Metadata_Site_ID.
      table_name: in an error.

    Returns:
      [N] str objects.

    Raises:
      InputError: there are no names, or two records have the same.
    """
    id_columns = [
        name for name in ("Record_ID", "Site_ID") if f"Metadata_{name}" in metadata
    ]
    if not id_columns:
        raise InputError(
            f"{table_name} has no column Metadata_Record_ID, by which records are "
            "matched: embed or import it again."
        )
    ids = names.cleaned(_as_text(metadata, id_columns[0]))
    if ids.duplicated().any():
        raise InputError(
            f"{table_name} has {int(ids.duplicated().sum())} doubled records, such as "
            f"{ids[ids.duplicated()].iloc[0]!r}: records are matched by their name."
        )
    return ids.to_numpy(object)


def control_classes(metadata: pd.DataFrame) -> np.ndarray:
    """Returns the control group of each record.

    Args:
      metadata: [N] rows with Metadata_Role.

    Returns:
      [N] int: 0 for response 0 (no effect), 1 for response 1 (the state that is
      wanted), -1 for records that are not controls.
    """
    role = _as_text(metadata, "Role")
    return np.select([role == "response_0", role == "response_1"], [0, 1], -1)


def _on_plates(metadata: pd.DataFrame, column: str) -> np.ndarray:
    return _joined(metadata, "Metadata_Experiment", "Metadata_Plate", column)


def _joined(metadata: pd.DataFrame, *columns: str) -> np.ndarray:
    first, *others = [
        metadata[column].astype(str) for column in columns if column in metadata
    ]
    for column in others:
        first = first + "/" + column
    return first.to_numpy(object)


def _as_text(metadata: pd.DataFrame, column: str) -> pd.Series:
    return metadata[f"Metadata_{column}"].astype(str)
