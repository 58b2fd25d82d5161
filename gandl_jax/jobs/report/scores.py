"""The report's scores: what is judged and its floors side by side."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gandl_jax.figures import scores as plot
from gandl_jax.figures import style
from gandl_jax.jobs.report import encoder_roles, findings, numbers, page, task_chapters
from gandl_jax.jobs.report.encoder_roles import Row, Table
from gandl_jax.jobs.report.page import Html
from gandl_jax.jobs.report.task_chapters import Chapter
from gandl_jax.judging import curve_effects, task_tables
from gandl_jax.profiles import floors
from gandl_jax.tasks import marks
from gandl_jax.tasks.label_classification import counts_in_words

FLOOR_OF = {  # role -> its key in a row's differences
    "untrained": "untrained",
    **{name: name for name in floors.OF_IMAGES},
    "plate identity": "plate",
    "well position": "position",
}
METRICS = {
    "balanced_accuracy": "images",
    "balanced_accuracy_wells": "whole wells",
    "recall": "recall",
    "mAP": "mAP",
}
MOST_LINES = 16  # of a figure


class Asked(NamedTuple):
    """What a classification asks, in the words of its chapter.

    Attributes:
      task: its name.
      link: to the chapter.
      title: of the chapter.
      words: what is asked.
      about: the title where a label has a name, to be put into {}; "" is `title`.
      cells: title of the first column.
      labelled: whether that names what is told, beside the cells.
      whole: what it says of all cells together.
      lower_is_better: as where it is to be hoped that nothing can be told.
    """

    task: str
    link: str
    title: str
    words: str
    about: str = ""
    cells: str = "Cells"
    labelled: bool = False
    whole: str = "all"
    lower_is_better: bool = False


def asked(task: str) -> Asked:
    """What a classification's chapter says; its own title where it has none."""
    chapter = task_chapters.drawn().get(task)
    title = task_tables.title(task)
    return getattr(chapter, "ASKED", None) or Asked(task, title, title, "")


def chapters(screen, asked: Asked, found: numbers.Numbers) -> Iterator[Chapter]:
    """The chapter of a classification; none where no set that is shown was scored.

    Args:
      screen: as of `screens.sort`.
      asked: its words.
      found: the files of numbers.
    """
    rows, table = screen.rows[asked.task], screen.tables.get(asked.task)
    if table:
        numbers.add(found, "scores", screen.name, list(map(flat, rows)))
        remarks = screen.remarks.get(asked.task, ())
        content = section(screen.name, asked, rows, table, remarks)
        yield Chapter(asked.task, asked.link, content)


def section(
    dataset: str,
    asked: Asked,
    rows: Sequence[Row],
    table: Table,
    remarks: Sequence[str] = (),
) -> Html:
    """The chapter of one task.

    Args:
      dataset: the screen.
      asked: its words.
      rows: all its rows.
      table: those side by side, with `findings.SCORE_KEYS`.
      remarks: what the task left out.
    """
    first = next(iter(table.values()))
    words = asked.words + (findings.NEW if findings.unseen(first) else "")
    if any(place[4] for place in table):
        words += f" One line for each {next(iter(table))[3]}, after the mean of all."
    if len({place[5:] for place in table}) > 1:
        words += (
            " Features are normalised as for the other scores and, to compare with, "
            "all plates together."
        )
    words += f" In small print the 95 % interval over resampled {units(table)}"
    if not asked.lower_is_better:
        words += (
            ", and under a floor how much what stands first is above it (or, marked "
            "so, above guessing, where the floor itself is below that)"
        )
    drawn = page.join(figures(dataset, asked, table))
    parts = [
        page.tag("p", f"{words}."),
        page.tag("div", drawn, class_="pair"),
        beside(table, asked),
    ]
    shown = {id(row) for those in table.values() for row in those.values()}
    rest = [row for row in rows if id(row) not in shown]
    if rest:
        summary = f"All other feature sets ({len(rest)} scores)"
        parts.append(page.details(summary, _rest(rest, asked)))
    counts = dict.fromkeys(
        map(counts_in_words, map(encoder_roles.main, table.values()))
    )
    parts += [page.tag("p", f"{line}.", class_="note") for line in counts if line]
    parts.append(page.remarks(remarks))
    note = page.join(["Numbers:", page.data_link("scores")])
    parts.append(page.tag("p", note, class_="note"))
    title = asked.title
    if asked.about:
        title = asked.about.format(next(iter(table))[3])
    return page.section(asked.task, title, *parts, of=dataset)


