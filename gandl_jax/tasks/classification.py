"""Classification by a linear SVM, scored on records that it has not learnt from.

A classification task is labels, splits, and the records that normalise features. All
sets get the same records, folds and bootstrap draws, so that differences between them
are paired; so do the floors, a record's plate and its position on the plate.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gandl_jax.profiles import feature_set, floors, groups, table
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import bootstrap, fold_svms, marks, remarks, splits, steps
from gandl_jax.tasks.differences import FLOORS, bases, difference
from gandl_jax.tasks.fold_svms import Fold, FoldData
from gandl_jax.tasks.marks import Mark
from gandl_jax.tasks.splits import Split

SITES, WELLS, RECALL = "balanced_accuracy", "balanced_accuracy_wells", "recall"

Right = Mapping[str, np.ndarray]  # SITES, WELLS -> bool, whether decisions are right


@dataclasses.dataclass(frozen=True)
class Task:
    """Labels to classify, and the way to normalise and score.

    Attributes:
      name: of the task.
      codes: from [N] rows of Metadata_* columns to [N] int class of each record and the
        names of the classes; -1 is no class.
      metrics: SITES, WELLS (one decision per well), RECALL (of each class).
      normalize: a name that `normalize.make` knows; "" is options["normalize"].
      per_plate: whether every plate is normalised by its own controls; otherwise, and
        in a screen without controls, all plates are normalised together, by all
        training records.
      unit: bootstrap unit of the intervals; "" is options["bootstrap_unit"].
      floors: whether plate identity and well position are judged beside the sets.
    """

    name: str
    codes: Callable[[pd.DataFrame], tuple[np.ndarray, Sequence[str]]]
    metrics: tuple[str, ...] = (SITES, WELLS)
    normalize: str = ""
    per_plate: bool = True
    unit: str = ""
    floors: bool = True


@dataclasses.dataclass(frozen=True)
class Sample:
    """Test records of a split, the same for every set, and their wells.

    Attributes:
      codes: [n] int class, counted from 0 within the split, of the test records of all
        folds, fold by fold.
      folds: [n] int fold of each.
      units: [n] int bootstrap unit of each.
      wells: [n] int well of each; a well has one class and one fold, otherwise it
        counts as several.
      firsts: [W] int the first record of each well.
    """

    codes: np.ndarray
    folds: np.ndarray
    units: np.ndarray
    wells: np.ndarray
    firsts: np.ndarray

    def items(self, metric: str) -> np.ndarray:
        """Returns [m] int: the records that a metric counts.

        By wells, it counts the first record of each well.
        """
        return self.firsts if metric == WELLS else np.arange(len(self.codes))

    def counted(self, items: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Sums `values` [m] over the records `items` [m]: [units, classes]."""
        classes = self.codes.max() + 1
        bin_of_item = self.units[items] * classes + self.codes[items]
        size = (self.units.max() + 1) * classes
        return np.bincount(bin_of_item, values, size).reshape(-1, classes)


def check_unit(metadata: pd.DataFrame, options: Mapping[str, Any]) -> None:
    """Refuses a bootstrap unit that the records do not have.

    Args:
      metadata: [N] rows of Metadata_* columns, of the judged records.
      options: bootstrap_unit is read.

    Raises:
      InputError: there is no such unit.
      Skip: the screen lacks its column.
    """
    _units(metadata, options["bootstrap_unit"])


def controls(metadata: pd.DataFrame) -> np.ndarray:
    """Returns [N] bool: the control wells, none in a screen without roles."""
    if "Metadata_Role" not in metadata:
        return np.zeros(len(metadata), bool)
    return table.control_classes(metadata) >= 0


def coded(values: np.ndarray) -> tuple[np.ndarray, Sequence[str]]:
    """Converts names to classes.

    Args:
      values: [N] str objects; a blank one has no class.

    Returns:
      [N] int class, -1 for none, and the names of the classes in order.
    """
    names = sorted({value for value in values if value.strip()})
    return pd.Index(names, dtype=object).get_indexer(values), names


