"""Columns of a table that count, name or place its rows, and measure nothing.

Among features they would tell a record's plate and position, and a classifier would
score noise as if it were biology. They are told by their names, as CellProfiler,
pycytominer and DeepProfiler write them, and by what they are.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from gandl_jax.profiles import table

LEAST_ROWS = 8  # fewer rows say nothing of what a column is (ours)
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
    """Columns that are bookkeeping by their names.

    What counts things in an image or a cell stays: Count_Cells,
    Children_Spots_Count, Neighbors_NumberOfNeighbors.

    Args:
      names: all columns of a table; their case does not matter.

    Returns:
      Those of them that measure nothing, in the same order.
    """
    plain = {name: _SEPARATORS.sub("_", name.strip()) for name in names}
    theirs = any(_OF_CELLPROFILER.fullmatch(name) for name in plain.values())
    prefix = "image_" if theirs else ""
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
    """Whether a column has the name under which pandas writes an index."""
    return _INDEX.fullmatch(name) is not None


def may_count(values: np.ndarray, metadata: pd.DataFrame) -> np.ndarray:
    """Columns that may turn out to be bookkeeping, by some rows of a table.

    Args:
      values: [n, D] float64.
      metadata: [n] rows of Metadata_* columns.

    Returns:
      [D] bool; the others cannot be, whatever the remaining rows hold.
    """
    if len(values) < LEAST_ROWS:
        return np.zeros(values.shape[1], bool)
    finite = np.isfinite(values).all(0)
    values = np.where(finite, values, 0)
    places = _places(metadata)
    named = np.zeros_like(finite)
    for codes in places.values():
        if len(codes) - len(np.unique(codes)) >= LEAST_ROWS:
            named |= _constant_within(values, codes)
    numbers, even = _as_whole(values)
    for column in np.flatnonzero(finite & even & ~named):
        named[column] = _all_different(numbers[:, column], places["plate"])
    return finite & named


def by_value(
    values: np.ndarray,
    names: Sequence[str],
    metadata: pd.DataFrame,
    order: np.ndarray,
    columns: int,
) -> dict[str, str]:
    """Columns that number the rows, or name a plate, an experiment or a position.

    Whole numbers, and fractions that lie on a grid as scaled whole numbers do, number
    the rows where they go up by equal steps, or where all are different in the table,
    in each experiment or in each plate, although chance would make some equal (the
    birthday problem, at LIKELY over all columns). Most columns of a table being such,
    they are ranks, and stay. A column names plates where it is constant on each and no
    two have the same value.

    Args:
      values: [N, C] float64, of the columns that `may_count`.
      names: C names.
      metadata: [N] rows of Metadata_* columns.
      order: [N] int, where each row's record stands in the screen.
      columns: how many the table has besides bookkeeping by name, C or more.

    Returns:
      Column to what it does: "numbers the rows of each plate", "names the plate".
    """
    finite = np.isfinite(values).all(0)
    if len(values) < LEAST_ROWS:
        return {}
    places, found, different = _places(metadata), {}, {}
    numbers, even = _as_whole(np.where(finite, values, 0))
    for i in np.flatnonzero(finite):
        one, name = numbers[:, i], names[i]
        if what := _names(values[:, i], places, columns):
            found[name] = what
        elif even[i] and (what := _counts_up(one, places, order)):
            found[name] = what
        elif even[i] and (what := _differs(one, places, columns)):
            different[name] = what
    ranks = len(different) > max(2, columns / 2)
    return found if ranks else found | different


def _places(metadata: pd.DataFrame) -> dict[str, np.ndarray]:
    """[N] int codes of what each row lies in, so far as the metadata say it."""
    found = {"plate": table.plates(metadata), "well": table.wells(metadata)}
    if "Metadata_Experiment" in metadata:
        found["experiment"] = metadata["Metadata_Experiment"].astype(str)
    if "Metadata_Site" in metadata:
        found["site"] = metadata["Metadata_Site"].astype(str)
    if "Metadata_Well" in metadata:
        position = metadata["Metadata_Well"].astype(str)
        found["position"] = position
        found["row"] = position.str.extract(r"^(\D*)", expand=False)
        found["column"] = position.str.extract(r"(\d*)$", expand=False)
    return {name: pd.factorize(np.asarray(of))[0] for name, of in found.items()}


def _as_whole(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns as counts of their smallest step; [D] bool, whether they are such.

    Whole numbers stay what they are, and fractions become whole where all lie on one
    grid, as an index does that was divided by its largest or standardised.
    """
    whole = (values == np.rint(values)).all(0)
    lowest, spread = values.min(0), np.ptp(values, axis=0)
    steps = np.diff(np.sort(values, axis=0), axis=0)
    smallest = np.where(steps > 0, steps, np.inf).min(0, initial=np.inf)
    count = np.rint(spread / smallest)
    step = np.divide(spread, count, out=np.ones_like(spread), where=count > 0)
    scaled = (values - lowest) / step
    even = (np.abs(scaled - np.rint(scaled)) <= _OFF_GRID).all(0)
    return np.where(whole, values, np.rint(scaled)), whole | even


