"""Page of a comparison: all methods beside one another, with scores and costs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from etils import epath

from gandl_jax import config as configs
from gandl_jax import workdir as workdirs
from gandl_jax.jobs.compare import answer, figures, methods, parts
from gandl_jax.jobs.compare.arm_costs import Cost
from gandl_jax.jobs.report import page, page_file
from gandl_jax.jobs.report.page import Html
from gandl_jax.judging import task_tables
from gandl_jax.judging.entrants import Entrant
from gandl_jax.judging.judged import flat
from gandl_jax.raw import screen as screens

Contents = Sequence[Mapping[str, Any]]


def write(
    folder: epath.Path,
    compared: Sequence[Entrant],
    contents: Contents,
    differences: Sequence[Mapping[str, Any]],
    cost: Mapping[str, Cost],
    config,
) -> None:
    """Writes index.html and data/*.csv.

    Args:
      folder: of the comparison.
      compared: the workdirs that were compared.
      contents: of each task, as the job writes them.
      differences: as of `parts.rows`.
      cost: arm to its costs.
      config: of the comparison.
    """
    shown = parts.section(differences)
    chapters = _chapters(folder.name, compared, contents, shown, cost, config)
    title = f"{folder.name}: methods compared - gandl_jax"
    body = page.join(filter(None, chapters))
    numbers = _numbers(contents, cost)
    if differences:
        numbers["parts"] = pd.DataFrame(differences)
    page_file.write(folder, title, body, numbers)


def _chapters(
    screen: str,
    compared: Sequence[Entrant],
    contents: Contents,
    of_parts: Html | None,
    cost,
    config,
) -> Iterator[Html | None]:
    rows_of_question = answer.questions(contents)
    first = answer.leading(rows_of_question)
    yield page.tag("h1", f"Methods compared on {screen}")
    yield page.tag("p", _subtitle(compared), class_="subtitle")
    if limits := screens.load(config).limits:
        yield page.tag("p", f"What these data cannot show: {limits}")
    if first:
        yield answer.section(first, rows_of_question[first], contents, cost)
        yield methods.section(first, rows_of_question[first], cost, _doubts(compared))
        yield of_parts
        yield figures.by_cost(first, rows_of_question[first], cost)
    if rows_of_question:
        yield figures.by_task(rows_of_question)
        yield _pairs(contents)
    yield _left_out(contents)
    yield figures.curves(compared)
    yield figures.grids(compared)
    yield _what_was_compared(compared, config)


def _subtitle(compared: Sequence[Entrant]) -> str:
    arms = dict.fromkeys(entrant.arm for entrant in compared)
    seeds = sorted({entrant.seed for entrant in compared if entrant.seed is not None})
    return (
        f"{page.count(len(compared), 'feature set')} of {page.listing(arms)}; seeds "
        f"{', '.join(map(str, seeds))}."
    )


def _pairs(contents: Contents) -> Html | None:
    pairs = [pair for content in contents for pair in content["pairs"]]
    if not pairs:
        return None
    called = [pair for pair in pairs if pair["different"]]
    lines = [
        [
            task_tables.title(pair["task"]),
            pair["question"],
            pair["one"],
            pair["other"],
            page.interval(pair["value"], pair["low"], pair["high"], "+.3f"),
            page.number(pair["p_corrected"], ".2g"),
        ]
        for pair in called
    ]
    header = ("Task", "Question", "One", "Other", "One − other", "p, corrected")
    return page.section(
        "pairs",
        "Which differences hold?",
        page.tag(
            "p",
            f"{len(called)} of {len(pairs)} differences between two methods hold after "
            "correction for the number of pairs of their question (Holm).",
        ),
        page.table(header, lines, "pairs") if lines else "",
        figures.link("pairs"),
    )


def _doubts(compared: Sequence[Entrant]) -> dict[str, str]:
    """Returns arm to what its method's options say against themselves, if they do."""
    doubts = {}
    for entrant in compared:
        if entrant.seed is not None:
            config = workdirs.read_config(entrant.folder)
            options = configs.method_options(config.method.name)
            if hasattr(options, "doubt"):
                doubts[entrant.arm] = options.doubt(config)
    return doubts


def _left_out(contents: Contents) -> Html | None:
    lines = [
        f"{content['task']}: {content['skipped']}"
        for content in contents
        if content["skipped"]
    ]
    lines += [
        f"{content['task']}: {reason}"
        for content in contents
        for reason in content["left_out"]
    ]
    if not lines:
        return None
    return page.section("left-out", "What was left out", page.items(lines))


def _what_was_compared(compared: Sequence[Entrant], config) -> Html:
    lines = [
        [
            entrant.arm,
            entrant.settings,
            "" if entrant.seed is None else str(entrant.seed),
            str(entrant.folder),
        ]
        for entrant in compared
    ]
    return page.section(
        "facts",
        "What was compared",
        page.tag(
            "p",
            f"All sets were judged on the same records{_within(config)}, folds and "
            f"{config.evaluate.bootstrap_draws:,} draws, normalised by "
            f"{config.evaluate.normalize!r} unless a task says otherwise. Intervals "
            "add what other wells and what other seeds would have given."
            + _counted(config.compare),
        ),
        page.table(("Method", "Differs in", "Seed", "Workdir"), lines, "scores"),
    )


def _counted(compare) -> str:
    if not compare.aside_frac:
        return ""
    return (
        f" Of classifications the test records of the {compare.part} part are counted "
        f"({compare.aside_frac:.0%} of the groups are set aside to choose by)."
    )


def _within(config) -> str:
    """Names the groups of records that were judged, if not all were."""
    within = config.evaluate.within
    return f" (those of {within})" if within else ""


def _numbers(contents: Contents, cost) -> dict[str, pd.DataFrame]:
    rows = [flat(row) for content in contents for row in content["rows"]]
    pairs = [pair for content in contents for pair in content["pairs"]]
    return {
        "scores": pd.DataFrame(rows),
        "pairs": pd.DataFrame(pairs),
        "costs": pd.DataFrame(
            [{"arm": arm, **arm_cost} for arm, arm_cost in cost.items()]
        ),
    }
