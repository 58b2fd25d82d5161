"""Classification of cell models, a task of the GAN-DL paper; also zero-shot.

A linear SVM classifies cell types, on features of an encoder that was trained on this
screen or, zero-shot, on another. A plate usually holds one cell type, so normalising
per plate would hide the difference: features are centred and scaled over all plates
together, by the training part. Batch effects are therefore not removed; leaving
experiments out shows whether it is those that the SVM learns. Intervals draw the
configured unit again, usually wells, there too: a cell type has too few experiments to
draw from, so intervals do not cover the variation between experiments.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gandl_jax.profiles import table as profile_table
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import classification, score_table
from gandl_jax.tasks import counting as counting_module
from gandl_jax.tasks.skip import Skip, need_columns
from gandl_jax.tasks.splits import Split, build, require, with_held_out

TITLE = "Cell-model classification"
METRIC = "balanced accuracy, recall"
PLACE = 20  # in the terminal
OPTIONS = {"normalize": "", "splits": ("record", "experiment")}
MOVED = {
    "evaluate.cell_type_splits": "evaluate.cell_model_classification.splits",
}
SPLITS_KEY = "config.evaluate.cell_model_classification.splits"
MAX_RECORDS = 20_000  # drawn at random, as many of each cell type (ours)


def splits(metadata: pd.DataFrame, options: Mapping[str, Any]) -> list[Split]:
    """Returns the configured splits of all records, or of 20,000 of them.

    Args:
      metadata: [N] rows of Metadata_* columns.
      options: splits, max_folds, repeats, bootstrap_unit and seed are read.

    Returns:
      At least one; warns of those that are not possible.

    Raises:
      InputError: a unit or group in the config that the screen does not have.
      Skip: there is one cell type only, or no split is possible.
    """
    need_columns(metadata, "Cell_Type")
    codes, types = _codes(metadata)
    if len(types) < 2:
        raise Skip(f"all cells are of one type: {', '.join(types) or 'blank'}")
    all_codes = codes
    codes = classification.thinned(all_codes, most=MAX_RECORDS, seed=options["seed"])
    classification.check_unit(metadata[codes >= 0], options)
    built, notes = build(
        metadata,
        codes,
        with_held_out(options["splits"], metadata),
        key=SPLITS_KEY,
        group="all",
        label="cell type",
        classes=types,
        options=options,
    )
    notes += classification.not_drawn(all_codes, codes, "cell types")
    notes += [f"{x} and are left out" for x in classification.blank_models(metadata)]
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
      Per split and set a row of balanced accuracy and one of each cell type's recall.
    """
    return classification.judge(sets, splits, _task(), options)


def counting(
    metadata: pd.DataFrame, options: Mapping[str, Any]
) -> counting_module.Classification:
    """Counts for comparing sets, in splits that hold wells apart.

    Raises:
      Skip: as in `splits`, or no split holds wells apart.
    """
    apart = [split for split in splits(metadata, options) if not split.leaky]
    if not apart:
        raise Skip(f"no split holds wells apart; name 'plate' in {SPLITS_KEY}")
    return counting_module.Classification([(_task(), apart)], metadata, options)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Writes the scores for a terminal: a line per question, a column per encoder."""
    unit = rows[0].get("unit", "well")
    title = f"{TITLE}: {METRIC} [95 % interval over {unit}s]"
    keys = {"split": score_table.split, "of": _class}
    return score_table.scores(title, keys, rows)


def _task() -> classification.Task:
    return classification.Task(
        "cell_model_classification",
        _codes,
        metrics=(classification.SITES, classification.RECALL),
        per_plate=False,
    )


def _class(row: Mapping[str, Any]) -> str:
    return row.get("class", "all")


def _codes(metadata: pd.DataFrame) -> tuple[np.ndarray, Sequence[str]]:
    return classification.coded(profile_table.cell_models(metadata))
