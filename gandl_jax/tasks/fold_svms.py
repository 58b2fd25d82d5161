"""SVMs of a split's folds; computations that folds share are done once.

A fold is normalised by its own reference records. If leaving a plate out does not
change the other plates, or if all plates are normalised together, all folds learn from
the same rows, or from the same but for a centre and scale. Their SVMs are then solved
side by side. Other folds are normalised and solved separately, some at a time.
"""

import dataclasses
import math
import threading
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

from gandl_jax import child_processes
from gandl_jax.profiles import normalize
from gandl_jax.tasks import linear_svm, remarks, steps, threads, units
from gandl_jax.tasks.linear_svm import Problems

MAX_ITERATIONS = 10_000
SHORT = (  # a sentence of `remarks.count`
    f"{{}} fits of SVMs stopped after {MAX_ITERATIONS:,} iterations, short of the "
    "minimum: their scores may change a little with evaluate.seed; a smaller "
    "evaluate.svm_c converges sooner"
)
VALUES_PER_PROCESS = 50_000_000  # of features x folds; below, starting one takes longer
GROUP = 24  # SVMs at most that are solved side by side, each group in a thread (ours)
VALUES = 2**20  # of rows x SVMs of a group, at most
FITTED_AT_ONCE = 2**25  # values of a fold's references; of more, one fold at a time
IN_FLOAT64 = 2**23  # values of rows that are kept as such; more are read in blocks
# A process has one random generator of liblinear.
_liblinear_lock = threading.Lock()


@dataclasses.dataclass(frozen=True)
class Fold:
    """Records of one fold.

    Attributes:
      fitted_on: [n] int records to fit normalisation on.
      train: [n] int records to learn from.
      test: [n] int records to decide on.
    """

    fitted_on: np.ndarray
    train: np.ndarray
    test: np.ndarray


class Decided(NamedTuple):
    """Decisions of LinearSVC.

    Attributes:
      decision: [m, K] float64, the highest for the predicted class.
      short: 1 if a fit stopped at the largest number of iterations, else 0.
    """

    decision: np.ndarray
    short: int


@dataclasses.dataclass(frozen=True)
class FoldData:
    """Records and options that all folds share.

    Attributes:
      features: [N, D] float32.
      plates: [N] str plate of each record, for its normalisation.
      codes: [N] int class of each record.
      normalize: a name for `normalize.make`.
      options: svm_c (for columns divided by sqrt(D), so that it has the same effect at
        every width) and seed.
    """

    features: np.ndarray
    plates: np.ndarray
    codes: np.ndarray
    normalize: str
    options: Mapping[str, Any]

    def width(self, rows: np.ndarray) -> np.ndarray:
        """Divides rows [n, D] by sqrt(D)."""
        return rows / np.float32(np.sqrt(rows.shape[1]))


@dataclasses.dataclass(frozen=True)
class Shared:
    """Rows that all folds learn from.

    Attributes:
      records: [n] int their positions, ascending.
      rows: [n, D + 1], the last column 1.
      shift: [F, D] and
      scale: [F, D]: a fold's features are (row - shift) / scale; None for both if they
        are the rows.
    """

    records: np.ndarray
    rows: np.ndarray
    shift: np.ndarray | None = None
    scale: np.ndarray | None = None


def decide(
    data: FoldData, folds: Sequence[Fold]
) -> tuple[list[np.ndarray], list[normalize.Doubt]]:
    """Learns from each fold's training part and decides on its test part.

    Args:
      data: shared by all folds.
      folds: F of them.

    Returns:
      Per fold [n, K] float decisions, the highest for the predicted class; and doubts
      about normalisation.
    """
    scalers, doubts = _scalers(data, folds), []
    shared = _shared(data, folds, scalers)
    if shared:
        decisions = _side_by_side(data, folds, scalers, shared)
    else:
        jobs = list(zip(folds, scalers, strict=True))
        decisions, doubts = map(
            list, zip(*units.each(_solve_alone, (data,), jobs), strict=True)
        )
    unsolved = [i for i, decision in enumerate(decisions) if decision is None]
    solved = _liblinear(data, [(folds[i], scalers[i]) for i in unsolved])
    for i, decision in zip(unsolved, solved, strict=True):
        decisions[i] = decision
    doubts += [scaler.doubts() for scaler in scalers]
    return decisions, [doubt for fold_doubts in doubts for doubt in fold_doubts]


