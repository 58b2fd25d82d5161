"""Two-dimensional maps of the wells: numbers that the page's script draws."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from gandl_jax import dose_unit
from gandl_jax.figures import points, style
from gandl_jax.jobs.report import page, wells
from gandl_jax.jobs.report.page import Html
from gandl_jax.jobs.report.wells import Wells
from gandl_jax.tasks import marks

MOST = 5_000  # wells drawn; more are no use to the eye, nor smooth under the pointer
PLOTS = {"pca": "PCA", "umap": "UMAP"}
GRID = 10_000  # coordinates go into the page as whole numbers up to this

# Values that wells are coloured by: column -> its name on the page. Columns that are
# missing or the same in all wells are left out.
CATEGORIES = {
    "role": "Control or treated",
    "condition": "Condition",
    "cell_type": "Cells",
    "experiment": "Experiment",
    "plate_name": "Plate",
    "treatment": "Treatment",
    "mechanism": "Mechanism",
}
NUMBERS = {
    "response": "Response",
    "concentration_um": "Dose",
    "side_effect": "Side effect",
    "row": "Row of the plate",
    "column": "Column of the plate",
}
ROLES = {
    "response_0": "control without effect",
    "response_1": "control in the wanted state",
    "treated": "treated",
}


def section(name: str, sets: Mapping[str, Wells]) -> Html:
    """Builds the chapter of a screen's maps.

    Args:
      name: of the screen.
      sets: role -> wells, the one shown first in front.
    """
    first = next(iter(sets.values()))
    chosen = drawn(first.frame)
    plot_data = data(sets, chosen)
    still = page.join(
        page.figure(Html(_still(first, chosen, plot)), _caption(plot, first.row))
        for plot in plot_data["plots"]
    )
    of_all = "" if len(chosen) == len(first.frame) else f" of {len(first.frame):,}"
    unit = "well" if "well" in first.frame else "image"
    explanation = (
        f"Each point is one {unit} ({len(chosen):,}{of_all}). Those that lie close "
        "look alike to the features; UMAP keeps neighbours together, its distances "
        "between groups mean little."
    )
    if "plate_name" in first.frame:
        explanation += (
            " If colours by plate fall apart and those by condition do not, the "
            "features see plates before biology."
        )
    note = page.join([f"All {unit}s:", page.data_link("wells")])
    return page.section(
        "map",
        f"Which {unit}s look alike?",
        page.tag("p", explanation),
        page.tag(
            "div", page.tag("div", still, class_="pair still"),
            class_="map", data_map=page.anchor(f"map-data-{name}"),
        ),
        _key(),
        page.data(page.anchor(f"map-data-{name}"), plot_data),
        page.tag("p", note, class_="note"),
        of=name,
    )  # fmt: skip


def drawn(frame: pd.DataFrame) -> np.ndarray:
    """Returns the positions of the wells that are drawn, evenly thinned.

    Args:
      frame: of `Wells`; only wells with coordinates are drawn.

    Returns:
      [P] int, P at most `MOST`.
    """
    for column in ("umap_1", "pca_1"):
        if column in frame and frame[column].notna().any():
            placed = np.flatnonzero(frame[column].notna())
            chosen = np.linspace(0, len(placed) - 1, min(len(placed), MOST))
            return placed[chosen.round().astype(int)]
    return np.arange(0)


def data(sets: Mapping[str, Wells], chosen: np.ndarray) -> dict[str, Any]:
    """Collects what the script draws, as plain data.

    Args:
      sets: role -> wells of the same order.
      chosen: [P] positions of the wells that are drawn.

    Returns:
      "plots" (names), "sets" (a name, coordinates per plot and numbers per field) and
      "fields" (equal in all sets).
    """
    first = next(iter(sets.values())).frame
    plots = [p for p in PLOTS if _has(first, p)]
    fields_of_set = ("response", "side_effect")
    unit = dose_unit.shown(next(iter(sets.values())).dose_unit)
    return {
        "plots": {plot: PLOTS[plot] for plot in plots},
        "wells": _texts(first, chosen),
        "fields": [
            *(
                _category(first[key].iloc[chosen], title, key)
                for key, title in CATEGORIES.items()
                if key in first and first[key].nunique() > 1
            ),
            *(
                _number(first[key].iloc[chosen], title, key)
                for key, title in _titles(unit).items()
                if key in first
                and key not in fields_of_set
                and first[key].nunique() > 1
            ),
        ],
        "sets": [
            {
                "name": _named(role, shown),
                "captions": [_caption(plot, shown.row) for plot in plots],
                **{plot: _scaled(shown.frame, plot, chosen) for plot in plots},
                "fields": [
                    _number(shown.frame[key].iloc[chosen], NUMBERS[key], key)
                    for key in fields_of_set
                    if key in shown.frame and shown.frame[key].notna().any()
                ],
            }
            for role, shown in sets.items()
            if len(shown.frame) == len(first)
        ],
        "unit": unit,
        "diverging": style.DIVERGING,
        "controls": style.CONTROLS,
    }


def _titles(unit: str) -> dict[str, str]:
    """Returns NUMBERS, with the unit of doses."""
    dose = NUMBERS["concentration_um"]
    return NUMBERS | {"concentration_um": f"{dose} ({unit})"}


def _named(role: str, shown: Wells) -> str:
    name = marks.marked(shown.row["set"], shown.row)
    return name if shown.row["set"] == role else f"{role} ({name})"


def _has(frame: pd.DataFrame, plot: str) -> bool:
    return f"{plot}_1" in frame and bool(frame[f"{plot}_1"].notna().any())


def _category(values: pd.Series, title: str, key: str) -> dict[str, Any]:
    values = values.where(values.notna(), "").astype(str)
    if key == "role":
        values = values.map(ROLES).fillna("other")
        order = [*ROLES.values(), "other"]
        levels = [name for name in order if (values == name).any()]
    elif key in ("plate_name", "experiment"):
        levels = wells.natural(values.unique())
    else:
        counts = values.value_counts()  # the most frequent get a colour of their own
        levels = sorted(wells.natural(counts.index), key=lambda name: -counts[name])
    codes = pd.Index(levels).get_indexer(values).tolist()
    return {
        "key": key,
        "name": title,
        "levels": [level or "none" for level in levels],
        "codes": codes,
    }


def _number(values: pd.Series, title: str, key: str) -> dict[str, Any]:
    plain = [None if pd.isna(v) else float(f"{v:.3g}") for v in values]
    return {"key": key, "name": title, "values": plain}


def _texts(frame: pd.DataFrame, chosen: np.ndarray) -> list[str]:
    """Returns the names of the wells; [] if they have none."""
    return frame["well"].iloc[chosen].fillna("").tolist() if "well" in frame else []


def _scaled(frame: pd.DataFrame, plot: str, chosen: np.ndarray) -> list[list]:
    """Coordinates as whole numbers from 0 to `GRID`, the same scale on both axes."""
    if not _has(frame, plot):
        return [[None] * len(chosen)] * 2
    coordinates = frame[[f"{plot}_1", f"{plot}_2"]].astype(float).to_numpy()[chosen]
    low, high = np.nanmin(coordinates, axis=0), np.nanmax(coordinates, axis=0)
    middle, width = (low + high) / 2, max((high - low).max(), 1e-9)
    grid = (coordinates - middle) / width * GRID + GRID / 2
    return [
        [None if np.isnan(v) else round(float(v)) for v in column] for column in grid.T
    ]


def _still(shown: Wells, chosen: np.ndarray, plot: str) -> str:
    """Draws the picture for browsers that run no script."""
    coordinates = zip(*_scaled(shown.frame, plot, chosen), strict=True)
    groups: dict[str, list] = {}
    for coordinate, role in zip(
        coordinates, shown.frame["role"].iloc[chosen], strict=True
    ):
        if None not in coordinate:
            name = role if role in points.GROUPS else "other"
            groups.setdefault(name, []).append(tuple(v / GRID for v in coordinate))
    title = f"{PLOTS[plot]} of the wells, the controls in colour"
    return points.draw(groups, title)


def _caption(plot: str, row: Mapping[str, Any]) -> str:
    caption = f"{PLOTS[plot]} of the set {marks.marked(row['set'], row)}"
    if plot == "pca" and row.get("explained"):
        first, second = row["explained"][:2]
        caption += f": {first:.0%} of the variance across, {second:.0%} up"
    return caption


def _key() -> Html:
    """Builds the legend of the still picture; the script writes its own."""
    entries: Iterable[tuple[str, str]] = (
        (name, points.GROUPS[role]) for role, name in ROLES.items()
    )
    keys = (
        page.tag(
            "span",
            page.join([page.tag("i", "●", style=f"color:{colour}"), name]),
            class_="key",
        )
        for name, colour in entries
    )
    return page.tag("p", page.join(keys), class_="note still-key")
