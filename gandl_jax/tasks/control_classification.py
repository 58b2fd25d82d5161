"""Can the two control groups be told apart? The GAN-DL paper's first task.

Per cell model a linear SVM separates response 0 from response 1 on sites, normalised
per plate by the training part's controls. Scores are out of fold. Their intervals tell
what other wells of these plates would have given, not other plates or another training.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed
from sklearn.svm import LinearSVC

from gandl_jax.profiles import table
from gandl_jax.profiles.feature_set import FeatureSet, align, untrained_name
from gandl_jax.profiles.normalize import PlateScaler
from gandl_jax.tasks import bootstrap
from gandl_jax.tasks.skip import Skip, need_columns
from gandl_jax.tasks.splits import Split, leave_groups_out, random_records

CLASSES = ("response_0", "response_1")
MAX_ITERATIONS = 10_000
VALUES_PER_PROCESS = 50_000_000  # of features; on fewer, starting one takes longer


@dataclasses.dataclass(frozen=True)
class Predictions:
    """Decisions on the records of every fold's test part, one after the other.

    Attributes:
      decision: [n] float, above 0 for response 1.
      labels: [n] int, 0 or 1.
      wells: [n] int position in the sorted wells.
      folds: [n] int.
    """

    decision: np.ndarray
    labels: np.ndarray
    wells: np.ndarray
    folds: np.ndarray

    def take(self, rows: np.ndarray) -> "Predictions":
        """Some of the decisions: rows is [n] bool."""
        return Predictions(
            self.decision[rows], self.labels[rows], self.wells[rows], self.folds[rows]
        )


def splits(metadata: pd.DataFrame, options: Mapping[str, Any]) -> list[Split]:
    """The splits of each cell model: by record, and by plate or, on one plate, by row.

    Args:
      metadata: [N] rows of Metadata_* columns.
      options: repeats and seed are used.

    Returns:
      Splits with at least one fold.

    Raises:
      Skip: where a column is missing, or no cell model has both controls in a way that
        can be split.
    """
    need_columns(metadata, "Role", "Experiment", "Plate", "Well")
    labels = table.control_classes(metadata)
    found = np.unique(labels[labels >= 0])
    if len(found) < 2:
        missing = " and ".join(CLASSES[i] for i in (0, 1) if i not in found)
        raise Skip(f"the screen has no wells of the control {missing}")
    models = table.cell_models(metadata)
    made = []
    for model in np.unique(models):
        records = np.flatnonzero((models == model) & (labels >= 0))
        if len(np.unique(labels[records])) == 2:
            made += _splits_of_model(metadata, records, labels[records], model, options)
    made = [split for split in made if split.folds]
    if not made:
        raise Skip("no cell model has enough wells of both controls to hold some apart")
    return made


def run(
    sets: Mapping[str, FeatureSet], splits: Sequence[Split], **options: Any
) -> list[dict[str, Any]]:
    """Scores every set on the same records, folds and bootstrap draws.

    Args:
      sets: full name -> set.
      splits: positions refer to the first set's records.
      **options: svm_c, bootstrap_draws, seed.

    Returns:
      Per split and set a row of site-level and one of well-level balanced accuracy.

    Raises:
      InputError: where the sets are not of the same records.
    """
    sets = align(sets)
    rows = []
    for split in splits:
        # Not threads: they would share liblinear's one random generator, and scores
        # would differ from run to run.
        judged = Parallel(n_jobs=_processes(sets))(
            delayed(predict)(one, split, c=options["svm_c"], seed=options["seed"])
            for one in sets.values()
        )
        rows += _rows(sets, split, dict(zip(sets, judged, strict=True)), options)
    return rows


def predict(sites: FeatureSet, split: Split, *, c: float, seed: int) -> Predictions:
    """Trains on each fold's training part and decides on its test part.

    Args:
      sites: the set of all records.
      split: the folds.
      c: the SVM's C, for columns divided by sqrt(D): it means the same at every width.
      seed: of the SVM's solver.

    Returns:
      The decisions of all folds.
    """
    labels = table.control_classes(sites.metadata)
    plates = table.plates(sites.metadata)
    wells = np.unique(table.wells(sites.metadata), return_inverse=True)[1]
    decisions = []
    for train, test in split.folds:
        scaler = PlateScaler().fit(sites.features[train], plates=plates[train])
        width = np.sqrt(sites.features.shape[1])
        svm = LinearSVC(
            C=c, class_weight="balanced", random_state=seed, max_iter=MAX_ITERATIONS
        )
        scaled = scaler.transform(sites.features[train], plates=plates[train])
        svm.fit(scaled / width, labels[train])
        scaled = scaler.transform(sites.features[test], plates=plates[test])
        decisions.append(svm.decision_function(scaled / width))
    tests = np.concatenate([test for _, test in split.folds])
    folds = np.repeat(np.arange(len(split.folds)), [len(d) for d in decisions])
    return Predictions(np.concatenate(decisions), labels[tests], wells[tests], folds)


def _processes(sets: Mapping[str, FeatureSet]) -> int:
    values = sum(one.features.size for one in sets.values())
    return max(1, min(cpu_count(), values // VALUES_PER_PROCESS))


def _splits_of_model(metadata, records, labels, model, options) -> list[Split]:
    of_model = metadata.iloc[records]
    plates = table.plates(of_model)
    both = [p for p in np.unique(plates) if len(np.unique(labels[plates == p])) == 2]
    name, groups = ("plate", plates) if len(both) > 1 else ("row", table.rows(of_model))
    random = random_records(
        records,
        labels,
        group=model,
        repeats=options["repeats"],
        seed=options["seed"],
    )
    return [random, leave_groups_out(records, labels, groups, name=name, group=model)]


def _rows(sets, split, judged: Mapping[str, Predictions], options) -> list[dict]:
    """The rows of one split: all sets share the wells and the bootstrap draws."""
    classes = _sites_right(next(iter(judged.values())))[0]
    times = bootstrap.multiplicities(
        classes, draws=options["bootstrap_draws"], seed=options["seed"]
    )
    rows = []
    for metric, right in _METRICS.items():
        values = {name: _score(one, right) for name, one in judged.items()}
        draws = {
            name: bootstrap.balanced_accuracies(times, *right(one))
            for name, one in judged.items()
        }
        for name, one in sets.items():
            low, high = bootstrap.interval(draws[name])
            rows.append(
                _describe(one, split, judged[name])
                | {
                    "metric": metric,
                    "value": values[name],
                    "low": low,
                    "high": high,
                    "untrained_difference": _difference(name, values, draws),
                    "folds": _fold_scores(judged[name], right),
                }
            )
    return rows


def _describe(sites: FeatureSet, split: Split, judged: Predictions) -> dict[str, Any]:
    tested = np.unique(np.concatenate([test for _, test in split.folds]))
    return {
        "task": "control_classification",
        "set": sites.name,
        "encoder": sites.encoder,
        "features": sites.short_name,
        "group": split.group,
        "split": split.name,
        "leaky": split.leaky,
        "records": len(tested),
        "wells": len(np.unique(judged.wells)),
        "plates": len(np.unique(table.plates(sites.metadata.iloc[tested]))),
        "classes": list(CLASSES),
        "encoder_saw_test_images": sites.saw_images,
    }


def _difference(name, values, draws) -> dict[str, Any] | None:
    """Trained minus untrained, on the same draws of wells."""
    other = untrained_name(name)
    if other not in values:
        return None
    low, high = bootstrap.interval(draws[name] - draws[other])
    value = values[name] - values[other]
    return {"against": other, "value": value, "low": low, "high": high}


def _score(judged: Predictions, right) -> float:
    classes, correct, total = right(judged)
    once = np.ones((1, len(classes)))
    return float(bootstrap.balanced_accuracies(once, classes, correct, total)[0])


def _fold_scores(judged: Predictions, right) -> list[float]:
    """Of the classes that a fold's test part has."""
    return [
        _score(judged.take(judged.folds == fold), right)
        for fold in np.unique(judged.folds)
    ]


def _sites_right(judged: Predictions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Class of each well [W], its right decisions on sites [W], all of them [W]."""
    _, first, well = np.unique(judged.wells, return_index=True, return_inverse=True)
    right = (judged.decision > 0) == (judged.labels == 1)
    return judged.labels[first], np.bincount(well, right), np.bincount(well)


def _wells_right(judged: Predictions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same, with one decision per well: the sign of the mean over its sites."""
    _, first, well = np.unique(judged.wells, return_index=True, return_inverse=True)
    labels = judged.labels[first]
    right = (np.bincount(well, judged.decision) > 0) == (labels == 1)
    return labels, right.astype(float), np.ones(len(labels))


_METRICS = {
    "balanced_accuracy": _sites_right,
    "balanced_accuracy_wells": _wells_right,
}
