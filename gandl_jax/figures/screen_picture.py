"""Overview picture of a screen: its wells, and a site of each channel."""

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gandl_jax.figures import plate, style
from gandl_jax.figures.plate import Position
from gandl_jax.figures.points import GROUPS

COLUMNS = 4  # panels in a row


@matplotlib.rc_context(style.STYLE)
def draw(
    plates: Mapping[str, Mapping[str, Sequence[Position]]],
    channels: Mapping[str, np.ndarray],
    levels: Mapping[str, str],
) -> Figure:
    """Draws plates and channels, a panel each.

    Args:
      plates: name -> role, a key of `GROUPS` -> (row, column) of its wells, from 1.
      channels: name -> [H, W] in [0, 1], dark to bright.
      levels: name -> text on its grey levels.

    Returns:
      The panels, plates first.
    """
    count = len(plates) + len(channels)
    rows = -(-count // COLUMNS)
    figure = Figure(figsize=(2.6 * min(count, COLUMNS), 2.5 * rows), layout="tight")
    panels = figure.subplots(rows, min(count, COLUMNS), squeeze=False).ravel()
    for axes in panels[count:]:
        axes.set_axis_off()
    for axes, (name, roles) in zip(panels, plates.items(), strict=False):
        _plate(axes, name, roles)
    channel_axes = panels[len(plates) :]
    for axes, (name, image) in zip(channel_axes, channels.items(), strict=False):
        axes.imshow(image, cmap="gray", vmin=0, vmax=1)
        axes.set_title(f"{name}\n{levels[name]}", fontsize=7)
        axes.set_axis_off()
    return figure


def _plate(axes: Axes, name: str, roles: Mapping[str, Sequence[Position]]) -> None:
    all_positions = [position for positions in roles.values() for position in positions]
    rows, columns = plate.shape(all_positions)
    size = 40 / max(rows, columns)
    for role, positions in roles.items():
        if positions:
            y, x = zip(*positions, strict=True)
            axes.plot(x, y, "s", color=GROUPS[role], markersize=size, label=role)
    axes.set_xlim(0.5, columns + 0.5)
    axes.set_ylim(rows + 0.5, 0.5)
    shown_rows = range(1, rows + 1, max(1, rows // 8))
    axes.set_yticks(shown_rows, map(plate.row_name, shown_rows))
    axes.set_aspect("equal")
    axes.set_title(f"{name}: {len(all_positions):,} wells", fontsize=7)
    axes.tick_params(labelsize=5, length=0)
    axes.legend(fontsize=5, loc="upper center", bbox_to_anchor=(0.5, -0.05), ncols=2)
