"""Pieces of the report's page: text in, HTML out; all text is escaped here."""

import base64
import html
import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from gandl_jax import dose_unit
from gandl_jax.names import shortened

MAX_LINES = 200  # of a table; the rest is in the CSV file


class Html(str):
    """Text that is HTML already and is not escaped again."""


def text(value: object) -> Html:
    """Escapes plain text; leaves `Html` unchanged."""
    return value if isinstance(value, Html) else Html(html.escape(str(value)))


def join(parts: Iterable[object]) -> Html:
    """Puts pieces one after another."""
    return Html("\n".join(text(part) for part in parts))


def tag(name: str, content: object = "", **attributes: str) -> Html:
    """Wraps content in an element; an attribute `class_` is written `class`."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(value)}"'
        for key, value in attributes.items()
    )
    return Html(f"<{name}{written}>{text(content)}</{name}>")


def section(name: str, title: str, *content: object, of: str = "") -> Html:
    """Builds a chapter of the page.

    Args:
      name: its anchor, together with `of`.
      title: its headline.
      *content: its elements.
      of: the screen that it is about.
    """
    headline = join([title, tag("small", of)]) if of else title
    name = f"{name}-{of}" if of else name
    return tag("section", join([tag("h2", headline), *content]), id=anchor(name))


def short(name: str, most: int) -> Html:
    """Shortens a name for a narrow table; pointing at it shows all of it."""
    cut = shortened(name, most)
    return text(name) if cut == name else tag("span", cut, title=name)


def anchor(name: str) -> str:
    """Turns a name into an anchor: ids hold no blanks."""
    return "-".join(name.split())


def details(summary: str, *content: object) -> Html:
    """Folds a chapter; a click opens it."""
    return tag("details", join([tag("summary", summary), *content]))


def items(lines: Iterable[object], kind: str = "ul") -> Html:
    """Makes a list: `ul` with dots, `ol` with numbers."""
    return tag(kind, join(tag("li", line) for line in lines))


def table(header: Sequence[object], rows: Iterable[Sequence[object]], csv: str) -> Html:
    """Makes a table that scrolls sideways on a narrow page.

    Args:
      header: titles of the columns.
      rows: cells; of more than `MAX_LINES` rows the rest is left to the CSV file.
      csv: name of the file in the folder data that has all rows.
    """
    rows = list(rows)
    head = tag("tr", join(tag("th", cell, scope="col") for cell in header))
    body = join(
        tag("tr", join(tag("td", cell) for cell in row)) for row in rows[:MAX_LINES]
    )
    whole = tag("table", join([tag("thead", head), tag("tbody", body)]))
    parts = [tag("div", whole, class_="scroll", tabindex="0")]
    if len(rows) > MAX_LINES:
        sentence = f"The first {MAX_LINES} of {len(rows):,} rows;"
        note = join([sentence, "all of them are in", data_link(csv)])
        parts.append(tag("p", note, class_="note"))
    return join(parts)


def data_link(csv: str) -> Html:
    """Links to a file in the folder data beside the page."""
    return tag("a", f"data/{csv}.csv", href=f"data/{csv}.csv")


def facts(pairs: Iterable[tuple[str, object]]) -> Html:
    """Lists names and values, a pair a line."""
    return tag(
        "dl", join(join([tag("dt", key), tag("dd", value)]) for key, value in pairs)
    )


def figure(content: Html, caption: object, kind: str = "plot") -> Html:
    """Makes a figure with its caption."""
    captions = [tag("figcaption", caption)] if caption else []
    return tag("figure", join([content, *captions]), class_=kind)


def legend(entries: Iterable[tuple[str, str, str]]) -> Html:
    """Makes the key to several figures: (colour, sign, text) of each entry."""
    keys = (
        tag(
            "span", join([tag("i", sign, style=f"color:{colour}"), words]), class_="key"
        )
        for colour, sign, words in entries
    )
    return tag("p", join(keys), class_="note")


def picture(png: bytes, alt: str, caption: str) -> Html:
    """Embeds a PNG in the page itself."""
    source = "data:image/png;base64," + base64.b64encode(png).decode()
    return figure(
        Html(f'<img src="{source}" alt="{html.escape(alt)}">'), caption, "picture"
    )


def data(name: str, content: Any) -> Html:
    """Embeds numbers for the page's script, as JSON that cannot end the element.

    Args:
      name: the element's id.
      content: plain data without NaN.
    """
    encoded = json.dumps(content, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":  # JSON has them within strings only
        encoded = encoded.replace(sign, f"\\u{ord(sign):04x}")
    return tag("script", Html(encoded), type="application/json", id=name)


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
    """Formats a value with its interval under it; an end that is None is open."""
    if value is None:
        return text("–")
    return Html(f"{number(value, pattern)} <small>{span(low, high, pattern)}</small>")


def span(low: float | None, high: float | None, pattern: str) -> str:
    """Formats an interval; an end that is None is open."""
    return " to ".join(_end(end, pattern) for end in (low, high))


def _end(value: float | None, pattern: str) -> str:
    return "open" if value is None else number(value, pattern)


def dose(amount: float, unit: str = dose_unit.MICROMOLAR) -> str:
    """Formats a dose with its unit: in nM below 0.1 uM."""
    scale, name = _scale(amount, unit)
    return f"{rounded(amount * scale):g}\N{NO-BREAK SPACE}{name}"


def dose_interval(
    amount: float,
    low: float | None,
    high: float | None,
    unit: str = dose_unit.MICROMOLAR,
) -> str:
    """Formats the interval of a dose, in the unit in which `dose` gives it."""
    scale, _ = _scale(amount, unit)
    low, high = (rounded(end and end * scale) for end in (low, high))
    return span(low, high, "g")


def _scale(amount: float, unit: str) -> tuple[float, str]:
    """Returns the factor of a dose that is shown, and its unit then."""
    if unit == dose_unit.MICROMOLAR and amount < 0.1:
        return 1000, "nM"
    return 1, dose_unit.shown(unit)


def rounded(value: float | None) -> float | None:
    """Rounds to three significant digits, so that "g" writes no exponent."""
    return None if value is None else float(f"{value:.3g}")


def count(number: int, name: str) -> str:
    """Formats a number of things: 1 plate, 2 plates."""
    return f"{number:,} {name}" + ("" if number == 1 else "s")


def remarks(lines: Sequence[str]) -> Html:
    """Lists what a chapter's task left out, in small print; nothing without lines.

    Args:
      lines: sentences, with or without a full stop.
    """
    if len(lines) <= 1:
        return tag("p", lines[0], class_="note") if lines else Html("")
    return details(f"What it left out ({len(lines)})", items(lines))


def missing(what: str, command: str) -> Html:
    """Names what is missing, and the command that makes it."""
    sentence = join(
        [f"There are no {what} yet. They are made by:", tag("code", command)]
    )
    return tag("p", sentence, class_="missing")


def listing(names: Iterable[str], most: int = 8) -> str:
    """Joins different names by commas, at most `most` of them."""
    names = list(dict.fromkeys(names))
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
