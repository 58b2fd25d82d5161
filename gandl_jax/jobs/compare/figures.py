"""The figures of a comparison: scores by task and by cost, curves, image grids."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from etils import epath

from gandl_jax import logs, pictures
from gandl_jax import workdir as workdirs
from gandl_jax.figures import against, style
from gandl_jax.figures import scores as plot
from gandl_jax.jobs.compare import answer, text
from gandl_jax.jobs.compare.spent import Cost, memory_bytes
from gandl_jax.jobs.report import page, training
from gandl_jax.jobs.report.page import Html
from gandl_jax.judging.entrants import Entrant
from gandl_jax.judging.judged import FLOOR, TRAINED, UNTRAINED
from gandl_jax.tasks import marks

Row = Mapping[str, Any]
GRID_PX = 560  # width of an image grid on the page
COSTS = {  # name of the axis to the cost
    "minutes of training": lambda own: own.get("seconds", 0.0) / 60,
    "peak memory, GiB": lambda own: (memory_bytes(own) or 0) / 2**30,
}


def by_cost(words: str, rows: list[Row], cost: Mapping[str, Cost]) -> Html | None:
    """The chapter of scores against training time, and against memory."""
    made = []
    for axis, of in COSTS.items():
        points = {
            row["arm"]: (of(cost[row["arm"]]), *_ends(row))
            for row in answer.shown(rows, fair=True)
            if of(cost.get(row["arm"], {}))
        }
        if points:
            figure = against.draw(points, axis, "score")
            svg = style.to_svg(figure, f"cost-{len(made)}", f"{words} by {axis}")
            made.append(page.figure(Html(svg), f"Score by {axis}"))
    if not made:
        return None
    plots = page.tag("div", page.join(made), class_="pair")
    return page.section("costs", "What does a score cost?", plots, link("costs"))


def by_task(asked: Mapping[str, list[Row]]) -> Html:
    """The chapter of all arms by all questions."""
    made = [_task(words, rows, i) for i, (words, rows) in enumerate(asked.items())]
    return page.section(
        "tasks",
        "All methods by all tasks",
        page.tag("p", "Means over seeds with 95 % intervals, best first."),
        page.tag("div", page.join(made), class_="pair"),
        link("scores"),
    )


def _task(words: str, rows: list[Row], number: int) -> Html:
    shown = (*answer.shown(rows, fair=True), *answer.shown(rows, fair=False))
    floors = (row for row in rows if row["role"] == FLOOR)
    every = [*shown, *floors]
    names = [marks.told(row["arm"], row) for row in every]
    series = {
        role: [_score(rows, row["arm"], role) for row in every]
        for role in (TRAINED, UNTRAINED, FLOOR)
    }
    figure = plot.draw(names, series, "score", [rows[0]["chance"]] * len(names))
    svg = style.to_svg(figure, f"task-{number}", words)
    caption = f"{words}; {page.count(rows[0]['records'], 'record')}"
    return page.figure(Html(svg), caption)


def _score(rows: Iterable[Row], arm: str, role: str):
    row = text.of_arm(rows, arm, role)
    return _ends(row) if row else None


def _ends(row: Row) -> tuple[float, float, float]:
    return row["value"], row["low"], row["high"]


def curves(compared: Sequence[Entrant]) -> Html | None:
    """The chapter of the first curve that each method shows of its training."""
    made = []
    for i, (arm, one) in enumerate(_first_of_arms(compared).items()):
        config, metrics = workdirs.read_config(one.folder), logs.read(one.folder)
        for caption, svg in training.curves(config, metrics, f"curve-{i}")[:1]:
            made.append(page.figure(Html(svg), f"{arm}, seed {one.seed}: {caption}"))
    if not made:
        return None
    plots = page.tag("div", page.join(made), class_="panels")
    return page.section("curves", "How did they learn?", plots)


def grids(compared: Sequence[Entrant]) -> Html | None:
    """The chapter of the last image grid of each arm that draws any."""
    found = _first_of_arms(compared).items()
    made = [p for arm, one in found if (p := _grid(arm, one.folder))]
    if not made:
        return None
    plots = page.tag("div", page.join(made), class_="pair")
    return page.section("images", "What do they make of images?", plots)


def _grid(arm: str, folder: epath.Path) -> Html | None:
    found = sorted((folder / "images").glob("*_composite.png"))
    if not found:
        return None
    left, right = pictures.read_words(found[-1]) or ("training images", "the method's")
    try:
        png = pictures.shrunk(found[-1], GRID_PX)
    except ValueError:  # damaged
        return None
    words = f"{arm}: left {left}, right {right}"
    return page.picture(png, words, words)


def _first_of_arms(compared: Sequence[Entrant]) -> dict[str, Entrant]:
    """The first training of each arm; tables were not trained here."""
    found: dict[str, Entrant] = {}
    for one in compared:
        if one.seed is not None:
            found.setdefault(one.arm, one)
    return found


def link(csv: str) -> Html:
    """Where the numbers are."""
    words = page.join(["All numbers:", page.data_link(csv)])
    return page.tag("p", words, class_="note")
