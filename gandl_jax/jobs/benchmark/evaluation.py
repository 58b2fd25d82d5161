"""Rate of fitting SVMs of left-out plates, beside LinearSVC fold by fold."""

import time
from collections.abc import Callable
from typing import Any

import ml_collections
import numpy as np
import pandas as pd

from gandl_jax.errors import InputError
from gandl_jax.profiles import normalize
from gandl_jax.tasks import classification, fold_svms
from gandl_jax.tasks.splits import Split

OPTIONS = {"normalize": "standard", "svm_c": 1.0, "seed": 0}
EFFECTS = {"faint": 0.3, "clear": 1.0}  # of response 1, in standard deviations
FACTORS = 60  # columns of networks vary together: by this many, ...
FALL = 0.7  # ... the k-th as 1 / k^0.7, ...
OWN = 0.1  # ... and by as much on their own
PLATE = 0.5  # standard deviation of factors between plates
FEWEST_PER_PLATE = (
    10  # 5 for each response: else plates are not normalised by their own
)


def check(config: ml_collections.ConfigDict) -> None:
    """Raises InputError if plates have too few records."""
    records, plates = _size(config)
    if plates < 2 or records < FEWEST_PER_PLATE * plates:
        raise InputError(
            f"config.benchmark.evaluation_records={records} on "
            f"config.benchmark.evaluation_plates={plates}: 2 plates or more with "
            f"{FEWEST_PER_PLATE} records each are needed"
        )


def measure(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """Leaves each plate of simulated features out in turn: control classification.

    Columns are correlated and plates differ, as in features of networks.

    Args:
      config: benchmark.evaluation_records, _plates and _widths are read.

    Returns:
      records, folds, and a row for each width and effect: seconds by the clock and of
      the cores' time, which other programs change less, of LinearSVC fold by fold
      ("before") and of `classification.decide`; its speed-up; and the difference in
      balanced accuracy.
    """
    records, plates = _size(config)
    rows = [
        _row(records, plates, width, effect)
        for width in config.benchmark.evaluation_widths
        for effect in EFFECTS
    ]
    return {"records": records, "folds": plates, "svms": rows}


def _size(config: ml_collections.ConfigDict) -> tuple[int, int]:
    return config.benchmark.evaluation_records, config.benchmark.evaluation_plates


def _row(records: int, plates: int, width: int, effect: str) -> dict[str, Any]:
    metadata = _metadata(records, plates)
    features = _features(metadata, width, EFFECTS[effect])
    split = _split(metadata)
    before, clock, cores = _timed(lambda: one_after_another(features, metadata, split))
    now, now_clock, now_cores = _timed(lambda: _decide(features, metadata, split))
    scores = [_accuracy(metadata, split, decisions) for decisions in (before, now)]
    return {
        "width": width,
        "effect": effect,
        "before_s": clock,
        "now_s": now_clock,
        "times": clock / now_clock,
        "before_cores_s": cores,
        "now_cores_s": now_cores,
        "times_of_cores": cores / now_cores,
        "balanced_accuracy": scores[1],
        "difference": scores[1] - scores[0],
    }


def _metadata(records: int, plates: int) -> pd.DataFrame:
    """Makes as many wells of either response, to one, on every plate."""
    plate = np.arange(records) % plates
    number = np.arange(records) // plates
    return pd.DataFrame(
        {
            "Metadata_Record_ID": np.arange(records).astype(str),
            "Metadata_Plate": plate.astype(str),
            "Metadata_Role": np.where(number % 2, "response_1", "response_0"),
        }
    )


def _features(metadata: pd.DataFrame, width: int, effect: float) -> np.ndarray:
    """Makes [N, D] float32, rectified sums of factors, like a network's."""
    rng = np.random.default_rng(0)
    plates, plate_index = np.unique(metadata["Metadata_Plate"], return_inverse=True)
    factors = rng.normal(size=(len(metadata), FACTORS))
    factors += PLATE * rng.normal(size=(len(plates), FACTORS))[plate_index]
    is_one = (metadata["Metadata_Role"] == "response_1").to_numpy()
    factors[is_one] += effect * rng.normal(size=FACTORS) * (np.arange(FACTORS) < 10)
    weights = (
        rng.normal(size=(FACTORS, width)) / np.arange(1, FACTORS + 1)[:, None] ** FALL
    )
    sums = 1 + factors @ weights
    sums = np.where(sums > 0, sums, 0.1 * sums)
    return (sums + OWN * rng.normal(size=sums.shape)).astype(np.float32)


def _split(metadata: pd.DataFrame) -> Split:
    plate = metadata["Metadata_Plate"].to_numpy(object)
    folds = [
        (np.flatnonzero(plate != left_out), np.flatnonzero(plate == left_out))
        for left_out in np.unique(plate)
    ]
    return Split("plate", "all", False, tuple(folds), "control")


def one_after_another(
    features: np.ndarray, metadata: pd.DataFrame, split: Split
) -> list[np.ndarray]:
    """Decides like `classification.decide`, but fold by fold with scikit-learn.

    Args:
      features: [N, D] float32.
      metadata: [N] rows with Metadata_Plate and Metadata_Role, all of controls.
      split: the folds.
    """
    plates = metadata["Metadata_Plate"].to_numpy(object)
    codes = _codes(metadata)[0]
    width, decisions = np.float32(np.sqrt(features.shape[1])), []
    for train, test in split.folds:
        scaler = normalize.make(OPTIONS["normalize"])
        scaler.fit(features[train], plates=plates[train])
        learnt, judged = (
            scaler.transform(features[rows], plates=plates[rows]) / width
            for rows in (train, test)
        )
        decisions.append(fold_svms.by_liblinear(learnt, codes[train], judged, OPTIONS))
    return decisions


def _decide(features, metadata: pd.DataFrame, split: Split) -> list[np.ndarray]:
    task, codes = classification.Task("controls", _codes), _codes(metadata)[0]
    return classification.decide(features, metadata, codes, split, task, OPTIONS)


def _codes(metadata: pd.DataFrame) -> tuple[np.ndarray, tuple[str, str]]:
    is_one = metadata["Metadata_Role"] == "response_1"
    return is_one.to_numpy(int), ("response_0", "response_1")


def _accuracy(metadata: pd.DataFrame, split: Split, decisions) -> float:
    sample = classification.sample_of(metadata, _codes(metadata)[0], split, "record")
    right = classification.right(sample, decisions)
    return classification.balanced_accuracy(sample, right, classification.SITES)


def _timed(run: Callable[[], Any]) -> tuple[Any, float, float]:
    """Returns a call's result, and seconds by the clock and of the cores."""
    began, cores_began = time.monotonic(), time.process_time()
    result = run()
    return result, time.monotonic() - began, time.process_time() - cores_began
