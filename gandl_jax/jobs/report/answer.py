"""The report's first page: which wells, which compounds, how sure, what to doubt."""

from gandl_jax.jobs.report import (
    compounds,
    doubts,
    encoder_roles,
    findings,
    page,
    plates,
    scores,
    task_chapters,
    wells,
)
from gandl_jax.jobs.report.encoder_roles import Row
from gandl_jax.jobs.report.inputs import Inputs
from gandl_jax.jobs.report.page import Html
from gandl_jax.jobs.report.screens import Screen
from gandl_jax.raw import screen as screen_spec
from gandl_jax.tasks import marks

MOST_DOUBTS = 8  # that are seen at once
KEYS = {  # what the reason names -> the key that tells it of a screen of one's own
    "response_0": "config.screen.response_0",
    "response_1": "config.screen.response_1",
    "both controls": "config.screen.response_0 and response_1",
    "Metadata_Role": "config.screen.response_0 and response_1",
    "Metadata_Experiment": "config.screen.columns.experiment",
    "Metadata_Plate": "config.screen.columns.plate",
    "Metadata_Well": "config.screen.columns.well",
    "Metadata_Treatment": "config.screen.columns.treatment",
    "Metadata_Concentration_uM": "config.screen.columns.concentration_um",
}


def section(screen: Screen, inputs: Inputs) -> Html | None:
    """Answers the first page's questions about one screen; None if no task does.

    Args:
      screen: its rows.
      inputs: of the whole report.
    """
    limits = _limits(screen, inputs)
    parts = [_wells(screen), _compounds(screen), _sure(screen), _doubts(screen, limits)]
    parts = [part for part in parts if part]
    unanswered = _unanswered(screen, is_custom=inputs.config.data.name == "own")
    if not parts and not unanswered:
        return None
    title = page.tag("h2", page.join(["In short", page.tag("small", screen.name)]))
    cards = page.tag("div", page.join(parts), class_="cards")
    return page.tag(
        "section",
        page.join([title, *unanswered, cards]),
        class_="answer",
        id=page.anchor(f"answer-{screen.name}"),
    )


def _unanswered(screen: Screen, *, is_custom: bool) -> list[Html]:
    """Returns a sentence on each question without an answer, and what to do.

    Args:
      screen: its rows.
      is_custom: True if the config names the screen's columns.
    """
    paragraphs = []
    for task, reason in screen.skipped.items():
        question = getattr(task_chapters.drawn().get(task), "MISSED", None)
        if question:
            sentence = f"{question} is not answered: {reason.rstrip('.')}"
            keys = [key for name, key in KEYS.items() if name in reason]
            if is_custom and keys:
                sentence += f". Set {page.listing(keys)}, then run again"
            paragraphs.append(page.tag("p", f"{sentence}.", class_="missing"))
    return paragraphs


def _wells(screen: Screen) -> Html | None:
    shown = screen.wells
    if shown is None or not shown.has_responses:
        return None
    if marks.learnt(shown.row):
        return _card("Which wells?", [_not_answered(shown.row)])
    parts = [page.tag("p", wells.answer(shown.frame), class_="lead")]
    if shown.has_plates:
        best = wells.best_plates(shown.frame)
        picture = plates.heat_map(shown.frame, best[0])
        holder = page.tag("div", picture, data_plates=plates.data_id(screen.name))
        parts += [holder, plates.key(shown.frame)]
        if len(best) > 1:
            note = f"The plate with the most such wells, of {len(best)}."
            parts.append(page.tag("p", note, class_="note"))
    return _card("Which wells?", parts)


def _compounds(screen: Screen) -> Html | None:
    title, answering = "Which compounds, at which dose?", screen.answering
    if not screen.drawn:
        return None
    if next(iter(screen.curves)) not in answering:
        return _card(title, [_not_answered(screen.drawn[0])])
    rows = next(iter(answering.values()))
    parts = [
        page.tag("p", findings.dose_answer(rows), class_="lead"),
        compounds.best(rows),
    ]
    comparison = findings.beside(answering)
    if comparison:
        parts.append(page.tag("p", comparison, class_="note"))
    return _card(title, parts)


