"""Are stages told better where it is known that they come in order?

Each record's probabilities of the classes are those of the network, where it was
trained to tell them, else those of a logistic regression on the training part
(`stage_probabilities.py`). Both are freed of the frequencies that balancing gave a
training, and take those of the training part. Then every record is decided on alone
(frame-wise), and every group that is followed, such as a colony or a track, as a whole:
by the likeliest sequence in which no stage comes before the one that it follows from
(`decoding.py`). Both are counted on the same records.

A record without a group or a time, or of a group that is seen once, is decided on alone
either way; how many these are stands in every row.
"""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gandl_jax import names
from gandl_jax.errors import known, nearest
from gandl_jax.profiles import feature_set, groups
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import (
    bootstrap,
    classification,
    decoding,
    followed,
    marks,
    score_table,
    stage_counts,
    stage_order,
    stage_probabilities,
    steps,
)
from gandl_jax.tasks.comparison import Counted
from gandl_jax.tasks.counting import Answer
from gandl_jax.tasks.counting import Question as ComparedQuestion
from gandl_jax.tasks.differences import bases, difference
from gandl_jax.tasks.skip import Skip
from gandl_jax.tasks.splits import Split, build, require, tested, with_held_out

TITLE = "Stages in time"
METRIC = "macro true positive rate and F1"
PLACE = 35  # in the terminal
OPTIONS = {
    "normalize": "",
    "label": "Class",  # what is told: Metadata_<label>
    # The classes and their order in time, as in "debris | dense > spread": gandl_jax/
    # stages.py. "" leaves the task out.
    "order": "",
    # What is followed, and its times: Metadata_* columns in small letters; "" is none.
    "group": "",
    "time": "",
    "object": "",  # tells records of one group and time apart, where it has several
    "absorbing": (),  # classes that are never left, such as apoptosis
    "returns": (),  # steps back that cost nothing, as in "telophase>interphase"
    "backward_price": 0.0,  # nats, of any other step back; 0 forbids it
    # How frequent classes are held to be: as in the "training" part, or all "equal".
    "prior": "training",
    "splits": (),  # () holds groups apart, or records where there are none
}
KEY = "config.evaluate.staged_classification"
FRAMES, IN_TIME = "frame-wise", "in time"
TIME_ALONE = "time alone"  # a floor, which looks at no image


@dataclasses.dataclass(frozen=True)
class Question:
    """What a split asks, the same for all that is judged.

    Attributes:
      metadata: [N] rows of Metadata_* columns.
      codes: [N] int class of each record, -1 for a blank one.
      names: of the classes that the split judges.
      kept: [K] int, their codes, ascending.
      split: the folds.
      followed: groups and times.
      options: of the task.
    """

    metadata: pd.DataFrame
    codes: np.ndarray
    names: Sequence[str]
    kept: np.ndarray
    split: Split
    followed: followed.Followed
    options: Mapping[str, Any]

    @classmethod
    def of_split(
        cls, metadata: pd.DataFrame, split: Split, options: Mapping[str, Any]
    ) -> "Question":
        """What a split of the task asks."""
        codes, classes = _codes(metadata, options)
        kept = np.unique(codes[tested(split)])
        chosen = [classes[k] for k in kept]
        found = followed.find(metadata, options)
        return cls(metadata, codes, chosen, kept, split, found, options)


@dataclasses.dataclass(frozen=True)
class Judged:
    """What is made of one set on one split.

    Attributes:
      name: full name of the set.
      told_by: where its probabilities are from.
      decided: way of deciding to [n] int classes of the tested records, fold by fold.
      mark: what its encoder saw of them.
    """

    name: str
    told_by: str
    decided: Mapping[str, np.ndarray]
    mark: marks.Mark


