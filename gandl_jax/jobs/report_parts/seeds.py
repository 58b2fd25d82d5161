"""The report's several seeds: trained beside untrained networks, means and each one."""

from collections.abc import Iterator, Mapping
from typing import Any

from gandl_jax.jobs.report_parts import findings, page, scores
from gandl_jax.jobs.report_parts.kinds import Row
from gandl_jax.jobs.report_parts.page import Html
from gandl_jax.tasks import seed_table

HEADER = (
    "Cells",
    "Test part",
    "By",
    "Feature set",
    "Trained",
    "Untrained",
    "Trained − untrained",
    "Of each seed",
)


def section(dataset: str, comparisons: Mapping[str, Mapping[str, Any]]) -> Html | None:
    """The chapter of a screen's comparisons; None where there are none.

    Args:
      dataset: the screen.
      comparisons: task -> what the job compare_seeds left.
    """
    made = {task: content for task, content in comparisons.items() if content["rows"]}
    if not made:
        return None
    parts = [part for task, content in made.items() for part in _task(task, content)]
    parts.append(
        page.tag("p", page.join(["Numbers:", page.data_link("seeds")]), class_="note")
    )
    return page.section("seeds", "Does training help, over seeds?", *parts, of=dataset)


def numbers(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The scores of one task, one a line."""
    return [seed_table.flat(row) for row in content["rows"]]


def _task(task: str, content: Mapping[str, Any]) -> Iterator[Html]:
    rows = content["rows"]
    trained = ", ".join(map(str, rows[0]["seeds"]))
    words = (
        f"Balanced accuracy, the mean of trainings with the seeds {trained}; in small "
        f"print the 95 % interval over resampled {seed_table.units(rows)}, of these "
        f"trainings. Test records of the {content['part']} part are counted: "
        f"{'; '.join(content['counted'])}."
    )
    yield page.tag("h3", scores.INTRO[task][0])
    yield page.tag("p", words)
    lines = [_line(*pair) for pair in seed_table.pairs(rows)]
    yield page.table(HEADER, lines, "seeds")
    yield page.remarks(content["left_out"])


def _line(row: Row, base: Row) -> tuple[Any, ...]:
    gain = row["differences"]["untrained"]
    return (
        row["group"],
        findings.split_words(row["split"]),
        scores.METRICS[row["metric"]],
        row["features"],
        *(page.interval(r["value"], r["low"], r["high"], ".3f") for r in (row, base)),
        page.interval(gain["value"], gain["low"], gain["high"], "+.3f"),
        ", ".join(page.number(value, "+.3f") for value in gain["of_seeds"]),
    )
