"""The report's compounds: what each does, in words, as a table and as a figure."""

from collections.abc import Sequence

from gandl_jax import dose_unit
from gandl_jax.figures import dose, style
from gandl_jax.jobs.report import page
from gandl_jax.jobs.report.encoder_roles import Row
from gandl_jax.jobs.report.page import Html
from gandl_jax.judging import curve_effects, drawn_doses
from gandl_jax.tasks import marks
from gandl_jax.tasks.curve_shape import FALLS_AGAIN

BEST = 8  # rescues on the first page
FEWEST = 3  # points that make a figure
LONGEST = 40  # letters of a name in the table of the first page
RELATIVE, ABSOLUTE = "ec50", drawn_doses.ABSOLUTE  # EC50s, as keys of rows begin


def best(rows: Sequence[Row]) -> Html:
    """Tabulates the best rescues for the top of the page.

    Args:
      rows: ranked rows of dose response of one feature set.
    """
    rescues = [row for row in rows if curve_effects.rises(row)]
    falling = [
        _falls_again(row) for row in rows if curve_effects.misfit(row) == FALLS_AGAIN
    ]
    if not rescues:
        nothing = page.tag(
            "p", "No compound leads toward the wanted state and stays there."
        )
        return page.join([nothing, *falling[:BEST]])
    header = (
        "Compound", "Cells", "Relative EC50", "Absolute EC50", "Rescue", "Side effect",
    )  # fmt: skip
    parts = [
        page.table(
            header,
            (
                (
                    page.join([_name(row), *_star(row)]),
                    page.short(where(row), LONGEST),
                    _ec50(row),
                    _ec50(row, ABSOLUTE),
                    score(row, "rescue"),
                    score(row, "side_effect"),
                )
                for row in rescues[:BEST]
            ),
            "dose_response",
        )
    ]
    note = (
        f"{_order(rescues)} Rescue at the highest dose: 0 as without effect, 1 as in "
        "the wanted state. The relative EC50 is half way up the curve's own rise, the "
        "absolute one half way between the controls. Side effect: how far the wells "
        "lie off that way; 0 as control wells do. Small: 95 % intervals."
    )
    if len(rescues) > BEST:
        note += f" {len(rescues) - BEST} more rise: see the curves below."
    doubted = [doubted_words(row) for row in rescues[:BEST] if row.get("doubts")]
    if doubted:
        parts.append(page.tag("p", f"* {'. '.join(doubted)}.", class_="note"))
    return page.join([*parts, page.tag("p", note, class_="note"), *falling[:BEST]])


def doubted_words(row: Row) -> str:
    """Names a curve and its doubts, without a full stop."""
    return f"{row['treatment']} ({where(row)}): {'; '.join(row['doubts'])}"


def _name(row: Row) -> Html:
    return page.tag("b", page.short(str(row["treatment"]), LONGEST))


def _star(row: Row) -> list[str]:
    return [" *"] if row.get("doubts") else []


def _falls_again(row: Row) -> Html:
    """Describes a response that rises and falls again, in a sentence."""
    sentence = f"{row['treatment']} ({where(row)}): {potency(row)}. No EC50 is given."
    return page.tag("p", sentence, class_="note")


def _order(rescues: Sequence[Row]) -> str:
    """Describes the order of the rescues."""
    sentence = "In order of the relative EC50"
    if any(row.get("ec50_bound") for row in rescues):
        sentence += ", measured ones before those of which only a bound is known"
    if any(not curve_effects.full(row) for row in rescues):
        sentence += "; rescues of less than half way last"
    return sentence + "."


def figure(rows: Sequence[Row], name: str) -> Html | None:
    """Plots rescue against side effect, a point per curve.

    Args:
      rows: ranked rows of dose response of one feature set.
      name: unique within the page.
    """
    plotted = drawn_doses.with_effects(rows)
    if len(plotted) < FEWEST:
        return None
    points, labels, limits = drawn_doses.compounds(plotted)
    svg = style.to_svg(
        dose.compounds(points, labels, limits),
        page.anchor(name),
        "Rescue against side effect at the highest dose; the table has the numbers",
    )
    mark = f" ({marks.WORDS})" if any(map(marks.learnt, plotted)) else ""
    caption = (
        f"Each point{mark} is a compound in one experiment at its highest dose. "
        "Upper left: cells as in the wanted state and no other change. Points beyond "
        "the axes lie at their edge."
    )
    plot = page.figure(Html(svg), caption)
    return page.tag("div", plot, class_="pair")


def where(row: Row) -> str:
    """Returns cells and experiment; the latter alone if it names the cells."""
    group, experiment = row["group"], row["experiment"]
    if group == "all":
        return str(experiment)
    return str(experiment) if group in str(experiment) else f"{group}, {experiment}"


def potency(row: Row) -> str:
    """Returns the EC50s with their intervals or bounds, or why there is none."""
    if curve_effects.misfit(row) == FALLS_AGAIN:
        return falls_again(row)
    if row.get("ec50_bound"):
        relative = f"relative EC50 {bound(row)}"
    elif row["ec50_um"] is None:
        relative = row["status"]
    else:
        relative = f"relative EC50 {_in_words(row, RELATIVE)}"
    if row.get(f"{ABSOLUTE}_bound"):
        return f"{relative}, absolute {bound(row, ABSOLUTE)}"
    if row.get(f"{ABSOLUTE}_um") is not None:
        return f"{relative}, absolute {_in_words(row, ABSOLUTE)}"
    return relative


def falls_again(row: Row) -> str:
    """Describes best dose, peak and fall of a response that does not stay."""
    best = _in_words(row, "best_dose")
    return (
        f"falls again: best at {best}, where it is {_interval(row, 'peak')}, "
        f"then down by {_interval(row, 'fall')} at the highest dose"
    )


def _interval(row: Row, key: str) -> str:
    ends = row[f"{key}_low"], row[f"{key}_high"]
    return f"{page.number(row[key], '.2f')} ({page.span(*ends, '.2f')})"


def _in_words(row: Row, name: str) -> str:
    amount, low, high = (row[f"{name}{end}_um"] for end in ("", "_low", "_high"))
    unit = dose_unit.named_in(row)
    span = page.dose_interval(amount, low, high, unit)
    return f"{page.dose(amount, unit)} ({span})"


def bound(row: Row, name: str = RELATIVE) -> str:
    """Returns the known bound of an EC50: it lies above or below it.

    Args:
      row: of dose response.
      name: which EC50, `RELATIVE` or `ABSOLUTE`.
    """
    is_above = row[f"{name}_bound"] == "above"
    limit = row[f"{name}_low_um" if is_above else f"{name}_high_um"]
    sign = ">" if is_above else "<"
    return f"{sign}\N{NO-BREAK SPACE}{page.dose(limit, dose_unit.named_in(row))}"


def score(row: Row, key: str) -> Html:
    """Formats `rescue` or `side_effect` with its interval."""
    value, low, high = (row.get(k) for k in (key, f"{key}_low", f"{key}_high"))
    if value is not None and low is None and high is None:
        return page.text(page.number(value, ".2f"))
    return page.interval(value, low, high, ".2f")


def _ec50(row: Row, name: str = RELATIVE) -> Html:
    if row.get(f"{name}_bound"):
        return page.text(bound(row, name))
    amount, low, high = (row.get(f"{name}{end}_um") for end in ("", "_low", "_high"))
    if amount is None:
        return page.text("–")
    unit = dose_unit.named_in(row)
    span = page.tag("small", page.dose_interval(amount, low, high, unit))
    return page.join([page.dose(amount, unit), span])
