"""How likely each class is, as if all were equally frequent.

A network that tells it has a set `leaves_<label>`, already freed of how frequent its
training had made each class. Of other sets a logistic regression learns it, in which
all classes count the same.
"""

import numpy as np
from sklearn.linear_model import LogisticRegression

from gandl_jax.profiles import normalize
from gandl_jax.profiles.feature_set import FeatureSet

LEAST = 1e-12  # of a probability, which then has a logarithm
ITERATIONS = 1_000
TOLERANCE = 1e-3  # of a sum of probabilities in float32


def set_name(label: str) -> str:
    """The set in which an encoder tells the probabilities of a label's classes."""
    return f"leaves_{label.lower()}"


def is_told(one: FeatureSet, classes: int, label: str) -> bool:
    """Whether a set holds probabilities of so many classes of a label."""
    values = one.features
    if one.short_name != set_name(label) or values.shape[1] != classes:
        return False
    sums = np.abs(values.sum(1) - 1)
    return bool((values >= 0).all() and (sums < TOLERANCE).all())


def learnt(
    features: np.ndarray,
    codes: np.ndarray,
    fold: tuple[np.ndarray, np.ndarray],
    how: str,
) -> np.ndarray:
    """Probabilities of the tested records by those that are learnt from.

    Args:
      features: [N, D] float32.
      codes: [N] int class of each record.
      fold: records that are learnt from, and tested: [n] int each.
      how: a name that `normalize.make` knows; it is fitted on what is learnt from, all
        plates together.

    Returns:
      [n, K] float64, the classes of the training part in their order.
    """
    train, test = fold
    scaler = normalize.make(how).fit(features[train], plates=np.full(len(train), "all"))
    rows = [
        scaler.transform(features[part], plates=np.full(len(part), "all"))
        / np.sqrt(features.shape[1])  # so that a penalty is the same at every width
        for part in fold
    ]
    model = LogisticRegression(class_weight="balanced", max_iter=ITERATIONS)
    model.fit(rows[0].astype(np.float64), codes[train])
    return model.predict_proba(rows[1].astype(np.float64))


def by_time(
    time: np.ndarray, codes: np.ndarray, fold: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """As `learnt`, from times [N] alone and their squares; NaN counts as the mean."""
    known = np.where(np.isnan(time), np.nanmean(time), time)
    both = np.stack([known, (known - known.mean()) ** 2], 1)
    return learnt(both.astype(np.float32), codes, fold, "standard")


def logarithms(probabilities: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Logarithms of probabilities under other frequencies of the classes.

    Args:
      probabilities: [n, K] as if all classes were equally frequent.
      prior: [K] how frequent they are, of any sum.

    Returns:
      [n, K] float64, finite, but for a constant of each record.
    """
    found = np.maximum(probabilities.astype(np.float64), LEAST)
    return np.log(found) + np.log(np.maximum(prior / prior.sum(), LEAST))
