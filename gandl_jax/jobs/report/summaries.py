"""Chapter of the report on a method's summaries of its encoders, in plain tables."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gandl_jax.jobs.report import page
from gandl_jax.jobs.report.page import Html

Rows = Sequence[Mapping[str, Any]]
Summaries = Mapping[str, Mapping[str, Rows]]  # encoder -> name of a table -> its rows
CSV = "summaries"
MOST_ROWS = 40  # of a table that is not folded (ours)


def section(dataset: str, summaries: Summaries) -> Html | None:
    """Builds the chapter of a screen's encoders; None without any summary.

    Args:
      dataset: the screen.
      summaries: as the encoders' `_summary.json` hold them.
    """
    tables = [
        part
        for encoder, by_table in summaries.items()
        for name, rows in by_table.items()
        if rows
        for part in _table(f"{encoder}: {name}", rows)
    ]
    if not tables:
        return None
    note = page.join(["Numbers:", page.data_link(CSV)])
    tables.append(page.tag("p", note, class_="note"))
    title = "What do the encoders say of themselves?"
    return page.section("encoders", title, *tables, of=dataset)


def numbers(summaries: Summaries) -> list[dict[str, Any]]:
    """Returns all rows, each with its encoder and its table."""
    return [
        {"encoder": encoder, "table": name, **row}
        for encoder, by_table in summaries.items()
        for name, rows in by_table.items()
        for row in rows
    ]


def _table(title: str, rows: Rows) -> Iterator[Html]:
    header = list(dict.fromkeys(key for row in rows for key in row))
    cells = [[_cell(row.get(key)) for key in header] for row in rows]
    shown = page.table(header, cells, CSV)
    if len(rows) > MOST_ROWS:
        yield page.details(f"{title} ({len(rows)} rows)", shown)
        return
    yield page.tag("h3", title)
    yield shown


def _cell(value: Any) -> str:
    if value is None or isinstance(value, float):
        return page.number(value, ".4g")
    return str(value)
