"""The report's plate heat maps."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from gandl_jax.figures import plate, style
from gandl_jax.jobs.report import page, wells
from gandl_jax.jobs.report.page import Html
from gandl_jax.jobs.report.wells import Wells
from gandl_jax.tasks import marks

DRAWN = 12  # plates at most; all are in wells.csv
OPEN = 4  # of them without a click


def section(name: str, shown: Wells) -> Html | None:
    """Builds the chapter of a screen's plates.

    Args:
      name: of the screen.
      shown: the wells; without positions or responses there is no chapter.
    """
    if not shown.has_responses or not shown.has_plates:
        return None
    frame = shown.frame
    best = wells.best_plates(frame)
    drawn = best[:DRAWN] if len(best) > DRAWN else wells.natural(best)
    figures = [heat_map(frame, plate_name) for plate_name in drawn]
    explanation = (
        "The response of each well, from the set "
        f"{marks.marked(shown.row['set'], shown.row)}. Blank: no well was imaged; "
        "grey: no response is known. Point at a well, or move over it with the arrow "
        "keys, to read what it holds."
    )
    if len(best) > len(drawn):
        explanation += (
            f" Drawn are the {DRAWN} of {len(best)} plates with the most treated wells "
            "in the wanted state."
        )
    note = page.join(["All wells:", page.data_link("wells")])
    parts = [page.tag("p", explanation), key(frame), _grid(figures[:OPEN], name)]
    if figures[OPEN:]:
        rest = f"{len(figures) - OPEN} more plates"
        parts.append(page.details(rest, _grid(figures[OPEN:], name)))
    parts += [page.tag("p", note, class_="note")]
    parts.append(page.data(data_id(name), _data(frame, drawn, shown.dose_unit)))
    return page.section("plates", "Where on the plates?", *parts, of=name)


def data_id(name: str) -> str:
    """Returns the id of the element that holds the texts of a screen's wells."""
    return page.anchor(f"plate-data-{name}")


def heat_map(frame: pd.DataFrame, name: str) -> Html:
    """Draws one plate with its name and its counts.

    Args:
      frame: of `Wells`.
      name: of the plate.
    """
    placed = frame[frame["row"].notna()]
    on_plate = placed[placed["plate_name"] == name]
    shape = plate.shape(_positions(placed))
    marks = {
        role: _positions(on_plate[on_plate["role"] == role])
        for role in ("response_0", "response_1")
    }
    treated = on_plate[on_plate["role"] == "treated"]
    count = int(wells.wanted(treated).sum())
    counted = f"{count} of {len(treated)} treated wells in the wanted state"
    title = f"Responses of plate {name}: {counted}"
    svg = plate.draw(
        _positions(on_plate), on_plate["response"].tolist(), marks, shape, title
    )
    caption = page.join([page.tag("b", _titled(on_plate, name)), counted])
    holder = page.tag("div", Html(svg), class_="wells", data_plate=name)
    return page.figure(holder, caption)


def key(frame: pd.DataFrame) -> Html:
    """Makes the scale of all heat maps, and the key to the marks."""
    names = wells.control_names(frame)
    low, high = plate.LIMITS
    steps = page.join(
        page.tag("i", style=f"background:{colour}") for colour in style.DIVERGING
    )
    ends = [
        page.tag("span", f"≤ {low:g}"),
        page.tag("span", steps, class_="ramp"),
        page.tag("span", f"≥ {high:g}"),
    ]
    name_of_0 = names.get("response_0", "controls without effect")
    name_of_1 = names.get("response_1", "controls in the wanted state")
    marks = (
        page.tag("span", "0 without effect, 1 the wanted state", class_="key"),
        page.tag(
            "span", page.join([Html('<i class="ring"></i>'), name_of_0]), class_="key"
        ),
        page.tag(
            "span", page.join([Html('<i class="dot"></i>'), name_of_1]), class_="key"
        ),
    )
    scale = page.tag("span", page.join(ends), class_="key")
    return page.tag("p", page.join([scale, *marks]), class_="note scale")


def _grid(figures: Iterable[Html], name: str) -> Html:
    return page.tag(
        "div", page.join(figures), class_="plates", data_plates=data_id(name)
    )


def _positions(frame: pd.DataFrame) -> list[tuple[int, int]]:
    return list(zip(frame["row"].astype(int), frame["column"].astype(int), strict=True))


def _titled(on_plate: pd.DataFrame, name: str) -> str:
    cells = (
        sorted(on_plate["cell_type"].dropna().unique())
        if "cell_type" in on_plate
        else []
    )
    inside = [c for c in cells if c not in name]
    return f"{name} ({', '.join(map(str, inside))})" if inside else name


def _data(
    frame: pd.DataFrame, names: list[str], unit: str
) -> dict[str, list[list[Any]]]:
    """Maps each plate to row, column and text of its wells.

    The script shows the text beside the pointer: a title in each square would make the
    page far larger.
    """
    by_plate = {}
    for name in names:
        on_plate = frame[(frame["plate_name"] == name) & frame["row"].notna()]
        described = zip(_positions(on_plate), wells.words(on_plate, unit), strict=True)
        by_plate[name] = [[row, column, text] for (row, column), text in described]
    return by_plate
