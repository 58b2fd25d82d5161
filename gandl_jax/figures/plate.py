"""Plates as heat maps: SVG written by hand, as one path per colour keeps it small."""

import html
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from gandl_jax.figures import style

Position = tuple[int, int]  # row and column of a well, from 1
LIMITS = (-0.5, 1.5)  # responses at the ends of the scale; the controls lie at 0 and 1
UNKNOWN = "#D9D9D9"  # a well without a response
FORMATS = ((8, 12), (16, 24), (32, 48))  # rows and columns: 96, 384, 1536 wells
SIDE = 0.92  # of a well's square, in widths of a well


def shape(positions: Iterable[Position]) -> Position:
    """Returns the rows and columns of the smallest plate format with all wells.

    Args:
      positions: (row, column) from 1; above 1,536 wells the plate is as large as
        needed.
    """
    rows, columns = (max(numbers) for numbers in zip(*positions, strict=True))
    for plate_format in FORMATS:
        if rows <= plate_format[0] and columns <= plate_format[1]:
            return plate_format
    return rows, columns


def draw(
    positions: Sequence[Position],
    values: Sequence[float],
    marks: Mapping[str, Sequence[Position]],
    size: Position,
    title: str,
) -> str:
    """Draws a plate, a square per well; positions without a well stay blank.

    Args:
      positions: (row, column) of each well, from 1.
      values: [W] responses; NaN is grey.
      marks: `response_0` (rings), `response_1` (dots) -> wells that are marked.
      size: rows and columns of the plate.
      title: text alternative, for readers who cannot see the picture.

    Returns:
      An `svg` element whose unit is a well: row r lies between y = r - 1 and y = r.
    """
    rows, columns = size
    scale = columns / 48  # letters and lines look the same on every format
    left, top = 2.6 * scale, 1.6 * scale
    escaped_title = html.escape(title)
    elements = [
        f'<svg role="img" aria-label="{escaped_title}" class="plate" '
        f'viewBox="{-left:g} {-top:g} {columns + left + 0.1:g} {rows + top + 0.1:g}">'
        f"<title>{escaped_title}</title>",
        f'<rect width="{columns}" height="{rows}" fill="none" stroke="#999" '
        f'stroke-width="{0.08 * scale:g}"/>',
        *_squares(positions, values),
        *_marks(marks, 0.5 + 0.5 * scale),
        *_letters(rows, columns, scale),
        "</svg>",
    ]
    return "".join(elements)


def colour(value: float) -> str:
    """Returns the colour of a response; beyond the scale, that of its end."""
    if np.isnan(value):
        return UNKNOWN
    low, high = LIMITS
    count = len(style.DIVERGING)
    level = int((value - low) / (high - low) * count)
    return style.DIVERGING[min(max(level, 0), count - 1)]


def _squares(positions, values) -> Iterable[str]:
    paths: dict[str, list[str]] = {}
    for (row, column), value in zip(positions, values, strict=True):
        square = f"M{column - 1} {row - 1}h{SIDE}v{SIDE}h-{SIDE}z"
        paths.setdefault(colour(value), []).append(square)
    for fill, squares in paths.items():
        yield f'<path fill="{fill}" d="{"".join(squares)}"/>'


def _marks(marks, scale: float) -> Iterable[str]:
    """Draws dots, as lines of zero length with round ends; rings are two dots."""
    for name, inside in (("response_0", "#fff"), ("response_1", None)):
        dots = "".join(
            f"M{column - 1 + SIDE / 2:g} {row - 1 + SIDE / 2:g}h0"
            for row, column in marks.get(name, ())
        )
        if dots:
            for stroke, width in ((style.INK, 0.5 * scale), (inside, 0.28 * scale)):
                if stroke:
                    yield (
                        f'<path stroke="{stroke}" stroke-width="{width:g}" '
                        f'stroke-linecap="round" d="{dots}"/>'
                    )


def _letters(rows: int, columns: int, scale: float) -> Iterable[str]:
    """Labels every first, second or fourth row and column."""
    step = max(1, round(4 * scale))
    yield f'<g font-size="{1.25 * scale:g}" fill="#555" aria-hidden="true">'
    for row in range(1, rows + 1, max(1, step // 2)):
        yield (
            f'<text text-anchor="end" x="{-0.4 * scale:g}" '
            f'y="{row - 0.5 + 0.42 * scale:g}">{row_name(row)}</text>'
        )
    for column in range(1, columns + 1, step):
        yield (
            f'<text text-anchor="middle" x="{column - 0.5:g}" y="{-0.5 * scale:g}">'
            f"{column}</text>"
        )
    yield "</g>"


def row_name(row: int) -> str:
    """Returns the letters of a row: 1 is A, 27 is AA."""
    name = ""
    while row:
        row, letter = divmod(row - 1, 26)
        name = chr(ord("A") + letter) + name
    return name
