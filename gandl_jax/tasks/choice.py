"""Nested choice of features: chosen within training parts, judged on test parts.

The best of many candidates, judged on the records that it was picked by, looks better
than it is. So each fold of a split picks among the candidates (a feature set, its
normalisation, C) by a cross-validation within its own training part, learns with the
winner from the whole training part and decides on the test part, which was not used
before: nested cross-validation (Varma and Simon 2006; Cawley and Talbot 2010). The
score is that of the choosing itself.

For each candidate a question costs one SVM per inner fold of each outer fold, and in
the end at most one per pool and outer fold: 13 sets, 2 normalisations and 4 plates left
out in turn are 26 x 4 x 3 = 312 SVMs and at most 16 more, for each cell model.
"""

import collections
import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gandl_jax.profiles import feature_set
from gandl_jax.profiles.feature_set import FeatureSet, full_name, is_network, roles
from gandl_jax.profiles.seen import Seen
from gandl_jax.tasks import classification, marks
from gandl_jax.tasks.classification import WELLS, Tally
from gandl_jax.tasks.differences import bases
from gandl_jax.tasks.marks import Mark
from gandl_jax.tasks.nested import Nested, Question

CHOSEN = "chosen"  # names the set that a fold chose of a network: "gan@500/chosen"
ANY = "any encoder"  # the pool of all candidates; no encoder has a blank in its name
SCORE = "inner_balanced_accuracy_wells"

Row = dict[str, Any]
Choices = Mapping[str, list[np.ndarray]]  # pool -> per split [F] candidate's number
Decided = tuple[list[list[np.ndarray]], list[Mark]]


class Inner(NamedTuple):
    """Scores of candidates within the training parts.

    Attributes:
      scores: per split [C, F] float64, F its outer folds.
      marks: set -> per split, the mark of its encoder on the scored records.
    """

    scores: list[np.ndarray]
    marks: dict[str, list[Mark]]


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A feature set, its normalisation and C, one of which is chosen.

    Attributes:
      set: full name of the feature set.
      normalize: a name that `normalize.make` knows.
      svm_c: of the SVM.
    """

    set: str
    normalize: str
    svm_c: float

    @property
    def encoder(self) -> str:
        """Encoder of the features: "gan@2000", "intensity"."""
        return feature_set.encoder(self.set)

    @property
    def features(self) -> str:
        """The set's name within its encoder."""
        return self.set.rpartition("/")[2]


def candidates(sets: Iterable[str], options: Mapping[str, Any]) -> list[Candidate]:
    """Returns all candidates; of equal scores the first is chosen.

    Args:
      sets: full names.
      options: normalize and svm_c, several values of each.
    """
    return [
        Candidate(name, normalize, svm_c)
        for name in sets
        for normalize in options["normalize"]
        for svm_c in options["svm_c"]
    ]


def choose(
    sets: Mapping[str, FeatureSet],
    metadata: pd.DataFrame,
    question: Question,
    options: Mapping[str, Any],
    fitted: Callable[[int], None],
) -> tuple[list[Row], list[Row]]:
    """Chooses in every fold, and judges the chosen candidates.

    Every encoder's sets are a pool to choose from, and all sets together are one more.

    Args:
      sets: full name -> set, all of the same N records in the same order; read one at
        a time, and again where a fold has chosen it.
      metadata: [N] rows of Metadata_* columns.
      question: as in `nested.plan`; positions refer to these records.
      options: normalize and svm_c, several values of each; bootstrap_unit,
        bootstrap_draws, seed.
      fitted: is called with the number of further inner folds that were fitted.

    Returns:
      Rows of scores as `classification.judge` makes them, one set per pool ("gan@500/
      chosen", "intensity", "any encoder"), each with "taken": the candidates, with the
      number of folds that chose each. And rows of candidates, the best of each split
      first: the mean inner score, and the number of folds that chose it from its
      encoder's pool.
    """
    tried = candidates(sets, options)
    inner = inner_scores(sets, metadata, question, tried, options, fitted)
    choices = choose_per_fold(tried, inner.scores)
    rows = _judge(sets, metadata, question, tried, choices, options)
    return rows, _table(question, tried, inner, choices)


