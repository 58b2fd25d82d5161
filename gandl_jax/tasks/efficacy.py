"""Efficacy of doses of a compound against infection, as in DEEMD.

A dose is effective if the upper 95 % bound of the median infection probability of its
wells lies below 1/2 (Saberian et al. 2022). The probability is that of the encoder's
set "infection", or of a classifier of the control wells (`infection.py`). The bound,
also for few wells, is that of `median_bound.py`. As in the paper, there is no
correction for the number of doses.
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
    experiments = [rows for _, _, rows in responses.experiments(metadata)]
    if not experiments:
        raise Skip(
            "no experiment has wells of response 0 (infected, untreated) and of "
            "response 1 (healthy)"
        )
    if not any(_is_dosed(metadata.iloc[rows]).any() for rows in experiments):
        raise Skip("no experiment with both controls has a treated well with a dose")


def run(
    sets: Mapping[str, FeatureSet], splits: Sequence[Any], **options: Any
) -> list[dict[str, Any]]:
    """Judges every dose of every compound.

    Args:
      sets: full name -> set; of each encoder its set "infection" is used, else the one
        that `options["features"]` names, or its single one.
      splits: unused.
      **options: features, the headline set's name within its encoder; normalize;
        dose_unit, "uM" unless given.

    Returns:
      Per encoder, cell model and experiment a row for each treatment and dose, and one
      for each control (whose treatment is ""): the median of its wells' infection
      probabilities, its upper bound and the method of that, whether the dose is
      effective (None if unknown, with the reason in "why_not"), and the wells'
      probabilities as "points". "features" is the headline's name, beside which a row
      is shown.
    """
    names, rows = judged_sets(sets, options["features"]), []
    with steps.counted(len(names), "sets"):
        for name in names:
            rows += _of_set(sets[name], options)
            steps.add()
    return rows


def judged_sets(names: Sequence[str], headline: str) -> list[str]:
    """Returns the full names of the judged sets, one of each encoder.

    Args:
      names: of all sets.
      headline: the set shown first within each encoder.
    """
    probability_sets = {
        name for name in names if name.partition("/")[2] == infection.SET
    }
    encoders = {feature_set.encoder(name) for name in probability_sets}
    headline_sets = responses.judged_sets(names, headline)
    other_sets = [
        name for name in headline_sets if feature_set.encoder(name) not in encoders
    ]
    return [name for name in names if name in {*probability_sets, *other_sets}]


def _of_set(
    judged_set: FeatureSet, options: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    about = {
        "task": "efficacy",
        "set": judged_set.name,
        "encoder": judged_set.encoder,
        "features": options["features"]
        if "/" in judged_set.name
        else judged_set.short_name,
        dose_unit.KEY: dose_unit.named_in(options),
        "told_by": infection.BY_ENCODER
        if infection.holds_probabilities(judged_set)
        else infection.BY_CLASSIFIER,
    }
    for model, experiment, rows in responses.experiments(judged_set.metadata):
        experiment_set = judged_set.take(rows)
        wells = infection.find(experiment_set, options["normalize"])
        seen = experiment_set.seen.of_groups(
            profile_table.wells(experiment_set.metadata)
        )
        names = np.unique(profile_table.wells(experiment_set.metadata).astype(str))
        well_of_group = np.searchsorted(
            names, wells.metadata["Metadata_Record_ID"].to_numpy(str)
        )
        for fields, positions in _judge(wells):
            # A classifier of the controls involves all wells of the experiment.
            by_encoder = about["told_by"] == infection.BY_ENCODER
            mark = marks.mark(seen, well_of_group[positions] if by_encoder else None)
            mark[marks.SCREEN] = judged_set.seen.any_image
            yield about | {"group": model, "experiment": experiment} | fields | mark


def _judge(wells: Infection) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Yields the fields of each dose and control, and its wells [n]."""
    groups = [*_doses(wells.metadata), *_controls(wells.metadata)]
    sd, freedom = 0.0, 0
    if wells.probability is not None:
        treated = (
            wells.probability[positions]
            for about, positions in groups
            if about["treatment"]
        )
        sd, freedom = median_bound.scatter(map(median_bound.logits, treated))
    for about, positions in groups:
        yield about | _median(wells, positions, sd, freedom), positions


