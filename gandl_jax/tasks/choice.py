"""Which features to use: chosen within training parts, judged once on test parts.

The best of many candidates, judged on the records that it was picked by, looks better
than it is. So each fold of a split picks among the candidates (a feature set, its
normalisation, C) by a cross-validation within its own training part, learns with the
winner from the whole training part and decides on the test part, which nothing has
looked at before: nested cross-validation (Varma and Simon 2006; Cawley and Talbot
2010). What is scored so is the choosing itself.

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

CHOSEN = "chosen"  # what a network decided by, whichever set it was: "gan@500/chosen"
ANY = "any encoder"  # the pool of all candidates; no encoder has a blank in its name
SCORE = "inner_balanced_accuracy_wells"

Row = dict[str, Any]
Taken = Mapping[str, list[np.ndarray]]  # pool -> per split [F] number of a candidate
Decided = tuple[list[list[np.ndarray]], list[Mark]]


class Inner(NamedTuple):
    """How candidates did within the training parts.

    Attributes:
      scores: per split [C, F] float64, F its outer folds.
      marks: set -> per split, what its encoder saw of the records that were scored.
    """

    scores: list[np.ndarray]
    marks: dict[str, list[Mark]]


@dataclasses.dataclass(frozen=True)
class Candidate:
    """What can be chosen.

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
        """What made the features: "gan@2000", "intensity"."""
        return feature_set.encoder(self.set)

    @property
    def features(self) -> str:
        """The set's name within its encoder."""
        return self.set.rpartition("/")[2]