def units(table: Table) -> str:
    """What intervals draw again: "wells"; where splits differ "wells, treatments"."""
    rows = map(encoder_roles.main, table.values())
    return page.listing(f"{row.get('unit') or 'well'}s" for row in rows)


def figure(
    names: Sequence[str], lines: Sequence[Mapping[str, Row]], label: str, name: str
) -> Html:
    """Scores with intervals and the line of guessing, as SVG.

    Args:
      names: of the lines.
      lines: role -> row of each; `MOST_LINES` at most are drawn.
      label: of the axis.
      name: unique within the page.
    """
    lines = lines[:MOST_LINES]
    order = dict.fromkeys(role for those in lines for role in those)
    series = {
        role: [point(those.get(role)) for those in lines]
        for role in list(order)[: len(style.SERIES)]
    }
    chance = [encoder_roles.main(those).get("chance") for those in lines]
    drawn = plot.draw(names[:MOST_LINES], series, label, chance)
    title = f"{label} with 95 % intervals; the table has the numbers"
    return Html(style.to_svg(drawn, page.anchor(name), title))


def figures(dataset: str, asked: Asked, table: Table, name: str = "") -> Iterable[Html]:
    """A figure for each metric.

    Args:
      dataset: the screen.
      asked: words of the task.
      table: scores side by side, with `findings.SCORE_KEYS`.
      name: unique within the screen; "" is the task's.
    """
    for i, metric in enumerate(dict.fromkeys(place[2] for place in table)):
        part = {place: those for place, those in table.items() if place[2] == metric}
        drawn = figure(
            line_names(part, list(part.values())),
            list(part.values()),
            _axis(metric, asked),
            f"score-{dataset}-{name or asked.task}-{i}",
        )
        yield page.figure(drawn, "")


def beside(table: Table, asked: Asked, csv: str = "scores") -> Html:
    """The table of scores, floors beside what is judged.

    Args:
      table: with `findings.SCORE_KEYS`, or `findings.BATCH_KEYS`.
      asked: words of the task.
      csv: the file of all scores.
    """
    order = dict.fromkeys(role for those in table.values() for role in those)
    columns = [role for role in order if role in FLOOR_OF]
    columns = [role for role in order if role not in FLOOR_OF] + columns
    extra = ("Normalised",) if any(place[5:] for place in table) else ()
    header = (asked.cells, "Test part", "By", *extra, *columns, "guessing")
    lines = [
        (
            _what(place, asked),
            split_cell(place[1], any(row["leaky"] for row in those.values())),
            METRICS.get(place[2], place[2].replace("_", " ")),
            *place[5:],
            *(cell(role, those) for role in columns),
            page.number(encoder_roles.main(those).get("chance"), ".2f"),
        )
        for place, those in table.items()
    ]
    return page.table(header, lines, csv)


def line_names(
    places: Iterable[encoder_roles.Place], lines: Iterable[Mapping[str, Row]] = ()
) -> list[str]:
    """What the lines of a figure are called: cells and label, split, and the mark.

    Args:
      places: of the lines.
      lines: role -> row of each; without them no line is marked.
    """
    names = _line_names(list(places))
    for i, those in enumerate(lines):
        if any(map(marks.learnt, those.values())):
            names[i] += f" ({marks.WORDS})"
    return names


