"""Clusters on a map, and their silhouette by minimum cluster size."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gandl_jax.figures import style

NOISE = style.PALE


@matplotlib.rc_context(style.STYLE)
def draw(
    *,
    positions: tuple[Sequence[float], Sequence[float]],
    labels: Sequence[int],
    sizes: Sequence[int],
    silhouettes: Sequence[float],
    least: float,
) -> Figure:
    """Draws a map of records in the colours of their clusters, and the silhouettes.

    Args:
      positions: x [n] and y [n] of the records.
      labels: [n] cluster of each record, from 0; -1 is noise. Many clusters share a
        colour.
      sizes: [s] minimum cluster sizes, ascending.
      silhouettes: [s] silhouette at each size.
      least: silhouette above which clusters are called.

    Returns:
      Two panels side by side.
    """
    figure = Figure(figsize=(5.2, 2.4))
    on_map, by_size = figure.subplots(1, 2, width_ratios=(1.2, 1))
    figure.subplots_adjust(left=0.02, right=0.97, bottom=0.2, top=0.97, wspace=0.3)
    _draw_map(on_map, *map(np.asarray, positions), np.asarray(labels))
    by_size.plot(sizes, silhouettes, "o-", color=style.BLUE, markersize=4)
    by_size.axhline(least, color=style.INK, linewidth=0.7, linestyle="--")
    by_size.set_xlabel("minimum size, records")
    by_size.set_ylabel("silhouette", labelpad=1)
    by_size.set_ylim(bottom=min(0.0, *silhouettes))
    return figure


def _draw_map(axes: Axes, x: np.ndarray, y: np.ndarray, labels: np.ndarray) -> None:
    """Draws the records, noise below the clusters."""
    for label in range(-1, labels.max(initial=-1) + 1):
        in_cluster = labels == label
        colour = NOISE if label < 0 else style.SERIES[label % len(style.SERIES)]
        axes.plot(
            x[in_cluster],
            y[in_cluster],
            ".",
            color=colour,
            markersize=3,
            markeredgewidth=0,
        )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel("UMAP")
