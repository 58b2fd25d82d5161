"""The job `compare_screens`: the compared sweeps of several screens in one table.

Reads the tables of compared sweeps (`jobs/compare/kept_scores.py`), and takes the
leading question of each: on held-out records, if there are any. If several sweeps of a
screen have the same arm, the last one counts.

Writes compare_screens/table.md, scores.png and scores.csv.
"""

import glob
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import ml_collections
import numpy as np
import pandas as pd
from etils import epath

from gandl_jax import csv_files, files
from gandl_jax.errors import InputError
from gandl_jax.figures import by_screen
from gandl_jax.jobs.compare import kept_scores
from gandl_jax.judging.judged import FLOOR, TRAINED, UNTRAINED
from gandl_jax.progress import duration
from gandl_jax.tasks import marks
from gandl_jax.tasks.score_table import with_interval

JOB = "compare_screens"
WORKDIR = "unclaimed"
DPI = 160
NEEDED = (
    "arm", "role", "metric", "value", "low", "high", "chance", kept_scores.LEADS,
)  # fmt: skip
# Floors of images, and of time; the others are only in scores.csv.
SHOWN_FLOORS = ("classical", "intensity", "time alone")
ALWAYS = ("classical", "intensity")  # in the table, whether there are any or not
CHANCE = "chance"


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Writes the table and its picture.

    Args:
      config: compare.tables is read.
      workdir: in which they are written.

    Raises:
      InputError: no table, or one that is not from a comparison.
    """
    table = read(config.compare.tables)
    folder = epath.Path(workdir) / JOB
    folder.mkdir(parents=True, exist_ok=True)
    csv_files.write(folder / "scores.csv", table)
    text = markdown(table)
    files.replace(folder / "table.md", text)
    picture = figure(table)
    with files.replacing(folder / "scores.png") as file:
        picture.savefig(file, format="png", dpi=DPI)
    print(f"{text}\n{JOB}: wrote {folder}", flush=True)


def read(patterns: Sequence[str]) -> pd.DataFrame:
    """Reads the rows of the leading question of each screen.

    Args:
      patterns: of files that end in "_compared.csv".

    Returns:
      All rows, in the order of the files, numbers as float64 (NaN if missing), with a
      column "screen".

    Raises:
      InputError: no file, or one that is not from a comparison.
    """
    paths = dict.fromkeys(
        path for pattern in patterns for path in sorted(glob.glob(pattern))
    )
    if not paths:
        raise InputError(
            f"config.compare.tables={', '.join(patterns)!r} finds no file: name those "
            "that a compared sweep has kept, such as docs/results/*/*_compared.csv"
        )
    rows = pd.concat([_read(epath.Path(path)) for path in paths], ignore_index=True)
    return rows.drop_duplicates(["screen", "arm", "role"], keep="last")


def _read(path: epath.Path) -> pd.DataFrame:
    try:
        table = csv_files.read(path)
    except ValueError as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    if lacking := [name for name in NEEDED if name not in table]:
        raise InputError(
            f"{path} is no table of a comparison: it lacks {', '.join(lacking)}"
        )
    numbers = [name for name in table if _is_number(name)]
    table[numbers] = table[numbers].apply(pd.to_numeric, errors="coerce")
    first = table[table[kept_scores.LEADS] == "True"].copy()
    first.insert(0, "screen", path.name.removesuffix(kept_scores.ENDING))
    return first


def _is_number(name: str) -> bool:
    known = ("value", "low", "high", "chance", "seconds", "memory_bytes")
    return name in known or name.startswith("minus_untrained_")


def markdown(table: pd.DataFrame) -> str:
    """Writes a table of arms by screens, with intervals, gains, time and memory.

    Args:
      table: as from `read`.

    Returns:
      Markdown: a line for each arm and each floor, two columns for each screen.
    """
    screens = list(dict.fromkeys(table["screen"]))
    header = [
        "",
        *(title for screen in screens for title in (f"`{screen}`", "gain")),
        "time",
        "memory",
    ]
    lines = [header, ["---", *["---:"] * (len(header) - 1)]]
    lines += [_arm(table, arm, screens) for arm in arms(table)]
    lines += [_floor(table, floor, screens) for floor in _floors(table)]
    chance = [_chance(table, screen) for screen in screens]
    cells = [cell for value in chance for cell in (f"{value:.3f}", "")]
    lines.append(["guessing", *cells, "", ""])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def arms(table: pd.DataFrame) -> list[str]:
    """Lists the trained arms, highest mean of their ranks over screens first."""
    trained = table[table["role"] == TRAINED]
    ranks = trained.groupby("screen")["value"].rank(ascending=False)
    mean = ranks.groupby(trained["arm"]).mean()
    return list(mean.sort_values(kind="stable").index)


def _arm(table: pd.DataFrame, arm: str, screens: Iterable[str]) -> list[str]:
    cells, arm_rows = [arm], table[(table["arm"] == arm) & (table["role"] == TRAINED)]
    for screen in screens:
        cells += _score(arm_rows[arm_rows["screen"] == screen])
    return [*cells, _time(arm_rows["seconds"]), _memory(arm_rows["memory_bytes"])]


def _floors(table: pd.DataFrame) -> list[str]:
    """Lists the shown floors in all their ways of deciding: "intensity (in time)"."""
    names = dict.fromkeys(table.loc[table["role"] == FLOOR, "arm"])
    own = {
        floor: [name for name in names if _is_floor(name, floor)]
        for floor in SHOWN_FLOORS
    }
    return [
        name
        for floor in SHOWN_FLOORS
        for name in own[floor] or ([floor] if floor in ALWAYS else [])
    ]


def _is_floor(name: str, floor: str) -> bool:
    return name == floor or name.startswith(f"{floor} (")


def _floor(table: pd.DataFrame, floor: str, screens: Iterable[str]) -> list[str]:
    floor_rows = table[(table["arm"] == floor) & (table["role"] == FLOOR)]
    cells = [
        _score(floor_rows[floor_rows["screen"] == screen])[0] for screen in screens
    ]
    return [floor, *(text for cell in cells for text in (cell, "")), "", ""]


def _score(rows: pd.DataFrame) -> list[str]:
    if rows.empty:
        return ["–", ""]
    row = rows.iloc[-1]
    score = with_interval(row, ".3f")
    if row.get(marks.LABELS) == "True":
        score = f"{score} ({marks.WORDS})"
    return [score, _gain(row)]


def _gain(row: Mapping[str, Any]) -> str:
    value, low, high = (
        row.get(f"minus_untrained_{key}", np.nan) for key in ("value", "low", "high")
    )
    return "" if np.isnan(value) else f"{value:+z.3f} [{low:+z.3f}, {high:+z.3f}]"


def _time(seconds: pd.Series) -> str:
    known = seconds.dropna()
    if known.empty:
        return "–"
    ends = dict.fromkeys(duration(value) for value in (known.min(), known.max()))
    return " to ".join(ends)


def _memory(size: pd.Series) -> str:
    return "–" if size.dropna().empty else f"{size.max() / 2**30:.1f} GiB"


def _chance(table: pd.DataFrame, screen: str) -> float:
    return float(table.loc[table["screen"] == screen, "chance"].iloc[0])


def figure(table: pd.DataFrame) -> Any:
    """Draws the same: a panel for each screen."""
    scores: dict[str, dict[str, dict[str, by_screen.Score]]] = {}
    floors: dict[str, dict[str, float]] = {}
    metrics: dict[str, str] = {}
    for row in table.to_dict("records"):
        metrics[row["screen"]] = row["metric"].replace("_", " ")
        floors_of_screen = floors.setdefault(row["screen"], {CHANCE: row["chance"]})
        arm = scores.setdefault(row["screen"], {})
        if row["role"] in (TRAINED, UNTRAINED):
            ends = row["value"], row["low"], row["high"]
            arm.setdefault(row["arm"], {})[row["role"]] = ends
        elif any(_is_floor(row["arm"], floor) for floor in SHOWN_FLOORS):
            floors_of_screen[row["arm"]] = row["value"]
    return by_screen.draw(arms(table), scores, floors, metrics)
