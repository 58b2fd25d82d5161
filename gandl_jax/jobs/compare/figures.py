"""Figures of a comparison: scores by task and by cost, curves, image grids."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from etils import epath

from gandl_jax import logs, pictures
from gandl_jax import workdir as workdirs
from gandl_jax.figures import against, style
from gandl_jax.figures import scores as plot
from gandl_jax.jobs.compare import answer, cost_table, text
from gandl_jax.jobs.compare.arm_costs import Cost, memory_bytes
from gandl_jax.jobs.report import page, training
from gandl_jax.jobs.report.page import Html
from gandl_jax.judging.entrants import Entrant
from gandl_jax.judging.judged import FLOOR, TRAINED, UNTRAINED
from gandl_jax.tasks import marks

Row = Mapping[str, Any]
GRID_PX = 560  # width of an image grid on the page
COSTS = {  # name of the axis to a function of the cost
    "minutes of training": lambda cost: cost.get("seconds", 0.0) / 60,
    "peak memory, GiB": lambda cost: (memory_bytes(cost) or 0) / 2**30,
}


def by_cost(question: str, rows: list[Row], cost: Mapping[str, Cost]) -> Html | None:
    """Makes the chapter of costs: scores against time and memory, and a table."""
    shown = answer.shown(rows, fair=True)
    plots = []
    for axis, cost_of in COSTS.items():
        points = {
            row["arm"]: (cost_of(cost[row["arm"]]), *_ends(row))
            for row in shown
            if cost_of(cost.get(row["arm"], {}))
        }
        if points:
            figure = against.draw(points, axis, "score")
            svg = style.to_svg(figure, f"cost-{len(plots)}", f"{question} by {axis}")
            plots.append(page.figure(Html(svg), f"Score by {axis}"))
    if not plots:
        return None
    plots_html = page.tag("div", page.join(plots), class_="pair")
    arms = [row["arm"] for row in [*shown, *answer.shown(rows, fair=False)]]
    costs = cost_table.table(arms, cost)
    title = "What does a score cost?"
    return page.section("costs", title, plots_html, costs, link("costs"))


def by_task(rows_of_question: Mapping[str, list[Row]]) -> Html:
    """Makes the chapter of all arms by all questions."""
    plots = [
        _task(question, rows, i)
        for i, (question, rows) in enumerate(rows_of_question.items())
    ]
    return page.section(
        "tasks",
        "All methods by all tasks",
        page.tag("p", "Means over seeds with 95 % intervals, best first."),
        page.tag("div", page.join(plots), class_="pair"),
        link("scores"),
    )


def _task(question: str, rows: list[Row], number: int) -> Html:
    shown = (*answer.shown(rows, fair=True), *answer.shown(rows, fair=False))
    floors = (row for row in rows if row["role"] == FLOOR)
    arms = [*shown, *floors]
    names = [marks.marked(row["arm"], row).replace(" (", "\n(") for row in arms]
    series = {
        role: [_score(rows, row["arm"], role) for row in arms]
        for role in (TRAINED, UNTRAINED, FLOOR)
    }
    figure = plot.draw(names, series, "score", [rows[0]["chance"]] * len(names))
    svg = style.to_svg(figure, f"task-{number}", question)
    caption = f"{question}; {page.count(rows[0]['records'], 'record')}"
    return page.figure(Html(svg), caption)


def _score(rows: Iterable[Row], arm: str, role: str):
    row = text.find_row(rows, arm, role)
    return _ends(row) if row else None


def _ends(row: Row) -> tuple[float, float, float]:
    return row["value"], row["low"], row["high"]


def curves(compared: Sequence[Entrant]) -> Html | None:
    """Makes the chapter of the first training curve of each method."""
    plots = []
    for i, (arm, entrant) in enumerate(_first_of_arms(compared).items()):
        config, metrics = (
            workdirs.read_config(entrant.folder),
            logs.read(entrant.folder),
        )
        for caption, svg in training.curves(config, metrics, f"curve-{i}")[:1]:
            plots.append(
                page.figure(Html(svg), f"{arm}, seed {entrant.seed}: {caption}")
            )
    if not plots:
        return None
    plots_html = page.tag("div", page.join(plots), class_="panels")
    return page.section("curves", "How did they learn?", plots_html)


def grids(compared: Sequence[Entrant]) -> Html | None:
    """Makes the chapter of the last image grid of each arm that has any."""
    entrants = _first_of_arms(compared).items()
    grids_html = [
        grid for arm, entrant in entrants if (grid := _grid(arm, entrant.folder))
    ]
    if not grids_html:
        return None
    plots = page.tag("div", page.join(grids_html), class_="pair")
    return page.section("images", "What do they make of images?", plots)


def _grid(arm: str, folder: epath.Path) -> Html | None:
    paths = sorted((folder / "images").glob("*_composite.png"))
    if not paths:
        return None
    left, right = pictures.read_words(paths[-1]) or ("training images", "the method's")
    try:
        png = pictures.shrunk(paths[-1], GRID_PX)
    except ValueError:  # damaged
        return None
    caption = f"{arm}: left {left}, right {right}"
    return page.picture(png, caption, caption)


def _first_of_arms(compared: Sequence[Entrant]) -> dict[str, Entrant]:
    """Returns the first training of each arm; tables were not trained here."""
    first_of_arm: dict[str, Entrant] = {}
    for entrant in compared:
        if entrant.seed is not None:
            first_of_arm.setdefault(entrant.arm, entrant)
    return first_of_arm


def link(csv: str) -> Html:
    """Links to the table with the numbers."""
    sentence = page.join(["All numbers:", page.data_link(csv)])
    return page.tag("p", sentence, class_="note")