def count(codes: np.ndarray, folds: Sequence[tuple[np.ndarray, np.ndarray]]) -> int:
    """Counts the SVMs of folds: one each, or one per class for more than 2.

    Args:
      codes: [N] int class of each record.
      folds: pairs (train, test) of [n] int positions.
    """
    classes = [len(np.unique(codes[train])) for train, _ in folds]
    return sum(n if n > 2 else 1 for n in classes)


def _scalers(data: FoldData, folds: Sequence[Fold]) -> list[Any]:
    """Returns the fitted normalisation of each fold."""
    largest = max(len(fold.fitted_on) for fold in folds) * data.features.shape[1]
    most = None if largest <= FITTED_AT_ONCE else 1
    if not isinstance(normalize.make(data.normalize), normalize.PlateScaler):
        return units.each(_fitted, (data,), folds, most=most)
    known: dict[bytes, Any] = {}

    def fit_known(fold):
        return _fitted(data, fold, known=normalize.Known(fold.fitted_on, known))

    return threads.each(fit_known, folds, most=most)


def _fitted(data: FoldData, fold: Fold, **options: Any) -> Any:
    fitted_on, scaler = fold.fitted_on, normalize.make(data.normalize)
    return scaler.fit(
        data.features[fitted_on], plates=data.plates[fitted_on], **options
    )


def _shared(data: FoldData, folds: Sequence[Fold], scalers) -> Shared | None:
    """Returns the rows that all folds share; None if they share none."""
    records = np.unique(np.concatenate([fold.train for fold in folds]))
    classes = {tuple(np.unique(data.codes[fold.train])) for fold in folds}
    size = len(records), data.features.shape[1]
    if len(folds) < 2 or len(classes) > 1 or not linear_svm.can_solve(*size):
        return None
    if isinstance(scalers[0], normalize.Unchanged):
        return Shared(records, _rows(data.width(data.features[records])))
    if not isinstance(scalers[0], normalize.PlateScaler):
        return None
    is_one_plate = len(pd.unique(data.plates)) == 1
    return (_shared_by_one_plate if is_one_plate else _shared_by_plates)(
        data, folds, scalers, records
    )


def _shared_by_plates(data: FoldData, folds, scalers, records) -> Shared | None:
    """Shares rows if each plate has one centre and scale in all folds that use it."""
    plates, names = pd.factorize(data.plates)
    names = names.astype(str)
    fold_numbers, measured = (
        np.full(len(names), -1),
        np.empty((2, len(names), data.features.shape[1])),
    )
    for number, (fold, scaler) in enumerate(zip(folds, scalers, strict=True)):
        used = np.unique(plates[fold.train])
        positions = scaler.places(names[used])
        if (positions < 0).any():
            return None
        of_fold = np.stack([scaler.centers_[positions], scaler.scales_[positions]])
        new = fold_numbers[used] < 0
        measured[:, used[new]], fold_numbers[used[new]] = of_fold[:, new], number
        if not np.array_equal(measured[:, used], of_fold):
            return None
    fold_numbers = fold_numbers[plates[records]]
    rows = np.empty((len(records), data.features.shape[1]), np.float32)
    for number in np.unique(fold_numbers):
        rows[fold_numbers == number] = _scaled(
            data, records[fold_numbers == number], scalers[number]
        )
    return Shared(records, _rows(data.width(rows)))


