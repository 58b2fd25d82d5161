"""Chapter of efficacy: which doses make infected wells look healthy."""

import numpy as np

from gandl_jax import dose_unit
from gandl_jax.figures import efficacy as figures
from gandl_jax.figures import style
from gandl_jax.jobs.report import encoder_roles, page, scores
from gandl_jax.jobs.report import numbers as files
from gandl_jax.jobs.report.page import Html
from gandl_jax.jobs.report.task_chapters import Chapter
from gandl_jax.tasks import efficacy, marks

PLACE = 15
SHOWN = 24  # curves
NESTED = ("points", "warnings")  # do not fit into one line of CSV
LEGEND = (
    (style.GREY, "●", "well"),
    (figures.OTHER, "◆", "median of a dose, and its 95 % upper bound"),
    (figures.EFFECTIVE, "◆", "the bound is below ½: effective"),
    (style.CONTROLS["response_0"], "—", "median of untreated infected wells"),
    (style.CONTROLS["response_1"], "—", "median of healthy wells"),
)


def chapters(screen, numbers):
    """Yields the chapter, as `task_chapters` asks for it."""
    rows = screen.rows["efficacy"]
    flat_rows = [{k: v for k, v in row.items() if k not in NESTED} for row in rows]
    files.add(numbers, "efficacy", screen.name, flat_rows)
    roles = encoder_roles.roles(row["encoder"] for row in rows)
    # The trained network's if any dose has a median, else the next encoder's.
    encoder = next(
        (name for name in roles.values() if any(_have_medians(rows, name))),
        next(iter(roles.values())),
    )
    rows_of_encoder = [row for row in rows if row["encoder"] == encoder]
    section = page.section(
        "efficacy",
        "Which doses make infected wells look healthy?",
        page.tag("p", _explanation(rows_of_encoder)),
        *_panels(rows_of_encoder, screen.name),
        *_reasons(rows),
        page.details(f"All doses ({len(flat_rows):,})", _table(rows)),
        page.tag(
            "p", page.join(["Numbers:", page.data_link("efficacy")]), class_="note"
        ),
        of=screen.name,
    )
    yield Chapter("efficacy", "Efficacy", section)


def _have_medians(rows, encoder: str):
    return (row["median"] is not None for row in rows if row["encoder"] == encoder)


def _explanation(rows) -> str:
    methods = ", ".join(dict.fromkeys(row["bound"] for row in rows if row["bound"]))
    treated = [row for row in rows if row["treatment"]]
    learnt = next(filter(marks.learnt, treated), rows[0])
    return (
        f"From {marks.marked(rows[0]['set'], learnt)}; the probability that a well is "
        f"infected is told by {rows[0]['told_by']}. A dose is effective where the "
        "upper 95 % bound of the median over its wells lies below one half. Bounds are "
        f"by {methods or 'nothing: there is none'}; each holds for one dose, and of "
        "many doses some will be effective by chance."
    )


def _panels(rows_of_encoder, name: str):
    """Draws the compounds, those with most effective doses first."""
    by_compound = efficacy.compounds(
        [row for row in rows_of_encoder if row["median"] is not None]
    )
    if not by_compound:
        return
    ranked = sorted(by_compound, key=lambda key: -_count(by_compound[key]))
    doses = [
        dose_row["concentration_um"]
        for of_encoder in by_compound.values()
        for dose_row in _rows(of_encoder)
    ]
    limits = min(doses), max(doses)
    controls = {
        (row["group"], row["experiment"], row["role"]): row["median"]
        for row in rows_of_encoder
        if not row["treatment"]
    }
    plots = []
    for i, key in enumerate(ranked[:SHOWN]):
        rows = _rows(by_compound[key])
        figure = figures.curve(
            wells=tuple(np.concatenate(arrays).tolist() for arrays in _points(rows)),
            doses=[_dose(row) for row in rows],
            controls={
                role: controls[*key[:2], role]
                for role in efficacy.CONTROLS
                if (*key[:2], role) in controls
            },
            dose_limits_um=limits,
            unit=dose_unit.named_in(rows[0]),
        )
        caption = f"{key[2]} in {key[0]}, {key[1]}: {_effective(rows)}"
        anchor = page.anchor(f"efficacy-{name}-{i}")
        svg = Html(style.to_svg(figure, anchor, f"Infection by dose of {caption}"))
        plots.append(page.figure(svg, scores.marked(caption, rows[0])))
    yield page.legend(LEGEND)
    yield page.tag("div", page.join(plots), class_="curves")
    if len(ranked) > SHOWN:
        yield page.tag("p", f"{SHOWN} of {len(ranked):,} compounds are drawn.")


def _rows(of_encoder):
    (rows,) = of_encoder.values()
    return rows


def _count(of_encoder) -> int:
    return len(efficacy.effective(_rows(of_encoder)))


def _points(rows):
    doses = [np.full(len(row["points"]), row["concentration_um"]) for row in rows]
    return doses, [np.asarray(row["points"], float) for row in rows]


def _dose(row) -> figures.Dose:
    return (
        row["concentration_um"],
        row["median"],
        row["upper"],
        bool(row["effective"]),
    )


def _effective(rows) -> str:
    doses = [
        page.dose(row["concentration_um"], dose_unit.named_in(row))
        for row in efficacy.effective(rows)
    ]
    return f"effective at {', '.join(doses)}" if doses else "no dose is effective"


def _reasons(rows):
    if lines := efficacy.why_not(rows):
        yield page.items(f"{line}." for line in lines)


def _table(rows) -> Html:
    unit = dose_unit.shown(dose_unit.named_in(rows[0]))
    header = (
        "Encoder", "Cells", "Experiment", "Treatment", f"Dose ({unit})", "Wells",
        "Median", "Upper bound", "By", "Effective",
    )  # fmt: skip
    verdicts = {True: "yes", False: "no", None: "not told"}
    return page.table(
        header,
        (
            (
                row["encoder"],
                row["group"],
                row["experiment"],
                row["treatment"] or f"none ({row['role']})",
                page.number(row["concentration_um"], "g"),
                row["wells"],
                scores.marked(page.number(row["median"], ".2f"), row),
                page.number(row["upper"], ".2f"),
                row["bound"] or row["why_not"],
                verdicts[row["effective"]],
            )
            for row in rows
        ),
        "efficacy",
    )
