"""Style of all plots: colours, type, an empty panel; and writing as SVG."""

import html
import io
import re
import textwrap

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito, "Color Universal Design" (2008): stay apart for colour-blind readers.
BLUE, VERMILLION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
PURPLE, SKY, INK, GREY, PALE = "#CC79A7", "#56B4E9", "#222222", "#777777", "#BBBBBB"
SERIES = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY, INK, GREY)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p")
CONTROLS = {"response_0": VERMILLION, "response_1": BLUE}

# From response 0's colour to response 1's over a pale middle, evenly lighter and darker
# again (ours); orange and blue stay apart for colour-blind readers.
DIVERGING = (
    "#A2400F", "#B4561F", "#C46C34", "#D2824D", "#DE9A6B", "#E8B38D", "#F0CDB3",
    "#F1E7DE", "#D3E1EA", "#B0CDDF", "#8BB8D3", "#65A2C6", "#418CB8", "#2276A9",
    "#0A6098",
)  # fmt: skip

STYLE = {
    "svg.fonttype": "none",  # text stays text: it can be searched and read aloud
    "svg.hashsalt": "gandl_jax",  # the same figure gives the same bytes
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.7,
    "axes.prop_cycle": matplotlib.cycler(color=SERIES),
    "lines.linewidth": 1.2,
    "legend.frameon": False,
}


def cut(text: str, longest: int) -> str:
    """Cuts a text to a number of letters, the last an ellipsis if it is longer."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def broken(name: str, longest: int) -> list[str]:
    """Breaks a name into lines, after blanks and underscores.

    Args:
      name: of one line.
      longest: letters of a line, but for words that are longer.
    """
    lines = textwrap.wrap(name.replace("_", "_ "), longest, break_long_words=False)
    return [line.replace("_ ", "_") for line in lines]


def panel(
    width: float,
    height: float,
    *,
    left: float,
    bottom: float,
    top: float,
    right: float = 0.97,
    inches: bool = False,
) -> tuple[Figure, Axes]:
    """Makes an empty panel.

    Args:
      width: in inches.
      height: in inches.
      left: margin, as a share of the width.
      bottom: margin, as a share of the height; in inches if `inches`.
      top: upper edge, as a share of the height; if `inches`, the upper margin in
        inches.
      right: right edge, as a share of the width.
      inches: keeps the margins the same whatever the height.
    """
    figure = Figure(figsize=(width, height))
    axes = figure.add_subplot()
    if inches:
        bottom, top = bottom / height, 1 - top / height
    figure.subplots_adjust(left=left, right=right, bottom=bottom, top=top)
    return figure, axes


@matplotlib.rc_context(STYLE)
def to_svg(figure: Figure, name: str, title: str) -> str:
    """Writes a figure as an SVG element to be put into an HTML page.

    Args:
      figure: the figure.
      name: prefix of every id in it, unique within the page; characters that suit no id
        become "-".
      title: text alternative, for readers who cannot see the picture.

    Returns:
      One `svg` element that scales to its container and refers to nothing outside.
    """
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None}, transparent=True)
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # A style sheet within one figure would hold for the whole page.
    svg = re.sub(r"<style[^>]*>.*?</style>", "", svg, flags=re.DOTALL)
    # In an HTML page the namespaces are known, and href needs none.
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg).replace("xlink:href", "href")
    prefix = re.sub(r"[^\w.-]+", "-", name)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}-", svg)
    escaped_title = html.escape(title)
    head = f'<svg role="img" aria-label="{escaped_title}" style="stroke-linejoin:round"'
    svg = re.sub(r' (width|height)="[\d.]+pt"', "", svg, count=2)
    return svg.replace("<svg", head, 1).replace(
        ">", f"><title>{escaped_title}</title>", 1
    )
