"""A plate as a heat map in matplotlib, in the colours of `plate.py`."""

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib import colors
from matplotlib.figure import Figure

from gandl_jax.figures import plate, style
from gandl_jax.figures.plate import Position

INCHES = 0.26  # of a well, on plates of 96; smaller on larger ones
RINGS = {"response_0": "white", "response_1": style.INK}  # colour inside the marks


@matplotlib.rc_context(style.STYLE)
def draw(
    positions: Sequence[Position],
    values: Sequence[float],
    marks: Mapping[str, Sequence[Position]],
    size: Position,
    title: str,
) -> Figure:
    """Draws a plate, a square per well; positions without a well stay blank.

    Args:
      positions: (row, column) of each well, from 1.
      values: [W] responses; NaN is grey.
      marks: `response_0` (rings), `response_1` (dots) -> wells that are marked.
      size: rows and columns of the plate.
      title: below the plate.

    Returns:
      One panel with its colour scale.
    """
    rows, columns = size
    grid = np.ones((rows, columns, 4))
    for (row, column), value in zip(positions, values, strict=True):
        grid[row - 1, column - 1] = colors.to_rgba(plate.colour(value))
    side = INCHES * 12 / columns if columns > 12 else INCHES
    side = max(side, 0.12)
    figure = Figure(figsize=(columns * side + 1.2, rows * side + 0.8))
    axes = figure.add_subplot()
    axes.imshow(grid, extent=(0.5, columns + 0.5, rows + 0.5, 0.5), aspect="equal")
    for name, inside in RINGS.items():
        for row, column in marks.get(name, ()):
            axes.plot(column, row, "o", color=style.INK, markersize=3, mfc=inside)
    step = max(1, columns // 12)
    axes.set_xticks(range(1, columns + 1, step))
    axes.set_yticks(
        range(1, rows + 1, step), map(plate.row_name, range(1, rows + 1, step))
    )
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    axes.set_xlabel(title, loc="left")
    low, high = plate.LIMITS
    scale = matplotlib.cm.ScalarMappable(
        colors.Normalize(low, high), colors.ListedColormap(style.DIVERGING)
    )
    bar = figure.colorbar(scale, ax=axes, shrink=0.8, ticks=(low, 0, 1, high))
    bar.set_label("response: 0 untreated, 1 wanted")
    return figure
