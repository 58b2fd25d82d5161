"""Scores of the report: what is judged and its floors side by side."""

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


class ChapterTexts(NamedTuple):
    """Texts of a classification's chapter.

    Attributes:
      task: its name.
      link: to the chapter.
      title: of the chapter.
      explanation: of what is classified and how it is scored.
      title_of_label: the title with {} for a label's name; "" is `title`.
      first_column: title of the first column.
      labelled: True if the first column names the label too, beside the cells.
      all_cells: name of all cells together in the first column.
      lower_is_better: True where the features should not tell the classes apart.
    """

    task: str
    link: str
    title: str
    explanation: str
    title_of_label: str = ""
    first_column: str = "Cells"
    labelled: bool = False
    all_cells: str = "all"
    lower_is_better: bool = False


def chapter_texts(task: str) -> ChapterTexts:
    """Returns the texts of a classification's chapter; its title without any."""
    chapter = task_chapters.drawn().get(task)
    title = task_tables.title(task)
    return getattr(chapter, "TEXTS", None) or ChapterTexts(task, title, title, "")


def chapters(
    screen, texts: ChapterTexts, number_files: numbers.Numbers
) -> Iterator[Chapter]:
    """Yields the chapter of a classification; none if no shown set was scored.

    Args:
      screen: as of `screens.sort`.
      texts: of the chapter.
      number_files: that rows are added to.
    """
    rows, table = screen.rows[texts.task], screen.tables.get(texts.task)
    if table:
        numbers.add(number_files, "scores", screen.name, list(map(flat, rows)))
        remarks = screen.remarks.get(texts.task, ())
        content = section(screen.name, texts, rows, table, remarks)
        yield Chapter(texts.task, texts.link, content)


def section(
    dataset: str,
    texts: ChapterTexts,
    rows: Sequence[Row],
    table: Table,
    remarks: Sequence[str] = (),
) -> Html:
    """Builds the chapter of one task.

    Args:
      dataset: the screen.
      texts: of the chapter.
      rows: all its rows.
      table: the compared ones side by side, with `findings.SCORE_KEYS`.
      remarks: what the task left out.
    """
    first = next(iter(table.values()))
    explanation = texts.explanation + (findings.NEW if findings.unseen(first) else "")
    if any(score_key[4] for score_key in table):
        explanation += (
            f" One line for each {next(iter(table))[3]}, after the mean of all."
        )
    if len({score_key[5:] for score_key in table}) > 1:
        explanation += (
            " Features are normalised as for the other scores and, to compare with, "
            "all plates together."
        )
    explanation += f" In small print the 95 % interval over resampled {units(table)}"
    if not texts.lower_is_better:
        explanation += (
            ", and under a floor how much what stands first is above it (or, marked "
            "so, above guessing, where the floor itself is below that)"
        )
    drawn = page.join(figures(dataset, texts, table))
    parts = [
        page.tag("p", f"{explanation}."),
        page.tag("div", drawn, class_="pair"),
        beside(table, texts),
    ]
    shown = {id(row) for by_role in table.values() for row in by_role.values()}
    rest = [row for row in rows if id(row) not in shown]
    if rest:
        summary = f"All other feature sets ({len(rest)} scores)"
        parts.append(page.details(summary, _rest(rest, texts)))
    counts = dict.fromkeys(
        map(counts_in_words, map(encoder_roles.main, table.values()))
    )
    parts += [page.tag("p", f"{line}.", class_="note") for line in counts if line]
    parts.append(page.remarks(remarks))
    note = page.join(["Numbers:", page.data_link("scores")])
    parts.append(page.tag("p", note, class_="note"))
    title = texts.title
    if texts.title_of_label:
        title = texts.title_of_label.format(next(iter(table))[3])
    return page.section(texts.task, title, *parts, of=dataset)


def units(table: Table) -> str:
    """Names the units that intervals resample: "wells", or "wells, treatments"."""
    rows = map(encoder_roles.main, table.values())
    return page.listing(f"{row.get('unit') or 'well'}s" for row in rows)


def figure(
    names: Sequence[str], lines: Sequence[Mapping[str, Row]], label: str, name: str
) -> Html:
    """Draws scores with intervals and the line of guessing, as SVG.

    Args:
      names: of the lines.
      lines: role -> row of each; at most `MOST_LINES` are drawn.
      label: of the axis.
      name: unique within the page.
    """
    lines = lines[:MOST_LINES]
    order = dict.fromkeys(role for by_role in lines for role in by_role)
    series = {
        role: [point(by_role.get(role)) for by_role in lines]
        for role in list(order)[: len(style.SERIES)]
    }
    chance = [encoder_roles.main(by_role).get("chance") for by_role in lines]
    drawn = plot.draw(names[:MOST_LINES], series, label, chance)
    title = f"{label} with 95 % intervals; the table has the numbers"
    return Html(style.to_svg(drawn, page.anchor(name), title))


def figures(
    dataset: str, texts: ChapterTexts, table: Table, name: str = ""
) -> Iterable[Html]:
    """Draws a figure for each metric.

    Args:
      dataset: the screen.
      texts: of the chapter.
      table: scores side by side, with `findings.SCORE_KEYS`.
      name: unique within the screen; "" is the task's.
    """
    for i, metric in enumerate(dict.fromkeys(score_key[2] for score_key in table)):
        of_metric = {
            score_key: by_role
            for score_key, by_role in table.items()
            if score_key[2] == metric
        }
        drawn = figure(
            line_names(of_metric, list(of_metric.values())),
            list(of_metric.values()),
            _axis(metric, texts),
            f"score-{dataset}-{name or texts.task}-{i}",
        )
        yield page.figure(drawn, "")


