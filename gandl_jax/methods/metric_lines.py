"""Values of a metric in log lines, with its recent and its former level."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

Lines = Sequence[Mapping[str, Any]]

FEWEST = 10  # values of a metric that can be judged (ours)
RECENT_FRAC = 0.2  # share of the values that counts as recent (ours)


def points(lines: Lines, name: str) -> list[tuple[int, float]]:
    """Returns (step, value) of all lines in which the metric is a finite number."""
    return [
        (line["step"], float(line[name]))
        for line in lines
        if is_number(line.get(name)) and math.isfinite(line[name])
    ]


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number, which may be infinite or NaN."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def recent(lines: Lines, name: str) -> float | None:
    """Returns the median of the last fifth of a metric's values; None if too few."""
    values = [value for _, value in points(lines, name)]
    if len(values) < FEWEST:
        return None
    return statistics.median(values[-_count(values) :])


def former(lines: Lines, name: str) -> float | None:
    """Returns the median of the values before the recent ones; None if too few."""
    values = [value for _, value in points(lines, name)]
    if len(values) < FEWEST:
        return None
    return statistics.median(values[: -_count(values)])


def _count(values: Sequence[float]) -> int:
    return math.ceil(len(values) * RECENT_FRAC)
