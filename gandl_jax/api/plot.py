"""What the report draws, as matplotlib figures: show them, or save them by savefig."""

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
    """One curve: wells, means of doses, the fit, EC50s, and the controls beside.

    Args:
      rows: as from `gj.dose_response`.
      treatment: whose; "" is the first of those ranked, the most potent that rises.
      **where: set, group (cell model) or experiment, where a treatment has several.

    Raises:
      InputError: there is no such curve.
    """
    asked = where | ({"treatment": treatment} if treatment else {})
    curves = _curves(rows)
    if not curves:
        raise InputError("no curve has points to draw: the column status says why")
    chosen = [row for row in curves if all(row[k] == v for k, v in asked.items())]
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
    """Rescue against side effect at the highest dose, a point per curve.

    Args:
      rows: as from `gj.dose_response`, of one set.

    Raises:
      InputError: of no curve both are known.
    """
    known = drawn_doses.with_effects(_curves(rows))
    if not known:
        raise InputError("no curve has a rescue and a side effect: there is no figure")
    return dose.compounds(*drawn_doses.compounds(known))


def scores(rows: pd.DataFrame, metric: str = "balanced_accuracy") -> Figure:
    """Scores with their intervals, sets beside one another, and guessing.

    Args:
      rows: as from `gj.control_scores`, or of any task with "metric" and "value".
      metric: of them.

    Raises:
      InputError: there is no score by it.
    """
    found = [row for row in _rows(rows) if row["metric"] == metric]
    if not found:
        raise InputError(
            f"there is no score by {metric!r}: {nearest(metric, set(rows['metric']))}"
        )
    lines: dict[str, dict[str, Row]] = {}
    for row in found:
        lines.setdefault(_line(row), {})[row["set"]] = row
    names = list(dict.fromkeys(row["set"] for row in found))
    return _beside(lines, names, metric.replace("_", " "))


def comparison(rows: pd.DataFrame, question: str = "") -> Figure:
    """Arms of a comparison, trained beside untrained, and floors, best first.

    Args:
      rows: as from `gj.compare`.
      question: one of its questions; "" is the first.

    Raises:
      InputError: there is no such question.
    """
    asked = question or (rows["question"].iloc[0] if len(rows) else "")
    found = [row for row in _rows(rows) if row["question"] == asked]
    if not found:
        known = set(rows["question"])
        raise InputError(f"there is no question {asked!r}: {nearest(asked, known)}")
    sign = 1 if found[0]["lower_is_better"] else -1
    lines: dict[str, dict[str, Row]] = {}
    for row in sorted(found, key=lambda row: (_place(row), sign * row["value"])):
        lines.setdefault(row["arm"], {})[row["role"]] = row
    roles = judged.TRAINED, judged.UNTRAINED, judged.FLOOR
    return _beside(lines, [r for r in roles if r in {x["role"] for x in found}], asked)


def training(workdir: Any, panel: str = "") -> Figure:
    """A curve of training against the images seen.

    Args:
      workdir: of the training.
      panel: its caption, as the report has it; "" is the first.

    Raises:
      InputError: no workdir, nothing logged, or no such panel.
    """
    folder = epath.Path(workdir)
    config, metrics = workdirs.read_config(folder), logs.read(folder)
    lines = [line for line in metrics if "images" in line]
    found = {p.caption: p for p in training_curves.panels(config, lines)}
    if not found:
        raise InputError(f"{workdir} has logged no training: run --job=train there")
    if panel and panel not in found:
        raise InputError(f"there is no panel {panel!r}: {nearest(panel, found)}")
    chosen = found[panel or next(iter(found))]
    return training_panel.draw(chosen.lines, chosen.label)


def plate(wells: pd.DataFrame, name: str = "") -> Figure:
    """The responses of a plate's wells as a heat map; controls are marked.

    Args:
      wells: as from `gj.wells`, of one set.
      name: of the plate, "EXPERIMENT/PLATE" where there are experiments; "" is the
        first.

    Raises:
      InputError: the wells have no places on plates, or there is no such plate.
    """
    if not {"plate", "row", "column"} <= set(wells):
        raise InputError(
            "the wells have no places on plates: there is no plate to draw"
        )
    of_plate = wells["plate"].astype(str)
    if "experiment" in wells:
        of_plate = wells["experiment"].astype(str) + "/" + of_plate
    name = name or of_plate.iloc[0]
    placed = wells[(of_plate == name) & wells["row"].notna()]
    if placed.empty:
        raise InputError(f"there is no plate {name!r}: {nearest(name, set(of_plate))}")
    marks = {
        role: _places(placed[placed["role"] == role])
        for role in ("response_0", "response_1")
    }
    size = plates.shape(_places(wells[wells["row"].notna()]))
    values = placed["response"].astype(float).tolist()
    return plate_panel.draw(_places(placed), values, marks, size, f"plate {name}")


def well_map(wells: pd.DataFrame, by: str = "umap") -> Figure:
    """Every well on a plane, the controls in colour.

    Args:
      wells: as from `gj.wells`, of one set.
      by: "umap" or "pca".

    Raises:
      InputError: another map than those.
    """
    if by not in ("umap", "pca"):
        raise InputError(f"there is no map {by!r}: name umap or pca")
    found = wells[[f"{by}_1", f"{by}_2", "role"]].dropna()
    places = found[[f"{by}_1", f"{by}_2"]].to_numpy(float).tolist()
    points: dict[str, list] = {}
    for place, role in zip(places, found["role"], strict=True):
        points.setdefault(role if role in ROLES else "other", []).append(place)
    return points_panel.draw(points, ROLES, (f"{by} 1", f"{by} 2"))


def _beside(
    lines: Mapping[str, Mapping[str, Row]], names: list[str], label: str
) -> Figure:
    """Scores of several names on each line."""
    series = {
        name: [_score(those.get(name)) for those in lines.values()] for name in names
    }
    chance = [next(iter(those.values())).get("chance") for those in lines.values()]
    return score_panel.draw(list(lines), series, label, chance)


def _score(row: Row | None) -> score_panel.Score | None:
    if row is None or row["value"] is None:
        return None
    return row["value"], row["low"], row["high"]


def _line(row: Row) -> str:
    """What is scored, in two lines of the figure."""
    first = [row.get("class"), row.get("group") or "all", row.get("label")]
    return "\n".join([", ".join(filter(None, first)), row.get("split") or ""]).strip()


def _place(row: Row) -> int:
    return [judged.TRAINED, judged.UNTRAINED, judged.FLOOR].index(row["role"])


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as tasks give them: None where a table has no number."""
    return [task_results.plain(row) for row in frame.to_dict("records")]


def _curves(frame: pd.DataFrame) -> list[Row]:
    """Ranked rows of dose response that have points."""
    return curve_effects.rank([row for row in _rows(frame) if row["points"]])


def _places(frame: pd.DataFrame) -> list[tuple[int, int]]:
    rows, columns = (frame[name].astype(int) for name in ("row", "column"))
    return list(zip(rows, columns, strict=True))


def _words(where: Mapping[str, str]) -> str:
    return "".join(f", {key} {value!r}" for key, value in where.items())
