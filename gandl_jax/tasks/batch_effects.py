"""Batch effects: prediction of the plate, and the position on it, from features.

Lower is better. Judged on the wells of response 0, where no compound acts and all are
meant to look alike; in a screen without them, on all records. A linear SVM learns from
three quarters of a cell model's wells and predicts for the others the plate, and the
band of rows and of columns (quarters of the plate); four times, until all wells are
predicted. Features are normalised once as in other tasks (per plate, by the training
wells) and once by one centre and scale over all plates. Plate identity and position
are predicted here, so they are no floors.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gandl_jax.profiles import table as profile_table
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.profiles.groups import HELD_OUT
from gandl_jax.tasks import classification, nested, score_table
from gandl_jax.tasks import counting as counting_module
from gandl_jax.tasks.skip import need_columns
from gandl_jax.tasks.splits import Split, build, require, with_held_out

TITLE = "Batch effects"
METRIC = "balanced accuracy"
PLACE = 50  # in the terminal
OPTIONS = {"normalize": ""}  # "" is evaluate.normalize
BANDS = 4  # of rows, and of columns (ours)
MAX_RECORDS = 5_000  # of a cell model: one SVM per plate (ours)
FOLDS = 4  # of wells (ours)


def splits(metadata: pd.DataFrame, options: Mapping[str, Any]) -> list[Split]:
    """Returns splits that hold wells apart, per cell model and label.

    Args:
      metadata: [N] rows of Metadata_* columns.
      options: bootstrap_unit and seed are read.

    Returns:
      At least one, for plate, row band and column band; warns of questions that cannot
      be asked, such as the plate in a screen of one plate.

    Raises:
      InputError: a bootstrap unit that the screen does not have.
      Skip: a column is missing, or nothing can be asked.
    """
    need_columns(metadata, "Plate", "Well")
    classification.check_unit(metadata[_judged(metadata)], options)
    judged_codes = np.where(_judged(metadata), 0, -1)
    built = []
    notes = classification.models_without(
        metadata, judged_codes, "untreated control wells"
    )
    for label, codes_of in _LABELS.items():
        codes, classes = codes_of(metadata)
        for model, model_codes in classification.of_each_model(metadata, codes):
            used = np.unique(model_codes[model_codes >= 0])
            if len(used) < 2:
                notes.append(_not_asked(metadata, label, model, classes[used[0]]))
                continue
            drawn = classification.thinned(
                model_codes, most=MAX_RECORDS, seed=options["seed"]
            )
            notes += classification.not_drawn(model_codes, drawn, f"{label} in {model}")
            more = build(
                metadata,
                drawn,
                with_held_out(("well",), metadata),
                key="config.evaluate.tasks",
                group=model,
                label=label,
                classes=classes,
                options={**options, "max_folds": FOLDS},
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
      Per set, cell model, label ("plate", "row band", "column band") and normalisation
      (options["normalize"], and all plates together) a row of site-level balanced
      accuracy.
    """
    metadata = next(iter(sets.values())).metadata
    return classification.judge_all(
        sets, _questions(metadata, splits, options), options
    )


def counting(
    metadata: pd.DataFrame, options: Mapping[str, Any]
) -> counting_module.Classification:
    """Counts for comparing sets: the less they predict, the better."""
    questions = _questions(metadata, splits(metadata, options), options)
    return counting_module.Classification(
        questions, metadata, options, lower_is_better=True
    )


def _questions(
    metadata: pd.DataFrame, splits: Sequence[Split], options: Mapping[str, Any]
) -> list[nested.TaskSplits]:
    """Returns every label by each normalisation, with the splits of the label."""
    questions = []
    for label, codes_of in _LABELS.items():
        label_splits = [split for split in splits if split.label == label]
        per_plate = classification.Task(
            "batch_effects", codes_of, metrics=(classification.SITES,), floors=False
        )
        pooled = dataclasses.replace(per_plate, normalize="standard", per_plate=False)
        # In a screen without controls the two may be equal.
        tasks = {
            classification.normalized(metadata, task, options): task
            for task in (per_plate, pooled)
        }
        questions += [(task, label_splits) for task in tasks.values() if label_splits]
    return questions


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Writes the scores for a terminal: a line per question, a column per encoder."""
    title = f"{TITLE}: {METRIC} [95 % interval] on wells held out; lower is better"
    keys = {
        "cell model": score_table.group,
        "told": score_table.label,
        "normalised": _normalized,
    }
    if any(row["split"] == HELD_OUT for row in rows):
        keys["split"] = score_table.split
    return score_table.scores(title, keys, rows)


def _normalized(row: Mapping[str, Any]) -> str:
    return row["normalize"]


def _not_asked(metadata: pd.DataFrame, label: str, model: str, value: str) -> str:
    """Returns a sentence on a label of which a cell model has one value."""
    records = "controls" if classification.controls(metadata).any() else "records"
    position = label.removesuffix(" band")
    location = f"on plate {value}" if label == "plate" else f"in {position}s {value}"
    return (
        f"whether the {position} of a well can be told was not asked in {model}: all "
        f"its {records} are {location}"
    )


def _plates(metadata: pd.DataFrame) -> tuple[np.ndarray, Sequence[str]]:
    return classification.coded(
        np.where(_judged(metadata), profile_table.plates(metadata), "")
    )


def _rows(metadata: pd.DataFrame) -> tuple[np.ndarray, Sequence[str]]:
    return _bands(metadata, side=0)


def _columns(metadata: pd.DataFrame) -> tuple[np.ndarray, Sequence[str]]:
    return _bands(metadata, side=1)


def _bands(metadata, *, side: int) -> tuple[np.ndarray, Sequence[str]]:
    """Quarters of the rows, or columns, in which any plate of the screen has wells."""
    names = metadata["Metadata_Well"].astype(str)
    number_of_well = {
        name: profile_table.parse_well(name)[side] for name in names.unique()
    }
    number = names.map(number_of_well).to_numpy()
    used = np.unique(number)
    band = np.searchsorted(used, number) * BANDS // len(used)
    ends = [used[np.arange(len(used)) * BANDS // len(used) == b] for b in range(BANDS)]
    titles = [f"{e[0]} to {e[-1]}" if len(e) else "" for e in ends]
    return np.where(_judged(metadata), band, -1), titles


def _judged(metadata: pd.DataFrame) -> np.ndarray:
    """Returns [N] bool: wells where no compound acts, or all without such wells."""
    if "Metadata_Role" not in metadata:
        return np.ones(len(metadata), bool)
    untreated = profile_table.control_classes(metadata) == 0
    return untreated if untreated.any() else np.ones(len(metadata), bool)


_LABELS = {"plate": _plates, "row band": _rows, "column band": _columns}
