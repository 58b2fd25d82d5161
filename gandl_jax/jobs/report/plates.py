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


def section(name: str, of: Wells) -> Html | None:
    """The chapter of a screen's plates.

    Args:
      name: of the screen.
      of: the wells that are shown; without places or responses there is no chapter.
    """
    if not of.has_responses or not of.has_plates:
        return None
    frame = of.frame
    best = wells.best_plates(frame)
    drawn = best[:DRAWN] if len(best) > DRAWN else wells.natural(best)
    figures = [heat_map(frame, one) for one in drawn]
    words = (
        "The response of each well, from the set "
        f"{marks.marked(of.row['set'], of.row)}. Blank: no well was imaged; grey: no "
        "response is known. Point at a well, or move over it with the arrow keys, to "
        "read what it holds."
    )
    if len(best) > len(drawn):
        words += (
            f" Drawn are the {DRAWN} of {len(best)} plates with the most treated wells "
            "in the wanted state."
        )
    note = page.join(["All wells:", page.data_link("wells")])
    parts = [page.tag("p", words), key(frame), _grid(figures[:OPEN], name)]
    if figures[OPEN:]:
        rest = f"{len(figures) - OPEN} more plates"
        parts.append(page.details(rest, _grid(figures[OPEN:], name)))
    parts += [page.tag("p", note, class_="note")]
    parts.append(page.data(data_id(name), _data(frame, drawn, of.dose_unit)))
    return page.section("plates", "Where on the plates?", *parts, of=name)


def data_id(name: str) -> str:
    """The id of the element that holds what the wells of a screen's plates are."""
    return page.anchor(f"plate-data-{name}")


def heat_map(frame: pd.DataFrame, name: str) -> Html:
    """One plate with its name and its counts.

    Args:
      frame: of `Wells`.
      name: of the plate.
    """
    placed = frame[frame["row"].notna()]
    own = placed[placed["plate_name"] == name]
    size = plate.shape(_places(placed))
    marks = {
        role: _places(own[own["role"] == role]) for role in ("response_0", "response_1")
    }
    treated = own[own["role"] == "treated"]
    count = int(wells.wanted(treated).sum())
    words = f"{count} of {len(treated)} treated wells in the wanted state"
    title = f"Responses of plate {name}: {words}"
    svg = plate.draw(_places(own), own["response"].tolist(), marks, size, title)
    caption = page.join([page.tag("b", _titled(own, name)), words])
    holder = page.tag("div", Html(svg), class_="wells", data_plate=name)
    return page.figure(holder, caption)


def key(frame: pd.DataFrame) -> Html:
    """The scale of all heat maps, and what the marks are."""
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
    zero = names.get("response_0", "controls without effect")
    one = names.get("response_1", "controls in the wanted state")
    marks = (
        page.tag("span", "0 without effect, 1 the wanted state", class_="key"),
        page.tag("span", page.join([Html('<i class="ring"></i>'), zero]), class_="key"),
        page.tag("span", page.join([Html('<i class="dot"></i>'), one]), class_="key"),
    )
    scale = page.tag("span", page.join(ends), class_="key")
    return page.tag("p", page.join([scale, *marks]), class_="note scale")


def _grid(figures: Iterable[Html], name: str) -> Html:
    return page.tag(
        "div", page.join(figures), class_="plates", data_plates=data_id(name)
    )


def _places(frame: pd.DataFrame) -> list[tuple[int, int]]:
    return list(zip(frame["row"].astype(int), frame["column"].astype(int), strict=True))


def _titled(own: pd.DataFrame, name: str) -> str:
    cells = sorted(own["cell_type"].dropna().unique()) if "cell_type" in own else []
    inside = [c for c in cells if c not in name]
    return f"{name} ({', '.join(map(str, inside))})" if inside else name


def _data(
    frame: pd.DataFrame, names: list[str], unit: str
) -> dict[str, list[list[Any]]]:
    """Plate -> of each well row, column and what it holds, in words.

    The script shows it beside the pointer: a title in each square would make the page
    far larger.
    """
    found = {}
    for name in names:
        own = frame[(frame["plate_name"] == name) & frame["row"].notna()]
        places = zip(_places(own), wells.words(own, unit), strict=True)
        found[name] = [[row, column, words] for (row, column), words in places]
    return found
