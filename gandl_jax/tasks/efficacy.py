"""Which dose of a compound makes infected wells look healthy? DEEMD's question.

A dose is effective where the upper 95 % bound of the median infection probability of
its wells lies below 1/2 (Saberian et al. 2022). How probably a well is infected the
encoder's set "infection" tells, or a classifier of the control wells (`infection.py`);
how the bound is found, and what there is for few wells, `median_bound.py` says. No
correction is made for the number of doses, as in the paper.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gandl_jax import dose_unit
from gandl_jax.profiles import feature_set
from gandl_jax.profiles import table as profile_table
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import infection, marks, median_bound, responses, steps
from gandl_jax.tasks.infection import Infection
from gandl_jax.tasks.score_table import aligned, columns
from gandl_jax.tasks.skip import Skip, need_columns

TITLE = "Efficacy"
METRIC = "infection probability"
PLACE = 65  # in the terminal
OPTIONS = {"normalize": ""}  # "" is evaluate.normalize
TELLS_DOSES = True
HEALTHY_BELOW = 0.5  # Saberian et al. 2022
MAX_COMPOUNDS = 12  # in the terminal
CONTROLS = ("response_0", "response_1")
_COLUMNS = ("Role", "Treatment", "Concentration_uM")


def check(metadata: pd.DataFrame, options: Mapping[str, Any]) -> None:
    """Checks that there are infected and healthy controls, and doses.

    Args:
      metadata: [N] rows of Metadata_* columns.
      options: unused.

    Raises:
      Skip: the screen lacks a column, or no experiment has both controls and a dose.
    """
    need_columns(metadata, *_COLUMNS)
    found = [rows for _, _, rows in responses.experiments(metadata)]
    if not found:
        raise Skip(
            "no experiment has wells of response 0 (infected, untreated) and of "
            "response 1 (healthy)"
        )
    if not any(_is_dosed(metadata.iloc[rows]).any() for rows in found):
        raise Skip("no experiment with both controls has a treated well with a dose")


def run(
    sets: Mapping[str, FeatureSet], splits: Sequence[Any], **options: Any
) -> list[dict[str, Any]]:
    """Judges every dose of every compound.

    Args:
      sets: full name -> set; of each encoder its set "infection", or where it has none
        that which `options["features"]` names, or its only one.
      splits: unused.
      **options: features, the headline set's name within its encoder; normalize;
        dose_unit, "uM" unless given.

    Returns:
      Per encoder, cell model and experiment a row for each treatment and dose, and one
      for each control (whose treatment is ""): the median of its wells' infection
      probabilities, its upper bound and how that was found, whether the dose is
      effective (None where nothing can be told, with why), and the wells' probabilities
      as "points". "features" is the headline's name, beside which a row is shown.
    """
    names, rows = judged_sets(sets, options["features"]), []
    with steps.counted(len(names), "sets"):
        for name in names:
            rows += _of_set(sets[name], options)
            steps.add()
    return rows


def judged_sets(names: Sequence[str], headline: str) -> list[str]:
    """Full names of the sets that are judged, one of each encoder.

    Args:
      names: of all sets.
      headline: the set shown first within each encoder.
    """
    told = {n for n in names if n.partition("/")[2] == infection.SET}
    encoders = {feature_set.encoder(name) for name in told}
    usual = responses.judged_sets(names, headline)
    others = [n for n in usual if feature_set.encoder(n) not in encoders]
    return [name for name in names if name in {*told, *others}]


def _of_set(one: FeatureSet, options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    about = {
        "task": "efficacy",
        "set": one.name,
        "encoder": one.encoder,
        "features": options["features"] if "/" in one.name else one.short_name,
        dose_unit.KEY: dose_unit.named_in(options),
        "told_by": infection.TOLD if infection.is_told(one) else infection.LEARNT,
    }
    for model, experiment, rows in responses.experiments(one.metadata):
        own = one.take(rows)
        wells = infection.find(own, options["normalize"])
        seen = own.seen.of_groups(profile_table.wells(own.metadata))
        names = np.unique(profile_table.wells(own.metadata).astype(str))
        place = np.searchsorted(
            names, wells.metadata["Metadata_Record_ID"].to_numpy(str)
        )
        for found, at in _judge(wells):
            # What is learnt from controls is about all wells of the experiment.
            is_told = about["told_by"] == infection.TOLD
            mark = marks.mark(seen, place[at] if is_told else None)
            mark[marks.SCREEN] = one.seen.any_image
            yield about | {"group": model, "experiment": experiment} | found | mark


def _judge(wells: Infection) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """What is told of each dose and control, and its wells [n]."""
    groups = [*_doses(wells.metadata), *_controls(wells.metadata)]
    sd, freedom = 0.0, 0
    if wells.probability is not None:
        treated = (wells.probability[at] for about, at in groups if about["treatment"])
        sd, freedom = median_bound.scatter(map(median_bound.logits, treated))
    for about, at in groups:
        yield about | _median(wells, at, sd, freedom), at


def _median(wells: Infection, at: np.ndarray, sd: float, freedom: int):
    nothing = dict.fromkeys(("median", "upper", "bound", "effective"))
    found = {"wells": len(at), **nothing, "why_not": wells.why_not, "points": []}
    if wells.probability is not None:
        own = wells.probability[at]
        upper, how = median_bound.upper(own, sd, freedom)
        effective = None if upper is None else upper < HEALTHY_BELOW
        found |= {"median": float(np.median(own)), "upper": upper, "bound": how}
        found |= {"effective": effective, "points": own.tolist()}
        if upper is None:
            found["why_not"] = "too few wells for a bound"
    return found | {"warnings": list(wells.warnings)}


def _is_dosed(metadata: pd.DataFrame) -> np.ndarray:
    """[W] bool: treated wells with a dose."""
    dose = metadata["Metadata_Concentration_uM"].to_numpy(float)
    is_treated = (metadata["Metadata_Role"] == "treated").to_numpy()
    return is_treated & (dose > 0) & np.isfinite(dose)


def _doses(wells: pd.DataFrame) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Treatment and dose, in order, and their wells."""
    dosed = np.flatnonzero(_is_dosed(wells))
    keys = ["Metadata_Treatment", "Metadata_Concentration_uM"]
    groups = wells.iloc[dosed].groupby(keys, sort=True).indices
    for (treatment, dose), rows in groups.items():
        about = {"role": "treated", "treatment": str(treatment)}
        yield about | {"concentration_um": float(dose)}, dosed[rows]


