"""Columns of a table that count, name or locate its rows, and measure nothing.

Among features they would tell a record's plate and position, and a classifier would
score noise as if it were biology. They are recognised by their names, as CellProfiler,
pycytominer and DeepProfiler write them, and by their values.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from gandl_jax.profiles import table

LEAST_ROWS = 8  # fewer do not show what a column is (ours)
_EXACT = 2.0**53  # whole numbers above it lose digits in a float
_OFF_GRID = 0.02  # of a step: what rounding to some digits costs (ours)
LIKELY = 1e-3  # how often chance may make a counter in a table (ours)

_INDEX = re.compile(r"|unnamed: \d+|__index_level_\d+__", re.IGNORECASE)  # pandas'
_SEPARATORS = re.compile(r"[\s.:-]+")
_WHOLE = re.compile(
    r"index|idx|level_\d+|label|barcode|batch|experiment|plate|well|row|col|column|site"
    r"|field|fov|plane|slice|frame|time_?point|time|timestamp|date|datetime"
    r"|position(_[xyz])?|pos_[xyz]",
    re.IGNORECASE,
)
_AT_END = re.compile(  # of a name; what comes before it is an object or a statistic
    r"""(?:^|_)(?:
    metadata_.*
    | (?:image|object|table|group)_?(?:number|index) | group_?length
    | (?:parent|reference|first_?closest|second_?closest)
      (?:image|object)_?number (?:_.*)?
    | imageset_.* | trackobjects_label (?:_.*)?
    | execution_?time (?:_.*)? | processing_?status | module_?error (?:_.*)?
    | file_?names? (?:_.*)? | path_?names? (?:_.*)? | file_?paths?
    | urls? (?:_.*)? | md5_?digest (?:_.*)?
    | location_(?:center(?:mass\w*)?|max\w*)_[xyz] (?:_.*)? | location(?:_[xyz])?
    | center_[xyz] | centroid_(?:\d|[xyz]) | bbox_(?:\d|[xyz]\d?|min\w*|max\w*)
    | bounding_?box_?(?:minimum|maximum|min|max)_?[xyz]
    | parent_.+
    | (?:row|col|column|plate|well|site|field|fov|frame|tile|record|batch|series|slice
      |plane)_?(?:number|num|no|nr|index|idx)
    | (?:cell|object|image)_?(?:index|idx)
    | (?:cell|object|image|plate|well|site|field|tile|record|row|compound|batch)_?id
    | id | uid | uuid | guid
    | time_?stamp | acquisition_?(?:time|date) | date_?time
    )$""",
    re.IGNORECASE | re.VERBOSE,
)
_OF_FILES = re.compile(r"(?:image_)?(?:frame|series|scaling)_.+", re.IGNORECASE)
# Cells have a height and a width too: these are an image's in CellProfiler's tables.
_OF_IMAGES = re.compile(r"image_(?:height|width|channel)_.+", re.IGNORECASE)
_OF_CELLPROFILER = re.compile(r"image_?number|(?:file|path)name_.+", re.IGNORECASE)


def by_name(names: Sequence[str]) -> list[str]:
    """Finds columns that are bookkeeping by their names.

    Counts of objects in an image or a cell are features: Count_Cells,
    Children_Spots_Count, Neighbors_NumberOfNeighbors.

    Args:
      names: all columns of a table; their case does not matter.

    Returns:
      The columns that measure nothing, in the same order.
    """
    plain = {name: _SEPARATORS.sub("_", name.strip()) for name in names}
    is_cellprofiler = any(_OF_CELLPROFILER.fullmatch(name) for name in plain.values())
    prefix = "image_" if is_cellprofiler else ""
    return [
        name
        for name, text in plain.items()
        if is_index(name)
        or _WHOLE.fullmatch(text)
        or _AT_END.search(text)
        or _OF_FILES.fullmatch(text)
        or _OF_IMAGES.fullmatch(text)
        or _OF_IMAGES.fullmatch(prefix + text)
    ]


def is_index(name: str) -> bool:
    """Tells whether a column has the name under which pandas writes an index."""
    return _INDEX.fullmatch(name) is not None


def may_count(values: np.ndarray, metadata: pd.DataFrame) -> np.ndarray:
    """Finds columns that may turn out to be bookkeeping, from some rows of a table.

    Args:
      values: [n, D] float64.
      metadata: [n] rows of Metadata_* columns.

    Returns:
      [D] bool; false for columns that cannot be, whatever the remaining rows hold.
    """
    if len(values) < LEAST_ROWS:
        return np.zeros(values.shape[1], bool)
    finite = np.isfinite(values).all(0)
    values = np.where(finite, values, 0)
    position_codes = _position_codes(metadata)
    candidates = np.zeros_like(finite)
    for codes in position_codes.values():
        if len(codes) - len(np.unique(codes)) >= LEAST_ROWS:
            candidates |= _constant_within(values, codes)
    numbers, even = _as_whole(values)
    for column in np.flatnonzero(finite & even & ~candidates):
        candidates[column] = _all_different(numbers[:, column], position_codes["plate"])
    return finite & candidates


def by_value(
    values: np.ndarray,
    names: Sequence[str],
    metadata: pd.DataFrame,
    order: np.ndarray,
    columns: int,
) -> dict[str, str]:
    """Finds columns that number the rows, or name a plate, an experiment or a position.

    Whole numbers, and fractions that lie on a grid as scaled whole numbers do, number
    the rows where they go up by equal steps, or where all are different in the table,
    in each experiment or in each plate, although chance would make some equal (the
    birthday problem, at LIKELY over all columns). If most columns of a table are such,
    they are ranks, and stay. A column names plates if it is constant on each plate and
    differs between any two.

    Args:
      values: [N, C] float64, of the columns that `may_count`.
      names: C names.
      metadata: [N] rows of Metadata_* columns.
      order: [N] int, position of each row's record in the screen.
      columns: number of the table's columns without bookkeeping by name, C or more.

    Returns:
      Column to its purpose: "numbers the rows of each plate", "names the plate".
    """
    finite = np.isfinite(values).all(0)
    if len(values) < LEAST_ROWS:
        return {}
    position_codes, purposes, different = _position_codes(metadata), {}, {}
    numbers, even = _as_whole(np.where(finite, values, 0))
    for i in np.flatnonzero(finite):
        column, name = numbers[:, i], names[i]
        if purpose := _names_unit(values[:, i], position_codes, columns):
            purposes[name] = purpose
        elif even[i] and (purpose := _counts_up(column, position_codes, order)):
            purposes[name] = purpose
        elif even[i] and (purpose := _differs(column, position_codes, columns)):
            different[name] = purpose
    ranks = len(different) > max(2, columns / 2)
    return purposes if ranks else purposes | different


def _position_codes(metadata: pd.DataFrame) -> dict[str, np.ndarray]:
    """Codes of each row's plate, well, experiment ... in the metadata: [N] int."""
    names = {"plate": table.plates(metadata), "well": table.wells(metadata)}
    if "Metadata_Experiment" in metadata:
        names["experiment"] = metadata["Metadata_Experiment"].astype(str)
    if "Metadata_Site" in metadata:
        names["site"] = metadata["Metadata_Site"].astype(str)
    if "Metadata_Well" in metadata:
        position = metadata["Metadata_Well"].astype(str)
        names["position"] = position
        names["row"] = position.str.extract(r"^(\D*)", expand=False)
        names["column"] = position.str.extract(r"(\d*)$", expand=False)
    return {
        unit: pd.factorize(np.asarray(row_names))[0]
        for unit, row_names in names.items()
    }


