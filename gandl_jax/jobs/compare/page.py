"""The page of a comparison: all methods beside one another, with scores and costs."""

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from etils import epath

from gandl_jax import logs, pictures
from gandl_jax import workdir as workdirs
from gandl_jax.figures import against, style
from gandl_jax.figures import scores as plot
from gandl_jax.jobs.compare import spent, text
from gandl_jax.jobs.compare.judged import FLOOR, TRAINED, UNTRAINED, flat
from gandl_jax.jobs.report import page, page_file, training
from gandl_jax.jobs.report.page import Html
from gandl_jax.judging import task_tables
from gandl_jax.judging.entrants import Entrant
from gandl_jax.profiles.groups import HELD_OUT
from gandl_jax.progress import duration
from gandl_jax.tasks import marks
from gandl_jax.tasks.classification import WELLS

Row = Mapping[str, Any]
Contents = Sequence[Mapping[str, Any]]
FIRST_TASKS = ("control_classification", "label_classification")  # whose score leads
GRID_PX = 560  # width of an image grid on the page
HEADER = (
    "Method", "Set", "Seeds", "Score", "Untrained", "Trained − untrained", "Rank",
    "Training", "Images", "Memory", "GFLOP a step", "Parameters", "Width", "To doubt",
)  # fmt: skip


def write(
    folder: epath.Path, compared: Sequence[Entrant], contents: Contents, config
) -> None:
    """Writes index.html and data/*.csv.

    Args:
      folder: of the comparison.
      compared: what was compared.
      contents: of each task, as the job keeps them.
      config: of the comparison.
    """
    cost = spent.of_arms(compared)
    asked = _questions(contents)
    leading = _leading(asked)
    parts = [
        page.tag("h1", f"Methods compared on {folder.name}"),
        page.tag("p", _subtitle(compared), class_="subtitle"),
    ]
    if leading:
        parts += [_answer(leading, asked[leading], contents, compared)]
        parts += [_table(leading, asked[leading], compared, cost)]
        parts += list(_costs(leading, asked[leading], cost))
    parts += [_task(words, rows, i) for i, (words, rows) in enumerate(asked.items())]
    parts += [_pairs(contents), *_skipped(contents)]
    parts += [_curves(compared), _grids(compared), _facts(compared, config)]
    page_file.write(
        folder,
        f"{folder.name}: methods compared - gandl_jax",
        page.join(filter(None, parts)),
        _numbers(contents, cost),
    )


def _questions(contents: Contents) -> dict[str, list[Row]]:
    """Task and question in words to the rows."""
    return {
        f"{task_tables.title(content['task'])}: {words}": rows
        for content in contents
        for words, rows in text.questions(content["rows"]).items()
    }


def _leading(asked: Mapping[str, list[Row]]) -> str | None:
    """The question that stands first: on held-out records, by wells, of controls."""

    def place(words: str) -> tuple:
        row = asked[words][0]
        tasks = list(FIRST_TASKS)
        known = tasks.index(row["task"]) if row["task"] in tasks else len(tasks)
        return row.get("split") != HELD_OUT, known, row["metric"] != WELLS

    return min(asked, key=place, default=None)


def _subtitle(compared: Sequence[Entrant]) -> str:
    arms = list(dict.fromkeys(one.arm for one in compared))
    seeds = sorted({one.seed for one in compared if one.seed is not None})
    return (
        f"{page.count(len(compared), 'training')} of {page.listing(arms)}; "
        f"seeds {', '.join(map(str, seeds))}."
    )


def _shown(rows: Iterable[Row], *, fair: bool) -> list[Row]:
    """Trained arms, best first: those that stand against one another, or the others."""
    own = [row for row in rows if row["role"] == TRAINED and ("rank" in row) == fair]
    return sorted(own, key=operator.itemgetter("value"), reverse=True)


def _answer(words: str, rows: list[Row], contents: Contents, compared) -> Html:
    fair = _shown(rows, fair=True)
    lines = []
    if fair:
        best = fair[0]
        lines.append(
            f"{best['arm']} has the highest score, {text.interval(best)}, and is first "
            f"in {best['best']:.0%} of draws."
        )
        lines += _beaten(best, contents, words)
        lines += [_gain(row) for row in fair if row["minus_untrained"]]
    lines += _floors(fair, rows)
    if any(len(row["seeds"]) == 1 for row in fair):
        lines.append(
            "Of methods with one seed nothing is known of other seeds: their intervals "
            "are over wells alone."
        )
    return page.section(
        "answer",
        "Which way of learning suits this screen?",
        page.tag("p", f"{words}. Seeds are averaged."),
        page.items(lines),
    )


