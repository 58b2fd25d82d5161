"""Wells on a plane: SVG written by hand, as one path per group keeps 5,000 small."""

import html
from collections.abc import Mapping, Sequence

from gandl_jax.figures import style

WIDTH, HEIGHT = 480, 360
GROUPS = {  # of wells -> colour; the last drawn lies on top
    "other": "#D0D0D0",
    "treated": "#8C8C8C",
    "response_0": style.VERMILLION,
    "response_1": style.BLUE,
}


def draw(
    points: Mapping[str, Sequence[tuple[float, float]]], title: str, radius: float = 2
) -> str:
    """Draws points in the colours of their groups.

    Args:
      points: a key of `GROUPS` -> (x, y) of its wells, both from 0 to 1, y upwards.
      title: text alternative, for readers who cannot see the picture.
      radius: of a point; the picture is 480 wide.

    Returns:
      An `svg` element.
    """
    escaped_title = html.escape(title)
    elements = [
        f'<svg role="img" aria-label="{escaped_title}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f"<title>{escaped_title}</title>"
    ]
    for name, stroke in GROUPS.items():
        # Lines of no length with round ends are dots.
        dots = "".join(_dot(x, y) for x, y in points.get(name, ()))
        if dots:
            elements.append(
                f'<path stroke="{stroke}" stroke-width="{2 * radius:g}" '
                f'stroke-linecap="round" stroke-opacity=".8" d="{dots}"/>'
            )
    return "".join([*elements, "</svg>"])


def _dot(x: float, y: float) -> str:
    margin = 8
    across = margin + x * (WIDTH - 2 * margin)
    down = margin + (1 - y) * (HEIGHT - 2 * margin)
    return f"M{across:.0f} {down:.0f}h0"