def _median(wells: Infection, positions: np.ndarray, sd: float, freedom: int):
    unknown = dict.fromkeys(("median", "upper", "bound", "effective"))
    fields = {
        "wells": len(positions),
        **unknown,
        "why_not": wells.why_not,
        "points": [],
    }
    if wells.probability is not None:
        probabilities = wells.probability[positions]
        upper, method = median_bound.upper(probabilities, sd, freedom)
        effective = None if upper is None else upper < HEALTHY_BELOW
        fields |= {
            "median": float(np.median(probabilities)),
            "upper": upper,
            "bound": method,
        }
        fields |= {"effective": effective, "points": probabilities.tolist()}
        if upper is None:
            fields["why_not"] = "too few wells for a bound"
    return fields | {"warnings": list(wells.warnings)}


def _is_dosed(metadata: pd.DataFrame) -> np.ndarray:
    """Returns [W] bool: treated wells with a dose."""
    dose = metadata["Metadata_Concentration_uM"].to_numpy(float)
    is_treated = (metadata["Metadata_Role"] == "treated").to_numpy()
    return is_treated & (dose > 0) & np.isfinite(dose)


def _doses(wells: pd.DataFrame) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Yields treatment and dose, in order, and their wells."""
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
    """Writes the compounds with an effective dose by some encoder, for a terminal."""
    encoders, lines = columns(rows), compounds(rows)
    effective_lines = {
        key: rows_by_encoder
        for key, rows_by_encoder in lines.items()
        if any(map(effective, rows_by_encoder.values()))
    }
    body = [
        [
            *key,
            *(_cell(rows_by_encoder.get(encoder, ())) for encoder in encoders.values()),
        ]
        for key, rows_by_encoder in [*effective_lines.items()][:MAX_COMPOUNDS]
    ]
    unit = dose_unit.named_in(rows[0])
    title = (
        f"{TITLE}: {len(effective_lines)} of {len(lines)} compounds have an effective "
        f"dose by some encoder; in {unit} those whose 95 % upper bound of the median "
        "infection probability lies below .5"
    )
    header = ["cell model", "experiment", "treatment", *encoders]
    more = [f"and {len(effective_lines) - MAX_COMPOUNDS} more"] * (
        len(effective_lines) > MAX_COMPOUNDS
    )
    shown = aligned([header, *body]) if body else []
    return "\n".join([title, *shown, *more, *why_not(rows)])


def compounds(
    rows: Sequence[Mapping[str, Any]],
) -> dict[tuple[str, str, str], dict[str, list[Mapping[str, Any]]]]:
    """Groups rows: (cell model, experiment, treatment) -> encoder -> rows by dose."""
    lines: dict[tuple, dict[str, list]] = {}
    for row in rows:
        if row["treatment"]:
            key = (row["group"], row["experiment"], row["treatment"])
            lines.setdefault(key, {}).setdefault(row["encoder"], []).append(row)
    return lines


def effective(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Returns the rows of effective doses."""
    return [row for row in rows if row["effective"]]


def _cell(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "-"
    doses = [f"{row['concentration_um']:g}" for row in effective(rows)]
    none = "?" if all(row["effective"] is None for row in rows) else "none"
    learnt = next(filter(marks.learnt, rows), rows[0])
    return marks.marked(", ".join(doses) or none, learnt)


def why_not(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns a line for each encoder, cell model and reason without a result."""
    return [
        f"{encoder}, {model}: {reason}"
        for encoder, model, reason in dict.fromkeys(
            (row["encoder"], row["group"], row["why_not"])
            for row in rows
            if row["why_not"]
        )
    ]