def inner_scores(
    sets: Mapping[str, FeatureSet],
    metadata: pd.DataFrame,
    question: Question,
    tried: Sequence[Candidate],
    options: Mapping[str, Any],
    fitted: Callable[[int], None],
) -> Inner:
    """Scores candidates by balanced accuracy of wells, out of fold in training parts.

    Args:
      sets: as in `choose`.
      metadata: [N] rows of Metadata_* columns.
      question: as in `nested.plan`.
      tried: C candidates.
      options: seed.
      fitted: is called with the number of further inner folds that were fitted.

    Returns:
      The scores, and their marks. A record without a well counts as a well.
    """
    task, plan = question
    codes, _ = task.codes(metadata)
    inner = [
        (s, f, fold, classification.sample_of(metadata, codes, fold, "record"))
        for s, nested in enumerate(plan)
        for f, fold in enumerate(nested.within)
    ]
    scores = [np.empty((len(tried), len(nested.within))) for nested in plan]
    set_marks = {}
    for name in sets:
        judged_set = sets[name]
        features = judged_set.features
        set_marks[name] = [_inner_mark(judged_set.seen, nested) for nested in plan]
        for number in _of_set(tried, name):
            candidate_options = _options(tried[number], options)
            for s, f, fold, sample in inner:
                decisions = classification.decide(
                    features,
                    metadata,
                    codes,
                    fold,
                    task,
                    candidate_options,
                    set_name=name,
                )
                right = classification.right(sample, decisions)
                scores[s][number, f] = classification.balanced_accuracy(
                    sample, right, WELLS
                )
                fitted(len(fold.folds))
    return Inner(scores, set_marks)


def _inner_mark(seen: Seen, nested: Nested) -> Mark:
    return marks.united(marks.mark_splits(seen, nested.within))


def _of_set(tried: Sequence[Candidate], name: str) -> list[int]:
    return [i for i, candidate in enumerate(tried) if candidate.set == name]


def _options(candidate: Candidate, options) -> dict[str, Any]:
    return {**options, "normalize": candidate.normalize, "svm_c": candidate.svm_c}


def choose_per_fold(
    tried: Sequence[Candidate], scores: Sequence[np.ndarray]
) -> Choices:
    """Returns the choice of each fold from each pool.

    Args:
      tried: C candidates.
      scores: per split [C, F], as in `inner_scores`.

    Returns:
      A pool for every encoder and, if there are several, one of all.
    """
    members: dict[str, list[int]] = {}
    for number, candidate in enumerate(tried):
        members.setdefault(_pool(candidate.encoder), []).append(number)
    if len(members) > 1:
        members[ANY] = list(range(len(tried)))
    return {
        pool: [
            np.array(numbers)[split_scores[numbers].argmax(0)]
            for split_scores in scores
        ]
        for pool, numbers in members.items()
    }


def _pool(encoder: str) -> str:
    """Names the pool of an encoder as sets are named."""
    return full_name(encoder, CHOSEN if is_network(encoder) else encoder)


def decide(
    sets: Mapping[str, FeatureSet],
    metadata: pd.DataFrame,
    question: Question,
    tried: Sequence[Candidate],
    choices: Choices,
    options: Mapping[str, Any],
) -> dict[str, Decided]:
    """Learns with the choice of each fold, and decides on its test part.

    Args:
      sets: as in `choose`.
      metadata: [N] rows of Metadata_* columns.
      question: as in `nested.plan`.
      tried: C candidates.
      choices: as in `choose_per_fold`.
      options: seed.

    Returns:
      Pool -> per split and fold [n, K] decisions, and per split the mark of the chosen
      encoders on the test records.
    """
    learnt, seen_marks = _learn(sets, metadata, question, tried, choices, options)
    decided_by_pool = {}
    for pool, choices_of_splits in choices.items():
        decisions = [
            [learnt[number, s, f] for f, number in enumerate(numbers)]
            for s, numbers in enumerate(choices_of_splits)
        ]
        split_marks = [
            marks.united([seen_marks[number, s, f] for f, number in enumerate(numbers)])
            for s, numbers in enumerate(choices_of_splits)
        ]
        decided_by_pool[pool] = decisions, split_marks
    return decided_by_pool