def _counts_up(
    values: np.ndarray, places: Mapping[str, np.ndarray], order: np.ndarray
) -> str | None:
    """Whether numbers go up by equal steps, in the table's order or the screen's."""
    screen = np.argsort(order)
    for where, codes in _wholes(places, len(values)):
        if _in_steps(values, codes) or _in_steps(values[screen], codes[screen]):
            return f"numbers the rows{where}"
    return None


def _differs(
    values: np.ndarray, places: Mapping[str, np.ndarray], columns: int
) -> str | None:
    """Whether whole numbers are all different where chance would make some equal."""
    for where, codes in _wholes(places, len(values)):
        if not _all_different(values, codes):
            continue
        if _log_chance(values, codes) + np.log(columns) <= np.log(LIKELY):
            return f"numbers the rows{where}"
    return None


def _wholes(
    places: Mapping[str, np.ndarray], rows: int
) -> Iterator[tuple[str, np.ndarray]]:
    """What rows may be numbered within, with [N] int codes."""
    yield "", np.zeros(rows, int)
    for name in ("experiment", "plate"):
        if name in places:
            yield f" of each {name}", places[name]


def _all_different(values: np.ndarray, codes: np.ndarray) -> bool:
    """Whether no value comes twice within a group."""
    order = np.lexsort((values, codes))
    same = (np.diff(values[order]) == 0) & (np.diff(codes[order]) == 0)
    return not same.any()


def _log_chance(values: np.ndarray, codes: np.ndarray) -> float:
    """Log of the chance that numbers drawn between the ends of each group differ.

    Of R numbers, n drawn at random differ with the chance (1 - 0/R) ... (1 - (n-1)/R).
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
    """Whether the values of every group go up, or down, by one and the same step."""
    order = np.argsort(codes, kind="stable")
    steps = np.diff(values[order])[np.diff(codes[order]) == 0]
    enough = len(values) >= LEAST_ROWS * len(np.unique(codes))
    return enough and bool(steps[0]) and bool((steps == steps[0]).all())


def _names(
    values: np.ndarray, places: Mapping[str, np.ndarray], columns: int
) -> str | None:
    """Which place each value stands for, one to one, and not by chance.

    Two rows or columns of a plate may well be two treatments: of these three or more.
    """
    wells = len(np.unique(places["well"]))
    value = pd.factorize(values)[0]
    kinds = value.max() + 1
    for name in ("plate", "experiment", "position", "row", "column", "site"):
        codes = places.get(name)
        if codes is None or kinds < (3 if name in ("row", "column") else 2):
            continue
        groups = len(np.unique(codes))
        if kinds != groups or len(np.unique(codes * kinds + value)) != groups:
            continue
        drawn = (len(values) if name == "site" else wells) - groups  # each from kinds
        if drawn * np.log(kinds) >= np.log(columns / LIKELY):
            return f"names the {'well' if name == 'position' else name}"
    return None


def _constant_within(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """[D] bool: columns of [n, D] values that are the same throughout each group."""
    order = np.argsort(codes, kind="stable")
    same = np.diff(codes[order]) == 0
    step = np.diff(values[order], axis=0)[same]
    return ~step.any(0)
