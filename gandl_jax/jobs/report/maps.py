"""The report's 2-D maps of the wells: the numbers that the page's script draws."""

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

# What wells are coloured by: column -> its name on the page. Columns that are missing
# or the same in all wells are left out.
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
    """The chapter of a screen's maps.

    Args:
      name: of the screen.
      sets: role -> wells, the one shown first in front.
    """
    first = next(iter(sets.values()))
    chosen = drawn(first.frame)
    content = data(sets, chosen)
    still = page.join(
        page.figure(Html(_still(first, chosen, plot)), _caption(plot, first.row))
        for plot in content["plots"]
    )
    some = "" if len(chosen) == len(first.frame) else f" of {len(first.frame):,}"
    what = "well" if "well" in first.frame else "image"
    words = (
        f"Each point is one {what} ({len(chosen):,}{some}). Those that lie close look "
        "alike to the features; UMAP keeps neighbours together, its distances between "
        "groups mean little."
    )
    if "plate_name" in first.frame:
        words += (
            " If colours by plate fall apart and those by condition do not, the "
            "features see plates before biology."
        )
    note = page.join([f"All {what}s:", page.data_link("wells")])
    return page.section(
        "map",
        f"Which {what}s look alike?",
        page.tag("p", words),
        page.tag(
            "div", page.tag("div", still, class_="pair still"),
            class_="map", data_map=page.anchor(f"map-data-{name}"),
        ),
        _key(),
        page.data(page.anchor(f"map-data-{name}"), content),
        page.tag("p", note, class_="note"),
        of=name,
    )  # fmt: skip


def drawn(frame: pd.DataFrame) -> np.ndarray:
    """Positions of the wells that are drawn: those on the map, evenly thinned."""
    for column in ("umap_1", "pca_1"):
        if column in frame and frame[column].notna().any():
            found = np.flatnonzero(frame[column].notna())
            every = np.linspace(0, len(found) - 1, min(len(found), MOST))
            return found[every.round().astype(int)]
    return np.arange(0)


def data(sets: Mapping[str, Wells], chosen: np.ndarray) -> dict[str, Any]:
    """What the script draws, as plain data.

    Args:
      sets: role -> wells of the same order.
      chosen: [P] positions of the wells that are drawn.

    Returns:
      "plots" (names), "sets" (a name, coordinates per plot and numbers per field) and
      "fields" (what is the same in every set).
    """
    first = next(iter(sets.values())).frame
    plots = [p for p in PLOTS if _has(first, p)]
    own = ("response", "side_effect")
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
                if key in first and key not in own and first[key].nunique() > 1
            ),
        ],
        "sets": [
            {
                "name": _named(role, one),
                "captions": [_caption(plot, one.row) for plot in plots],
                **{plot: _scaled(one.frame, plot, chosen) for plot in plots},
                "fields": [
                    _number(one.frame[key].iloc[chosen], NUMBERS[key], key)
                    for key in own
                    if key in one.frame and one.frame[key].notna().any()
                ],
            }
            for role, one in sets.items()
            if len(one.frame) == len(first)
        ],
        "unit": unit,
        "diverging": style.DIVERGING,
        "controls": style.CONTROLS,
    }


def _titles(unit: str) -> dict[str, str]:
    """NUMBERS, the dose with its unit."""
    dose = NUMBERS["concentration_um"]
    return NUMBERS | {"concentration_um": f"{dose} ({unit})"}


def _named(role: str, one: Wells) -> str:
    name = marks.marked(one.row["set"], one.row)
    return name if one.row["set"] == role else f"{role} ({name})"


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
    """Names of the wells, where they have any."""
    return frame["well"].iloc[chosen].fillna("").tolist() if "well" in frame else []


def _scaled(frame: pd.DataFrame, plot: str, chosen: np.ndarray) -> list[list]:
    """Coordinates as whole numbers from 0 to `GRID`, the same scale on both axes."""
    if not _has(frame, plot):
        return [[None] * len(chosen)] * 2
    places = frame[[f"{plot}_1", f"{plot}_2"]].astype(float).to_numpy()[chosen]
    low, high = np.nanmin(places, axis=0), np.nanmax(places, axis=0)
    middle, width = (low + high) / 2, max((high - low).max(), 1e-9)
    grid = (places - middle) / width * GRID + GRID / 2
    return [
        [None if np.isnan(v) else round(float(v)) for v in column] for column in grid.T
    ]


def _still(one: Wells, chosen: np.ndarray, plot: str) -> str:
    """The picture for those whose browser runs no script."""
    places = zip(*_scaled(one.frame, plot, chosen), strict=True)
    groups: dict[str, list] = {}
    for place, role in zip(places, one.frame["role"].iloc[chosen], strict=True):
        if None not in place:
            name = role if role in points.GROUPS else "other"
            groups.setdefault(name, []).append(tuple(v / GRID for v in place))
    title = f"{PLOTS[plot]} of the wells, the controls in colour"
    return points.draw(groups, title)


def _caption(plot: str, row: Mapping[str, Any]) -> str:
    words = f"{PLOTS[plot]} of the set {marks.marked(row['set'], row)}"
    if plot == "pca" and row.get("explained"):
        first, second = row["explained"][:2]
        words += f": {first:.0%} of the variance across, {second:.0%} up"
    return words


def _key() -> Html:
    """The legend of the still picture; the script writes its own."""
    entries: Iterable[tuple[str, str]] = (
        (words, points.GROUPS[role]) for role, words in ROLES.items()
    )
    keys = (
        page.tag(
            "span",
            page.join([page.tag("i", "●", style=f"color:{colour}"), words]),
            class_="key",
        )
        for words, colour in entries
    )
    return page.tag("p", page.join(keys), class_="note still-key")