def _beaten(best: Row, contents: Contents, words: str) -> Iterator[str]:
    pairs = [
        pair
        for content in contents
        for pair in content["pairs"]
        if f"{task_tables.title(content['task'])}: {text.words(pair)}" == words
        and best["arm"] in (pair["one"], pair["other"])
    ]
    names = {True: [], False: []}
    for pair in pairs:
        other = pair["other"] if pair["one"] == best["arm"] else pair["one"]
        names[pair["different"]].append(other)
    if names[True]:
        yield (
            f"It differs from {page.listing(names[True])} after correction for the "
            "number of pairs."
        )
    if names[False]:
        yield f"It cannot be told apart from {page.listing(names[False])}."


def _gain(row: Row) -> str:
    gain = row["minus_untrained"]
    holds = "helps" if gain["low"] > 0 else "harms" if gain["high"] < 0 else ""
    told = f"Training {holds or 'makes no difference that these records can show for'}"
    return f"{told} {row['arm']}: {text.interval(gain, '+')} beside its untrained one."


def _floors(fair: Sequence[Row], rows: Iterable[Row]) -> Iterator[str]:
    floors = {r["arm"]: r["value"] for r in rows if r["role"] == FLOOR}
    for name, value in floors.items():
        below = [row["arm"] for row in fair if row["high"] < value]
        if below:
            yield f"{page.listing(below)}: worse than {name} alone ({value:.3f})."


def _table(words: str, rows: list[Row], compared, cost) -> Html:
    parts = [
        page.tag("p", f"{words}; in small print 95 % intervals over wells and seeds."),
        page.table(
            HEADER, [_line(r, rows, cost) for r in _shown(rows, fair=True)], "scores"
        ),
    ]
    if others := _shown(rows, fair=False):
        parts += [
            page.tag("h3", "Apart: what saw more"),
            page.tag(
                "p",
                "Networks that learnt labels of the records that are judged, or were "
                "trained on images that the others held out. They are in no rank and "
                "in no pair.",
            ),
            page.table(HEADER, [_line(row, rows, cost) for row in others], "scores"),
        ]
    return page.section("methods", "Methods", *parts)


def _line(row: Row, rows: list[Row], cost: Mapping[str, spent.Cost]) -> list[object]:
    own, gain = cost.get(row["arm"], {}), row["minus_untrained"]
    untrained = text.of_arm(rows, row["arm"], UNTRAINED)
    return [
        row["arm"],
        row["features"],
        str(len(row["seeds"])),
        _interval(row, ".3f"),
        _interval(untrained, ".3f"),
        _interval(gain, "+.3f"),
        text.rank(row).replace("[", "(").replace("]", ")").replace(" ", " ") or "–",
        duration(own["seconds"]) if own else "–",
        page.number(own.get("images"), ",.0f"),
        _memory(own),
        page.number((own.get("flops_per_step") or float("nan")) / 1e9, ",.2f"),
        page.number(own.get("parameters"), ",.0f"),
        page.number(own.get("width"), ",.0f"),
        page.items(_doubts(row, own)),
    ]


def _interval(row: Row | None, pattern: str) -> object:
    if not row:
        return "–"
    return page.interval(row["value"], row["low"], row["high"], pattern)


def _memory(own: spent.Cost) -> str:
    """The peak of a device where one tells, else of the host."""
    if own.get("peak_device_bytes"):
        return f"{own['peak_device_bytes'] / 2**30:.1f} GiB"
    if own.get("peak_host_bytes"):
        return f"{own['peak_host_bytes'] / 2**30:.1f} GiB (host)"
    return "–"


def _doubts(row: Row, own: spent.Cost) -> list[str]:
    made = []
    if marks.learnt(row):
        made.append(marks.WORDS)
    if row.get("saw_all"):
        made.append("images seen")
    if len(row["seeds"]) == 1 and row["seeds"] != [None]:
        made.append("one seed")
    if not row["minus_untrained"]:
        made.append("no untrained network beside it")
    elif row["minus_untrained"]["low"] <= 0:
        made.append("no better than untrained")
    if own.get("stopped"):
        made.append(f"stopped early: {own['stopped']}")
    return made


def _costs(words: str, rows: list[Row], cost) -> Iterator[Html]:
    """The score against training time, and against memory."""
    axes = {
        "seconds of training": lambda own: own.get("seconds"),
        "peak memory, bytes": lambda own: (
            own.get("peak_device_bytes") or own.get("peak_host_bytes")
        ),
    }
    made = []
    for axis, value in axes.items():
        points = {
            row["arm"]: (value(cost[row["arm"]]), *_ends(row))
            for row in _shown(rows, fair=True)
            if value(cost.get(row["arm"], {}))
        }
        if points:
            figure = against.draw(points, axis, "score")
            svg = style.to_svg(figure, f"against-{len(made)}", f"{words} by {axis}")
            made.append(page.figure(Html(svg), f"Score by {axis}"))
    if made:
        yield page.section(
            "costs",
            "What does a score cost?",
            page.tag("div", page.join(made), class_="pair"),
            page.tag(
                "p", page.join(["Numbers:", page.data_link("costs")]), class_="note"
            ),
        )


