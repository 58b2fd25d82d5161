"""The report's choice of features: scores of choosing, what was chosen, what to use."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gandl_jax.jobs.report import encoder_roles, findings, page, scores
from gandl_jax.jobs.report.encoder_roles import Row, Table
from gandl_jax.jobs.report.page import Html
from gandl_jax.tasks import ranking
from gandl_jax.tasks.choice import CHOSEN, SCORE

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


def section(dataset: str, choices: Mapping[str, Mapping[str, Any]]) -> Html | None:
    """The chapter of a screen's choices; None where there are none.

    Args:
      dataset: the screen.
      choices: task -> what the job choose_features left.
    """
    made = {task: content for task, content in choices.items() if content["rows"]}
    if not made:
        return None
    parts = [page.tag("p", HONEST)]
    for task, content in made.items():
        parts += _task(dataset, task, content)
    links = [page.data_link("choice"), page.data_link("candidates")]
    parts.append(page.tag("p", page.join(["Numbers:", *links]), class_="note"))
    return page.section("choice", "Which features should be used?", *parts, of=dataset)


def numbers(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The scores of one task's choice, one a line."""
    return [scores.flat(row) for row in content["rows"]]


def _task(dataset: str, task: str, content: Mapping[str, Any]) -> Iterator[Html]:
    rows, best = content["rows"], content["recommendation"]
    names = encoder_roles.roles(row["encoder"] for row in rows)
    table = encoder_roles.side_by_side(rows, names, CHOSEN, findings.SCORE_KEYS)
    asked = scores.asked(task)
    yield page.tag("h3", asked.title)
    yield from _recommended(best) if best else [_none_recommended()]
    figures = page.join(scores.figures(dataset, asked, table, f"choice-{task}"))
    yield page.tag("div", figures, class_="pair")
    yield scores.beside(table, asked, csv="choice")
    yield page.details("What each fold chose", _taken(table))
    ranked = ranking.best_first(content["candidates"])
    summary = f"All candidates ({len(ranked)}), best first"
    yield page.details(summary, page.tag("p", LOOKED), _candidates(ranked))
    yield page.remarks(content["left_out"])


def _recommended(best: Row) -> Iterator[Html]:
    words = [
        f"Recommended: {best['set']} with {best['normalize']}. Add",
        page.tag("code", best["flags"]),
    ]
    yield page.tag("p", page.join(words), class_="lead")
    if best["note"]:
        yield page.tag("p", f"{best['note']}.", class_="missing")


def _none_recommended() -> Html:
    return page.tag("p", f"{ranking.NONE}.", class_="missing")


def _taken(table: Table) -> Html:
    header = ("Cells", "Test part", "Chosen from", "Chosen, in how many folds")
    lines = {
        (place[0], findings.split_words(place[1]), role): _words(row["taken"])
        for place, those in table.items()
        for role, row in those.items()
        if row["taken"]
    }
    return page.table(header, [(*key, words) for key, words in lines.items()], "choice")


def _words(taken: Iterable[Row]) -> str:
    return ", ".join(
        f"{one['set']} with {one['normalize']} ({one['folds']})" for one in taken
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
