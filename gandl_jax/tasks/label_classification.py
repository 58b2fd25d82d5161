"""Classification of a label, such as for compounds that were not learnt from.

The label is any column: a mechanism of action with its compounds left out, the location
of proteins, a treatment. Per cell model a linear SVM predicts it on the labelled
records, normalised per plate by the control wells of the training plates; in a screen
without controls, all plates together by all training records. Controls that carry a
label are records of its class, unless the config leaves them out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gandl_jax import names
from gandl_jax.errors import nearest
from gandl_jax.profiles import groups
from gandl_jax.profiles import table as profile_table
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import classification, score_table
from gandl_jax.tasks.classification import Task
from gandl_jax.tasks.skip import Skip
from gandl_jax.tasks.splits import Split, build, require, with_held_out

TITLE = "Label classification"
METRIC = "balanced accuracy"
PLACE = 30  # in the terminal
OPTIONS = {
    "normalize": "",
    "label": "Mechanism",  # predicted: Metadata_<label>
    # Whether controls that carry a label are records of its class as others are;
    # otherwise they are left out. They normalise in either case.
    "controls": True,
    "splits": ("treatment",),
}
MOVED = {
    "evaluate.label": "evaluate.label_classification.label",
    "evaluate.label_controls": "evaluate.label_classification.controls",
    "evaluate.label_splits": "evaluate.label_classification.splits",
}
SPLITS_KEY = "config.evaluate.label_classification.splits"
MAX_LABELS = 200  # one SVM each; more would take hours (ours)
MAX_RECORDS = 20_000  # of a cell model, drawn at random (ours)
SHOWN = 12  # classes in a line of counts


def splits(metadata: pd.DataFrame, options: Mapping[str, Any]) -> list[Split]:
    """Returns the configured splits of each cell model's labelled records.

    Args:
      metadata: [N] rows of Metadata_* columns.
      options: label, controls, splits, max_folds, repeats, bootstrap_unit
        and seed.

    Returns:
      At least one; warns of those that are not possible, of records that are left out,
      and of labels that a split cannot judge, such as one of a single compound.

    Raises:
      InputError: a unit or group in the config that the screen does not have.
      Skip: there is no such label, or no split of any cell model is possible.
    """
    label = _label(metadata, options["label"])
    codes, labels = _codes(metadata, label, options["controls"])
    if not len(labels):
        whose = "record" if options["controls"] else "record that is no control"
        raise Skip(f"no {whose} has a {label}: the column is blank")
    built, notes = [], _unlabelled(metadata, label, options["controls"])
    for model, model_codes in classification.of_each_model(metadata, codes):
        count = len(np.unique(model_codes[model_codes >= 0]))
        if not 2 <= count <= MAX_LABELS:
            notes.append(f"{model}: {label} has {count} values, not 2 to {MAX_LABELS}")
            continue
        drawn = classification.thinned(
            model_codes, most=MAX_RECORDS, seed=options["seed"]
        )
        notes += classification.not_drawn(model_codes, drawn, f"{label} in {model}")
        for text in with_held_out(options["splits"], metadata):
            judged_codes, control_notes = _judged_controls(
                metadata, drawn, labels, text, options
            )
            notes += [f"{model}, {label}: {note}" for note in control_notes]
            more = build(
                metadata,
                judged_codes,
                (text,),
                key=SPLITS_KEY,
                group=model,
                label=label,
                classes=labels,
                options=options,
            )
            built, notes = built + more[0], notes + more[1]
    _check_unit(metadata, codes, built, options)
    return require(built, notes)


def run(
    sets: Mapping[str, FeatureSet], splits: Sequence[Split], **options: Any
) -> list[dict[str, Any]]:
    """Scores every set on the same records, folds and bootstrap draws.

    Args:
      sets: full name -> set, all of the same records in the same order.
      splits: positions refer to these records.
      **options: label, controls, normalize, svm_c, bootstrap_unit,
        bootstrap_draws, seed.

    Returns:
      Per split and set a row of site-level and one of well-level balanced accuracy,
      with the records of each class ("by_class") and those that the split leaves out
      ("left_out", reason -> number).
    """
    metadata = next(iter(sets.values())).metadata
    counts = {
        (split.group, split.name): _counts(metadata, split, options) for split in splits
    }
    rows = classification.judge_all(sets, questions(splits, options), options)
    return [row | counts[row["group"], row["split"]] for row in rows]


def questions(
    splits: Sequence[Split], options: Mapping[str, Any]
) -> list[tuple[Task, list[Split]]]:
    """Returns classification tasks with their splits.

    Intervals draw whole treatments again if the split leaves treatments out: a label
    belongs to the treatment, and another well of it is no new evidence.

    Args:
      splits: of this task.
      options: label and controls are read.

    Returns:
      A task for the splits that leave treatments out, and one for all others, each if
      it has splits.
    """

    def codes(metadata):
        label = _label(metadata, options["label"])
        return _codes(metadata, label, options["controls"])

    splits_by_unit: dict[str, list[Split]] = {}
    for split in splits:
        unit = groups.unit(split.name)
        splits_by_unit.setdefault(
            "treatment" if unit == "treatment" else "", []
        ).append(split)
    return [
        (Task("label_classification", codes, unit=unit), splits_by_unit[unit])
        for unit in ("treatment", "")
        if unit in splits_by_unit
    ]


def _label(metadata: pd.DataFrame, wanted: str) -> str:
    """Returns the wanted column without Metadata_; upper and lower case are equal."""
    wanted = names.clean(wanted)
    columns = [
        c.removeprefix("Metadata_") for c in metadata if c.startswith("Metadata_")
    ]
    alike = [c for c in columns if c.lower() == wanted.lower()]
    if not alike:
        raise Skip(
            f"the screen has no column Metadata_{wanted}: name one that is to be told "
            f"in config.evaluate.label_classification.label; {nearest(wanted, columns)}"
        )
    return wanted if wanted in alike else alike[0]


def _codes(
    metadata: pd.DataFrame, label: str, with_controls: bool
) -> tuple[np.ndarray, Sequence[str]]:
    values = _values(metadata, label)
    if not with_controls:
        values = np.where(classification.controls(metadata), "", values)
    return classification.coded(values)


def _values(metadata: pd.DataFrame, label: str) -> np.ndarray:
    """Returns [N] str objects, blank for a record without a value."""
    values = metadata[f"Metadata_{label}"]
    return values.astype(str).where(values.notna(), "").to_numpy(object)


def _blank(metadata: pd.DataFrame, label: str) -> np.ndarray:
    return np.array([not value.strip() for value in _values(metadata, label)], bool)


def _unlabelled(metadata: pd.DataFrame, label: str, with_controls: bool) -> list[str]:
    """Returns notes on records that no split has."""
    blank, controls = _blank(metadata, label), classification.controls(metadata)
    notes = []
    if blank.any():
        blank_controls = int((blank & controls).sum())
        notes.append(
            f"{int(blank.sum()):,} of {len(blank):,} records have a blank {label} and "
            f"are left out, {blank_controls:,} of them controls"
        )
    labelled = int((controls & ~blank).sum())
    if labelled and not with_controls:
        notes.append(
            f"{labelled:,} control records with a {label} are left out "
            "(config.evaluate.label_classification.controls is False)"
        )
    return notes


def _judged_controls(
    metadata: pd.DataFrame, codes: np.ndarray, labels: Sequence[str], text: str, options
) -> tuple[np.ndarray, list[str]]:
    """Returns codes without the controls that a split cannot hold apart, and notes.

    Usually compounds are held apart. All untreated controls are of one compound or
    none, so that no fold could both learn and judge a class that only they have.
    """
    unit, controls = groups.unit(text), classification.controls(metadata)
    units = [u for u in (unit, options["bootstrap_unit"]) if u not in groups.NO_GROUPS]
    judged, notes = controls & (codes >= 0), []
    for group_unit in units:
        blank = judged & ~groups.has_group(metadata, group_unit)
        if blank.any():
            notes.append(
                f"{int(blank.sum()):,} control records are left out of the split "
                f"{text!r}, for they have a blank {group_unit}"
            )
            codes, judged = np.where(blank, -1, codes), judged & ~blank
    control_classes = [
        k for k in np.unique(codes[judged]) if not (~controls & (codes == k)).any()
    ]
    if unit == "treatment" and "Metadata_Treatment" in metadata:
        names = metadata["Metadata_Treatment"].astype(str).to_numpy(object)
        for code in control_classes:
            in_class = judged & (codes == code)
            if len(set(names[in_class])) == 1:
                notes.append(
                    f"{int(in_class.sum()):,} control records of the class "
                    f"{labels[code]} are left out of the split {text!r}, for they have "
                    "one treatment, and at least two are needed"
                )
                codes = np.where(in_class, -1, codes)
    return codes, notes


def _check_unit(metadata, codes, built: Sequence[Split], options) -> None:
    """Refuses a bootstrap unit that the records do not have."""
    used = [rows for split in built for fold in split.folds for rows in fold]
    rows = np.unique(np.concatenate(used)) if used else np.flatnonzero(codes >= 0)
    classification.check_unit(metadata.iloc[rows], options)


def _counts(metadata: pd.DataFrame, split: Split, options) -> dict[str, Any]:
    """Counts records that a split judges and leaves out, in its cell model."""
    codes, labels = _codes(metadata, split.label, options["controls"])
    used = np.zeros(len(metadata), bool)
    used[np.concatenate([rows for fold in split.folds for rows in fold])] = True
    unused = ~used & (profile_table.cell_models(metadata) == split.group)
    reasons, left_out = (
        {
            f"blank {split.label}": _blank(metadata, split.label),
            "controls": classification.controls(metadata),
            "classes that cannot be judged": ~np.isin(codes, codes[used]),
            "not drawn or of neither side": np.ones(len(metadata), bool),
        },
        {},
    )
    for reason, is_cause in reasons.items():
        if (unused & is_cause).any():
            left_out[reason] = int((unused & is_cause).sum())
        unused &= ~is_cause
    by_class = {labels[k]: int((used & (codes == k)).sum()) for k in set(codes[used])}
    return {"by_class": dict(sorted(by_class.items())), "left_out": left_out}


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Writes the scores for a terminal: a line per question, a column per encoder."""
    title = f"{rows[0]['label']} classification: {METRIC} [95 % interval]"
    keys = {
        "cell model": score_table.group,
        "split": score_table.split,
        "level": score_table.level,
    }
    counts = dict.fromkeys(filter(None, map(counts_in_words, rows)))
    return "\n".join([score_table.scores(title, keys, rows), *counts])


def counts_in_words(row: Mapping[str, Any]) -> str:
    """Describes the records that a row's split judges and leaves out.

    Args:
      row: of this task.

    Returns:
      A line such as "HRCE, plate: 24 records of DMSO, 40 of kinase; left out: 12 with
      blank Mechanism"; "" for rows that were made before they had counts.
    """
    if not row.get("by_class"):
        return ""
    counts = [f"{name} {count:,}" for name, count in row["by_class"].items()]
    more = f" and {len(counts) - SHOWN} more" if len(counts) > SHOWN else ""
    left_out = ", ".join(
        f"{reason} {number:,}" for reason, number in row["left_out"].items()
    )
    return (
        f"{row['group']}, {row['split']}: records by class: "
        f"{', '.join(counts[:SHOWN])}{more}; left out: {left_out or 'none'}"
    )
