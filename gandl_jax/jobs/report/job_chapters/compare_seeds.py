"""Chapter of several seeds: trained beside untrained networks."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from etils import epath

from gandl_jax.figures import learning as plot
from gandl_jax.figures import style
from gandl_jax.jobs.report import findings, page, scores
from gandl_jax.jobs.report.encoder_roles import Row
from gandl_jax.jobs.report.page import Html
from gandl_jax.profiles import feature_set
from gandl_jax.tasks import marks, seed_table
from gandl_jax.tasks.choice import CHOSEN

PLACE, NAME, LINK = 2, "seeds", "Seeds"
HEADER = (
    "Cells",
    "Test part",
    "By",
    "Feature set",
    "Step",
    "Trained",
    "Untrained",
    "Trained − untrained",
    "Of each seed",
)


def section(
    dataset: str, contents: Mapping[str, Mapping[str, Any]], folder: epath.Path
) -> Html:
    """Builds the chapter of a screen's comparisons, by task; see `of_jobs`."""
    del folder
    parts = [
        part
        for task, content in contents.items()
        for part in _task(dataset, task, content)
    ]
    parts.append(
        page.tag("p", page.join(["Numbers:", page.data_link("seeds")]), class_="note")
    )
    return page.section(NAME, "Does training help, over seeds?", *parts, of=dataset)


def numbers(contents: Mapping[str, Mapping[str, Any]]) -> dict[str, list[dict]]:
    """Returns the scores of all tasks, one a line."""
    rows = [row for content in contents.values() for row in content["rows"]]
    return {"seeds": [seed_table.flat(row) for row in rows]}


def _task(dataset: str, task: str, content: Mapping[str, Any]) -> Iterator[Html]:
    rows = content["rows"]
    trained = ", ".join(map(str, rows[0]["seeds"]))
    explanation = (
        f"Balanced accuracy, the mean of trainings with the seeds {trained}; in small "
        f"print the 95 % interval over resampled {seed_table.units(rows)}, of these "
        f"trainings. Test records of the {content['part']} part are counted: "
        f"{'; '.join(content['counted'])}."
    )
    yield page.tag("h3", scores.chapter_texts(task).title)
    yield page.tag("p", explanation)
    curves = [
        _curve(dataset, score_key, pairs)
        for score_key, pairs in _by_score(rows).items()
        if len(pairs) > 1
    ]
    if curves:
        yield page.tag("div", page.join(curves), class_="panels")
    lines = [_line(*pair) for pair in seed_table.pairs(rows)]
    yield page.table(HEADER, lines, "seeds")
    yield page.remarks(content["left_out"])


def _by_score(rows: list[Row]) -> dict[tuple[str, ...], list[tuple[Row, Row]]]:
    """Groups pairs of all steps: of what was chosen, else of every set."""
    groups: dict[tuple[str, ...], list[tuple[Row, Row]]] = {}
    pairs = list(seed_table.pairs(rows))
    chosen = [pair for pair in pairs if pair[0]["features"] == CHOSEN]
    for row, base in chosen or pairs:
        score_key = tuple(
            row[key] for key in ("task", "group", "split", "metric", "features")
        )
        groups.setdefault(score_key, []).append((row, base))
    return groups


def _curve(
    dataset: str, score_key: tuple[str, ...], pairs: Sequence[tuple[Row, Row]]
) -> Html:
    task, group, split, metric, features = score_key
    pairs = sorted(pairs, key=lambda pair: feature_set.step(pair[0]["encoder"]))
    trained = [row for row, _ in pairs]
    drawn = plot.draw(
        [feature_set.step(row["encoder"]) for row in trained],
        [scores.point(row) for row in trained],
        [row["of_seeds"] for row in trained],
        scores.point(pairs[0][1]),
        "balanced accuracy",
    )
    caption = (
        f"{group}, {findings.split_words(split)}, by {scores.METRICS[metric]}: "
        f"{features}"
    )
    if any(marks.learnt(row) for pair in pairs for row in pair):
        caption += f" ({marks.WORDS})"
    name = page.anchor("-".join(("seeds", dataset, *score_key)))
    return page.figure(Html(style.to_svg(drawn, name, caption)), caption)


def _line(row: Row, base: Row) -> tuple[Any, ...]:
    gain = row["differences"]["untrained"]
    return (
        row["group"],
        findings.split_words(row["split"]),
        scores.METRICS[row["metric"]],
        row["features"],
        f"{feature_set.step(row['encoder']):,}",
        scores.interval(row, ".3f", row),
        scores.interval(base, ".3f", base),
        scores.interval(gain, "+.3f", row),
        ", ".join(page.number(value, "+.3f") for value in gain["of_seeds"]),
    )
