"""Can a label be told of compounds that were not learnt from?

The label is any column: a mechanism of action with its compounds left out, where
proteins are, a treatment. Per cell model a linear SVM tells it on the labelled records
that are no controls, normalised per plate by the control wells of the training plates;
in a screen without controls, all plates together by all training records.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gandl_jax import names
from gandl_jax.errors import nearest
from gandl_jax.profiles import table
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import classification
from gandl_jax.tasks.classification import Task
from gandl_jax.tasks.skip import Skip
from gandl_jax.tasks.splits import Split, build, require

SPLITS_KEY = "config.evaluate.label_splits"
MAX_LABELS = 200  # one SVM each; more would take hours (ours)
MAX_RECORDS = 20_000  # of a cell model, drawn at random (ours)


def splits(metadata: pd.DataFrame, options: Mapping[str, Any]) -> list[Split]:
    """The configured splits of each cell model's labelled records.

    Args:
      metadata: [N] rows of Metadata_* columns.
      options: label, label_splits, max_folds, repeats, bootstrap_unit and seed.

    Returns:
      At least one; warns of those that are not possible, and of labels that a split
      cannot judge, such as one of a single compound.

    Raises:
      InputError: a unit or group in the config that the screen does not have.
      Skip: where there is no such label, or no split of any cell model is possible.
    """
    label = _label(metadata, options["label"])
    codes, labels = _codes(metadata, label)
    if not len(labels):
        raise Skip(f"no record that is no control has a {label}: the column is blank")
    models = table.cell_models(metadata)
    made, said = [], []
    for model in np.unique(models[codes >= 0]):
        own = np.where(models == model, codes, -1)
        count = len(np.unique(own[own >= 0]))
        if not 2 <= count <= MAX_LABELS:
            said.append(f"{model}: {label} has {count} values, not 2 to {MAX_LABELS}")
            continue
        own = classification.thinned(own, most=MAX_RECORDS, seed=options["seed"])
        found = build(
            metadata,
            own,
            options["label_splits"],
            key=SPLITS_KEY,
            group=model,
            label=label,
            classes=labels,
            options=options,
        )
        made, said = made + found[0], said + found[1]
    classification.check_unit(metadata[codes >= 0], options)
    return require(made, said)


def run(
    sets: Mapping[str, FeatureSet], splits: Sequence[Split], **options: Any
) -> list[dict[str, Any]]:
    """Scores every set on the same records, folds and bootstrap draws.

    Args:
      sets: full name -> set, all of the same records in the same order.
      splits: positions refer to these records.
      **options: label, normalize, svm_c, bootstrap_unit, bootstrap_draws, seed.

    Returns:
      Per split and set a row of site-level and one of well-level balanced accuracy.
    """
    return classification.judge_all(sets, questions(splits, options), options)


def questions(
    splits: Sequence[Split], options: Mapping[str, Any]
) -> list[tuple[Task, list[Split]]]:
    """What is asked of which splits.

    Intervals draw whole treatments again where treatments are left out: a label is the
    treatment's, and another well of it is no new evidence.

    Args:
      splits: of this task.
      options: label is read.

    Returns:
      A task for the splits that leave treatments out, and one for all others; only
      those that have some.
    """

    def codes(metadata):
        return _codes(metadata, _label(metadata, options["label"]))

    of_unit: dict[str, list[Split]] = {}
    for split in splits:
        unit = split.name.partition(":")[0]
        of_unit.setdefault("treatment" if unit == "treatment" else "", []).append(split)
    return [
        (Task("label_classification", codes, unit=unit), of_unit[unit])
        for unit in ("treatment", "")
        if unit in of_unit
    ]


def _label(metadata: pd.DataFrame, wanted: str) -> str:
    """The column that is meant, without its Metadata_, whatever the letters' case."""
    wanted = names.clean(wanted)
    columns = [
        c.removeprefix("Metadata_") for c in metadata if c.startswith("Metadata_")
    ]
    alike = [c for c in columns if c.lower() == wanted.lower()]
    if not alike:
        raise Skip(
            f"the screen has no column Metadata_{wanted}: name one that is to be told "
            f"in config.evaluate.label; {nearest(wanted, columns)}"
        )
    return wanted if wanted in alike else alike[0]


def _codes(metadata: pd.DataFrame, label: str) -> tuple[np.ndarray, Sequence[str]]:
    values = metadata[f"Metadata_{label}"]
    values = values.astype(str).where(values.notna(), "").to_numpy(object)
    return classification.coded(np.where(classification.controls(metadata), "", values))
