"""The chapter of efficacy: which doses make infected wells look healthy."""

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
    """See `task_chapters`."""
    rows = screen.rows["efficacy"]
    flat = [{k: v for k, v in row.items() if k not in NESTED} for row in rows]
    files.add(numbers, "efficacy", screen.name, flat)
    roles = encoder_roles.roles(row["encoder"] for row in rows)
    # The trained network's where it tells anything, else the next one's.
    encoder = next(
        (name for name in roles.values() if any(_told(rows, name))),
        next(iter(roles.values())),
    )
    own = [row for row in rows if row["encoder"] == encoder]
    section = page.section(
        "efficacy",
        "Which doses make infected wells look healthy?",
        page.tag("p", _words(own)),
        *_panels(own, screen.name),
        *_reasons(rows),
        page.details(f"All doses ({len(flat):,})", _table(rows)),
        page.tag(
            "p", page.join(["Numbers:", page.data_link("efficacy")]), class_="note"
        ),
        of=screen.name,
    )
    yield Chapter("efficacy", "Efficacy", section)


def _told(rows, encoder: str):
    return (r["median"] is not None for r in rows if r["encoder"] == encoder)


def _words(own) -> str:
    how = ", ".join(dict.fromkeys(row["bound"] for row in own if row["bound"]))
    treated = [row for row in own if row["treatment"]]
    learnt = next(filter(marks.learnt, treated), own[0])
    return (
        f"From {marks.marked(own[0]['set'], learnt)}; the probability that a well is "
        f"infected is told by {own[0]['told_by']}. A dose is effective where the upper "
        "95 % bound of the median over its wells lies below one half. Bounds are by "
        f"{how or 'nothing: there is none'}; each holds for one dose, and of many "
        "doses some will be effective by chance."
    )


def _panels(own, name: str):
    """Compounds with most effective doses first."""
    found = efficacy.compounds([row for row in own if row["median"] is not None])
    if not found:
        return
    ranked = sorted(found, key=lambda key: -_count(found[key]))
    every = [r["concentration_um"] for of in found.values() for r in _rows(of)]
    limits = min(every), max(every)
    controls = {
        (row["group"], row["experiment"], row["role"]): row["median"]
        for row in own
        if not row["treatment"]
    }
    plots = []
    for i, key in enumerate(ranked[:SHOWN]):
        rows = _rows(found[key])
        figure = figures.curve(
            wells=tuple(np.concatenate(x).tolist() for x in _points(rows)),
            doses=[_dose(row) for row in rows],
            controls={
                role: controls[*key[:2], role]
                for role in efficacy.CONTROLS
                if (*key[:2], role) in controls
            },
            dose_limits_um=limits,
            unit=dose_unit.named_in(rows[0]),
        )
        words = f"{key[2]} in {key[0]}, {key[1]}: {_effective(rows)}"
        anchor = page.anchor(f"efficacy-{name}-{i}")
        svg = Html(style.to_svg(figure, anchor, f"Infection by dose of {words}"))
        plots.append(page.figure(svg, scores.marked(words, rows[0])))
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
    words = {True: "yes", False: "no", None: "not told"}
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
                words[row["effective"]],
            )
            for row in rows
        ),
        "efficacy",
    )