def not_drawn(codes: np.ndarray, drawn: np.ndarray, subject: str) -> list[str]:
    """Returns a sentence if only a part of the records was drawn.

    Args:
      codes: [N] int class of each record, -1 for none.
      drawn: [N] int, the same of the drawn records.
      subject: classified label, to begin the sentence with.
    """
    total, count = int((codes >= 0).sum()), int((drawn >= 0).sum())
    if count == total:
        return []
    return [f"{subject}: {count:,} of {total:,} records, drawn at random, are judged"]


def blank_models(metadata: pd.DataFrame) -> list[str]:
    """Returns a sentence if records [N] have a blank cell type."""
    blank = sum(not model.strip() for model in table.cell_models(metadata))
    if not blank:
        return []
    return [f"{blank:,} of {len(metadata):,} records have a blank Cell_Type"]


def of_each_model(
    metadata: pd.DataFrame, codes: np.ndarray
) -> Iterator[tuple[str, np.ndarray]]:
    """Yields each cell model that has records to judge, and the classes of these.

    Args:
      metadata: [N] rows of Metadata_* columns.
      codes: [N] int class of each record, -1 for none.

    Yields:
      The model, and [N] int, `codes` with -1 for records of other models.
    """
    models = table.cell_models(metadata)
    for model in np.unique(models[codes >= 0]):
        yield model, np.where(models == model, codes, -1)


def models_without(
    metadata: pd.DataFrame, codes: np.ndarray, missing: str
) -> list[str]:
    """Returns a sentence on cell models that have no record to judge.

    Args:
      metadata: [N] rows of Metadata_* columns.
      codes: [N] int class of each record, -1 for none.
      missing: name of the records that they lack.
    """
    models = table.cell_models(metadata)
    lacking = np.setdiff1d(models.astype(str), models[codes >= 0].astype(str))
    if not len(lacking):
        return []
    count = int(np.isin(models.astype(str), lacking).sum())
    return [f"{', '.join(lacking)}: left out ({count:,} records), without {missing}"]