def _shared_by_one_plate(data: FoldData, folds, scalers, records) -> Shared | None:
    """Shares rows if each fold has one centre and scale, and bounds no value."""
    if any(scaler.places(data.plates[:1].astype(str))[0] < 0 for scaler in scalers):
        return None
    centers, scales = (
        np.stack([getattr(scaler, name)[0] for scaler in scalers])
        for name in ("centers_", "scales_")
    )
    if not np.isfinite(scales).all():
        return None
    records = np.union1d(records, np.concatenate([fold.test for fold in folds]))
    rows = _scaled(data, records, scalers[0])
    shift, scale = (centers - centers[0]) / scales[0], scales / scales[0]
    ends = np.stack([rows.min(0), rows.max(0)])[:, None]
    if np.abs((ends - shift) / scale).max() >= normalize.FARTHEST:
        return None
    return Shared(records, _rows(data.width(rows)), data.width(shift), scale)


def _rows(x: np.ndarray) -> np.ndarray:
    """Returns rows [n, D + 1] to learn from, of features [n, D]."""
    dtype = np.float64 if x.size <= IN_FLOAT64 else np.float32
    return linear_svm.with_ones(x.astype(dtype, copy=False))


def _scaled(data: FoldData, records: np.ndarray, scaler) -> np.ndarray:
    return scaler.transform(data.features[records], plates=data.plates[records])


def _side_by_side(data: FoldData, folds, scalers, shared: Shared) -> list:
    """Returns decisions of all folds, solved at once; None each if not solved."""
    learnt = np.stack([np.isin(shared.records, fold.train) for fold in folds])
    weights = _weights(data, shared, learnt)

    def decision(number):
        fold, scaler = folds[number], scalers[number]
        if shared.shift is None:
            rows = _rows(data.width(_scaled(data, fold.test, scaler)))
        else:
            rows = shared.rows[np.searchsorted(shared.records, fold.test)]
        return _decision(rows, weights[number])

    if weights is None:
        return [None] * len(folds)
    return threads.each(decision, range(len(folds)))


def _solve_alone(
    data: FoldData, job: tuple[Fold, Any]
) -> tuple[np.ndarray | None, list]:
    """Returns decisions of one fold, or None if its SVMs are not solved, and doubts.

    The doubts are about its normalisation.
    """
    fold, scaler = job
    if not linear_svm.can_solve(len(fold.train), data.features.shape[1]):
        return None, []
    shared = Shared(fold.train, _rows(data.width(_scaled(data, fold.train, scaler))))
    weights = _weights(data, shared, np.ones((1, len(fold.train)), bool))
    if weights is None:
        return None, []
    rows = _rows(data.width(_scaled(data, fold.test, scaler)))
    return _decision(rows, weights[0]), scaler.doubts()


