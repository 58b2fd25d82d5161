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
    """The answer of one screen; None where no task has one.

    Args:
      screen: its rows.
      inputs: of the whole report.
    """
    limits = _limits(screen, inputs)
    parts = [_wells(screen), _compounds(screen), _sure(screen), _doubts(screen, limits)]
    parts = [part for part in parts if part]
    missed = _missed(screen, own=inputs.config.data.name == "own")
    if not parts and not missed:
        return None
    title = page.tag("h2", page.join(["In short", page.tag("small", screen.name)]))
    cards = page.tag("div", page.join(parts), class_="cards")
    return page.tag(
        "section",
        page.join([title, *missed, cards]),
        class_="answer",
        id=page.anchor(f"answer-{screen.name}"),
    )


def _missed(screen: Screen, *, own: bool) -> list[Html]:
    """A sentence for each answer that there is none of, with what to do about it.

    Args:
      screen: its rows.
      own: whether the config says what the screen's columns are.
    """
    found = []
    for task, reason in screen.skipped.items():
        what = getattr(task_chapters.drawn().get(task), "MISSED", None)
        if what:
            words = f"{what} is not answered: {reason.rstrip('.')}"
            keys = [key for name, key in KEYS.items() if name in reason]
            if own and keys:
                words += f". Set {page.listing(keys)}, then run again"
            found.append(page.tag("p", f"{words}.", class_="missing"))
    return found


def _wells(screen: Screen) -> Html | None:
    of = screen.wells
    if of is None or not of.has_responses:
        return None
    if marks.learnt(of.row):
        return _card("Which wells?", [_not_told(of.row)])
    parts = [page.tag("p", wells.answer(of.frame), class_="lead")]
    if of.has_plates:
        best = wells.best_plates(of.frame)
        picture = plates.heat_map(of.frame, best[0])
        holder = page.tag("div", picture, data_plates=plates.data_id(screen.name))
        parts += [holder, plates.key(of.frame)]
        if len(best) > 1:
            words = f"The plate with the most such wells, of {len(best)}."
            parts.append(page.tag("p", words, class_="note"))
    return _card("Which wells?", parts)


def _compounds(screen: Screen) -> Html | None:
    title, kept = "Which compounds, at which dose?", screen.answering
    if not screen.drawn:
        return None
    if next(iter(screen.curves)) not in kept:
        return _card(title, [_not_told(screen.drawn[0])])
    rows = next(iter(kept.values()))
    parts = [
        page.tag("p", findings.dose_answer(rows), class_="lead"),
        compounds.best(rows),
    ]
    more = findings.beside(kept)
    if more:
        parts.append(page.tag("p", more, class_="note"))
    return _card(title, parts)


def _not_told(row: Row) -> Html:
    """Says why what is there is no answer."""
    words = (
        f"Not answered: {row['encoder']} learnt labels of these wells. The chapter "
        f"below shows what it makes of them, marked {marks.WORDS}."
    )
    return page.tag("p", words, class_="missing")


def _sure(screen: Screen) -> Html | None:
    if not screen.controls:
        return _other_scores(screen)
    parts = [page.tag("p", findings.score_answer(screen.controls), class_="lead")]
    fair = findings.fair(screen.controls)
    if fair:
        label = "balanced accuracy of images"
        names, lines = scores.line_names(fair), list(fair.values())
        drawn = scores.figure(names, lines, label, f"answer-{screen.name}")
        several = len({place[1] for place in fair}) > 1
        folds = page.listing(
            _folds(place, those, named=several) for place, those in fair.items()
        )
        over = scores.units(fair)
        caption = f"Dashed: guessing. Bars: 95 % intervals over {over}. {folds}."
        parts.append(page.figure(drawn, caption))
    return _card("How sure?", parts)


def _folds(place: encoder_roles.Place, those, *, named: bool) -> str:
    """The wells and plates of a score; the split is named where there are several."""
    row = encoder_roles.main(those)
    cells = place[0] if place[0] not in ("all", "") else ""
    split = findings.split_words(place[1]) if named else ""
    what = ", ".join(filter(None, (cells, split)))
    counts = (
        f"{page.count(row['wells'], 'well')} on {page.count(row['plates'], 'plate')}"
    )
    return f"{what}: {counts}" if what else counts


def _other_scores(screen: Screen) -> Html | None:
    """Scores of the first classification, for a screen without controls."""
    if not screen.judged:
        return None
    table = findings.leak_free(screen.judged) or findings.unmarked(screen.judged)
    if not table:
        first = encoder_roles.main(next(iter(screen.judged.values())))
        return _card("How sure?", [_not_told(first)])
    # By whole wells is in the chapter; a minute is short.
    table = {p: those for p, those in table.items() if not p[2].endswith("_wells")}
    names, lines = scores.line_names(table), list(table.values())
    caption = "Dashed: guessing. Bars: 95 % intervals."
    splits = {place[1] for place in table}
    if len(splits) == 1 and any(place[4] for place in table):
        names = [name.partition("\n")[0] for name in names]
        label = next(iter(table))[3]
        words = findings.split_words(splits.pop())
        caption += f" A line for each {label}, after their mean; {words}."
    drawn = scores.figure(names, lines, "share named rightly", f"answer-{screen.name}")
    parts = [
        page.tag("p", findings.naming_answer(table), class_="lead"),
        page.figure(drawn, caption),
    ]
    new = findings.unseen(next(iter(table.values())))
    return _card(
        "How sure, on a new screen (zero-shot)?" if new else "How sure?", parts
    )


def _limits(screen: Screen, inputs: Inputs) -> list[str]:
    """What the config's screen says that its scores cannot show, of that screen."""
    spec = screen_spec.load(inputs.config)
    return [spec.limits] if spec.limits and spec.name == screen.name else []


def _doubts(screen: Screen, limits: list[str]) -> Html | None:
    found = limits + doubts.doubts(
        screen.judged,
        screen.answering.get(next(iter(screen.curves), ""), []),
        screen.wells,
        screen.batch,
        screen.warnings,
    )
    if not found:
        return None
    parts = [page.items(found[:MOST_DOUBTS])]
    if len(found) > MOST_DOUBTS:
        rest = found[MOST_DOUBTS:]
        parts.append(page.details(f"{len(rest)} more", page.items(rest)))
    return _card("What to doubt", parts)


def _card(title: str, parts: list[Html]) -> Html:
    return page.tag("div", page.join([page.tag("h3", title), *parts]), class_="card")
