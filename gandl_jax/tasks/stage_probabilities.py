"""Class probabilities, as if all classes were equally frequent.

A network that predicts them has a set `leaves_<label>`, already corrected for the class
frequencies in its training. For other sets, a logistic regression with balanced classes
is fitted.
"""

import numpy as np
from sklearn.linear_model import LogisticRegression

from gandl_jax.profiles import normalize
from gandl_jax.profiles.feature_set import FeatureSet

LEAST = 1e-12  # of a probability, so that it has a logarithm
ITERATIONS = 1_000
TOLERANCE = 1e-3  # of a sum of probabilities in float32


def set_name(label: str) -> str:
    """Names the set of an encoder with the probabilities of a label's classes."""
    return f"leaves_{label.lower()}"


def holds_probabilities(feature_set: FeatureSet, classes: int, label: str) -> bool:
    """Tells whether a set holds probabilities of a label's classes."""
    values = feature_set.features
    if feature_set.short_name != set_name(label) or values.shape[1] != classes:
        return False
    sums = np.abs(values.sum(1) - 1)
    return bool((values >= 0).all() and (sums < TOLERANCE).all())


def learnt(
    features: np.ndarray,
    codes: np.ndarray,
    fold: tuple[np.ndarray, np.ndarray],
    normalization: str,
) -> np.ndarray:
    """Fits probabilities on the training part and returns those of the test part.

    Args:
      features: [N, D] float32.
      codes: [N] int class of each record.
      fold: training and test records: [n] int each.
      normalization: a name for `normalize.make`; fitted on the training part, all
        plates together.

    Returns:
      [n, K] float64, the classes of the training part in their order.
    """
    train, test = fold
    scaler = normalize.make(normalization).fit(
        features[train], plates=np.full(len(train), "all")
    )
    rows = [
        scaler.transform(features[records], plates=np.full(len(records), "all"))
        / np.sqrt(features.shape[1])  # so that a penalty is the same at every width
        for records in fold
    ]
    model = LogisticRegression(class_weight="balanced", max_iter=ITERATIONS)
    model.fit(rows[0].astype(np.float64), codes[train])
    return model.predict_proba(rows[1].astype(np.float64))


def by_time(
    time: np.ndarray, codes: np.ndarray, fold: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Fits as `learnt`, from times [N] and their squares; NaN counts as the mean."""
    filled = np.where(np.isnan(time), np.nanmean(time), time)
    columns = np.stack([filled, (filled - filled.mean()) ** 2], 1)
    return learnt(columns.astype(np.float32), codes, fold, "standard")


def logarithms(probabilities: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Returns log-probabilities under other frequencies of the classes.

    Args:
      probabilities: [n, K] as if all classes were equally frequent.
      prior: [K] frequencies, of any sum.

    Returns:
      [n, K] float64, finite, up to a constant for each record.
    """
    bounded = np.maximum(probabilities.astype(np.float64), LEAST)
    return np.log(bounded) + np.log(np.maximum(prior / prior.sum(), LEAST))