def thinned(codes: np.ndarray, *, most: int, seed: int) -> np.ndarray:
    """Draws records if there are too many: equal numbers per class, if possible.

    Args:
      codes: [N] int class of each record, -1 for none.
      most: number of records to keep.
      seed: of the draw.

    Returns:
      [N] int: the codes, -1 for those that were not drawn.
    """
    classes, counts = np.unique(codes[codes >= 0], return_counts=True)
    if counts.sum() <= most:
        return codes
    # The highest share s such that min(count, s) over the classes is `most` or less.
    shares = range(most // len(classes), most + 1)
    fits = [s for s in shares if np.minimum(counts, s).sum() <= most]
    rng = np.random.default_rng(seed)
    drawn = np.full(len(codes), -1)
    for value in classes:
        members = np.flatnonzero(codes == value)
        drawn[rng.permutation(members)[: fits[-1]]] = value
    return drawn


def judge(
    sets: Mapping[str, FeatureSet],
    plan: Sequence[Split],
    task: Task,
    options: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Scores every set, and the floors, on the same records, folds and draws.

    Args:
      sets: full name -> set, all of the same N records in the same order; read one at
        a time.
      plan: splits; positions refer to these records.
      task: the classification task.
      options: normalize, svm_c, bootstrap_unit, bootstrap_draws, seed.

    Returns:
      Per split, set and metric a row.
    """
    return judge_all(sets, [(task, plan)], options)


def judge_all(
    sets: Mapping[str, FeatureSet],
    questions: Sequence[tuple[Task, Sequence[Split]]],
    options: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Returns the rows of several questions; arguments as in `judge`.

    SVMs and intervals of all questions are one count of steps; sets are read once.
    """
    tallies: list[Tally] = []
    with contextlib.ExitStack() as counting:
        for name in sets:
            judged_set = sets[name]
            if not tallies:
                tallies = [
                    Tally(judged_set.metadata, plan, task, options)
                    for task, plan in questions
                ]
                total = sum(tally.parts(len(sets)) for tally in tallies)
                counting.enter_context(steps.counted(total, "parts"))
            for tally in tallies:
                tally.judge(name, judged_set)
        return [row for tally in tallies for row in tally.rows()]


class Tally:
    """Counts right decisions, on the same records and draws for all sets.

    The floors are counted too, if the task has them.

    Attributes:
      codes: [N] int class of each record, -1 for none.
      classes: the name of each class.
      samples: test records of each split.
    """

    def __init__(
        self,
        metadata: pd.DataFrame,
        plan: Sequence[Split],
        task: Task,
        options: Mapping[str, Any],
    ):
        """Prepares the test records, which are the same for all sets.

        Args:
          metadata: [N] rows of Metadata_* columns.
          plan: splits; positions refer to these records.
          task: the classification task.
          options: normalize, svm_c, bootstrap_unit, bootstrap_draws, seed.
        """
        self.codes, self.classes = task.codes(metadata)
        self._metadata, self._task, self._options = metadata, task, options
        unit = task.unit or options["bootstrap_unit"]
        self._plan = plan
        self._floors = floors.make(metadata) if task.floors else {}
        self.samples = [sample_of(metadata, self.codes, split, unit) for split in plan]
        self._right: dict[str, Sequence[Right]] = {}
        self._marks: dict[str, Sequence[Mark]] = {}

    def parts(self, sets: int) -> int:
        """Counts the SVMs and intervals that the sets take, and the floors.

        Args:
          sets: number of sets.
        """
        svms = sum(fold_svms.count(self.codes, split.folds) for split in self._plan)
        intervals = sum(len(metrics(self._task, sample)) for sample in self.samples)
        return (svms + intervals) * (sets + len(self._floors))

    def judge(self, name: str, judged_set: FeatureSet) -> None:
        """Learns and decides with a set, and counts it.

        Args:
          name: full name of the set.
          judged_set: of the records, in their order.
        """
        decisions = [
            decide(
                judged_set.features,
                self._metadata,
                self.codes,
                split,
                self._task,
                self._options,
                set_name=name,
            )
            for split in self._plan
        ]
        self.add(name, decisions, marks.mark_splits(judged_set.seen, self._plan))

    def add(
        self,
        name: str,
        decisions: Sequence[list[np.ndarray]],
        split_marks: Sequence[Mark],
    ) -> None:
        """Counts the decisions of a set.

        Args:
          name: full name of the set.
          decisions: per split and fold [n, K], as in `decide`.
          split_marks: per split, the mark of its encoder on the test records.
        """
        right_of_splits = [
            right(sample, split_decisions)
            for sample, split_decisions in zip(self.samples, decisions, strict=True)
        ]
        self.add_right(name, right_of_splits, split_marks)

    def add_right(
        self, name: str, right_of_splits: Sequence[Right], split_marks: Sequence[Mark]
    ) -> None:
        """Counts a set whose right decisions are known already.

        Args:
          name: full name of the set.
          right_of_splits: per split, as in `right`; a share in [0, 1] if several
            classifiers decided.
          split_marks: per split, the mark of its encoder on the test records.
        """
        self._marks[name] = split_marks
        self._right[name] = right_of_splits

    def rows(
        self, against: Callable[..., Mapping[str, str]] = bases
    ) -> list[dict[str, Any]]:
        """Returns the rows of scores.

        Args:
          against: returns the sets that a set is compared with, as `differences.bases`
            does.

        Returns:
          Per split, set and metric a row.
        """
        self._add_floors()
        rows = []
        for i, (split, sample) in enumerate(zip(self._plan, self.samples, strict=True)):
            about = about_split(
                self._metadata,
                self.codes,
                self.classes,
                split,
                self._task,
                self._options,
            )
            right_of_sets = {
                name: right_of_splits[i]
                for name, right_of_splits in self._right.items()
            }
            marks_of_sets = {
                name: marks_of_splits[i]
                for name, marks_of_splits in self._marks.items()
            }
            rows += _rows(
                right_of_sets,
                marks_of_sets,
                sample,
                about,
                self._task,
                self._options,
                against,
            )
        return rows

    def _add_floors(self) -> None:
        for name, features in self._floors.items():
            decisions = [
                decide_floor(features, self.codes, split, self._options)
                for split in self._plan
            ]
            self.add(name, decisions, [marks.NOTHING for _ in self._plan])


def decide(
    features: np.ndarray,
    metadata: pd.DataFrame,
    codes: np.ndarray,
    split: Split,
    task: Task,
    options: Mapping[str, Any],
    *,
    set_name: str = "",
) -> list[np.ndarray]:
    """Learns from each fold's training part and decides on its test part.

    Args:
      features: [N, D] float32.
      metadata: [N] rows of Metadata_* columns.
      codes: [N] int class of each record.
      split: the folds.
      task: the classification task.
      options: normalize, svm_c (for columns divided by sqrt(D), so that it has the same
        effect at every width) and seed.
      set_name: full name of the feature set, for remarks on its normalisation.

    Returns:
      Per fold [n, K] float decisions, the highest for the predicted class.
    """
    normalization = task.normalize or options["normalize"]
    per_plate = _per_plate(metadata, task)
    plates = table.plates(metadata) if per_plate else np.full(len(codes), "all")
    is_control = controls(metadata) if per_plate else np.zeros(len(codes), bool)
    folds = [
        Fold(_reference(train, test, plates, is_control), train, test)
        for train, test in split.folds
    ]
    decisions, doubts = fold_svms.decide(
        FoldData(features, plates, codes, normalization, options), folds
    )
    remarks.add(set_name, normalization, doubts)
    return decisions


def decide_floor(
    features: Any, codes: np.ndarray, split: Split, options: Mapping[str, Any]
) -> list[np.ndarray]:
    """Decides as `decide`, by a floor's sparse features [N, D], not normalised."""
    decisions = []
    for train, test in split.folds:
        decisions.append(
            fold_svms.by_liblinear(
                features[train], codes[train], features[test], options
            )
        )
        steps.add(fold_svms.count(codes, [(train, test)]))
    return decisions


def _reference(train, test, plates, is_control) -> np.ndarray:
    """Returns the records to fit normalisation on: controls, if there are any.

    These are the training part, if it holds controls only, else all control wells of
    the training plates that are not tested; without controls, the training part.
    """
    train_controls = train[is_control[train]]
    if len(train_controls) == len(train) > 0:
        return train_controls
    plate_controls = is_control & np.isin(plates, np.unique(plates[train]))
    plate_controls[test] = False
    return np.flatnonzero(plate_controls) if plate_controls.any() else train


def _units(metadata: pd.DataFrame, unit: str) -> np.ndarray:
    """Returns [N] str bootstrap units; a record without a well is its own well."""
    if unit == "well":
        return table.wells(metadata)
    return groups.groups(metadata, unit, key="config.evaluate.bootstrap_unit")


def sample_of(
    metadata: pd.DataFrame, codes: np.ndarray, split: Split, unit: str
) -> Sample:
    """Returns the test records of a split.

    Args:
      metadata: [N] rows of Metadata_* columns.
      codes: [N] int class of each record.
      split: the folds.
      unit: the bootstrap unit.
    """
    tests = np.concatenate([test for _, test in split.folds])
    folds = np.repeat(np.arange(len(split.folds)), [len(t) for _, t in split.folds])
    # A record may be tested in several folds, and has one name.
    records, record_of_test = np.unique(tests, return_inverse=True)
    tested = metadata.iloc[records]
    units = np.unique(_units(tested, unit).astype(str), return_inverse=True)[1][
        record_of_test
    ]
    wells = pd.factorize(table.wells(tested))[0][record_of_test]
    codes = np.unique(codes[tests], return_inverse=True)[1]
    keys = np.stack([folds, wells, codes])
    _, firsts, wells = np.unique(keys, axis=1, return_index=True, return_inverse=True)
    return Sample(codes, folds, units, wells.ravel(), firsts)


def metrics(task: Task, sample: Sample) -> tuple[str, ...]:
    """Returns a task's metrics: without WELLS where no well has two records.

    There both count the same decisions, and one question is not asked twice.

    Args:
      task: the classification task.
      sample: the test records of a split.
    """
    is_one_each = len(sample.firsts) == len(sample.codes)
    return tuple(m for m in task.metrics if m != WELLS or not is_one_each)


def right(sample: Sample, decisions: list[np.ndarray]) -> Right:
    """Tells which decisions are right; a well's decision is the mean of its records'.

    Args:
      sample: the test records.
      decisions: per fold [n, K], as in `decide`.

    Returns:
      SITES: [n] bool, of records; WELLS: [W] bool, of wells.
    """
    decision = np.concatenate(decisions)
    sums = np.stack([np.bincount(sample.wells, column) for column in decision.T], 1)
    return {
        SITES: decision.argmax(1) == sample.codes,
        WELLS: sums.argmax(1) == sample.codes[sample.firsts],
    }


def balanced_accuracy(sample: Sample, is_right: Right, metric: str) -> float:
    """Returns the mean over classes of the share of right decisions.

    Args:
      sample: the test records.
      is_right: as in `right`.
      metric: SITES or WELLS.
    """
    items, values = sample.items(metric), is_right[metric]
    correct = sample.counted(items, values).sum(0)
    return float((correct / sample.counted(items, np.ones(len(items))).sum(0)).mean())


def _rows(
    judged, set_marks, sample: Sample, about, task: Task, options, against
) -> list[dict]:
    """Returns the rows of one split.

    Args:
      judged: set -> right decisions, as in `right`.
      set_marks: set -> its mark.
      sample: the test records.
      about: columns that the rows have in common.
      task: the classification task.
      options: bootstrap_draws and seed.
      against: as in `Tally.rows`.
    """
    rows = []
    for metric in metrics(task, sample):
        level = WELLS if metric == WELLS else SITES
        items = sample.items(level)
        total = sample.counted(items, np.ones(len(items)))
        wider = bootstrap.stretch(
            total, tested=about["records"], trained=about["learnt_from"]
        )
        values, draws, base_draws = {}, {}, {}
        # No floors for recall: a constant classifier reaches recall 1 on its class.
        floors_compared = () if metric == RECALL else FLOORS
        compared = {
            name: against(name, judged, floors=floors_compared) for name in judged
        }
        compared_bases = {
            base for set_bases in compared.values() for base in set_bases.values()
        }
        correct = {
            n: sample.counted(items, is_right[level]) for n, is_right in judged.items()
        }
        draw_options = {"draws": options["bootstrap_draws"], "seed": options["seed"]}
        counts = [(sums, 1) for sums in correct.values()]
        counts += [(correct[name], 2) for name in judged if name in compared_bases]
        drawn = iter(bootstrap.recalls_of_each(counts, total, **draw_options))
        for name in judged:
            values[name] = _scores(correct[name].sum(0) / total.sum(0), metric)
            draws[name] = _scores(next(drawn), metric)
        for name in judged:
            if name in compared_bases:
                base_draws[name] = _scores(next(drawn), metric)
            steps.add()
        for name, is_right in judged.items():
            folds = _fold_recalls(sample, items, is_right[level])
            for i, value in enumerate(values[name]):
                low, high = bootstrap.interval(value, draws[name][:, i], stretch=wider)
                differences = _differences(
                    name, compared[name], values, draws, base_draws, i, wider, about
                )
                rows.append(
                    _identified(task.name, name, about)
                    | set_marks[name]
                    | {"metric": metric}
                    | ({"class": about["classes"][i]} if metric == RECALL else {})
                    | {"value": float(value), "low": low, "high": high}
                    | {"differences": differences}
                    | {
                        "folds": _fold_scores(
                            folds[:, [i]] if metric == RECALL else folds
                        )
                    }
                )
    return rows


def _scores(recalls: np.ndarray, metric: str) -> np.ndarray:
    """Returns recalls [..., K] unchanged, or their mean [..., 1]."""
    return recalls if metric == RECALL else recalls.mean(-1, keepdims=True)


def _fold_recalls(sample: Sample, items, right) -> np.ndarray:
    """Returns recalls [F, K] of each fold; NaN for a class without test records."""
    classes, folds = sample.codes[items], sample.folds[items]
    width = classes.max() + 1
    shape = (folds.max() + 1, width)
    bins, size = folds * width + classes, shape[0] * width
    total = np.bincount(bins, minlength=size)
    correct = np.bincount(bins, right, size)
    return np.divide(
        correct, total, out=np.full(size, np.nan), where=total > 0
    ).reshape(shape)


def _fold_scores(recalls: np.ndarray) -> list[float]:
    """Returns balanced accuracy of each fold, over the classes in its test part."""
    tested = recalls[~np.isnan(recalls).all(1)]
    return np.nanmean(tested, axis=1).tolist()


def _differences(
    name, compared, values, draws, base_draws, column: int, wider: float, about
) -> dict:
    """Returns a set's score minus each base's, on the same draws of units.

    Args:
      name: full name of the set.
      compared: role -> name of the base.
      values: name -> scores.
      draws: name -> drawn scores.
      base_draws: the same of the bases, with another pseudo-unit.
      column: index of the score: a class, or 0.
      wider: factor on the width of intervals.
      about: columns of the split; "chance" is read.
    """
    return {
        role: difference(
            values[name][column],
            draws[name][:, column],
            base,
            values[base][column],
            base_draws[base][:, column],
            chance=about["chance"],
            stretch=wider,
        )
        for role, base in compared.items()
    }


def about_split(
    metadata: pd.DataFrame,
    codes: np.ndarray,
    classes: Sequence[str],
    split: Split,
    task: Task,
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """Returns the columns that the rows of a split have in common.

    Arguments are as in `decide`.
    """
    tests = splits.tested(split)
    tested, names = metadata.iloc[tests], [classes[i] for i in np.unique(codes[tests])]
    return {
        "group": split.group,
        "split": split.name,
        "leaky": split.leaky,
        "label": split.label,
        "classes": names,
        "chance": 1 / len(names),
        "records": len(tests),
        "wells": len(np.unique(table.wells(tested).astype(str))),
        "plates": len(np.unique(table.plates(tested).astype(str))),
        "learnt_from": float(np.mean([len(train) for train, _ in split.folds])),
        "normalize": normalized(metadata, task, options),
        "unit": task.unit or options["bootstrap_unit"],
    }


def normalized(metadata: pd.DataFrame, task: Task, options: Mapping[str, Any]) -> str:
    """Describes a normalisation: "standard", "standard, all plates together".

    Args:
      metadata: [N] rows of Metadata_* columns.
      task: the classification task.
      options: normalize.
    """
    normalization = task.normalize or options["normalize"]
    if normalization == "none" or _per_plate(metadata, task):
        return normalization
    return f"{normalization}, all plates together"


def _per_plate(metadata: pd.DataFrame, task: Task) -> bool:
    """Tells whether every plate is normalised by itself.

    Without controls a plate's own mean is that of its treatments: subtracting it
    removes their effect.
    """
    return task.per_plate and controls(metadata).any()


def _identified(task: str, name: str, about) -> dict[str, Any]:
    columns = {
        "task": task,
        "set": name,
        "encoder": feature_set.encoder(name),
        "features": name.rpartition("/")[2],
        **about,
    }
    return columns | ({"normalize": "none"} if name in FLOORS else {})
