"""Chapter of the choice of features: scores, what was chosen, what to use."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from etils import epath

from gandl_jax.jobs.report import encoder_roles, findings, page, scores
from gandl_jax.jobs.report.encoder_roles import Row, Table
from gandl_jax.jobs.report.page import Html
from gandl_jax.tasks import ranking
from gandl_jax.tasks.choice import CHOSEN, SCORE

PLACE, NAME, LINK = 1, "choice", "Choice of features"
HONEST = (
    "Each fold chose a feature set and its normalisation within its own training part "
    "and was asked once, afterwards, about its test part. These scores are honest: the "
    "choice was made without the test wells. Each column chose among the sets of its "
    "own encoder, any encoder among all."
)
LOOKED = (
    "Scores within training parts, averaged over cells, splits and folds. They rank "
    "the candidates; the best of so many look better than they are."
)


def section(
    dataset: str, contents: Mapping[str, Mapping[str, Any]], folder: epath.Path
) -> Html:
    """Builds the chapter of a screen's choices, by task; see `of_jobs`."""
    del folder
    parts = [page.tag("p", HONEST)]
    for task, content in contents.items():
        parts += _task(dataset, task, content)
    links = [page.data_link("choice"), page.data_link("candidates")]
    parts.append(page.tag("p", page.join(["Numbers:", *links]), class_="note"))
    return page.section(NAME, "Which features should be used?", *parts, of=dataset)


def numbers(contents: Mapping[str, Mapping[str, Any]]) -> dict[str, list[dict]]:
    """Returns the scores of choices, and all candidates, one a line."""
    by_task = contents.values()
    return {
        "choice": [scores.flat(row) for content in by_task for row in content["rows"]],
        "candidates": [row for content in by_task for row in content["candidates"]],
    }


def _task(dataset: str, task: str, content: Mapping[str, Any]) -> Iterator[Html]:
    rows, best = content["rows"], content["recommendation"]
    names = encoder_roles.roles(row["encoder"] for row in rows)
    table = encoder_roles.side_by_side(rows, names, CHOSEN, findings.SCORE_KEYS)
    texts = scores.chapter_texts(task)
    yield page.tag("h3", texts.title)
    yield from _recommended(best) if best else [_none_recommended()]
    figures = page.join(scores.figures(dataset, texts, table, f"choice-{task}"))
    yield page.tag("div", figures, class_="pair")
    yield scores.beside(table, texts, csv="choice")
    yield page.details("What each fold chose", _choices(table))
    ranked = ranking.best_first(content["candidates"])
    summary = f"All candidates ({len(ranked)}), best first"
    yield page.details(summary, page.tag("p", LOOKED), _candidates(ranked))
    yield page.remarks(content["left_out"])


def _recommended(best: Row) -> Iterator[Html]:
    sentence = [
        f"Recommended: {best['set']} with {best['normalize']}. Add",
        page.tag("code", best["flags"]),
    ]
    yield page.tag("p", page.join(sentence), class_="lead")
    if best["note"]:
        yield page.tag("p", f"{best['note']}.", class_="missing")


def _none_recommended() -> Html:
    return page.tag("p", f"{ranking.NONE}.", class_="missing")


def _choices(table: Table) -> Html:
    header = ("Cells", "Test part", "Chosen from", "Chosen, in how many folds")
    lines = {
        (score_key[0], findings.split_words(score_key[1]), role): _counted_choices(
            row["taken"]
        )
        for score_key, by_role in table.items()
        for role, row in by_role.items()
        if row["taken"]
    }
    return page.table(
        header, [(*key, choices) for key, choices in lines.items()], "choice"
    )


def _counted_choices(taken: Iterable[Row]) -> str:
    return ", ".join(
        f"{choice['set']} with {choice['normalize']} ({choice['folds']})"
        for choice in taken
    )


def _candidates(ranked: Sequence[Row]) -> Html:
    header = ("Feature set", "Normalised", "C", "Score")
    lines = [
        (
            row["set"],
            row["normalize"],
            f"{row['svm_c']:g}",
            scores.marked(page.number(row[SCORE], ".3f"), row),
        )
        for row in ranked
    ]
    return page.table(header, lines, "candidates")
