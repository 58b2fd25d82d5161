"""What the rows of the tasks say, in words: which encoder is better, what rescues."""

from collections.abc import Iterable, Mapping, Sequence

from gandl_jax.jobs.report import encoder_roles, page
from gandl_jax.jobs.report.encoder_roles import Row, Table
from gandl_jax.judging import curve_effects
from gandl_jax.profiles import groups
from gandl_jax.tasks import marks
from gandl_jax.tasks.curve_shape import FALLS_AGAIN, NO_CURVE_FITS
from gandl_jax.tasks.dose_response import MAX_Q_EFFECT

SCORE_KEYS = ("group", "split", "metric", "label", "class")
BATCH_KEYS = (
    *SCORE_KEYS,
    "normalize",
)  # by each plate's controls, or all plates as one
METRIC = "balanced_accuracy"  # the one that the answer is about
NEW = (
    " The network was trained on another screen and has never seen an image of this "
    "one (zero-shot)."
)
METADATA = ("plate", "position")  # floors that no image was needed for
EPS = 1e-9  # rounding of a difference


def verdict(row: Row, floor: str) -> str:
    """Says whether a row is `better`, `worse`, `unclear` or `unknown` to a floor.

    Args:
      row: of scores.
      floor: "untrained", "classical", "intensity", "plate" or "position".
    """
    difference = (row.get("differences") or {}).get(floor)
    if not difference or any(
        curve_effects.is_missing(difference[k]) for k in ("value", "low", "high")
    ):
        return "unknown"
    if difference["low"] > 0:
        return "better"
    return "worse" if difference["high"] < 0 else "unclear"


def against_chance(row: Row) -> str:
    """Says whether a score is `better`, `worse`, `unclear` or `unknown` to guessing."""
    low, high, chance = row["low"], row["high"], row.get("chance")
    if any(map(curve_effects.is_missing, (low, high, chance))):
        return "unknown"
    if low > chance:
        return "better"
    return "worse" if high < chance else "unclear"


def floor_tells(row: Row, floor: str) -> bool:
    """False where a floor of the metadata is no better than guessing.

    So is the plate's identity on one plate: then guessing is what a score is held
    against, and the floor has no say.
    """
    difference = (row.get("differences") or {}).get(floor)
    if (
        not difference
        or curve_effects.is_missing(difference["value"])
        or difference["against"] == "chance"
    ):
        return False
    base = row["value"] - difference["value"]
    return (
        floor not in METADATA
        or curve_effects.is_missing(row.get("chance"))
        or base > row["chance"] + EPS
    )


def fair(table: Table) -> dict[tuple[str, ...], Mapping[str, Row]]:
    """Keeps the places of the headline metric where nothing leaks.

    Args:
      table: of control classification, with `SCORE_KEYS`.
    """
    return {
        place: those for place, those in leak_free(table).items() if place[2] == METRIC
    }


def leak_free(table: Table) -> dict[tuple[str, ...], Mapping[str, Row]]:
    """Keeps the places where nothing of the test part is in training."""
    return {
        place: those
        for place, those in unmarked(table).items()
        if not encoder_roles.main(those)["leaky"]
    }


def unmarked(table: Table) -> dict[tuple[str, ...], Mapping[str, Row]]:
    """Keeps the places where the labels of the test part were not learnt.

    Where another network than the one that is judged has learnt them, the place stays,
    and that network's row goes.
    """
    return {
        place: {role: row for role, row in those.items() if not marks.learnt(row)}
        for place, those in table.items()
        if not marks.learnt(encoder_roles.main(those))
    }


def naming_answer(table: Table) -> str:
    """Answers how often classes are named rightly, in a screen without controls.

    Args:
      table: of one classification, with `SCORE_KEYS`.
    """
    found = {p: those for p, those in table.items() if p[2] == METRIC} or table
    place, those = next(iter(found.items()))
    role, row = next(iter(those.items()))
    cells = "" if place[0] in ("all", "") else f" of {place[0]}"
    words = (
        f"With {split_words(place[1])}, the {place[3]} of {row['value']:.0%} of the "
        f"images{cells} is named rightly by {encoder_roles.network(role)} (balanced; "
        f"{row['chance']:.0%} is guessing)"
    )
    words += _against_untrained(role, {place: those}) + "."
    return words + (NEW if unseen(those) else "")


def score_answer(table: Table) -> str:
    """Answers how well the controls are told apart where nothing leaks.

    Args:
      table: of control classification.
    """
    places = fair(table)
    if not places and len(unmarked(table)) < len(table):
        return (
            "How sure this is cannot be said: the network learnt labels of the records "
            "that it would be judged on. Hold some out of training "
            "(config.train.hold_out)."
        )
    if not places:
        return (
            "How sure this is cannot be said: there is no score with whole plates, "
            "rows or wells left out."
        )
    first = next(iter(places.values()))
    role = next(iter(first))
    places = {p: those for p, those in places.items() if next(iter(those)) == role}
    (name, shares), *others = _shares(places).items()
    words = (
        f"With {name}, images of the two controls are told apart by "
        f"{encoder_roles.network(role)} in {shares}"
    )
    words += "".join(f"; with {name} in {shares}" for name, shares in others)
    words += f" (balanced; {encoder_roles.main(first)['chance']:.0%} is guessing)"
    words += f"{_against_untrained(role, places)}."
    return words + (NEW if unseen(first) else "")


