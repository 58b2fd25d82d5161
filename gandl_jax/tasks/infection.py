"""Infection probability of each well, from the encoder or a classifier of controls.

An encoder with a set "infection" of one column predicts it itself. For any other, it is
a sigmoid (Platt 1999) of the well's response between the controls of the experiment
(`responses.py`, which judges control wells by models that have not seen them), fitted
to the controls.
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
BY_ENCODER, BY_CLASSIFIER = "the encoder", "a classifier of the controls"
NOT_APART = "the controls are not told apart"
BELOW = "untreated infected wells lie below .5 themselves"


@dataclasses.dataclass(frozen=True)
class Infection:
    """The wells of one cell model in one experiment.

    Attributes:
      metadata: [W] rows of Metadata_* columns.
      probability: [W] float64; None if unknown.
      why_not: the reason, "" if it is known.
      warnings: doubts.
    """

    metadata: pd.DataFrame
    probability: np.ndarray | None
    why_not: str = ""
    warnings: tuple[str, ...] = ()


def find(sites: FeatureSet, normalization: str) -> Infection:
    """Returns the infection probability of an experiment's wells.

    Args:
      sites: all sites of one cell model in one experiment, with both controls.
      normalization: a name for `normalize.make`; the set "infection" is not normalised.
    """
    if holds_probabilities(sites):
        return _from_encoder(sites)
    judged = responses.judge_wells(sites, normalization)
    if judged.response is None:
        reason = ": ".join(filter(None, [NOT_APART, judged.too_near]))
        return Infection(judged.metadata, None, reason, judged.warnings)
    classes = table.control_classes(judged.metadata)
    slope, offset = platt(judged.response, classes)
    probability = special.expit(slope * judged.response + offset)
    return _checked(judged.metadata, probability, classes, judged.warnings)


def holds_probabilities(sites: FeatureSet) -> bool:
    """Tells whether a set holds probabilities of infection."""
    values = sites.features
    if sites.short_name != SET or values.shape[1] != 1:
        return False
    return bool(np.all(~np.isfinite(values) | ((values >= 0) & (values <= 1))))


def _from_encoder(sites: FeatureSet) -> Infection:
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
        reason = f"{NOT_APART}: {control_axis.too_near(apart)}"
        return Infection(wells.metadata, None, reason, warnings)
    return _checked(wells.metadata, probability, classes, warnings)


def _checked(metadata, probability, classes, warnings) -> Infection:
    """Drops probabilities by which untreated infected wells would be healthy."""
    if np.median(probability[classes == 0]) < 0.5:
        return Infection(metadata, None, BELOW, tuple(warnings))
    return Infection(metadata, probability, "", tuple(warnings))


def platt(positions: np.ndarray, classes: np.ndarray) -> tuple[float, float]:
    """Fits the sigmoid that separates infected from healthy controls (Platt 1999).

    Both controls have the same weight, whatever their numbers, and their labels are
    softened equally, by the smaller number (ours), so that 1/2 favours neither.

    Args:
      positions: [W] of wells along an axis, in any unit.
      classes: [W] int, 0 infected, 1 healthy, -1 not learnt from.

    Returns:
      Slope and offset of the logit of infection.
    """
    is_control = classes >= 0
    x, infected = positions[is_control], classes[is_control] == 0
    counts = np.array([infected.sum(), (~infected).sum()])
    sure = (counts.min() + 1) / (counts.min() + 2)
    wanted = np.where(infected, sure, 1 - sure)
    weight = 0.5 / np.where(infected, *counts)
    centre, scale = x.mean(), x.std() or 1.0
    x = (x - centre) / scale

    def cost(line):
        logit = line[0] * x + line[1]
        value = weight @ (np.logaddexp(0, logit) - wanted * logit)
        error = weight * (special.expit(logit) - wanted)
        return value, np.array([error @ x, error.sum()])

    slope, offset = optimize.minimize(cost, np.zeros(2), jac=True, tol=1e-9).x
    slope /= scale
    return float(slope), float(offset - slope * centre)
