"""Figures of the report in matplotlib: to be shown, or saved by savefig."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from etils import epath

from gandl_jax import logs
from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError, nearest
from gandl_jax.judging import (
    curve_effects,
    drawn_doses,
    judged,
    task_results,
    training_curves,
)

try:
    from gandl_jax.figures import dose, plate_panel, points_panel
    from gandl_jax.figures import plate as plates
    from gandl_jax.figures import scores as score_panel
    from gandl_jax.figures import training as training_panel
    from gandl_jax.figures.style import Figure
except ImportError as error:
    raise InputError(
        'matplotlib is not installed: pip install "gandl_jax[report]"'
    ) from error

Row = Mapping[str, Any]
ROLES = {
    "response_0": "control without effect",
    "response_1": "control in the wanted state",
    "treated": "treated",
    "other": "other",
}


def dose_response(rows: pd.DataFrame, treatment: str = "", **where: str) -> Figure:
    """Draws one curve: wells, means of doses, the fit, EC50s and controls.

    Args:
      rows: as from `gj.dose_response`.
      treatment: of the curve; "" is the first ranked, the most potent that rises.
      **where: set, group (cell model) or experiment, if a treatment has several.

    Raises:
      InputError: there is no such curve.
    """
    wanted = where | ({"treatment": treatment} if treatment else {})
    curves = _curves(rows)
    if not curves:
        raise InputError("no curve has points to draw: the column status says why")
    chosen = [row for row in curves if all(row[k] == v for k, v in wanted.items())]
    if not chosen:
        raise InputError(
            f"there is no curve of {treatment!r}{_words(where)}: "
            f"{nearest(treatment, {str(row['treatment']) for row in curves})}"
        )
    drawn = drawn_doses.curve(chosen[0])
    doses = drawn["means"][0]
    return dose.curve(
        **drawn,
        dose_limits_um=(min(doses), max(doses)),
        response_limits=drawn_doses.response_limits([drawn]),
    )


def compounds(rows: pd.DataFrame) -> Figure:
    """Draws rescue against side effect at the highest dose, a point per curve.

    Args:
      rows: as from `gj.dose_response`, of one set.

    Raises:
      InputError: no curve has both.
    """
    plotted = drawn_doses.with_effects(_curves(rows))
    if not plotted:
        raise InputError("no curve has a rescue and a side effect: there is no figure")
    return dose.compounds(*drawn_doses.compounds(plotted))


def scores(rows: pd.DataFrame, metric: str = "balanced_accuracy") -> Figure:
    """Draws scores with their intervals, sets side by side, and guessing.

    Args:
      rows: as from `gj.control_scores`, or of any task with "metric" and "value".
      metric: of the scores.

    Raises:
      InputError: there is no score by this metric.
    """
    chosen = [row for row in _rows(rows) if row["metric"] == metric]
    if not chosen:
        raise InputError(
            f"there is no score by {metric!r}: {nearest(metric, set(rows['metric']))}"
        )
    lines: dict[str, dict[str, Row]] = {}
    for row in chosen:
        lines.setdefault(_line(row), {})[row["set"]] = row
    names = list(dict.fromkeys(row["set"] for row in chosen))
    return _beside(lines, names, metric.replace("_", " "))


def comparison(rows: pd.DataFrame, question: str = "") -> Figure:
    """Draws the arms of a comparison, trained beside untrained, and floors.

    Args:
      rows: as from `gj.compare`.
      question: one of its questions; "" is the first.

    Raises:
      InputError: there is no such question.
    """
    chosen_question = question or (rows["question"].iloc[0] if len(rows) else "")
    chosen = [row for row in _rows(rows) if row["question"] == chosen_question]
    if not chosen:
        questions = set(rows["question"])
        raise InputError(
            f"there is no question {chosen_question!r}: "
            f"{nearest(chosen_question, questions)}"
        )
    sign = 1 if chosen[0]["lower_is_better"] else -1
    lines: dict[str, dict[str, Row]] = {}
    for row in sorted(chosen, key=lambda row: (_role_order(row), sign * row["value"])):
        lines.setdefault(row["arm"], {})[row["role"]] = row
    roles = judged.TRAINED, judged.UNTRAINED, judged.FLOOR
    return _beside(
        lines,
        [role for role in roles if role in {row["role"] for row in chosen}],
        chosen_question,
    )


def training(workdir: Any, panel: str = "") -> Figure:
    """Draws a curve of training against the images seen.

    Args:
      workdir: of the training.
      panel: its caption, as the report has it; "" is the first.

    Raises:
      InputError: no workdir, nothing logged, or no such panel.
    """
    folder = epath.Path(workdir)
    config, metrics = workdirs.read_config(folder), logs.read(folder)
    lines = [line for line in metrics if "images" in line]
    panels = {p.caption: p for p in training_curves.panels(config, lines)}
    if not panels:
        raise InputError(f"{workdir} has logged no training: run --job=train there")
    if panel and panel not in panels:
        raise InputError(f"there is no panel {panel!r}: {nearest(panel, panels)}")
    chosen = panels[panel or next(iter(panels))]
    return training_panel.draw(chosen.lines, chosen.label)


def plate(wells: pd.DataFrame, name: str = "") -> Figure:
    """Draws the responses of a plate's wells as a heat map; controls are marked.

    Args:
      wells: as from `gj.wells`, of one set.
      name: of the plate, "EXPERIMENT/PLATE" if there are experiments; "" is the first.

    Raises:
      InputError: the wells have no positions on plates, or there is no such plate.
    """
    if not {"plate", "row", "column"} <= set(wells):
        raise InputError(
            "the wells have no places on plates: there is no plate to draw"
        )
    plate_names = wells["plate"].astype(str)
    if "experiment" in wells:
        plate_names = wells["experiment"].astype(str) + "/" + plate_names
    name = name or plate_names.iloc[0]
    placed = wells[(plate_names == name) & wells["row"].notna()]
    if placed.empty:
        raise InputError(
            f"there is no plate {name!r}: {nearest(name, set(plate_names))}"
        )
    marks = {
        role: _positions(placed[placed["role"] == role])
        for role in ("response_0", "response_1")
    }
    shape = plates.shape(_positions(wells[wells["row"].notna()]))
    values = placed["response"].astype(float).tolist()
    return plate_panel.draw(_positions(placed), values, marks, shape, f"plate {name}")


def well_map(wells: pd.DataFrame, by: str = "umap") -> Figure:
    """Draws every well on a plane, the controls in colour.

    Args:
      wells: as from `gj.wells`, of one set.
      by: "umap" or "pca".

    Raises:
      InputError: any other map.
    """
    if by not in ("umap", "pca"):
        raise InputError(f"there is no map {by!r}: name umap or pca")
    placed = wells[[f"{by}_1", f"{by}_2", "role"]].dropna()
    coordinates = placed[[f"{by}_1", f"{by}_2"]].to_numpy(float).tolist()
    points: dict[str, list] = {}
    for coordinate, role in zip(coordinates, placed["role"], strict=True):
        points.setdefault(role if role in ROLES else "other", []).append(coordinate)
    return points_panel.draw(points, ROLES, (f"{by} 1", f"{by} 2"))


def _beside(
    lines: Mapping[str, Mapping[str, Row]], names: list[str], label: str
) -> Figure:
    """Draws scores of several names on each line."""
    series = {
        name: [_score(by_name.get(name)) for by_name in lines.values()]
        for name in names
    }
    chance = [next(iter(by_name.values())).get("chance") for by_name in lines.values()]
    return score_panel.draw(list(lines), series, label, chance)


def _score(row: Row | None) -> score_panel.Score | None:
    if row is None or row["value"] is None:
        return None
    return row["value"], row["low"], row["high"]


def _line(row: Row) -> str:
    """Names what is scored, in two lines of text."""
    first = [row.get("class"), row.get("group") or "all", row.get("label")]
    return "\n".join([", ".join(filter(None, first)), row.get("split") or ""]).strip()


def _role_order(row: Row) -> int:
    return [judged.TRAINED, judged.UNTRAINED, judged.FLOOR].index(row["role"])


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Returns rows as tasks give them: None where a table has no number."""
    return [task_results.plain(row) for row in frame.to_dict("records")]


def _curves(frame: pd.DataFrame) -> list[Row]:
    """Returns ranked rows of dose response that have points."""
    return curve_effects.rank([row for row in _rows(frame) if row["points"]])


def _positions(frame: pd.DataFrame) -> list[tuple[int, int]]:
    rows, columns = (frame[name].astype(int) for name in ("row", "column"))
    return list(zip(rows, columns, strict=True))


def _words(where: Mapping[str, str]) -> str:
    return "".join(f", {key} {value!r}" for key, value in where.items())