def _as_whole(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Expresses columns as counts of their smallest step; [D] bool, whether that fits.

    Whole numbers stay as they are; fractions become whole if all lie on one grid, like
    an index that was standardised or divided by its largest value.
    """
    is_whole = (values == np.rint(values)).all(0)
    lowest, spread = values.min(0), np.ptp(values, axis=0)
    steps = np.diff(np.sort(values, axis=0), axis=0)
    smallest = np.where(steps > 0, steps, np.inf).min(0, initial=np.inf)
    count = np.rint(spread / smallest)
    step = np.divide(spread, count, out=np.ones_like(spread), where=count > 0)
    scaled = (values - lowest) / step
    even = (np.abs(scaled - np.rint(scaled)) <= _OFF_GRID).all(0)
    return np.where(is_whole, values, np.rint(scaled)), is_whole | even


def _counts_up(
    values: np.ndarray, position_codes: Mapping[str, np.ndarray], order: np.ndarray
) -> str | None:
    """Describes numbers that go up by equal steps, in the table or in the screen."""
    screen = np.argsort(order)
    for scope, codes in _scopes(position_codes, len(values)):
        if _in_steps(values, codes) or _in_steps(values[screen], codes[screen]):
            return f"numbers the rows{scope}"
    return None


def _differs(
    values: np.ndarray, position_codes: Mapping[str, np.ndarray], columns: int
) -> str | None:
    """Describes whole numbers that all differ although chance would make some equal."""
    for scope, codes in _scopes(position_codes, len(values)):
        if not _all_different(values, codes):
            continue
        if _log_chance(values, codes) + np.log(columns) <= np.log(LIKELY):
            return f"numbers the rows{scope}"
    return None


def _scopes(
    position_codes: Mapping[str, np.ndarray], rows: int
) -> Iterator[tuple[str, np.ndarray]]:
    """Yields the scopes within which rows may be numbered, with [N] int codes."""
    yield "", np.zeros(rows, int)
    for name in ("experiment", "plate"):
        if name in position_codes:
            yield f" of each {name}", position_codes[name]


def _all_different(values: np.ndarray, codes: np.ndarray) -> bool:
    """Checks that no value occurs twice within a group."""
    order = np.lexsort((values, codes))
    same = (np.diff(values[order]) == 0) & (np.diff(codes[order]) == 0)
    return not same.any()


def _log_chance(values: np.ndarray, codes: np.ndarray) -> float:
    """Log of the chance that numbers drawn from each group's range all differ.

    n numbers drawn from R all differ with the chance (1 - 0/R) ... (1 - (n-1)/R).
    """
    values = values - values.min()
    if values.max() >= _EXACT:
        return 0.0
    step = np.gcd.reduce(values.astype(np.int64)) or 1
    log = 0.0
    for _, group in pd.Series(values / step).groupby(codes):
        choices = np.ptp(group.to_numpy()) + 1
        log += np.log1p(-np.arange(len(group)) / choices).sum()
    return float(log)


def _in_steps(values: np.ndarray, codes: np.ndarray) -> bool:
    """Checks that the values of every group go up, or down, by the same step."""
    order = np.argsort(codes, kind="stable")
    steps = np.diff(values[order])[np.diff(codes[order]) == 0]
    enough = len(values) >= LEAST_ROWS * len(np.unique(codes))
    return enough and bool(steps[0]) and bool((steps == steps[0]).all())


def _names_unit(
    values: np.ndarray, position_codes: Mapping[str, np.ndarray], columns: int
) -> str | None:
    """Describes the unit (plate, well ...) that values name one to one.

    Chance must be an unlikely reason.
    Two rows or columns of a plate may well be two treatments: three or more are needed.
    """
    wells = len(np.unique(position_codes["well"]))
    value = pd.factorize(values)[0]
    distinct = value.max() + 1
    for unit in ("plate", "experiment", "position", "row", "column", "site"):
        codes = position_codes.get(unit)
        if codes is None or distinct < (3 if unit in ("row", "column") else 2):
            continue
        groups = len(np.unique(codes))
        if distinct != groups or len(np.unique(codes * distinct + value)) != groups:
            continue
        # Each of these is drawn from the distinct values.
        drawn = (len(values) if unit == "site" else wells) - groups
        if drawn * np.log(distinct) >= np.log(columns / LIKELY):
            return f"names the {'well' if unit == 'position' else unit}"
    return None


def _constant_within(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Finds columns of [n, D] values that are constant within each group: [D] bool."""
    order = np.argsort(codes, kind="stable")
    same = np.diff(codes[order]) == 0
    step = np.diff(values[order], axis=0)[same]
    return ~step.any(0)
