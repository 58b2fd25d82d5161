"""How probably each well is infected: told by the encoder, or learnt from controls.

An encoder that has a set "infection" of one column tells it itself. Of any other the
wells of an experiment are placed on the way between its controls (`responses.py`, which
judges control wells by models that have not seen them), and the probability is a
sigmoid of that place (Platt 1999), fitted to the controls' own places.
"""

import dataclasses

import numpy as np
import pandas as pd
from scipy import optimize, special

from gandl_jax.profiles import table
from gandl_jax.profiles.aggregate import well_means
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import control_axis, responses

SET = "infection"
TOLD, LEARNT = "the encoder", "a classifier of the controls"
NOT_APART = "the controls are not told apart"
BELOW = "untreated infected wells lie below .5 themselves"


@dataclasses.dataclass(frozen=True)
class Infection:
    """The wells of one cell model in one experiment.

    Attributes:
      metadata: [W] rows of Metadata_* columns.
      probability: [W] float64; None where nothing can be told.
      why_not: in words, "" where it can.
      warnings: what to doubt.
    """

    metadata: pd.DataFrame
    probability: np.ndarray | None
    why_not: str = ""
    warnings: tuple[str, ...] = ()


def find(sites: FeatureSet, normalization: str) -> Infection:
    """The infection of an experiment's wells.

    Args:
      sites: all sites of one cell model in one experiment, with both controls.
      normalization: as `normalize.make` knows; the encoder's own set has none.
    """
    if is_told(sites):
        return _told(sites)
    judged = responses.judge_wells(sites, normalization)
    if judged.response is None:
        why = ": ".join(filter(None, [NOT_APART, judged.too_near]))
        return Infection(judged.metadata, None, why, judged.warnings)
    classes = table.control_classes(judged.metadata)
    slope, offset = platt(judged.response, classes)
    probability = special.expit(slope * judged.response + offset)
    return _checked(judged.metadata, probability, classes, judged.warnings)


def is_told(sites: FeatureSet) -> bool:
    """Whether a set holds probabilities of infection."""
    values = sites.features
    if sites.short_name != SET or values.shape[1] != 1:
        return False
    return bool(np.all(~np.isfinite(values) | ((values >= 0) & (values <= 1))))


def _told(sites: FeatureSet) -> Infection:
    finite = np.isfinite(sites.features).all(1)
    wells = well_means(sites.take(finite))
    probability = wells.features[:, 0].astype(np.float64)
    classes = table.control_classes(wells.metadata)
    lost = int((~finite).sum())
    warnings = (f"{lost} sites are left out: not finite",) if lost else ()
    if min(np.sum(classes == k) for k in (0, 1)) < 2:
        return Infection(wells.metadata, None, NOT_APART, warnings)
    apart = control_axis.apart_se(-probability, classes)
    if apart <= control_axis.STANDARD_ERRORS:
        why = f"{NOT_APART}: {control_axis.too_near(apart)}"
        return Infection(wells.metadata, None, why, warnings)
    return _checked(wells.metadata, probability, classes, warnings)


def _checked(metadata, probability, classes, warnings) -> Infection:
    """Nothing where untreated infected wells would be cured by the same rule."""
    if np.median(probability[classes == 0]) < 0.5:
        return Infection(metadata, None, BELOW, tuple(warnings))
    return Infection(metadata, probability, "", tuple(warnings))


def platt(places: np.ndarray, classes: np.ndarray) -> tuple[float, float]:
    """The sigmoid that best tells infected from healthy controls (Platt 1999).

    Both controls count the same, whatever their numbers, and their labels are softened
    alike, by the fewer of them (ours): 1/2 says no more for the one than for the other.

    Args:
      places: [W] of wells, any scale.
      classes: [W] int, 0 infected, 1 healthy, -1 not learnt from.

    Returns:
      Slope and offset of the logit of infection.
    """
    known = classes >= 0
    x, infected = places[known], classes[known] == 0
    counts = np.array([infected.sum(), (~infected).sum()])
    sure = (counts.min() + 1) / (counts.min() + 2)
    wanted = np.where(infected, sure, 1 - sure)
    weight = 0.5 / np.where(infected, *counts)
    centre, scale = x.mean(), x.std() or 1.0
    x = (x - centre) / scale

    def cost(line):
        logit = line[0] * x + line[1]
        value = weight @ (np.logaddexp(0, logit) - wanted * logit)
        wrong = weight * (special.expit(logit) - wanted)
        return value, np.array([wrong @ x, wrong.sum()])

    slope, offset = optimize.minimize(cost, np.zeros(2), jac=True, tol=1e-9).x
    slope /= scale
    return float(slope), float(offset - slope * centre)