def tally_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns options of a Tally with normalisation and C chosen by folds."""
    return {**options, "normalize": CHOSEN, "svm_c": options["svm_c"][0]}


def _judge(
    sets, metadata, question: Question, tried, choices: Choices, options
) -> list[Row]:
    task, plan = question
    splits = [nested.split for nested in plan]
    tally = Tally(metadata, splits, task, tally_options(options))
    decided = decide(sets, metadata, question, tried, choices, options)
    for pool, (decisions, split_marks) in decided.items():
        tally.add(pool, decisions, split_marks)
    rows = tally.rows(_against(tried, choices))
    counts = {
        (pool, split.group, split.name): _counts(tried, numbers)
        for pool, choices_of_splits in choices.items()
        for split, numbers in zip(splits, choices_of_splits, strict=True)
    }
    for row in rows:
        row["taken"] = counts.get((row["set"], row["group"], row["split"]), [])
    return rows


def _learn(
    sets, metadata, question: Question, tried, choices: Choices, options
) -> tuple[dict[tuple[int, int, int], np.ndarray], dict[tuple[int, int, int], Mark]]:
    """Returns (candidate, split, fold) -> decisions on the test part; and its mark.

    A choice of several pools is learnt once.
    """
    task, plan = question
    codes, _ = task.codes(metadata)
    due = {
        (int(number), s, f)
        for choices_of_splits in choices.values()
        for s, numbers in enumerate(choices_of_splits)
        for f, number in enumerate(numbers)
    }
    decided, seen_marks = {}, {}
    for name in dict.fromkeys(tried[number].set for number, *_ in sorted(due)):
        judged_set = sets[name]
        for number, s, f in (key for key in due if tried[key[0]].set == name):
            split = plan[s].split
            fold = dataclasses.replace(split, folds=(split.folds[f],))
            (seen_marks[number, s, f],) = marks.mark_splits(judged_set.seen, [fold])
            candidate_options = _options(tried[number], options)
            (decided[number, s, f],) = classification.decide(
                judged_set.features,
                metadata,
                codes,
                fold,
                task,
                candidate_options,
                set_name=name,
            )
    return decided, seen_marks


def _against(tried: Sequence[Candidate], pools: Collection[str]) -> Callable:
    """Compares sets as in `bases`, and every other pool with the untrained one."""
    untrained = roles(candidate.encoder for candidate in tried).get("untrained")
    base = _pool(untrained) if untrained else None

    def against(name: str, judged: Collection[str], *, floors: Collection[str]):
        usual = bases(name, judged, floors=floors)
        is_more = base in pools and name in pools and name != base
        return ({"untrained": base} if is_more else {}) | usual

    return against


def _counts(tried: Sequence[Candidate], numbers: np.ndarray) -> list[Row]:
    counts = collections.Counter(numbers.tolist())
    return [
        dataclasses.asdict(tried[number]) | {"folds": folds}
        for number, folds in counts.most_common()
    ]


def _table(question: Question, tried, inner: Inner, choices: Choices) -> list[Row]:
    task, plan = question
    rows = []
    for s, (nested, split_scores) in enumerate(zip(plan, inner.scores, strict=True)):
        means = split_scores.mean(1)
        for number in np.argsort(-means, kind="stable"):
            choices_of_folds = choices[_pool(tried[number].encoder)][s]
            rows.append(
                {
                    "task": task.name,
                    "group": nested.split.group,
                    "split": nested.split.name,
                    "label": nested.split.label,
                    "encoder": tried[number].encoder,
                    "features": tried[number].features,
                    **dataclasses.asdict(tried[number]),
                    SCORE: float(means[number]),
                    "folds": len(choices_of_folds),
                    "folds_taken": int((choices_of_folds == number).sum()),
                    **inner.marks[tried[number].set][s],
                }
            )
    return rows
