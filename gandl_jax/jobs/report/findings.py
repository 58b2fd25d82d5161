"""Findings in sentences: which encoder is better, which compounds rescue."""

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


def floor_is_informative(row: Row, floor: str) -> bool:
    """Returns False if a metadata floor is no better than guessing.

    The plate's identity on one plate is not: scores are then compared with guessing.
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
    """Keeps the scores of the headline metric where nothing leaks.

    Args:
      table: of control classification, with `SCORE_KEYS`.
    """
    return {
        score_key: by_role
        for score_key, by_role in leak_free(table).items()
        if score_key[2] == METRIC
    }


def leak_free(table: Table) -> dict[tuple[str, ...], Mapping[str, Row]]:
    """Keeps the scores where nothing of the test part is in training."""
    return {
        score_key: by_role
        for score_key, by_role in unmarked(table).items()
        if not encoder_roles.main(by_role)["leaky"]
    }


def unmarked(table: Table) -> dict[tuple[str, ...], Mapping[str, Row]]:
    """Keeps the scores where the labels of the test part were not learnt.

    If another network than the judged one has learnt them, only that network's row is
    left out.
    """
    return {
        score_key: {role: row for role, row in by_role.items() if not marks.learnt(row)}
        for score_key, by_role in table.items()
        if not marks.learnt(encoder_roles.main(by_role))
    }


def naming_answer(table: Table) -> str:
    """Answers how often classes are named rightly, in a screen without controls.

    Args:
      table: of one classification, with `SCORE_KEYS`.
    """
    headline = {
        score_key: by_role
        for score_key, by_role in table.items()
        if score_key[2] == METRIC
    } or table
    score_key, by_role = next(iter(headline.items()))
    role, row = next(iter(by_role.items()))
    cells = "" if score_key[0] in ("all", "") else f" of {score_key[0]}"
    sentence = (
        f"With {split_words(score_key[1])}, the {score_key[3]} of {row['value']:.0%} "
        f"of the images{cells} is named rightly by {encoder_roles.network(role)} "
        f"(balanced; {row['chance']:.0%} is guessing)"
    )
    sentence += _against_untrained(role, {score_key: by_role}) + "."
    return sentence + (NEW if unseen(by_role) else "")


def score_answer(table: Table) -> str:
    """Answers how well the controls are told apart where nothing leaks.

    Args:
      table: of control classification.
    """
    scores = fair(table)
    if not scores and len(unmarked(table)) < len(table):
        return (
            "How sure this is cannot be said: the network learnt labels of the records "
            "that it would be judged on. Hold some out of training "
            "(config.train.hold_out)."
        )
    if not scores:
        return (
            "How sure this is cannot be said: there is no score with whole plates, "
            "rows or wells left out."
        )
    first = next(iter(scores.values()))
    role = next(iter(first))
    scores = {
        score_key: by_role
        for score_key, by_role in scores.items()
        if next(iter(by_role)) == role
    }
    (name, shares), *others = _shares(scores).items()
    sentence = (
        f"With {name}, images of the two controls are told apart by "
        f"{encoder_roles.network(role)} in {shares}"
    )
    sentence += "".join(f"; with {name} in {shares}" for name, shares in others)
    sentence += f" (balanced; {encoder_roles.main(first)['chance']:.0%} is guessing)"
    sentence += f"{_against_untrained(role, scores)}."
    return sentence + (NEW if unseen(first) else "")


def _shares(scores: Table) -> dict[str, str]:
    """Returns the splits' names, with the scores of each cell model."""
    by_split: dict[str, list[str]] = {}
    for score_key, by_role in scores.items():
        by_split.setdefault(split_words(score_key[1]), []).append(
            _share(score_key, by_role)
        )
    return {name: page.listing(shares) for name, shares in by_split.items()}


def _share(score_key: encoder_roles.ScoreKey, by_role: Mapping[str, Row]) -> str:
    cells = f" of {score_key[0]}" if score_key[0] not in ("all", "") else ""
    return f"{encoder_roles.main(by_role)['value']:.0%}{cells}"


def unseen(by_role: Mapping[str, Row]) -> bool:
    """Returns True if a trained network has seen no image of the screen."""
    row = by_role.get("trained")
    return row is not None and row.get(marks.SCREEN, row[marks.IMAGES]) is False