def beside(table: Table, texts: ChapterTexts, csv: str = "scores") -> Html:
    """Tabulates scores, floors beside what is judged.

    Args:
      table: with `findings.SCORE_KEYS`, or `findings.BATCH_KEYS`.
      texts: of the chapter.
      csv: the file of all scores.
    """
    order = dict.fromkeys(role for by_role in table.values() for role in by_role)
    columns = [role for role in order if role in FLOOR_OF]
    columns = [role for role in order if role not in FLOOR_OF] + columns
    extra = ("Normalised",) if any(score_key[5:] for score_key in table) else ()
    header = (texts.first_column, "Test part", "By", *extra, *columns, "guessing")
    lines = [
        (
            _cells(score_key, texts),
            split_cell(score_key[1], any(row["leaky"] for row in by_role.values())),
            METRICS.get(score_key[2], score_key[2].replace("_", " ")),
            *score_key[5:],
            *(cell(role, by_role) for role in columns),
            page.number(encoder_roles.main(by_role).get("chance"), ".2f"),
        )
        for score_key, by_role in table.items()
    ]
    return page.table(header, lines, csv)


def line_names(
    score_keys: Iterable[encoder_roles.ScoreKey],
    lines: Iterable[Mapping[str, Row]] = (),
) -> list[str]:
    """Names the lines of a figure: cells and label, split, and the mark.

    Args:
      score_keys: of the lines.
      lines: role -> row of each; without rows no line is marked.
    """
    names = _line_names(list(score_keys))
    for i, by_role in enumerate(lines):
        if any(map(marks.learnt, by_role.values())):
            names[i] += f" ({marks.WORDS})"
    return names


def _line_names(score_keys: Sequence[encoder_roles.ScoreKey]) -> list[str]:
    several = len({score_key[3] for score_key in score_keys}) > 1
    mean = "mean of all" if any(score_key[4] for score_key in score_keys) else ""
    names = []
    for group, split, _, label, class_, *normalize in score_keys:
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
    """Drops from a row what does not fit into one line of CSV."""
    nested = ("folds", "classes", "differences", "by_label", "taken")
    nested += ("by_class", "left_out")
    plain = {key: value for key, value in row.items() if key not in nested}
    for floor, difference in (row.get("differences") or {}).items():
        plain |= {f"minus_{floor}_{key}": number for key, number in difference.items()}
    return plain


def cell(role: str, by_role: Mapping[str, Row], pattern: str = ".3f") -> Html:
    """Formats a score with its interval; a floor's with the difference to the first."""
    row = by_role.get(role)
    if row is None:
        return page.text("–")
    formatted = interval(row, pattern, row)
    first = encoder_roles.main(by_role)
    difference = (first.get("differences") or {}).get(FLOOR_OF.get(role, ""))
    if difference and first is not row:
        gain = page.number(difference["value"], "+" + pattern)
        ends = page.span(difference["low"], difference["high"], "+" + pattern)
        is_sure = findings.verdict(first, FLOOR_OF[role]) in ("better", "worse")
        to = " to guessing" if difference["against"] == "chance" else ""
        change = page.tag("b" if is_sure else "span", f"Δ{to} {gain}")
        formatted = page.join(
            [formatted, page.tag("small", page.join([change, f"({ends})"]))]
        )
    return formatted


def _axis(metric: str, texts: ChapterTexts) -> str:
    label = METRICS.get(metric, metric.replace("_", " "))
    if metric.startswith("balanced_accuracy"):
        label = f"balanced accuracy of {label}"
    return f"{label} (lower is better)" if texts.lower_is_better else label


def point(row: Row | None) -> plot.Score | None:
    """Returns what a figure shows of a row; None if it has no score."""
    if row is None or curve_effects.is_missing(row["value"]):
        return None
    return row["value"], row["low"], row["high"]


def _cells(score_key: encoder_roles.ScoreKey, texts: ChapterTexts) -> str:
    group, _, _, label, class_, *_ = score_key
    has_group = group != "all" or not (class_ or texts.labelled)
    parts = [
        (texts.all_cells if group == "all" else group) if has_group else "",
        class_,
    ]
    if texts.labelled:
        parts.append(label)
    return ", ".join(filter(None, parts))


def _rest(rows: Sequence[Row], texts: ChapterTexts) -> Html:
    header = (
        "Feature set", "Cells", "Test part", "By", "Normalised", "Score", "− untrained"
    )  # fmt: skip
    lines = []
    for row in rows:
        score_key = tuple(row.get(key) or "" for key in findings.SCORE_KEYS)
        gain = (row.get("differences") or {}).get("untrained")
        lines.append(
            (
                row["set"],
                _cells(score_key, texts),
                split_cell(row["split"], row["leaky"]),
                METRICS.get(row["metric"], row["metric"]),
                row.get("normalize", ""),
                interval(row, ".3f", row),
                interval(gain, "+.3f", row) if gain else "–",
            )
        )
    return page.table(header, lines, "scores")


def interval(estimate: Mapping[str, Any], pattern: str, row: Row) -> Html:
    """Formats a score, or a difference, with its interval and its row's mark."""
    return marked(
        page.interval(estimate["value"], estimate["low"], estimate["high"], pattern),
        row,
    )


def marked(shown: Html | str, row: Row) -> Html:
    """Adds the mark to what is shown of a row whose labels the encoder learnt."""
    if not marks.learnt(row):
        return page.join([shown])
    return page.join([shown, page.tag("span", marks.WORDS, class_="leaky")])


def split_cell(split: str, leaky: bool) -> Html:
    """Describes a split in words, with the mark of leaky ones."""
    description = page.text(findings.split_words(split))
    mark = page.tag("span", "leaky", class_="leaky")
    return page.join([description, mark]) if leaky else description
