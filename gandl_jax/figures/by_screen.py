"""Scores of methods on several screens, a panel for each screen."""

from collections.abc import Mapping, Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gandl_jax.figures import style

Score = tuple[float, float, float]  # value, low, high
TRAINED, UNTRAINED = "trained", "untrained"
LOOKS = {TRAINED: (style.BLUE, "o", -0.15), UNTRAINED: (style.VERMILLION, "s", 0.15)}
LETTER = 0.066  # inches, about, of a letter of 8 points
FLOORS = ("--", ":", "-.", (0, (5, 1)), (0, (1, 4)))  # lines of floors, in their order


@matplotlib.rc_context(style.STYLE)
def draw(
    methods: Sequence[str],
    screens: Mapping[str, Mapping[str, Mapping[str, Score]]],
    floors: Mapping[str, Mapping[str, float]],
    metrics: Mapping[str, str],
) -> Figure:
    """Draws trained and untrained scores with their intervals, and floors as lines.

    Args:
      methods: from top to bottom.
      screens: screen -> method -> "trained", "untrained" -> score; a missing score is
        left blank.
      floors: screen -> floor -> score.
      metrics: screen -> what its scores are.

    Returns:
      A panel for each screen, side by side, with the methods' names on the left.
    """
    height = 1.1 + 0.27 * len(methods)
    names_width = 0.1 + LETTER * max(map(len, methods), default=0)
    figure = Figure(figsize=(names_width + 0.1 + 2.3 * len(screens), height))
    panels = figure.subplots(1, len(screens), sharey=True, squeeze=False)[0]
    names = list(
        dict.fromkeys(n for screen_floors in floors.values() for n in screen_floors)
    )
    for axes, (screen, scores) in zip(panels, screens.items(), strict=True):
        _points(axes, methods, scores)
        _lines(axes, names, floors.get(screen, {}))
        axes.set_title(screen, fontsize=8)
        axes.set_xlabel(metrics[screen])
        axes.tick_params(axis="y", length=0)
    panels[0].set_yticks(range(len(methods)), methods, parse_math=False)
    panels[0].set_ylim(len(methods) - 0.5, -0.5)
    handles = {
        label: handle
        for axes in panels
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        handles.values(), handles, loc="upper center", ncols=4, handletextpad=0.4
    )
    figure.subplots_adjust(
        left=names_width / figure.get_figwidth(), right=0.98, wspace=0.12,
        bottom=0.42 / height, top=1 - 0.62 / height,
    )  # fmt: skip
    return figure


def _points(
    axes: Axes,
    methods: Sequence[str],
    scores: Mapping[str, Mapping[str, Score]],
) -> None:
    for role, (colour, marker, shift) in LOOKS.items():
        score_by_y = {
            i + shift: scores[name][role]
            for i, name in enumerate(methods)
            if role in scores.get(name, {})
        }
        for y, (_, low, high) in score_by_y.items():
            axes.hlines(y, low, high, color=colour)
        values = [value for value, *_ in score_by_y.values()]
        axes.plot(
            values, list(score_by_y), marker, color=colour, markersize=4, label=role
        )


def _lines(axes: Axes, names: Sequence[str], floors: Mapping[str, float]) -> None:
    for i, name in enumerate(names):
        if name in floors:
            linestyle = FLOORS[i % len(FLOORS)]
            axes.axvline(
                floors[name],
                color=style.GREY,
                linestyle=linestyle,
                linewidth=0.9,
                label=name,
            )
