"""Scores with their intervals, and the score of guessing."""

from collections.abc import Iterable, Mapping, Sequence

import matplotlib
from matplotlib.figure import Figure

from gandl_jax.figures import style

# These series look the same in every figure; others take the remaining looks.
FIXED_LOOKS = (
    *("trained", "untrained", "intensity", "plate identity", "well position"),
    "classical",
)
LEGEND = 3  # entries in a line of the legend
LONGEST = 20  # letters of a line of a name that the margin has room for
MOST_LINES = 3  # of a name
Score = tuple[float, float | None, float | None]  # value, low, high


@matplotlib.rc_context(style.STYLE)
def draw(
    names: Sequence[str],
    series: Mapping[str, Sequence[Score | None]],
    label: str,
    chance: Sequence[float | None],
    *,
    line: str = "chance",
) -> Figure:
    """Draws scores with their intervals, a row for each name.

    Args:
      names: of the rows, from top to bottom; those too long for the margin go on in the
        next line, words that are too long are cut.
      series: name -> (value, low, high) for each of `names`, None if missing.
      label: name of the horizontal axis.
      chance: the score of guessing for each of `names`, drawn as a dashed line.
      line: name of that line in the legend.

    Returns:
      One panel.
    """
    step = 0.15 * max(3, len(series))  # inches a name
    top = 0.15 + 0.17 * -(-(len(series) + 1) // LEGEND)
    figure, axes = style.panel(
        4.5, 0.45 + top + step * len(names),
        left=0.32, bottom=0.42, top=top, inches=True,
    )  # fmt: skip
    looks = _looks(series)
    for k, (series_name, scores) in enumerate(series.items()):
        shift = 0.8 / len(series) * (k - (len(series) - 1) / 2)
        points = [(i + shift, p) for i, p in enumerate(scores) if p is not None]
        bars = [(y, p[1], p[2]) for y, p in points if None not in p]
        colour, marker = looks[series_name]
        axes.hlines(*(zip(*bars, strict=True) if bars else ([], [], [])), color=colour)
        axes.plot(
            [p[0] for _, p in points],
            [y for y, _ in points],
            marker,
            color=colour,
            markersize=4.5,
            label=series_name,
        )
    chances = [(i, value) for i, value in enumerate(chance) if value is not None]
    axes.vlines(
        [value for _, value in chances],
        [i - 0.5 for i, _ in chances],
        [i + 0.5 for i, _ in chances],
        color=style.INK,
        linewidth=0.7,
        linestyle="--",
        label=line,
    )
    row_labels = [_in_lines(name) for name in names]
    axes.set_yticks(range(len(names)), row_labels, parse_math=False)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(label)
    axes.tick_params(axis="y", length=0)
    axes.legend(
        ncols=LEGEND,
        loc="lower left",
        bbox_to_anchor=(-0.49, 1),
        columnspacing=1.2,
        handletextpad=0.3,
    )
    return figure


def _looks(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Returns the colour and marker of each series."""
    looks = list(zip(style.SERIES, style.MARKERS, strict=True))
    other_names = (k for k in names if k not in FIXED_LOOKS)
    order = {name: k for k, name in enumerate((*FIXED_LOOKS, *other_names))}
    return {name: looks[order[name] % len(looks)] for name in names}


def _in_lines(name: str) -> str:
    lines = [
        style.cut(line, LONGEST)
        for part in name.split("\n")
        for line in style.broken(part, LONGEST) or [""]
    ]
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], lines[MOST_LINES - 1] + "…"]
    return "\n".join(lines)