def _controls(wells: pd.DataFrame) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    classes = profile_table.control_classes(wells)
    for number, role in enumerate(CONTROLS):
        about = {"role": role, "treatment": "", "concentration_um": None}
        yield about, np.flatnonzero(classes == number)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The compounds with an effective dose by some encoder, as text for a terminal."""
    encoders, lines = columns(rows), compounds(rows)
    found = {k: of for k, of in lines.items() if any(map(effective, of.values()))}
    body = [
        [*key, *(_told(of.get(encoder, ())) for encoder in encoders.values())]
        for key, of in [*found.items()][:MAX_COMPOUNDS]
    ]
    unit = dose_unit.named_in(rows[0])
    title = (
        f"{TITLE}: {len(found)} of {len(lines)} compounds have an effective dose by "
        f"some encoder; in {unit} those whose 95 % upper bound of the median infection "
        "probability lies below .5"
    )
    header = ["cell model", "experiment", "treatment", *encoders]
    more = [f"and {len(found) - MAX_COMPOUNDS} more"] * (len(found) > MAX_COMPOUNDS)
    shown = aligned([header, *body]) if body else []
    return "\n".join([title, *shown, *more, *why_not(rows)])


def compounds(
    rows: Sequence[Mapping[str, Any]],
) -> dict[tuple[str, str, str], dict[str, list[Mapping[str, Any]]]]:
    """(cell model, experiment, treatment) to encoder to its rows, lowest dose first."""
    found: dict[tuple, dict[str, list]] = {}
    for row in rows:
        if row["treatment"]:
            key = (row["group"], row["experiment"], row["treatment"])
            found.setdefault(key, {}).setdefault(row["encoder"], []).append(row)
    return found


def effective(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows of doses that are effective."""
    return [row for row in rows if row["effective"]]


def _told(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "-"
    doses = [f"{row['concentration_um']:g}" for row in effective(rows)]
    none = "?" if all(row["effective"] is None for row in rows) else "none"
    learnt = next(filter(marks.learnt, rows), rows[0])
    return marks.told(", ".join(doses) or none, learnt)


def why_not(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each encoder, cell model and reason that nothing is told."""
    return [
        f"{encoder}, {model}: {why}"
        for encoder, model, why in dict.fromkeys(
            (row["encoder"], row["group"], row["why_not"])
            for row in rows
            if row["why_not"]
        )
    ]