def _ends(row: Row) -> tuple[float, float, float]:
    return row["value"], row["low"], row["high"]


def _task(words: str, rows: list[Row], number: int) -> Html:
    """A figure of all arms by one question."""
    arms = [row["arm"] for row in (*_shown(rows, fair=True), *_shown(rows, fair=False))]
    floors = [row["arm"] for row in rows if row["role"] == FLOOR]
    series = {
        TRAINED: [_score(rows, arm, TRAINED) for arm in [*arms, *floors]],
        UNTRAINED: [_score(rows, arm, UNTRAINED) for arm in [*arms, *floors]],
        FLOOR: [_score(rows, arm, FLOOR) for arm in [*arms, *floors]],
    }
    chance = [rows[0]["chance"]] * len([*arms, *floors])
    figure = plot.draw([*arms, *floors], series, "score", chance)
    svg = style.to_svg(figure, f"task-{number}", words)
    caption = f"Mean over seeds with 95 % intervals; {rows[0]['records']:,} records"
    return page.section(
        f"task-{number}",
        words,
        page.tag("div", page.figure(Html(svg), caption), class_="pair"),
        page.tag("p", page.join(["Numbers:", page.data_link("scores")]), class_="note"),
    )


def _score(rows: Iterable[Row], arm: str, role: str):
    row = text.of_arm(rows, arm, role)
    return _ends(row) if row else None


def _pairs(contents: Contents) -> Html | None:
    pairs = [pair for content in contents for pair in content["pairs"]]
    if not pairs:
        return None
    called = [pair for pair in pairs if pair["different"]]
    lines = [
        [
            task_tables.title(pair["task"]),
            text.words(pair),
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
        page.tag(
            "p", page.join(["All of them:", page.data_link("pairs")]), class_="note"
        ),
    )


def _skipped(contents: Contents) -> Iterator[Html]:
    said = [f"{c['task']}: {c['skipped']}" for c in contents if c["skipped"]]
    said += [f"{c['task']}: {words}" for c in contents for words in c["left_out"]]
    if said:
        yield page.section("left-out", "What was left out", page.items(said))


def _first_of_arms(compared: Sequence[Entrant]) -> dict[str, Entrant]:
    found: dict[str, Entrant] = {}
    for one in compared:
        if one.seed is not None:
            found.setdefault(one.arm, one)
    return found


def _curves(compared: Sequence[Entrant]) -> Html | None:
    """The first curve that each method shows of its training."""
    made = []
    for i, (arm, one) in enumerate(_first_of_arms(compared).items()):
        config, metrics = workdirs.read_config(one.folder), logs.read(one.folder)
        for caption, svg in training.curves(config, metrics, f"curve-{i}")[:1]:
            made.append(page.figure(Html(svg), f"{arm}, seed {one.seed}: {caption}"))
    if not made:
        return None
    plots = page.tag("div", page.join(made), class_="panels")
    return page.section("curves", "How did they learn?", plots)


def _grids(compared: Sequence[Entrant]) -> Html | None:
    """The last image grid of each arm that draws any."""
    made = [
        picture
        for arm, one in _first_of_arms(compared).items()
        if (picture := _grid(arm, one.folder))
    ]
    if not made:
        return None
    return page.section(
        "images", "What do they make of images?",
        page.tag("div", page.join(made), class_="pair"),
    )  # fmt: skip


def _grid(arm: str, folder: epath.Path) -> Html | None:
    found = sorted((folder / "images").glob("*_composite.png"))
    if not found:
        return None
    left, right = pictures.read_words(found[-1]) or ("training images", "the method's")
    try:
        png = pictures.shrunk(found[-1], GRID_PX)
    except ValueError:
        return None
    return page.picture(
        png, f"{arm}: {left} and {right}", f"{arm}: left {left}, right {right}"
    )


def _facts(compared: Sequence[Entrant], config) -> Html:
    lines = [
        [one.arm, str(one.seed) if one.seed is not None else "", str(one.folder)]
        for one in compared
    ]
    return page.section(
        "facts",
        "What was compared",
        page.tag(
            "p",
            f"All sets were judged on the same records, folds and "
            f"{config.evaluate.bootstrap_draws:,} draws, normalised by "
            f"{config.evaluate.normalize!r}. Intervals add what other wells and what "
            "other seeds would have given; of a task without repeats of a class in a "
            "unit they are as wide as nothing is known.",
        ),
        page.table(("Method", "Seed", "Workdir"), lines, "costs"),
    )


def _numbers(contents: Contents, cost) -> dict[str, pd.DataFrame]:
    rows = [flat(row) for content in contents for row in content["rows"]]
    pairs = [pair for content in contents for pair in content["pairs"]]
    spent_rows = [{"arm": arm, **own} for arm, own in cost.items()]
    return {
        "scores": pd.DataFrame(rows),
        "pairs": pd.DataFrame(pairs),
        "costs": pd.DataFrame(spent_rows),
    }
