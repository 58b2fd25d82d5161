"""Pieces of the report's page: text in, HTML out; all text is escaped here."""

import base64
import html
import math
from collections.abc import Iterable, Sequence


class Html(str):
    """Text that is HTML already and is not escaped again."""


def text(value: object) -> Html:
    """Escapes plain text; what is `Html` already stays as it is."""
    return value if isinstance(value, Html) else Html(html.escape(str(value)))


def join(parts: Iterable[object]) -> Html:
    """Puts pieces one after another."""
    return Html("\n".join(text(part) for part in parts))


def tag(name: str, content: object = "", **attributes: str) -> Html:
    """Wraps content in an element; an attribute `class_` is written `class`."""
    words = "".join(
        f' {key.rstrip("_")}="{html.escape(value)}"'
        for key, value in attributes.items()
    )
    return Html(f"<{name}{words}>{text(content)}</{name}>")


def section(name: str, title: str, *content: object) -> Html:
    """A chapter of the page; `name` is its anchor."""
    return tag("section", join([tag("h2", title), *content]), id=name)


def details(summary: str, *content: object) -> Html:
    """A chapter that opens on a click."""
    return tag("details", join([tag("summary", summary), *content]))


def items(lines: Iterable[object], kind: str = "ul") -> Html:
    """A list: `ul` with dots, `ol` with numbers."""
    return tag(kind, join(tag("li", line) for line in lines))


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Html:
    """A table that scrolls sideways where the page is narrow."""
    head = tag("tr", join(tag("th", cell, scope="col") for cell in header))
    body = join(tag("tr", join(tag("td", cell) for cell in row)) for row in rows)
    whole = tag("table", join([tag("thead", head), tag("tbody", body)]))
    return tag("div", whole, class_="scroll", tabindex="0")


def facts(pairs: Iterable[tuple[str, object]]) -> Html:
    """Names and values, one pair a line."""
    return tag(
        "dl", join(join([tag("dt", key), tag("dd", value)]) for key, value in pairs)
    )


def figure(content: Html, caption: object, kind: str = "plot") -> Html:
    """A figure with its caption."""
    words = [tag("figcaption", caption)] if caption else []
    return tag("figure", join([content, *words]), class_=kind)


def picture(png: bytes, alt: str, caption: str) -> Html:
    """A PNG within the page itself."""
    source = "data:image/png;base64," + base64.b64encode(png).decode()
    return figure(
        Html(f'<img src="{source}" alt="{html.escape(alt)}">'), caption, "picture"
    )


def number(value: float | None, pattern: str) -> str:
    """Formats a number; a dash where there is none."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return format(value, pattern).replace("-", "−")


def interval(
    value: float | None, low: float | None, high: float | None, pattern: str
) -> Html:
    """A value with its interval under it; an end that is None is open."""
    if value is None:
        return text("–")
    span = " to ".join(_end(end, pattern) for end in (low, high))
    return Html(f"{number(value, pattern)} <small>{span}</small>")


def _end(value: float | None, pattern: str) -> str:
    return "open" if value is None else number(value, pattern)


def dose(um: float, low_um: float | None, high_um: float | None) -> str:
    """A dose with its interval, in nM where the dose is below 0.1 uM."""
    scale, unit = (1000, "nM") if um < 0.1 else (1, "µM")
    value, low, high = (rounded(end and end * scale) for end in (um, low_um, high_um))
    span = f"{_end(low, 'g')} to {_end(high, 'g')}"
    return f"{value:g}\N{NO-BREAK SPACE}{unit} ({span})"


def rounded(value: float | None) -> float | None:
    """Three significant digits, which format "g" then writes without an exponent."""
    return None if value is None else float(f"{value:.3g}")