def splits(metadata: pd.DataFrame, options: Mapping[str, Any]) -> list[Split]:
    """The configured splits of the records with a class.

    Args:
      metadata: [N] rows of Metadata_* columns.
      options: its own, and max_folds, repeats and seed.

    Returns:
      At least one; warns of those that are not possible, and of records that are
      decided on alone.

    Raises:
      InputError: an order, a return or an absorbing class that there is not, a unit or
        a time that the screen does not have.
      Skip: no order is given, there is no such label, or no split is possible.
    """
    if not options["order"].strip():
        raise Skip(f"{KEY}.order is empty: write the classes in their order")
    known(f"{KEY}.prior".partition(".")[2], options["prior"], ("training", "equal"))
    codes, classes = _codes(metadata, options)
    stage_order.check(options, classes)
    alone = followed.find(metadata, options).alone
    made, said = build(
        metadata,
        codes,
        with_held_out(options["splits"] or (options["group"] or "record",), metadata),
        key=f"{KEY}.splits",
        group="all",
        label=_label(metadata, options["label"]),
        classes=classes,
        options=options,
    )
    said += [
        f"{count:,} of {len(metadata):,} records are decided on alone, {why}"
        for why, count in alone.items()
    ]
    return require(made, said)


def run(
    sets: Mapping[str, FeatureSet], splits: Sequence[Split], **options: Any
) -> list[dict[str, Any]]:
    """Decides on every record alone and on groups as a whole, and counts both.

    Args:
      sets: full name -> set, all of the same records in the same order. Of each encoder
        its probabilities count, where it was trained and has a set of them, else the
        set that `options["features"]` names, or its only one.
      splits: positions refer to these records.
      **options: its own; features, seed, bootstrap_draws.

    Returns:
      Per split, encoder, way of deciding (`kind`) and metric a row.
    """
    metadata = next(iter(sets.values())).metadata
    chosen = _chosen(sets, _label(metadata, options["label"]), options["features"])
    made = []
    with steps.counted(len(splits) * len(chosen), "sets"):
        for split in splits:
            question = Question.of_split(metadata, split, options)
            judged = {}
            for stands_as, name in chosen.items():
                judged[stands_as] = _judge(sets[name], question)
                steps.add()
            made += _rows(question, judged | _time_alone(question))
    return made


def _chosen(sets: Collection[str], label: str, features: str) -> dict[str, str]:
    """Of each encoder the set that is judged, by the name that its rows stand under."""
    made: dict[str, str] = {}
    for encoder in dict.fromkeys(map(feature_set.encoder, sets)):
        own = [name for name in sets if feature_set.encoder(name) == encoder]
        told = feature_set.full_name(encoder, stage_probabilities.set_name(label))
        headline = feature_set.full_name(encoder, features)
        is_trained = feature_set.step(encoder) != 0
        if told in own and is_trained:
            made[headline] = told
        elif headline in own:
            made[headline] = headline
        elif len(own) == 1:
            made[own[0]] = own[0]
    return made


def _judge(one: FeatureSet, question: Question) -> Judged:
    codes, split = question.codes, question.split
    mark = marks.mark(one.seen, tested(split))
    if stage_probabilities.is_told(one, codes.max() + 1, split.label):
        told = [one.features[test][:, question.kept] for _, test in split.folds]
        return Judged(one.name, "the network", _decide(question, told), mark)
    how = question.options["normalize"]
    found = [
        stage_probabilities.learnt(one.features, codes, fold, how)
        for fold in split.folds
    ]
    return Judged(one.name, "a logistic regression", _decide(question, found), mark)


def _time_alone(question: Question) -> dict[str, Judged]:
    """The floor that looks at no image; {} where no group is followed."""
    time = question.followed.time
    if not (question.followed.group >= 0).any():
        return {}
    found = [
        stage_probabilities.by_time(time, question.codes, fold)
        for fold in question.split.folds
    ]
    decided = _decide(question, found)
    return {TIME_ALONE: Judged(TIME_ALONE, "its time", decided, marks.NOTHING)}


