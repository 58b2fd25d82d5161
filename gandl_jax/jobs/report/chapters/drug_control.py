"""Chapter of drugs against controls: measures of a classifier and its floors."""

from collections.abc import Iterator

from gandl_jax.jobs.report import encoder_roles, findings, page, scores
from gandl_jax.jobs.report import numbers as files
from gandl_jax.jobs.report.encoder_roles import Table
from gandl_jax.jobs.report.page import Html
from gandl_jax.jobs.report.task_chapters import Chapter
from gandl_jax.tasks import drug_control as task

PLACE = 35
KEYS = findings.SCORE_KEYS
REMARKS = True
DRAWN = ("roc_auc", "balanced_accuracy_wells")
WORDS = (
    "A linear classifier learns to tell images of drugs from those of controls and is "
    "asked about others. ROC-AUC, recall (the share of drugs that is called a drug), "
    "specificity (of controls that is not) and balanced accuracy do not depend on how "
    "many controls there are; accuracy, precision (the share of drugs among what is "
    "called a drug) and F1 do, {drugs} here. Guessing is the toss of a coin. In small "
    "print the 95 % interval over resampled {units}."
)


def chapters(screen, numbers):
    """Yields the chapter, as `task_chapters` asks for it."""
    rows, table = screen.rows["drug_control"], screen.tables.get("drug_control")
    if table:
        files.add(numbers, "drug_control", screen.name, list(map(scores.flat, rows)))
        frequencies = dict.fromkeys(row["frequency"] for row in rows)
        drugs = page.listing(f"{share:.0%} are drugs" for share in frequencies)
        section = page.section(
            "drug_control",
            "Are drugs told from controls?",
            page.tag("p", WORDS.format(drugs=drugs, units=scores.units(table))),
            page.tag("div", page.join(_figures(screen.name, table)), class_="pair"),
            _table(table),
            page.remarks(screen.remarks.get("drug_control", ())),
            page.tag(
                "p",
                page.join(["Numbers:", page.data_link("drug_control")]),
                class_="note",
            ),
            of=screen.name,
        )
        yield Chapter("drug_control", "Drugs", section)


def _figures(name: str, table: Table) -> Iterator[Html]:
    for metric in DRAWN:
        of_metric = {
            score_key: by_role
            for score_key, by_role in table.items()
            if score_key[2] == metric
        }
        if of_metric:
            lines = list(of_metric.values())
            label = task.measure({"metric": metric})
            names = scores.line_names(of_metric, lines)
            drawn = scores.figure(names, lines, label, f"drug-{name}-{metric}")
            yield page.figure(drawn, "")


def _table(table: Table) -> Html:
    order = list(dict.fromkeys(role for by_role in table.values() for role in by_role))
    header = ("Cells", "Test part", "Measure", *order, "guessing")
    lines = []
    for score_key, by_role in table.items():
        first = encoder_roles.main(by_role)
        lines.append(
            (
                score_key[0],
                scores.split_cell(score_key[1], first["leaky"]),
                task.measure(first),
                *(scores.cell(role, by_role) for role in order),
                page.number(first["chance"], ".2f"),
            )
        )
    return page.table(header, lines, "drug_control")
