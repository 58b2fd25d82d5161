"""Scores with their intervals and the line of guessing."""

from collections.abc import Iterable, Mapping, Sequence

import matplotlib
from matplotlib.figure import Figure

from gandl_jax.figures import style

# What is judged and its floors look the same in every figure; others take what is left.
KNOWN = (
    *("trained", "untrained", "intensity", "plate identity", "well position"),
    "classical",
)
LEGEND = 3  # entries in a line of the legend
LONGEST = 20  # letters of a name that the margin has room for
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
    """Draws scores with their intervals, one line of the figure for each name.

    Args:
      names: what is scored, from top to bottom; lines of text that are too long for
        the margin are cut.
      series: name -> (value, low, high) for each of `names`, None where there is none.
      label: name of the horizontal axis.
      chance: for each of `names` the score of guessing, drawn as a dashed line.
      line: what the legend calls that line.

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
    for k, (kind, scores) in enumerate(series.items()):
        shift = 0.8 / len(series) * (k - (len(series) - 1) / 2)
        found = [(i + shift, p) for i, p in enumerate(scores) if p is not None]
        bars = [(y, p[1], p[2]) for y, p in found if None not in p]
        colour, marker = looks[kind]
        axes.hlines(*(zip(*bars, strict=True) if bars else ([], [], [])), color=colour)
        axes.plot(
            [p[0] for _, p in found],
            [y for y, _ in found],
            marker,
            color=colour,
            markersize=4.5,
            label=kind,
        )
    known = [(i, value) for i, value in enumerate(chance) if value is not None]
    axes.vlines(
        [value for _, value in known],
        [i - 0.5 for i, _ in known],
        [i + 0.5 for i, _ in known],
        color=style.INK,
        linewidth=0.7,
        linestyle="--",
        label=line,
    )
    shown = ["\n".join(map(_short, name.split("\n"))) for name in names]
    axes.set_yticks(range(len(names)), shown, parse_math=False)
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


def _looks(kinds: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Colour and marker of each kind."""
    looks = list(zip(style.SERIES, style.MARKERS, strict=True))
    others = (k for k in kinds if k not in KNOWN)
    order = {name: k for k, name in enumerate((*KNOWN, *others))}
    return {kind: looks[order[kind] % len(looks)] for kind in kinds}


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
