"""Classification of the two control groups, the GAN-DL paper's first task.

Per cell model a linear SVM separates response 0 from response 1 on sites, normalised
per plate by the training part's controls. Scores are out of fold. Their intervals cover
the variation between wells of these plates, not between plates or between trainings of
the encoder.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gandl_jax.profiles import table as profile_table
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import classification, score_table
from gandl_jax.tasks.classification import Task
from gandl_jax.tasks.skip import Skip, need_columns
from gandl_jax.tasks.splits import Split, build, require, with_held_out

TITLE = "Control classification"
METRIC = "balanced accuracy"
PLACE = 10  # in the terminal
OPTIONS = {"normalize": ""}  # "" is evaluate.normalize
SPLITS_KEY = "config.evaluate.splits"
CLASSES = ("response_0", "response_1")


def splits(metadata: pd.DataFrame, options: Mapping[str, Any]) -> list[Split]:
    """Returns the configured splits of each cell model's control wells.

    Args:
      metadata: [N] rows of Metadata_* columns.
      options: splits, max_folds, repeats, bootstrap_unit and seed are read.

    Returns:
      At least one; warns of those that are not possible.

    Raises:
      InputError: a unit or group in the config that the screen does not have.
      Skip: a control has no wells, or no split of any cell model is possible.
    """
    need_columns(metadata, "Role")
    labels = profile_table.control_classes(metadata)
    missing = [CLASSES[i] for i in (0, 1) if i not in labels]
    if missing:
        raise Skip(f"the screen has no wells of the control {' and '.join(missing)}")
    classification.check_unit(metadata[labels >= 0], options)
    built, notes = [], classification.models_without(metadata, labels, "controls")
    for model, codes in classification.of_each_model(metadata, labels):
        more = build(
            metadata,
            codes,
            with_held_out(options["splits"], metadata),
            key=SPLITS_KEY,
            group=model,
            label="control",
            classes=CLASSES,
            options=options,
        )
        built, notes = built + more[0], notes + more[1]
    return require(built, notes)


def run(
    sets: Mapping[str, FeatureSet], splits: Sequence[Split], **options: Any
) -> list[dict[str, Any]]:
    """Scores every set on the same records, folds and bootstrap draws.

    Args:
      sets: full name -> set, all of the same records in the same order.
      splits: positions refer to these records.
      **options: normalize, svm_c, bootstrap_unit, bootstrap_draws, seed.

    Returns:
      Per split and set a row of site-level and one of well-level balanced accuracy.
    """
    return classification.judge_all(sets, questions(splits, options), options)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Writes the scores for a terminal: a line per question, a column per encoder."""
    title = f"{TITLE}: {METRIC} [95 % interval]"
    keys = {
        "cell model": score_table.group,
        "split": score_table.split,
        "level": score_table.level,
    }
    return score_table.scores(title, keys, rows)


def questions(
    splits: Sequence[Split], options: Mapping[str, Any]
) -> list[tuple[Task, list[Split]]]:
    """Returns the classification task with its splits.

    Args:
      splits: of this task.
      options: not read.

    Returns:
      One task, with all splits.
    """
    return [(Task("control_classification", _codes), list(splits))]


def _codes(metadata: pd.DataFrame) -> tuple[np.ndarray, Sequence[str]]:
    return profile_table.control_classes(metadata), CLASSES