def _against_untrained(role: str, scores: Table) -> str:
    if role != "trained":
        return ""
    verdicts = [
        verdict(encoder_roles.main(by_role), "untrained") for by_role in scores.values()
    ]
    if set(verdicts) == {"unknown"}:
        return "; no untrained network was scored beside it"
    noun = "groups" if len({score_key[1] for score_key in scores}) == 1 else "scores"
    return f", {_better(verdicts, noun)}"


def _better(verdicts: Sequence[str], noun: str) -> str:
    """Counts how often training helped and harmed; one verdict is known at least."""
    total = len(verdicts)
    for word in ("better", "worse"):
        if verdicts.count(word) == total:
            return f"{word} than the same network untrained"
    clauses = [
        f"{word} than the same network untrained in {verdicts.count(word)} of {total} "
        f"{noun}"
        for word in ("better", "worse")
        if word in verdicts
    ]
    if clauses:
        return " and ".join(clauses)
    where = " where one was scored" if "unknown" in verdicts else ""
    return (
        f"no better than the same network untrained{where}, as far as the data can show"
    )


def split_words(split: str) -> str:
    """Describes a split in words.

    Args:
      split: as configured: "record", "plate", "plate:0.25", "plate:A/1+A/2",
        "plate#2/5".
    """
    name, part, fold = groups.parse(split, key=split)
    fixed = {
        "record": "random images",
        "given": "the publisher's split",
        "held_out": "records held out of training",
    }
    noun = fixed.get(name) or f"{name.replace('_', ' ')}s"
    if fold:
        return "{}, fold {} of {}, left out".format(noun, *fold)
    if not part:
        return noun if name in fixed else f"{noun} left out"
    try:
        share = f"{float(part):.0%} of "
    except ValueError:
        share = "chosen " if "+" in part or name not in fixed else ""
    return f"{share}{'images' if name == 'record' else noun} left out"


def has_response(row: Row) -> bool:
    """Returns False if the controls are not told apart, so that there is no curve."""
    return bool(row["points"])


def dose_answer(rows: Sequence[Row]) -> str:
    """Counts what the curves do.

    Args:
      rows: of dose response of one feature set.
    """
    effects = [
        curve_effects.effect(row) if has_response(row) else "lost" for row in rows
    ]
    counts = {
        "rising toward the wanted state": effects.count("rises"),
        "rising and falling again": effects.count(FALLS_AGAIN),
        "that no curve fits": effects.count(NO_CURVE_FITS),
        "falling": effects.count("falls"),
        "without effect": effects.count("no effect"),
        "of which the doses do not tell": effects.count("not told"),
        "without a response, for the controls are not told apart": effects.count(
            "lost"
        ),
    }
    clauses = [f"{count:,} {effect}" for effect, count in counts.items() if count]
    sentence = f"{page.count(len(rows), 'dose-response curve')}: {', '.join(clauses)}."
    halfway = sum(map(curve_effects.full, rows))
    if halfway:
        sentence += f" Half way or further at the highest dose: {halfway:,}."
    return sentence


def beside(curves: Mapping[str, Sequence[Row]]) -> str:
    """Adds to the counts how many are false, and those of the floors.

    Args:
      curves: role -> ranked rows; the first role is the one that is shown.
    """
    (_, rows), *others = curves.items()
    counts = [
        f"{sum(map(curve_effects.rises, rows_of_role))} from {role} features"
        for role, rows_of_role in others
    ]
    comparison = f" For comparison, {', '.join(counts)} rise." if counts else ""
    return (_false_words(rows) + comparison).strip()


def _false_words(rows: Iterable[Row]) -> str:
    """Counts the curves with an effect, and how many of them are false."""
    q_values = [row["q_effect"] for row in rows]
    count = sum(not curve_effects.is_missing(q) and q < MAX_Q_EFFECT for q in q_values)
    if not count:
        return ""
    return (
        f"An effect of the dose is called for {count} (Benjamini-Hochberg q < "
        f"{MAX_Q_EFFECT:g}); up to {MAX_Q_EFFECT * count:.2g} of these are expected "
        "to be false."
    )