def _decision(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns decisions [n, K] of test rows; of two classes, from one SVM."""
    scores = linear_svm.scores(rows, weights).T
    return np.hstack([-scores, scores]) if scores.shape[1] == 1 else scores


def _weights(data: FoldData, shared: Shared, learnt: np.ndarray) -> np.ndarray | None:
    """Returns weights [F, problems of a fold, D + 1] of rows; None if any is unsolved.

    Args:
      data: shared by all folds.
      shared: n rows.
      learnt: [F, n] bool, rows that each fold learns from.
    """
    codes = data.codes[shared.records]
    classes = np.unique(codes[learnt[0]])
    labels = classes[1:] if len(classes) == 2 else classes
    # Problems of one class follow one another: they are more alike.
    problems = [(label, fold) for label in labels for fold in range(len(learnt))]
    size = max(1, min(GROUP, VALUES // len(codes)))
    groups = np.array_split(np.array(problems), math.ceil(len(problems) / size))
    common = (shared, codes, learnt, data.options["svm_c"])
    solutions = units.each(_solved, common, groups)
    if any(solution is None for solution in solutions):
        return None
    weights = np.concatenate(solutions).reshape(len(labels), len(learnt), -1)
    return weights.swapaxes(0, 1)


def _solved(shared: Shared, codes, learnt, svm_c: float, group) -> np.ndarray | None:
    """Solves a group of the problems [P, 2] of `_problems`; None if not solved."""
    weights = linear_svm.solve(_problems(shared, codes, learnt, group, svm_c))
    if weights is not None:
        steps.add(len(group))
    return weights


def _problems(shared: Shared, codes, learnt, pairs, svm_c: float) -> Problems:
    """Makes problems of one class against all others, for pairs of a class and a fold.

    Classes are balanced as by LinearSVC: two are both weighted, of more only the one.
    """
    labels, folds = pairs.T
    is_label, learnt = codes == labels[:, None], learnt[folds]
    count, label_count = learnt.sum(1), (is_label & learnt).sum(1)
    class_count = len(np.unique(codes[learnt[0]]))
    label_weight = count / (class_count * label_count)
    rest_weight = (
        count / (class_count * (count - label_count))
        if class_count == 2
        else np.ones(len(label_count))
    )
    costs = (
        np.where(is_label, label_weight[:, None], rest_weight[:, None]) * learnt * svm_c
    )
    columns = [None if x is None else x[folds] for x in (shared.shift, shared.scale)]
    return Problems(shared.rows, np.where(is_label, 1.0, -1.0), costs, *columns)


def _liblinear(data: FoldData, jobs: Sequence[tuple[Fold, Any]]) -> list[np.ndarray]:
    """Decides by liblinear for folds that are too large, or whose C is."""
    if not jobs:
        return []
    if units.are_handed_out():
        decided = units.each(_one_by_liblinear, (data,), jobs)
    else:
        decided = _in_processes(data, jobs)
    short = sum(fold.short for fold in decided)
    remarks.count(short, SHORT)
    return [fold.decision for fold in decided]


def _in_processes(data: FoldData, jobs: Sequence[tuple[Fold, Any]]) -> list[Decided]:
    """Decides by liblinear in processes, and counts each fold when it is done."""
    size = sum(len(fold.train) for fold, _ in jobs) * data.features.shape[1]
    processes = max(1, min(cpu_count(), len(jobs), size // VALUES_PER_PROCESS))
    # Not threads: only one thread of a process learns at a time.
    with child_processes.deaf_to_interrupts(), threads.on_one_core():
        due = (delayed(learn)(*_scaled_parts(data, *job)) for job in jobs)
        decided = Parallel(n_jobs=processes, return_as="generator")(due)
        return [_counted(data, *pair) for pair in zip(jobs, decided, strict=True)]


def _counted(data: FoldData, job: tuple[Fold, Any], decided: Decided) -> Decided:
    """Counts the SVMs of a decided fold."""
    fold, _ = job
    steps.add(count(data.codes, [(fold.train, fold.test)]))
    return decided


def _one_by_liblinear(data: FoldData, job: tuple[Fold, Any]) -> Decided:
    return _counted(data, job, learn(*_scaled_parts(data, *job)))


def _scaled_parts(data: FoldData, fold: Fold, scaler) -> tuple:
    """Returns the arguments of `learn`."""
    learnt, judged = (
        data.width(_scaled(data, records, scaler))
        for records in (fold.train, fold.test)
    )
    return learnt, data.codes[fold.train], judged, data.options


def by_liblinear(learnt, codes: np.ndarray, judged, options) -> np.ndarray:
    """Returns decisions [m, K] of LinearSVC; arguments as in `learn`."""
    decided = learn(learnt, codes, judged, options)
    remarks.count(decided.short, SHORT)
    return decided.decision


def learn(learnt, codes: np.ndarray, judged, options) -> Decided:
    """Decides by LinearSVC, which may stop short of the minimum.

    Args:
      learnt: [n, D] float32, may be sparse.
      codes: [n] int class of each.
      judged: [m, D] float32, may be sparse.
      options: svm_c and seed.
    """
    svm = LinearSVC(
        C=options["svm_c"],
        class_weight="balanced",
        random_state=options["seed"],
        max_iter=MAX_ITERATIONS,
    )
    # Warnings of other processes would be lost: fits that stopped short are counted.
    with _liblinear_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        svm.fit(learnt, codes)
    decision = svm.decision_function(judged)
    if decision.ndim == 1:
        decision = np.stack([-decision, decision], 1)
    return Decided(decision, int(np.max(svm.n_iter_) >= MAX_ITERATIONS))
