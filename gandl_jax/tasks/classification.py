"""How well a linear SVM tells labels apart on records that it has not learnt from.

Every classification task is this: labels, splits, and what features are normalised by.
All sets get the same records, folds and bootstrap draws, so that differences between
them are paired; so do the floors, a record's plate and its place on the plate.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gandl_jax.profiles import feature_set, floors, groups, table
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import bootstrap, fold_svms, marks, remarks, splits, steps
from gandl_jax.tasks.differences import FLOORS, bases, difference
from gandl_jax.tasks.fold_svms import Fold, Given
from gandl_jax.tasks.marks import Mark
from gandl_jax.tasks.splits import Split

SITES, WELLS, RECALL = "balanced_accuracy", "balanced_accuracy_wells", "recall"

Right = Mapping[str, np.ndarray]  # SITES, WELLS -> which decisions are right


@dataclasses.dataclass(frozen=True)
class Task:
    """What is asked.

    Attributes:
      name: of the task.
      codes: from [N] rows of Metadata_* columns to [N] int class of each record and the
        names of the classes; -1 is of no class.
      metrics: SITES, WELLS (one decision per well), RECALL (of each class).
      normalize: a name that `normalize.make` knows; "" is options["normalize"].
      per_plate: whether every plate is normalised by its own controls; otherwise, and
        in a screen without controls, all are as one plate, by all training records.
      unit: what intervals draw again; "" is options["bootstrap_unit"].
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
    """What a split judges, the same for every set: records, and wells of records.

    Attributes:
      codes: [n] int class, counted from 0 within the split, of the test records of all
        folds one after the other.
      folds: [n] int fold of each.
      units: [n] int unit of each, which the bootstrap draws.
      wells: [n] int well of each; a well has one class and is of one fold, otherwise it
        counts as several.
      firsts: [W] int the first record of each well.
    """

    codes: np.ndarray
    folds: np.ndarray
    units: np.ndarray
    wells: np.ndarray
    firsts: np.ndarray

    def items(self, metric: str) -> np.ndarray:
        """[m] int: the records that a metric counts, of each well the first."""
        return self.firsts if metric == WELLS else np.arange(len(self.codes))

    def counted(self, items: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Sums of `values` [m] over the records `items` [m]: [units, classes]."""
        classes = self.codes.max() + 1
        place = self.units[items] * classes + self.codes[items]
        size = (self.units.max() + 1) * classes
        return np.bincount(place, values, size).reshape(-1, classes)


def check_unit(metadata: pd.DataFrame, options: Mapping[str, Any]) -> None:
    """Refuses a bootstrap unit that the records do not have.

    Args:
      metadata: [N] rows of Metadata_* columns, of the records that are judged.
      options: bootstrap_unit is read.

    Raises:
      InputError: there is no such unit.
      Skip: the screen lacks its column.
    """
    _units(metadata, options["bootstrap_unit"])


def controls(metadata: pd.DataFrame) -> np.ndarray:
    """[N] bool: the control wells, none in a screen without roles."""
    if "Metadata_Role" not in metadata:
        return np.zeros(len(metadata), bool)
    return table.control_classes(metadata) >= 0


def coded(values: np.ndarray) -> tuple[np.ndarray, Sequence[str]]:
    """Names to classes.

    Args:
      values: [N] str objects; a blank one is of no class.

    Returns:
      [N] int class, -1 for none, and the names of the classes in order.
    """
    names = sorted({value for value in values if value.strip()})
    return pd.Index(names, dtype=object).get_indexer(values), names


def not_drawn(codes: np.ndarray, drawn: np.ndarray, what: str) -> list[str]:
    """A sentence where records were left to chance, of codes [N] before and after."""
    had, kept = int((codes >= 0).sum()), int((drawn >= 0).sum())
    if kept == had:
        return []
    return [f"{what}: {kept:,} of {had:,} records, drawn at random, are judged"]


def blank_models(metadata: pd.DataFrame) -> list[str]:
    """A sentence where records have a blank cell type, metadata having a row each."""
    blank = sum(not model.strip() for model in table.cell_models(metadata))
    if not blank:
        return []
    return [f"{blank:,} of {len(metadata):,} records have a blank Cell_Type"]


def models_without(metadata: pd.DataFrame, codes: np.ndarray, what: str) -> list[str]:
    """A sentence on cell models that have no record to judge.

    Args:
      metadata: [N] rows of Metadata_* columns.
      codes: [N] int class of each record, -1 for none.
      what: they lack.
    """
    models = table.cell_models(metadata)
    lacking = np.setdiff1d(models.astype(str), models[codes >= 0].astype(str))
    if not len(lacking):
        return []
    count = int(np.isin(models.astype(str), lacking).sum())
    return [f"{', '.join(lacking)}: left out ({count:,} records), without {what}"]


def thinned(codes: np.ndarray, *, most: int, seed: int) -> np.ndarray:
    """Draws records where there are too many: as many of each class as can be.

    Args:
      codes: [N] int class of each record, -1 for none.
      most: records that are kept.
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
    kept = np.full(len(codes), -1)
    for value in classes:
        own = np.flatnonzero(codes == value)
        kept[rng.permutation(own)[: fits[-1]]] = value
    return kept


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
      task: what is asked.
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
    """The rows of several questions, one after the other; arguments as of `judge`.

    SVMs and intervals of all of them are one count; sets are read once.
    """
    tallies: list[Tally] = []
    with contextlib.ExitStack() as counting:
        for name in sets:
            one = sets[name]
            if not tallies:
                tallies = [
                    Tally(one.metadata, plan, task, options) for task, plan in questions
                ]
                total = sum(tally.parts(len(sets)) for tally in tallies)
                counting.enter_context(steps.counted(total, "parts"))
            for tally in tallies:
                tally.judge(name, one)
        return [row for tally in tallies for row in tally.rows()]


class Tally:
    """Counts whose decisions are right, on the same records and draws for all.

    The floors are counted too where the task has them.

    Attributes:
      codes: [N] int class of each record, -1 for those of none.
      classes: the name of each class.
      samples: of each split, what it judges.
    """

    def __init__(
        self,
        metadata: pd.DataFrame,
        plan: Sequence[Split],
        task: Task,
        options: Mapping[str, Any],
    ):
        """Prepares what is the same for all that is judged.

        Args:
          metadata: [N] rows of Metadata_* columns.
          plan: splits; positions refer to these records.
          task: what is asked.
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
        """How many SVMs and intervals so many sets take, and the floors."""
        svms = sum(fold_svms.count(self.codes, split.folds) for split in self._plan)
        intervals = len(self._plan) * len(self._task.metrics)
        return (svms + intervals) * (sets + len(self._floors))

    def judge(self, name: str, one: FeatureSet) -> None:
        """Learns and decides by a set, and counts it.

        Args:
          name: full name of the set.
          one: of the records, in their order.
        """
        decisions = [
            decide(
                one.features,
                self._metadata,
                self.codes,
                split,
                self._task,
                self._options,
                of=name,
            )
            for split in self._plan
        ]
        self.add(name, decisions, marks.of_splits(one.seen, self._plan))

    def add(
        self, name: str, decisions: Sequence[list[np.ndarray]], own: Sequence[Mark]
    ) -> None:
        """Counts one more.

        Args:
          name: full name of the set that was decided by.
          decisions: per split and fold [n, K], as of `decide`.
          own: per split, what its encoder saw of the test records.
        """
        found = [
            right(sample, made)
            for sample, made in zip(self.samples, decisions, strict=True)
        ]
        self.add_right(name, found, own)

    def add_right(self, name: str, found: Sequence[Right], own: Sequence[Mark]) -> None:
        """Counts one more, of which it is known already what is right.

        Args:
          name: full name of the set that was decided by.
          found: per split, as of `right`; a share in [0, 1] where several decided.
          own: per split, what its encoder saw of the test records.
        """
        self._marks[name] = own
        self._right[name] = found

    def rows(
        self, against: Callable[..., Mapping[str, str]] = bases
    ) -> list[dict[str, Any]]:
        """The rows of scores.

        Args:
          against: which sets one is compared with, as `differences.bases` says it.

        Returns:
          Per split, set and metric a row.
        """
        self._add_floors()
        made = []
        for i, (split, sample) in enumerate(zip(self._plan, self.samples, strict=True)):
            about = about_split(
                self._metadata,
                self.codes,
                self.classes,
                split,
                self._task,
                self._options,
            )
            of_split = {name: found[i] for name, found in self._right.items()}
            own = {name: of_each[i] for name, of_each in self._marks.items()}
            made += _rows(
                of_split, own, sample, about, self._task, self._options, against
            )
        return made

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
    of: str = "",
) -> list[np.ndarray]:
    """Learns from each fold's training part and decides on its test part.

    Args:
      features: [N, D] float32.
      metadata: [N] rows of Metadata_* columns.
      codes: [N] int class of each record.
      split: the folds.
      task: what is asked.
      options: normalize, svm_c (for columns divided by sqrt(D), so that it means the
        same at every width) and seed.
      of: full name of the feature set, for remarks on its normalisation.

    Returns:
      Per fold [n, K] float decisions, the highest for the class that is decided on.
    """
    how = task.normalize or options["normalize"]
    per_plate = _per_plate(metadata, task)
    plates = table.plates(metadata) if per_plate else np.full(len(codes), "all")
    is_control = controls(metadata) if per_plate else np.zeros(len(codes), bool)
    folds = [
        Fold(_reference(train, test, plates, is_control), train, test)
        for train, test in split.folds
    ]
    decisions, doubts = fold_svms.decide(
        Given(features, plates, codes, how, options), folds
    )
    remarks.add(of, how, doubts)
    return decisions


def decide_floor(
    features: Any, codes: np.ndarray, split: Split, options: Mapping[str, Any]
) -> list[np.ndarray]:
    """As `decide`, by the sparse features [N, D] of a floor, as they are."""
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
    """What normalisation is fitted on: the training part's controls only.

    Where there are others than controls in it, all control wells of the training plates
    that are not tested; in a screen without controls, all that is learnt from.
    """
    own = train[is_control[train]]
    if len(own) == len(train) > 0:
        return own
    beside = is_control & np.isin(plates, np.unique(plates[train]))
    beside[test] = False
    return np.flatnonzero(beside) if beside.any() else train


def _units(metadata: pd.DataFrame, unit: str) -> np.ndarray:
    """[N] str; records that have no well are wells of their own."""
    if unit == "well":
        return table.wells(metadata)
    return groups.groups(metadata, unit, key="config.evaluate.bootstrap_unit")


def sample_of(
    metadata: pd.DataFrame, codes: np.ndarray, split: Split, unit: str
) -> Sample:
    """What a split judges.

    Args:
      metadata: [N] rows of Metadata_* columns.
      codes: [N] int class of each record.
      split: the folds.
      unit: what the bootstrap draws again.
    """
    tests = np.concatenate([test for _, test in split.folds])
    folds = np.repeat(np.arange(len(split.folds)), [len(t) for _, t in split.folds])
    # A record may be tested in several folds, and has one name.
    records, place = np.unique(tests, return_inverse=True)
    own = metadata.iloc[records]
    units = np.unique(_units(own, unit).astype(str), return_inverse=True)[1][place]
    wells = pd.factorize(table.wells(own))[0][place]
    codes = np.unique(codes[tests], return_inverse=True)[1]
    keys = np.stack([folds, wells, codes])
    _, firsts, wells = np.unique(keys, axis=1, return_index=True, return_inverse=True)
    return Sample(codes, folds, units, wells.ravel(), firsts)


def right(sample: Sample, decisions: list[np.ndarray]) -> Right:
    """Which decisions are right; a well is decided on by the mean over its records.

    Args:
      sample: what is judged.
      decisions: per fold [n, K], as of `decide`.

    Returns:
      SITES: [n] bool, of records; WELLS: [W] bool, of wells.
    """
    decision = np.concatenate(decisions)
    sums = np.stack([np.bincount(sample.wells, column) for column in decision.T], 1)
    return {
        SITES: decision.argmax(1) == sample.codes,
        WELLS: sums.argmax(1) == sample.codes[sample.firsts],
    }


def balanced_accuracy(sample: Sample, found: Right, metric: str) -> float:
    """The mean over the classes of the share that is right.

    Args:
      sample: what is judged.
      found: as of `right`.
      metric: SITES or WELLS.
    """
    items, values = sample.items(metric), found[metric]
    correct = sample.counted(items, values).sum(0)
    return float((correct / sample.counted(items, np.ones(len(items))).sum(0)).mean())


def _rows(
    judged, own, sample: Sample, about, task: Task, options, against
) -> list[dict]:
    """The rows of one split.

    `judged` is set -> what is right, of records and of wells; `own` set -> its mark.
    """
    rows = []
    for metric in task.metrics:
        level = WELLS if metric == WELLS else SITES
        items = sample.items(level)
        total = sample.counted(items, np.ones(len(items)))
        wider = bootstrap.stretch(
            total, tested=about["records"], trained=about["learnt_from"]
        )
        values, draws, others = {}, {}, {}
        # No floors for recall: a constant classifier reaches recall 1 on its class.
        kept = () if metric == RECALL else FLOORS
        compared = {name: against(name, judged, floors=kept) for name in judged}
        floors_of_some = {other for of in compared.values() for other in of.values()}
        correct = {n: sample.counted(items, own[level]) for n, own in judged.items()}
        many = {"draws": options["bootstrap_draws"], "seed": options["seed"]}
        asked = [(own, 1) for own in correct.values()]
        asked += [(correct[name], 2) for name in judged if name in floors_of_some]
        drawn = iter(bootstrap.recalls_of_each(asked, total, **many))
        for name in judged:
            values[name] = _scores(correct[name].sum(0) / total.sum(0), metric)
            draws[name] = _scores(next(drawn), metric)
        for name in judged:
            if name in floors_of_some:
                others[name] = _scores(next(drawn), metric)
            steps.add()
        for name, is_right in judged.items():
            folds = _fold_recalls(sample, items, is_right[level])
            for i, value in enumerate(values[name]):
                low, high = bootstrap.interval(value, draws[name][:, i], stretch=wider)
                differences = _differences(
                    name, compared[name], values, draws, others, i, wider, about
                )
                rows.append(
                    _named(task.name, name, about)
                    | own[name]
                    | {"metric": metric}
                    | ({"class": about["classes"][i]} if metric == RECALL else {})
                    | {"value": float(value), "low": low, "high": high}
                    | {"differences": differences}
                    | {"folds": _of_folds(folds[:, [i]] if metric == RECALL else folds)}
                )
    return rows


def _scores(recalls: np.ndarray, metric: str) -> np.ndarray:
    """[..., K] recalls as they are, or their mean [..., 1]."""
    return recalls if metric == RECALL else recalls.mean(-1, keepdims=True)


def _fold_recalls(sample: Sample, items, right) -> np.ndarray:
    """[F, K], NaN where a fold's test part has none of a class."""
    classes, folds = sample.codes[items], sample.folds[items]
    width = classes.max() + 1
    shape = (folds.max() + 1, width)
    place, size = folds * width + classes, shape[0] * width
    total = np.bincount(place, minlength=size)
    correct = np.bincount(place, right, size)
    return np.divide(
        correct, total, out=np.full(size, np.nan), where=total > 0
    ).reshape(shape)


def _of_folds(recalls: np.ndarray) -> list[float]:
    """Balanced accuracy of each fold, over the classes that its test part has."""
    some = recalls[~np.isnan(recalls).all(1)]
    return np.nanmean(some, axis=1).tolist()


def _differences(
    name, compared, values, draws, others, column: int, wider: float, about
) -> dict:
    """A set minus each that it is compared with, on the same draws of units.

    `others` are the draws of those, with a pseudo-unit of their own.
    """
    return {
        kind: difference(
            values[name][column],
            draws[name][:, column],
            other,
            values[other][column],
            others[other][:, column],
            chance=about["chance"],
            stretch=wider,
        )
        for kind, other in compared.items()
    }


def about_split(
    metadata: pd.DataFrame,
    codes: np.ndarray,
    classes: Sequence[str],
    split: Split,
    task: Task,
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """What the rows of a split have in common; arguments as of `decide`."""
    tests = splits.tested(split)
    own, names = metadata.iloc[tests], [classes[i] for i in np.unique(codes[tests])]
    return {
        "group": split.group,
        "split": split.name,
        "leaky": split.leaky,
        "label": split.label,
        "classes": names,
        "chance": 1 / len(names),
        "records": len(tests),
        "wells": len(np.unique(table.wells(own).astype(str))),
        "plates": len(np.unique(table.plates(own).astype(str))),
        "learnt_from": float(np.mean([len(train) for train, _ in split.folds])),
        "normalize": normalized(metadata, task, options),
        "unit": task.unit or options["bootstrap_unit"],
    }


def normalized(metadata: pd.DataFrame, task: Task, options: Mapping[str, Any]) -> str:
    """How a task normalises, in words: "standard", "standard, all plates together".

    Args:
      metadata: [N] rows of Metadata_* columns.
      task: what is asked.
      options: normalize.
    """
    how = task.normalize or options["normalize"]
    if how == "none" or _per_plate(metadata, task):
        return how
    return f"{how}, all plates together"


def _per_plate(metadata: pd.DataFrame, task: Task) -> bool:
    """Whether every plate is normalised by itself.

    Without controls a plate's own mean is that of its treatments: taking it away takes
    away what they do.
    """
    return task.per_plate and controls(metadata).any()


def _named(task: str, name: str, about) -> dict[str, Any]:
    one = {
        "task": task,
        "set": name,
        "encoder": feature_set.encoder(name),
        "features": name.rpartition("/")[2],
        **about,
    }
    return one | ({"normalize": "none"} if name in FLOORS else {})