def _decide(question: Question, found: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Classes of the tested records, fold by fold, by both ways of deciding.

    Args:
      question: what is asked.
      found: per fold [n, K] probabilities, as if all classes were equally frequent.
    """
    rules = stage_order.rules(question.options, question.names)
    made: dict[str, list] = {FRAMES: [], IN_TIME: []}
    for (train, test), probabilities in zip(question.split.folds, found, strict=True):
        prior = _prior(question, train)
        scores = stage_probabilities.logarithms(probabilities, prior)
        alone, whole = scores.argmax(1), scores.argmax(1)
        group, time = question.followed.group[test], question.followed.time[test]
        some = np.flatnonzero(group >= 0)
        if len(some):
            whole[some] = decoding.decode(scores[some], group[some], time[some], rules)
        made[FRAMES].append(question.kept[alone])
        made[IN_TIME].append(question.kept[whole])
    return {kind: np.concatenate(parts) for kind, parts in made.items()}


def _prior(question: Question, train: np.ndarray) -> np.ndarray:
    """[K] how frequent classes are held to be."""
    if question.options["prior"] == "equal":
        return np.ones(len(question.kept))
    return np.array([(question.codes[train] == k).sum() for k in question.kept], float)


def _rows(question: Question, judged: Mapping[str, Judged]) -> list[dict[str, Any]]:
    """The rows of a split; `judged` by the names that they stand under."""
    counter = _counter(question)
    scores = {
        (name, kind): counter.score(decided, prior=1 + (kind == IN_TIME))
        for name, one in judged.items()
        for kind, decided in one.decided.items()
    }
    about = _about(question)
    return [
        _row(metric, name, kind, judged, scores, counter, about)
        for name, kind in scores
        for metric in stage_counts.METRICS
    ]


def _counter(question: Question) -> stage_counts.Counter:
    """Counts the decisions on the records that a split tests, fold by fold."""
    split, options = question.split, question.options
    tests = np.concatenate([test for _, test in split.folds])
    return stage_counts.Counter(
        question.codes[tests],
        _units(question)[tests],
        question.kept,
        _learnt_from(split),
        draws=options["bootstrap_draws"],
        seed=options["seed"],
    )


def _learnt_from(split: Split) -> float:
    """Records that a fold learns from, the mean over folds."""
    return float(np.mean([len(train) for train, _ in split.folds]))


def _units(question: Question) -> np.ndarray:
    """[N] int, what intervals draw again: groups, and records that are of none."""
    unit = question.options["group"]
    if not unit:
        return np.arange(len(question.codes))
    column = groups.find_column(question.metadata, unit, f"{KEY}.group")
    values = question.metadata[column].reset_index(drop=True)
    own = "\0" + values.index.astype(str).to_series(index=values.index)
    return pd.factorize(values.astype(str).where(~groups.is_blank(values), own))[0]


def _about(question: Question) -> dict[str, Any]:
    """What the rows of a split have in common."""
    split, options = question.split, question.options
    tests = tested(split)
    group = question.followed.group[tests]
    return {
        "group": split.group,
        "split": split.name,
        "leaky": split.leaky,
        "label": split.label,
        "classes": list(question.names),
        "records": len(tests),
        "groups": len(np.unique(group[group >= 0])),
        "decided_alone": int((group < 0).sum()),
        "unit": options["group"] or "record",
        "prior": options["prior"],
        "normalize": options["normalize"],
    }


def _row(
    metric: str,
    name: str,
    kind: str,
    judged: Mapping[str, Judged],
    scores: Mapping[tuple[str, str], stage_counts.Score],
    counter: stage_counts.Counter,
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """One score, with what it is held against on the same draws."""
    one, found, column = judged[name], scores[name, kind], stage_counts.METRICS[metric]
    value, draws = float(found.values[column]), found.draws[:, column]
    low, high = bootstrap.interval(value, draws, stretch=counter.stretch)
    chance = float(counter.chance[column])
    differences = {
        what: difference(
            value,
            draws,
            ", ".join(other),
            float(scores[other].values[column]),
            scores[other].draws[:, column],
            chance=chance,
            stretch=counter.stretch,
        )
        for what, other in _others(name, kind, judged).items()
    }
    return {
        "task": "staged_classification",
        "set": one.name,
        "encoder": feature_set.encoder(name),
        "features": name.rpartition("/")[2],
        **about,
        "kind": kind,
        "metric": metric,
        "told_by": one.told_by,
        **one.mark,
        "value": value,
        "low": low,
        "high": high,
        "chance": chance,
        "differences": differences,
        "by_class": dict(zip(about["classes"], found.by_class[column], strict=True)),
        "confusion": found.confusion.astype(int).tolist(),
    }


def _others(
    name: str, kind: str, judged: Mapping[str, Judged]
) -> dict[str, tuple[str, str]]:
    """What a score is held against: floors decided likewise, and itself frame-wise."""
    made = {what: (n, kind) for what, n in bases(name, judged, floors=()).items()}
    if TIME_ALONE in judged and name != TIME_ALONE:
        made[TIME_ALONE] = TIME_ALONE, kind
    if kind == IN_TIME:
        made[FRAMES] = name, FRAMES
    return made


class Counting:
    """Counts for `counting` what is decided rightly, both ways of deciding.

    Attributes:
      questions: of each split the two metrics.
      ways: of deciding; ("",) where no group is followed, so that both are one.
      fits: one of each split.
    """

    def __init__(self, metadata: pd.DataFrame, options: Mapping[str, Any]):
        """Prepares what is the same for all sets.

        Args:
          metadata: [N] rows of Metadata_* columns.
          options: of the task.

        Raises:
          InputError: as of `splits`.
          Skip: so too, or all splits have wells on both sides.
        """
        self._label = _label(metadata, options["label"])
        apart = [split for split in splits(metadata, options) if not split.leaky]
        if not apart:
            raise Skip(f"no split holds wells apart: name another in {KEY}.splits")
        self._asked = [
            Question.of_split(metadata, one, options) for one in _different(apart)
        ]
        self._counters = [_counter(question) for question in self._asked]
        self.questions = [
            _compared(question, counter, metric)
            for question, counter in zip(self._asked, self._counters, strict=True)
            for metric in stage_counts.METRICS
        ]
        self.fits = len(self._asked)
        are_followed = any((one.followed.group >= 0).any() for one in self._asked)
        self._kinds = (FRAMES, IN_TIME) if are_followed else (FRAMES,)
        self.ways = self._kinds if are_followed else ("",)

    def judged(self, names: Collection[str], headline: str) -> str:
        """Returns the set of an encoder that is judged, as `run` chooses it."""
        encoder = feature_set.encoder(headline)
        names = [name for name in names if feature_set.encoder(name) == encoder]
        features = headline.rpartition("/")[2]
        return next(iter(_chosen(names, self._label, features).values()), headline)

    def answers(self, one: FeatureSet) -> list[Answer]:
        """Returns what a set is right about: of each way, of each question."""
        found = []
        for question in self._asked:
            found.append(_judge(one, question))
            steps.add()
        return self._counted(found)

    def floors(self) -> dict[str, list[Answer]]:
        """Returns the same by time alone, if groups are followed in every split."""
        found = [_time_alone(question) for question in self._asked]
        if not all(found):
            return {}
        return {TIME_ALONE: self._counted([own[TIME_ALONE] for own in found])}

    def _counted(self, found: Sequence[Judged]) -> list[Answer]:
        return [
            Answer(right, judged.mark, total)
            for kind in self._kinds
            for judged, counter in zip(found, self._counters, strict=True)
            for right, total in counter.shares(judged.decided[kind]).values()
        ]


def _different(made: Sequence[Split]) -> list[Split]:
    """Leaves out splits of the same records as a later one: "given", if held out."""
    by_folds = {
        tuple(part.tobytes() for fold in one.folds for part in fold): one
        for one in made
    }
    return list(by_folds.values())


def _compared(
    question: Question, counter: stage_counts.Counter, metric: str
) -> ComparedQuestion:
    """A split's question by a metric, as `comparison` counts it."""
    about, column = _about(question), stage_counts.METRICS[metric]
    tests = np.concatenate([test for _, test in question.split.folds])
    chance = float(counter.chance[column])
    _, total = counter.shares(question.codes[tests])["macro_tpr"]
    return ComparedQuestion(
        {
            "task": "staged_classification",
            **about,
            "metric": metric,
            "chance": chance,
            "learnt_from": _learnt_from(question.split),
        },
        Counted(total, about["records"], _learnt_from(question.split), chance),
    )


def counting(metadata: pd.DataFrame, options: Mapping[str, Any]) -> Counting:
    """How sets are compared by what is decided rightly, alone and in time."""
    return Counting(metadata, options)


def _label(metadata: pd.DataFrame, wanted: str) -> str:
    """The column that is meant, without its Metadata_, whatever the letters' case."""
    columns = [c.removeprefix("Metadata_") for c in metadata if "Metadata_" in c]
    alike = [c for c in columns if c.lower() == names.clean(wanted).lower()]
    if not alike:
        raise Skip(
            f"the screen has no column Metadata_{wanted}: name one that is to be told "
            f"in {KEY}.label; {nearest(wanted, columns)}"
        )
    return wanted if wanted in alike else alike[0]


def _codes(
    metadata: pd.DataFrame, options: Mapping[str, Any]
) -> tuple[np.ndarray, Sequence[str]]:
    """[N] int class of each record, -1 for a blank one, and the classes' names."""
    values = metadata[f"Metadata_{_label(metadata, options['label'])}"]
    values = values.astype(str).where(values.notna(), "").to_numpy(object)
    return classification.coded(values)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The scores as text for a terminal: a line per question, a column per encoder."""
    keys = {
        "split": score_table.split,
        "decided": lambda row: row["kind"],
        "metric": lambda row: row["metric"].replace("_", " "),
    }
    gains = [_gain_in_words(row) for row in rows if row["kind"] == IN_TIME]
    counts = dict.fromkeys(map(counts_in_words, rows))
    title = f"{TITLE}: {rows[0]['label']} [95 % interval by {rows[0]['unit']}]"
    return "\n".join([score_table.scores(title, keys, rows), *gains, *counts])


def _gain_in_words(row: Mapping[str, Any]) -> str:
    gain = row["differences"][FRAMES]
    return (
        f"{row['encoder']}, {row['split']}: time adds {gain['value']:+.3f} "
        f"[{gain['low']:+.3f} {gain['high']:+.3f}] of {row['metric'].replace('_', ' ')}"
    )


def counts_in_words(row: Mapping[str, Any]) -> str:
    """Says how much of a split time can touch."""
    followed_ = row["records"] - row["decided_alone"]
    return (
        f"{row['split']}: {followed_:,} of {row['records']:,} records are of "
        f"{row['groups']:,} groups that are followed, {row['decided_alone']:,} are "
        "decided on alone"
    )


def chapter(rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Of the report: both ways of deciding, each class, and confusion."""
    words = (
        "Each record is decided on alone (frame-wise), and every group that is "
        "followed as a whole, in which no stage comes before the one that it follows "
        f"from (in time). Intervals draw each {rows[0]['unit']} again as a whole."
    )
    scores = [
        {
            "encoder": marks.told(row["encoder"], row),
            "split": row["split"],
            "decided": row["kind"],
            "metric": row["metric"].replace("_", " "),
            "value": row["value"],
            "low": row["low"],
            "high": row["high"],
            "time adds": row["differences"].get(FRAMES, {}).get("value"),
            **row["by_class"],
        }
        for row in rows
    ]
    counts = [*dict.fromkeys(map(counts_in_words, rows))]
    return [words, *counts, scores, *_confusions(rows)]


def _confusions(rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """A paragraph and a table for every encoder and way of deciding."""
    made: list[Any] = []
    for row in rows:
        if row["metric"] == "macro_tpr":
            about = f"{row['encoder']}, {row['split']}, {row['kind']}"
            made.append(f"{about}: records by class (lines) and decision")
            made.append(
                [
                    {"class": name, **dict(zip(row["classes"], line, strict=True))}
                    for name, line in zip(row["classes"], row["confusion"], strict=True)
                ]
            )
    return made
