"""Chapter of generated images: curves of their quality over training, and a table."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from etils import epath

from gandl_jax import modules
from gandl_jax.figures import generated_quality as plot
from gandl_jax.figures import style
from gandl_jax.jobs.generated_quality import text
from gandl_jax.jobs.report import page
from gandl_jax.jobs.report.page import Html
from gandl_jax.training.generated_quality import space_names
from gandl_jax.training.generated_quality.kept import KERNEL, WHOLE, Row

PLACE, NAME, LINK = 4, "generated", "Generated images"
CSV = "generated_quality"
SMALLER = (
    "Smaller is better, and the floor is what real images show against as many other "
    "real ones (dashed, with its 95 % interval): generated images whose interval "
    "reaches it cannot be told from real ones in that space, by so many images. The "
    "kernel distance is unbiased, so that it may be below 0 where nothing differs; "
    "the Frechet distance is not, and holds for this number of images alone."
)
SHARES = (
    "Precision is the share of generated images that lie among real ones, recall that "
    "of real images that lie among generated ones; in brackets what other real images "
    "reach. Low recall says that kinds of cells are not drawn."
)


def section(
    dataset: str, contents: Mapping[str, Mapping[str, Any]], folder: epath.Path
) -> Html:
    """Builds the chapter of a screen's generated images; see `of_jobs`."""
    del folder
    rows = text.ordered(_rows(contents))
    last_result = contents[max(contents, key=int)]
    records = ("trained_records", "validated_records", "held_out_records")
    real_images = text.real_images(*(last_result[key] for key in records))
    parts = [page.tag("p", f"{real_images} {SMALLER} {SHARES}")]
    names = dict.fromkeys(row["space"] for row in rows)
    panels = [_panel(dataset, name, rows) for name in names]
    parts.append(page.tag("div", page.join(panels), class_="panels"))
    parts += _best(rows)
    parts.append(page.table(text.HEADER, map(text.cells, rows), CSV))
    parts.append(
        page.tag("p", page.join(["Numbers:", page.data_link(CSV)]), class_="note")
    )
    return page.section(NAME, "How good are the generated images?", *parts, of=dataset)


def numbers(contents: Mapping[str, Mapping[str, Any]]) -> dict[str, list[dict]]:
    """Returns the rows of all steps."""
    return {CSV: text.ordered(_rows(contents))}


def _rows(contents: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    return [row for step in sorted(contents, key=int) for row in contents[step]["rows"]]


def _panel(dataset: str, space: str, rows: Sequence[Row]) -> Html:
    measured = [
        row for row in rows if row["space"] == space and row[KERNEL] is not None
    ]
    of_all_channels = [row for row in measured if row["channel"] == WHOLE]
    if not of_all_channels:
        return Html("")
    by_channel: dict[str, dict[int, float]] = {}
    for row in measured:
        if row["channel"] != WHOLE:
            by_channel.setdefault(row["channel"], {})[row["step"]] = row[KERNEL]
    steps = [row["step"] for row in of_all_channels]
    lines = {
        channel: [values.get(step, math.nan) for step in steps]
        for channel, values in by_channel.items()
    }
    drawn = plot.draw(
        steps,
        [_score(row, KERNEL) for row in of_all_channels],
        lines,
        _score(of_all_channels[-1], f"floor_{KERNEL}"),
        "kernel distance",
    )
    count = of_all_channels[-1]["count"]
    seen = modules.constant(space_names.FOLDER, space, "SEES", space)
    caption = f"In the space {space} ({seen}), {count:,} images of each kind."
    name = page.anchor(f"{NAME}-{dataset}-{space}")
    return page.figure(Html(style.to_svg(drawn, name, caption)), caption)


def _score(row: Row, key: str) -> tuple[float, float, float]:
    """Returns value and interval; without one its ends are the value."""
    value, low, high = (row[f"{key}{end}"] for end in ("", "_low", "_high"))
    return (value, value, value) if low is None else (value, low, high)


def _best(rows: Sequence[Row]) -> Iterator[Html]:
    """Names the nearest step of each space with several."""
    sentences = []
    for space in dict.fromkeys(row["space"] for row in rows):
        of_all_channels = [
            row
            for row in rows
            if row["space"] == space
            and row["channel"] == WHOLE
            and row[KERNEL] is not None
        ]
        if len(of_all_channels) > 1:
            best = min(of_all_channels, key=lambda row: row[KERNEL])
            sentences.append(
                f"In the space {space} images are nearest to real ones at step "
                f"{best['step']:,}: {page.number(best[KERNEL], '.3g')}, where real "
                f"ones have {page.number(best[f'floor_{KERNEL}'], '.3g')}. The best of "
                "several steps looks better than it is."
            )
    if sentences:
        yield page.items(sentences)