def candidates(sets: Iterable[str], options: Mapping[str, Any]) -> list[Candidate]:
    """All there are; of equals the first is chosen.

    Args:
      sets: full names.
      options: normalize and svm_c, of each some.
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
    """Chooses in every fold, and judges what was chosen.

    Every encoder's sets are a pool to choose from, and all sets together are one more.

    Args:
      sets: full name -> set, all of the same N records in the same order; read one at
        a time, and again where a fold has chosen it.
      metadata: [N] rows of Metadata_* columns.
      question: as of `nested.plan`; positions refer to these records.
      options: normalize and svm_c, of each some; bootstrap_unit, bootstrap_draws, seed.
      fitted: is told how many more inner folds were learnt from.

    Returns:
      Rows of scores as `classification.judge` makes them, one set a pool ("gan@500/
      chosen", "intensity", "any encoder"), each with "taken": the candidates and in how
      many folds each was chosen. And rows of candidates, of each split the best first:
      the mean inner score, and how many folds chose it from its encoder's pool.
    """
    found = candidates(sets, options)
    inner = inner_scores(sets, metadata, question, found, options, fitted)
    taken = take(found, inner.scores)
    rows = _judge(sets, metadata, question, found, taken, options)
    return rows, _table(question, found, inner, taken)


def inner_scores(
    sets: Mapping[str, FeatureSet],
    metadata: pd.DataFrame,
    question: Question,
    found: Sequence[Candidate],
    options: Mapping[str, Any],
    fitted: Callable[[int], None],
) -> Inner:
    """Balanced accuracy of wells, predicted out of fold within each training part.

    Args:
      sets: as of `choose`.
      metadata: [N] rows of Metadata_* columns.
      question: as of `nested.plan`.
      found: C candidates.
      options: seed.
      fitted: is told how many more inner folds were learnt from.

    Returns:
      The scores, and their marks. A record without a well is one.
    """
    task, plan = question
    codes, _ = task.codes(metadata)
    inner = [
        (s, f, fold, classification.sample_of(metadata, codes, fold, "record"))
        for s, nested in enumerate(plan)
        for f, fold in enumerate(nested.within)
    ]
    scores = [np.empty((len(found), len(nested.within))) for nested in plan]
    seen = {}
    for name in sets:
        one = sets[name]
        features = one.features
        seen[name] = [_inner_mark(one.seen, nested) for nested in plan]
        for number in _of_set(found, name):
            how = _options(found[number], options)
            for s, f, fold, sample in inner:
                decisions = classification.decide(
                    features, metadata, codes, fold, task, how, of=name
                )
                right = classification.right(sample, decisions)
                scores[s][number, f] = classification.balanced_accuracy(
                    sample, right, WELLS
                )
                fitted(len(fold.folds))
    return Inner(scores, seen)


def _inner_mark(seen: Seen, nested: Nested) -> Mark:
    return marks.united(marks.of_splits(seen, nested.within))


def _of_set(found: Sequence[Candidate], name: str) -> list[int]:
    return [i for i, candidate in enumerate(found) if candidate.set == name]


def _options(candidate: Candidate, options) -> dict[str, Any]:
    return {**options, "normalize": candidate.normalize, "svm_c": candidate.svm_c}


def take(found: Sequence[Candidate], scores: Sequence[np.ndarray]) -> Taken:
    """What each fold chooses from each pool.

    Args:
      found: C candidates.
      scores: per split [C, F], as of `inner_scores`.

    Returns:
      Of every encoder a pool, and where there are several one of all.
    """
    members: dict[str, list[int]] = {}
    for number, candidate in enumerate(found):
        members.setdefault(_pool(candidate.encoder), []).append(number)
    if len(members) > 1:
        members[ANY] = list(range(len(found)))
    return {
        pool: [np.array(own)[of_split[own].argmax(0)] for of_split in scores]
        for pool, own in members.items()
    }


def _pool(encoder: str) -> str:
    """As sets are named: a table of others, as intensities, has one of its name."""
    return full_name(encoder, CHOSEN if is_network(encoder) else encoder)


def decide(
    sets: Mapping[str, FeatureSet],
    metadata: pd.DataFrame,
    question: Question,
    found: Sequence[Candidate],
    taken: Taken,
    options: Mapping[str, Any],
) -> dict[str, Decided]:
    """Learns with what each fold has taken, and decides on its test part.

    Args:
      sets: as of `choose`.
      metadata: [N] rows of Metadata_* columns.
      question: as of `nested.plan`.
      found: C candidates.
      taken: as of `take`.
      options: seed.

    Returns:
      Pool -> per split and fold [n, K] decisions, and per split what the encoders that
      were taken saw of the records that they were asked about.
    """
    learnt, saw = _learn(sets, metadata, question, found, taken, options)
    made = {}
    for pool, of_splits in taken.items():
        decisions = [
            [learnt[number, s, f] for f, number in enumerate(numbers)]
            for s, numbers in enumerate(of_splits)
        ]
        own = [
            marks.united([saw[number, s, f] for f, number in enumerate(numbers)])
            for s, numbers in enumerate(of_splits)
        ]
        made[pool] = decisions, own
    return made


def tally_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a Tally, for which normalisation and C were chosen."""
    return {**options, "normalize": CHOSEN, "svm_c": options["svm_c"][0]}


def _judge(
    sets, metadata, question: Question, found, taken: Taken, options
) -> list[Row]:
    task, plan = question
    splits = [nested.split for nested in plan]
    tally = Tally(metadata, splits, task, tally_options(options))
    decided = decide(sets, metadata, question, found, taken, options)
    for pool, (decisions, own) in decided.items():
        tally.add(pool, decisions, own)
    rows = tally.rows(_against(found, taken))
    counts = {
        (pool, split.group, split.name): _counts(found, numbers)
        for pool, of_splits in taken.items()
        for split, numbers in zip(splits, of_splits, strict=True)
    }
    for row in rows:
        row["taken"] = counts.get((row["set"], row["group"], row["split"]), [])
    return rows


def _learn(
    sets, metadata, question: Question, found, taken: Taken, options
) -> tuple[dict[tuple[int, int, int], np.ndarray], dict[tuple[int, int, int], Mark]]:
    """(candidate, split, fold) -> decisions on the test part; and what was seen of it.

    What several pools have taken is learnt once.
    """
    task, plan = question
    codes, _ = task.codes(metadata)
    due = {
        (int(number), s, f)
        for of_splits in taken.values()
        for s, numbers in enumerate(of_splits)
        for f, number in enumerate(numbers)
    }
    decided, saw = {}, {}
    for name in dict.fromkeys(found[number].set for number, *_ in sorted(due)):
        one = sets[name]
        for number, s, f in (place for place in due if found[place[0]].set == name):
            split = plan[s].split
            fold = dataclasses.replace(split, folds=(split.folds[f],))
            (saw[number, s, f],) = marks.of_splits(one.seen, [fold])
            how = _options(found[number], options)
            (decided[number, s, f],) = classification.decide(
                one.features, metadata, codes, fold, task, how, of=name
            )
    return decided, saw


def _against(found: Sequence[Candidate], pools: Collection[str]) -> Callable:
    """As `bases`, and for every other pool the untrained one."""
    untrained = roles(candidate.encoder for candidate in found).get("untrained")
    base = _pool(untrained) if untrained else None

    def against(name: str, judged: Collection[str], *, floors: Collection[str]):
        others = bases(name, judged, floors=floors)
        is_more = base in pools and name in pools and name != base
        return ({"untrained": base} if is_more else {}) | others

    return against


def _counts(found: Sequence[Candidate], numbers: np.ndarray) -> list[Row]:
    counts = collections.Counter(numbers.tolist())
    return [
        dataclasses.asdict(found[number]) | {"folds": folds}
        for number, folds in counts.most_common()
    ]


def _table(question: Question, found, inner: Inner, taken: Taken) -> list[Row]:
    task, plan = question
    rows = []
    for s, (nested, of_split) in enumerate(zip(plan, inner.scores, strict=True)):
        means = of_split.mean(1)
        for number in np.argsort(-means, kind="stable"):
            own = taken[_pool(found[number].encoder)][s]
            rows.append(
                {
                    "task": task.name,
                    "group": nested.split.group,
                    "split": nested.split.name,
                    "label": nested.split.label,
                    "encoder": found[number].encoder,
                    "features": found[number].features,
                    **dataclasses.asdict(found[number]),
                    SCORE: float(means[number]),
                    "folds": len(own),
                    "folds_taken": int((own == number).sum()),
                    **inner.marks[found[number].set][s],
                }
            )
    return rows