def _line_names(places: Sequence[encoder_roles.Place]) -> list[str]:
    several = len({place[3] for place in places}) > 1
    mean = "mean of all" if any(place[4] for place in places) else ""
    names = []
    for group, split, _, label, class_, *normalize in places:
        parts = [
            class_ or (mean if group == "all" else group),
            label if several else "",
        ]
        first = ", ".join(filter(None, parts))
        second = findings.split_words(split)
        if normalize:  # "standard", "standard, all plates together"
            second = normalize[0].rpartition(", ")[2]
        names.append("\n".join(filter(None, [first, second])))
    return names


def flat(row: Row) -> dict[str, Any]:
    """A row without what does not fit into one line of CSV."""
    nested = ("folds", "classes", "differences", "by_label", "taken")
    nested += ("by_class", "left_out")
    plain = {key: value for key, value in row.items() if key not in nested}
    for floor, difference in (row.get("differences") or {}).items():
        plain |= {f"minus_{floor}_{key}": v for key, v in difference.items()}
    return plain


def cell(role: str, those: Mapping[str, Row], pattern: str = ".3f") -> Html:
    """A score with its interval; under a floor how far the first is above it."""
    row = those.get(role)
    if row is None:
        return page.text("–")
    found = interval(row, pattern, row)
    first = encoder_roles.main(those)
    difference = (first.get("differences") or {}).get(FLOOR_OF.get(role, ""))
    if difference and first is not row:
        gain = page.number(difference["value"], "+" + pattern)
        ends = page.span(difference["low"], difference["high"], "+" + pattern)
        sure = findings.verdict(first, FLOOR_OF[role]) in ("better", "worse")
        to = " to guessing" if difference["against"] == "chance" else ""
        words = page.tag("b" if sure else "span", f"Δ{to} {gain}")
        found = page.join([found, page.tag("small", page.join([words, f"({ends})"]))])
    return found


def _axis(metric: str, asked: Asked) -> str:
    words = METRICS.get(metric, metric.replace("_", " "))
    if metric.startswith("balanced_accuracy"):
        words = f"balanced accuracy of {words}"
    return f"{words} (lower is better)" if asked.lower_is_better else words


def point(row: Row | None) -> plot.Score | None:
    """What a figure shows of a row; None where it has no score."""
    if row is None or curve_effects.is_missing(row["value"]):
        return None
    return row["value"], row["low"], row["high"]


def _what(place: encoder_roles.Place, asked: Asked) -> str:
    group, _, _, label, class_, *_ = place
    named = group != "all" or not (class_ or asked.labelled)
    parts = [(asked.whole if group == "all" else group) if named else "", class_]
    if asked.labelled:
        parts.append(label)
    return ", ".join(filter(None, parts))


def _rest(rows: Sequence[Row], asked: Asked) -> Html:
    header = (
        "Feature set", "Cells", "Test part", "By", "Normalised", "Score", "− untrained"
    )  # fmt: skip
    lines = []
    for row in rows:
        place = tuple(row.get(key) or "" for key in findings.SCORE_KEYS)
        gain = (row.get("differences") or {}).get("untrained")
        lines.append(
            (
                row["set"],
                _what(place, asked),
                split_cell(row["split"], row["leaky"]),
                METRICS.get(row["metric"], row["metric"]),
                row.get("normalize", ""),
                interval(row, ".3f", row),
                interval(gain, "+.3f", row) if gain else "–",
            )
        )
    return page.table(header, lines, "scores")


def interval(of: Mapping[str, Any], pattern: str, row: Row) -> Html:
    """A row's score, or its difference to another, with its interval and the mark."""
    return marked(page.interval(of["value"], of["low"], of["high"], pattern), row)


def marked(shown: Html | str, row: Row) -> Html:
    """What is shown of a row, with its mark where the encoder learnt its labels."""
    if not marks.learnt(row):
        return page.join([shown])
    return page.join([shown, page.tag("span", marks.WORDS, class_="leaky")])


def split_cell(split: str, leaky: bool) -> Html:
    """A split in words, with its mark where sites of one well are on both sides."""
    words = page.text(findings.split_words(split))
    mark = page.tag("span", "leaky", class_="leaky")
    return page.join([words, mark]) if leaky else words