def _shares(places: Table) -> dict[str, str]:
    """Splits in words -> the scores of each cell model."""
    found: dict[str, list[str]] = {}
    for place, those in places.items():
        found.setdefault(split_words(place[1]), []).append(_share(place, those))
    return {name: page.listing(shares) for name, shares in found.items()}


def _share(place: encoder_roles.Place, those: Mapping[str, Row]) -> str:
    cells = f" of {place[0]}" if place[0] not in ("all", "") else ""
    return f"{encoder_roles.main(those)['value']:.0%}{cells}"


def unseen(those: Mapping[str, Row]) -> bool:
    """True where a trained network was not trained on any image of the screen."""
    row = those.get("trained")
    return row is not None and row.get(marks.SCREEN, row[marks.IMAGES]) is False


def _against_untrained(role: str, places: Table) -> str:
    if role != "trained":
        return ""
    found = [
        verdict(encoder_roles.main(those), "untrained") for those in places.values()
    ]
    if set(found) == {"unknown"}:
        return "; no untrained network was scored beside it"
    noun = "groups" if len({place[1] for place in places}) == 1 else "scores"
    return f", {_better(found, noun)}"


def _better(found: Sequence[str], noun: str) -> str:
    """How often training helped and harmed, of verdicts of which one is known."""
    total = len(found)
    for word in ("better", "worse"):
        if found.count(word) == total:
            return f"{word} than the same network untrained"
    told = [
        f"{word} than the same network untrained in {found.count(word)} of {total} "
        f"{noun}"
        for word in ("better", "worse")
        if word in found
    ]
    if told:
        return " and ".join(told)
    where = " where one was scored" if "unknown" in found else ""
    return (
        f"no better than the same network untrained{where}, as far as the data can show"
    )


def split_words(split: str) -> str:
    """A split as the page says it.

    Args:
      split: as configured: "record", "plate", "plate:0.25", "plate:A/1+A/2",
        "plate#2/5".
    """
    name, which, fold = groups.parse(split, key=split)
    fixed = {
        "record": "random images",
        "given": "the publisher's split",
        "held_out": "records held out of training",
    }
    words = fixed.get(name) or f"{name.replace('_', ' ')}s"
    if fold:
        return "{}, fold {} of {}, left out".format(words, *fold)
    if not which:
        return words if name in fixed else f"{words} left out"
    try:
        share = f"{float(which):.0%} of "
    except ValueError:
        share = "chosen " if "+" in which or name not in fixed else ""
    return f"{share}{'images' if name == 'record' else words} left out"


def apart(row: Row) -> bool:
    """False where the controls beside are not told apart, so that there is no curve."""
    return bool(row["points"])


def dose_answer(rows: Sequence[Row]) -> str:
    """Counts what the curves do.

    Args:
      rows: of dose response of one feature set.
    """
    kinds_of = [curve_effects.effect(row) if apart(row) else "lost" for row in rows]
    counts = {
        "rising toward the wanted state": kinds_of.count("rises"),
        "rising and falling again": kinds_of.count(FALLS_AGAIN),
        "that no curve fits": kinds_of.count(NO_CURVE_FITS),
        "falling": kinds_of.count("falls"),
        "without effect": kinds_of.count("no effect"),
        "of which the doses do not tell": kinds_of.count("not told"),
        "without a response, for the controls are not told apart": kinds_of.count(
            "lost"
        ),
    }
    found = [f"{count:,} {words}" for words, count in counts.items() if count]
    words = f"{page.count(len(rows), 'dose-response curve')}: {', '.join(found)}."
    half = sum(map(curve_effects.full, rows))
    if half:
        words += f" Half way or further at the highest dose: {half:,}."
    return words


def beside(curves: Mapping[str, Sequence[Row]]) -> str:
    """What else is to be known of the counts: false ones, and those of the floors.

    Args:
      curves: role -> ranked rows; the first role is the one that is shown.
    """
    (_, rows), *others = curves.items()
    counts = [
        f"{sum(map(curve_effects.rises, those))} from {role} features"
        for role, those in others
    ]
    rise = f" For comparison, {', '.join(counts)} rise." if counts else ""
    return (_false_words(rows) + rise).strip()


def _false_words(rows: Iterable[Row]) -> str:
    """How many curves are an effect, whatever its direction, and how many falsely."""
    q_values = [row["q_effect"] for row in rows]
    count = sum(not curve_effects.is_missing(q) and q < MAX_Q_EFFECT for q in q_values)
    if not count:
        return ""
    return (
        f"An effect of the dose is called for {count} (Benjamini-Hochberg q < "
        f"{MAX_Q_EFFECT:g}); up to {MAX_Q_EFFECT * count:.2g} of these are expected "
        "to be false."
    )
