"""The SVMs of a split's folds: what folds share is computed once.

A fold is normalised by its own reference records. Where a plate left out changes
nothing for the other plates, or where all plates are normalised as one, all folds learn
from the same rows, or from the same but for a centre and scale. Their SVMs are then
solved side by side. Other folds are normalised and solved one by one, some at a time.
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
_one_learns = threading.Lock()  # liblinear's random generator is a process's only one


@dataclasses.dataclass(frozen=True)
class Fold:
    """What one fold is made of.

    Attributes:
      fitted_on: [n] int records that normalisation is fitted on.
      train: [n] int records that are learnt from.
      test: [n] int records that are decided on.
    """

    fitted_on: np.ndarray
    train: np.ndarray
    test: np.ndarray


class Decided(NamedTuple):
    """What LinearSVC decided on.

    Attributes:
      decision: [m, K] float64, the highest for the class that is decided on.
      short: 1 where a fit stopped at the largest number of iterations, else 0.
    """

    decision: np.ndarray
    short: int


@dataclasses.dataclass(frozen=True)
class Given:
    """What all folds are given.

    Attributes:
      features: [N, D] float32.
      plates: [N] str plate of each record, by which it is normalised.
      codes: [N] int class of each record.
      normalize: a name that `normalize.make` knows.
      options: svm_c (for columns divided by sqrt(D), so that it means the same at
        every width) and seed.
    """

    features: np.ndarray
    plates: np.ndarray
    codes: np.ndarray
    normalize: str
    options: Mapping[str, Any]

    def width(self, rows: np.ndarray) -> np.ndarray:
        """Rows [n, D] divided by sqrt(D)."""
        return rows / np.float32(np.sqrt(rows.shape[1]))


@dataclasses.dataclass(frozen=True)
class Shared:
    """Rows that all folds learn from.

    Attributes:
      records: [n] int which they are, ascending.
      rows: [n, D + 1], the last column 1.
      shift: [F, D] and
      scale: [F, D]: a fold's features are (row - shift) / scale; None for both where
        they are the rows.
    """

    records: np.ndarray
    rows: np.ndarray
    shift: np.ndarray | None = None
    scale: np.ndarray | None = None


def decide(
    given: Given, folds: Sequence[Fold]
) -> tuple[list[np.ndarray], list[normalize.Doubt]]:
    """Learns from each fold's training part and decides on its test part.

    Args:
      given: to all folds.
      folds: F of them.

    Returns:
      Per fold [n, K] float decisions, the highest for the class that is decided on; and
      doubts about normalisation.
    """
    scalers, told = _scalers(given, folds), []
    shared = _shared(given, folds, scalers)
    if shared:
        found = _side_by_side(given, folds, scalers, shared)
    else:
        jobs = list(zip(folds, scalers, strict=True))
        found, told = map(list, zip(*units.each(_alone, (given,), jobs), strict=True))
    left = [i for i, one in enumerate(found) if one is None]
    others = _liblinear(given, [(folds[i], scalers[i]) for i in left])
    for i, decision in zip(left, others, strict=True):
        found[i] = decision
    told += [scaler.doubts() for scaler in scalers]
    return found, [doubt for own in told for doubt in own]


def count(codes: np.ndarray, folds: Sequence[tuple[np.ndarray, np.ndarray]]) -> int:
    """How many SVMs folds take: one, or one for each class where there are more than 2.

    Args:
      codes: [N] int class of each record.
      folds: pairs (train, test) of [n] int positions.
    """
    classes = [len(np.unique(codes[train])) for train, _ in folds]
    return sum(n if n > 2 else 1 for n in classes)


def _scalers(given: Given, folds: Sequence[Fold]) -> list[Any]:
    """The fitted normalisation of each fold."""
    largest = max(len(fold.fitted_on) for fold in folds) * given.features.shape[1]
    most = None if largest <= FITTED_AT_ONCE else 1
    if not isinstance(normalize.make(given.normalize), normalize.PlateScaler):
        return units.each(_fitted, (given,), folds, most=most)
    found: dict[bytes, Any] = {}

    def of_known(fold):
        return _fitted(given, fold, known=normalize.Known(fold.fitted_on, found))

    return threads.each(of_known, folds, most=most)


def _fitted(given: Given, fold: Fold, **options: Any) -> Any:
    own, scaler = fold.fitted_on, normalize.make(given.normalize)
    return scaler.fit(given.features[own], plates=given.plates[own], **options)


def _shared(given: Given, folds: Sequence[Fold], scalers) -> Shared | None:
    """Rows of all folds; None where each has its own."""
    records = np.unique(np.concatenate([fold.train for fold in folds]))
    classes = {tuple(np.unique(given.codes[fold.train])) for fold in folds}
    size = len(records), given.features.shape[1]
    if len(folds) < 2 or len(classes) > 1 or not linear_svm.can_solve(*size):
        return None
    if isinstance(scalers[0], normalize.Unchanged):
        return Shared(records, _rows(given.width(given.features[records])))
    if not isinstance(scalers[0], normalize.PlateScaler):
        return None
    one = len(pd.unique(given.plates)) == 1
    return (_of_one_plate if one else _of_plates)(given, folds, scalers, records)


def _of_plates(given: Given, folds, scalers, records) -> Shared | None:
    """Where a plate has the same centre and scale in all folds that learn from it."""
    plates, names = pd.factorize(given.plates)
    names = names.astype(str)
    by, measured = (
        np.full(len(names), -1),
        np.empty((2, len(names), given.features.shape[1])),
    )
    for number, (fold, scaler) in enumerate(zip(folds, scalers, strict=True)):
        used = np.unique(plates[fold.train])
        own = scaler.places(names[used])
        if (own < 0).any():
            return None
        of_fold = np.stack([scaler.centers_[own], scaler.scales_[own]])
        new = by[used] < 0
        measured[:, used[new]], by[used[new]] = of_fold[:, new], number
        if not np.array_equal(measured[:, used], of_fold):
            return None
    by = by[plates[records]]
    rows = np.empty((len(records), given.features.shape[1]), np.float32)
    for number in np.unique(by):
        rows[by == number] = _scaled(given, records[by == number], scalers[number])
    return Shared(records, _rows(given.width(rows)))


def _of_one_plate(given: Given, folds, scalers, records) -> Shared | None:
    """Where each fold has one centre and scale, and no value that it would bound."""
    if any(scaler.places(given.plates[:1].astype(str))[0] < 0 for scaler in scalers):
        return None
    centers, scales = (
        np.stack([getattr(scaler, name)[0] for scaler in scalers])
        for name in ("centers_", "scales_")
    )
    if not np.isfinite(scales).all():
        return None
    records = np.union1d(records, np.concatenate([fold.test for fold in folds]))
    rows = _scaled(given, records, scalers[0])
    shift, scale = (centers - centers[0]) / scales[0], scales / scales[0]
    ends = np.stack([rows.min(0), rows.max(0)])[:, None]
    if np.abs((ends - shift) / scale).max() >= normalize.FARTHEST:
        return None
    return Shared(records, _rows(given.width(rows)), given.width(shift), scale)


def _rows(x: np.ndarray) -> np.ndarray:
    """Rows [n, D + 1] to learn from, of features [n, D]."""
    kind = np.float64 if x.size <= IN_FLOAT64 else np.float32
    return linear_svm.with_ones(x.astype(kind, copy=False))


def _scaled(given: Given, records: np.ndarray, scaler) -> np.ndarray:
    return scaler.transform(given.features[records], plates=given.plates[records])


def _side_by_side(given: Given, folds, scalers, shared: Shared) -> list:
    """Decisions of all folds, whose SVMs are solved at once; None if they are not."""
    learnt = np.stack([np.isin(shared.records, fold.train) for fold in folds])
    weights = _weights(given, shared, learnt)

    def decision(number):
        fold, scaler = folds[number], scalers[number]
        if shared.shift is None:
            rows = _rows(given.width(_scaled(given, fold.test, scaler)))
        else:
            rows = shared.rows[np.searchsorted(shared.records, fold.test)]
        return _decision(rows, weights[number])

    if weights is None:
        return [None] * len(folds)
    return threads.each(decision, range(len(folds)))


def _alone(given: Given, job: tuple[Fold, Any]) -> tuple[np.ndarray | None, list]:
    """Decisions of one fold, by rows of its own; None where its SVMs are not solved.

    And doubts about its normalisation.
    """
    fold, scaler = job
    if not linear_svm.can_solve(len(fold.train), given.features.shape[1]):
        return None, []
    own = Shared(fold.train, _rows(given.width(_scaled(given, fold.train, scaler))))
    weights = _weights(given, own, np.ones((1, len(fold.train)), bool))
    if weights is None:
        return None, []
    rows = _rows(given.width(_scaled(given, fold.test, scaler)))
    return _decision(rows, weights[0]), scaler.doubts()


def _decision(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """[n, K] of test rows; of two classes there is one number for the second."""
    found = linear_svm.scores(rows, weights).T
    return np.hstack([-found, found]) if found.shape[1] == 1 else found


def _weights(given: Given, shared: Shared, learnt: np.ndarray) -> np.ndarray | None:
    """[F, problems of a fold, D + 1] weights of rows; None where one is not solved.

    `learnt` [F, n] bool are the rows that each fold learns from.
    """
    codes = given.codes[shared.records]
    classes = np.unique(codes[learnt[0]])
    kinds = classes[1:] if len(classes) == 2 else classes
    # Problems of one class follow one another: they are more alike.
    asked = [(kind, fold) for kind in kinds for fold in range(len(learnt))]
    size = max(1, min(GROUP, VALUES // len(codes)))
    groups = np.array_split(np.array(asked), math.ceil(len(asked) / size))
    common = (shared, codes, learnt, given.options["svm_c"])
    found = units.each(_solved, common, groups)
    if any(part is None for part in found):
        return None
    weights = np.concatenate(found).reshape(len(kinds), len(learnt), -1)
    return weights.swapaxes(0, 1)


def _solved(shared: Shared, codes, learnt, svm_c: float, group) -> np.ndarray | None:
    """Weights of a group of problems, as asked of `_problems`; None if not solved."""
    found = linear_svm.solve(_problems(shared, codes, learnt, group, svm_c))
    if found is not None:
        steps.add(len(group))
    return found


def _problems(shared: Shared, codes, learnt, asked, svm_c: float) -> Problems:
    """One against all others, for pairs of a class and a fold.

    Classes are balanced as LinearSVC does it: of two both are weighted, of more only
    the one.
    """
    kinds, folds = asked.T
    is_kind, learnt = codes == kinds[:, None], learnt[folds]
    count, own = learnt.sum(1), (is_kind & learnt).sum(1)
    several = len(np.unique(codes[learnt[0]]))
    of_kind = count / (several * own)
    of_others = count / (several * (count - own)) if several == 2 else np.ones(len(own))
    costs = np.where(is_kind, of_kind[:, None], of_others[:, None]) * learnt * svm_c
    columns = [None if x is None else x[folds] for x in (shared.shift, shared.scale)]
    return Problems(shared.rows, np.where(is_kind, 1.0, -1.0), costs, *columns)


def _liblinear(given: Given, jobs: Sequence[tuple[Fold, Any]]) -> list[np.ndarray]:
    """Decisions of folds that are too large, or whose C is, by another method."""
    if not jobs:
        return []
    if units.are_handed_out():
        made = units.each(_one_by_liblinear, (given,), jobs)
    else:
        made = _in_processes(given, jobs)
    short = sum(one.short for one in made)
    remarks.count(short, SHORT)
    return [one.decision for one in made]


def _in_processes(given: Given, jobs: Sequence[tuple[Fold, Any]]) -> list[Decided]:
    """Decisions of folds by liblinear, each counted when it is there."""
    size = sum(len(fold.train) for fold, _ in jobs) * given.features.shape[1]
    processes = max(1, min(cpu_count(), len(jobs), size // VALUES_PER_PROCESS))
    # Not threads: of those of one process one learns at a time.
    with child_processes.deaf_to_interrupts(), threads.on_one_core():
        due = (delayed(learn)(*_scaled_parts(given, *job)) for job in jobs)
        made = Parallel(n_jobs=processes, return_as="generator")(due)
        return [_counted(given, *pair) for pair in zip(jobs, made, strict=True)]


def _counted(given: Given, job: tuple[Fold, Any], decided: Decided) -> Decided:
    """What was decided, after its SVMs have been counted."""
    fold, _ = job
    steps.add(count(given.codes, [(fold.train, fold.test)]))
    return decided


def _one_by_liblinear(given: Given, job: tuple[Fold, Any]) -> Decided:
    return _counted(given, job, learn(*_scaled_parts(given, *job)))


def _scaled_parts(given: Given, fold: Fold, scaler) -> tuple:
    """What `learn` takes."""
    learnt, judged = (
        given.width(_scaled(given, records, scaler))
        for records in (fold.train, fold.test)
    )
    return learnt, given.codes[fold.train], judged, given.options


def by_liblinear(learnt, codes: np.ndarray, judged, options) -> np.ndarray:
    """Decisions [m, K] by LinearSVC; arguments as of `learn`."""
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
    # In other processes nobody would hear a warning: what stopped short is counted.
    with _one_learns, warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        svm.fit(learnt, codes)
    decision = svm.decision_function(judged)
    if decision.ndim == 1:
        decision = np.stack([-decision, decision], 1)
    return Decided(decision, int(np.max(svm.n_iter_) >= MAX_ITERATIONS))