def _not_answered(row: Row) -> Html:
    """Explains why rows whose labels were learnt answer nothing."""
    sentence = (
        f"Not answered: {row['encoder']} learnt labels of these wells. The chapter "
        f"below shows what it makes of them, marked {marks.WORDS}."
    )
    return page.tag("p", sentence, class_="missing")


def _sure(screen: Screen) -> Html | None:
    if not screen.controls:
        return _other_scores(screen)
    parts = [page.tag("p", findings.score_answer(screen.controls), class_="lead")]
    fair_scores = findings.fair(screen.controls)
    if fair_scores:
        label = "balanced accuracy of images"
        names, lines = scores.line_names(fair_scores), list(fair_scores.values())
        svg = scores.figure(names, lines, label, f"answer-{screen.name}")
        several = len({score_key[1] for score_key in fair_scores}) > 1
        folds = page.listing(
            _folds(score_key, by_role, named=several)
            for score_key, by_role in fair_scores.items()
        )
        units = scores.units(fair_scores)
        caption = f"Dashed: guessing. Bars: 95 % intervals over {units}. {folds}."
        parts.append(page.figure(svg, caption))
    return _card("How sure?", parts)


def _folds(score_key: encoder_roles.ScoreKey, by_role, *, named: bool) -> str:
    """Counts the wells and plates of a score; names the split if `named`."""
    row = encoder_roles.main(by_role)
    cells = score_key[0] if score_key[0] not in ("all", "") else ""
    split = findings.split_words(score_key[1]) if named else ""
    name = ", ".join(filter(None, (cells, split)))
    counts = (
        f"{page.count(row['wells'], 'well')} on {page.count(row['plates'], 'plate')}"
    )
    return f"{name}: {counts}" if name else counts


def _other_scores(screen: Screen) -> Html | None:
    """Shows scores of the first classification, for a screen without controls."""
    if not screen.judged:
        return None
    table = findings.leak_free(screen.judged) or findings.unmarked(screen.judged)
    if not table:
        first = encoder_roles.main(next(iter(screen.judged.values())))
        return _card("How sure?", [_not_answered(first)])
    # By whole wells is in the chapter; a minute is short.
    table = {
        score_key: by_role
        for score_key, by_role in table.items()
        if not score_key[2].endswith("_wells")
    }
    names, lines = scores.line_names(table), list(table.values())
    caption = "Dashed: guessing. Bars: 95 % intervals."
    splits = {score_key[1] for score_key in table}
    if len(splits) == 1 and any(score_key[4] for score_key in table):
        names = [name.partition("\n")[0] for name in names]
        label = next(iter(table))[3]
        split_name = findings.split_words(splits.pop())
        caption += f" A line for each {label}, after their mean; {split_name}."
    svg = scores.figure(names, lines, "share named rightly", f"answer-{screen.name}")
    parts = [
        page.tag("p", findings.naming_answer(table), class_="lead"),
        page.figure(svg, caption),
    ]
    is_unseen = findings.unseen(next(iter(table.values())))
    return _card(
        "How sure, on a new screen (zero-shot)?" if is_unseen else "How sure?", parts
    )


def _limits(screen: Screen, inputs: Inputs) -> list[str]:
    """Returns what the config's screen says of its limits; [] for another screen."""
    spec = screen_spec.load(inputs.config)
    return [spec.limits] if spec.limits and spec.name == screen.name else []


def _doubts(screen: Screen, limits: list[str]) -> Html | None:
    sentences = limits + doubts.doubts(
        screen.judged,
        screen.answering.get(next(iter(screen.curves), ""), []),
        screen.wells,
        screen.batch,
        screen.warnings,
    )
    if not sentences:
        return None
    parts = [page.items(sentences[:MOST_DOUBTS])]
    if len(sentences) > MOST_DOUBTS:
        rest = sentences[MOST_DOUBTS:]
        parts.append(page.details(f"{len(rest)} more", page.items(rest)))
    return _card("What to doubt", parts)


def _card(title: str, parts: list[Html]) -> Html:
    return page.tag("div", page.join([page.tag("h3", title), *parts]), class_="card")
