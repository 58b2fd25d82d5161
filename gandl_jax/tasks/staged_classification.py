"""Classification of stages in time, with and without their order.

Each record's class probabilities are those of the network, if it was trained to predict
them, else those of a logistic regression on the training part
(`stage_probabilities.py`). Both are corrected for the class frequencies of a balanced
training, and take those of the training part. Then every record is decided on alone
(frame-wise), and every group that is followed, such as a colony or a track, as a whole:
by the likeliest sequence in which no stage comes before the one that it follows from
(`decoding.py`). Both are counted on the same records.

A record without a group or a time, or of a group that is seen once, is decided on alone
either way; every row has the number of these.
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
    "label": "Class",  # predicted: Metadata_<label>
    # The classes and their order in time, as in "debris | dense > spread": gandl_jax/
    # stages.py. "" leaves the task out.
    "order": "",
    # Groups to follow, and their times: Metadata_* columns in lower case; "" is none.
    "group": "",
    "time": "",
    "object": "",  # separates records of one group and time, if there are several
    "absorbing": (),  # classes that are never left, such as apoptosis
    "returns": (),  # steps back that cost nothing, as in "telophase>interphase"
    "backward_price": 0.0,  # nats, of any other step back; 0 forbids it
    # Assumed class frequencies: as in the "training" part, or all "equal".
    "prior": "training",
    "splits": (),  # () holds groups apart, or records where there are none
}
KEY = "config.evaluate.staged_classification"
FRAMES, IN_TIME = "frame-wise", "in time"
TIME_ALONE = "time alone"  # a floor, which uses no image


@dataclasses.dataclass(frozen=True)
class Question:
    """Question of a split, the same for all sets.

    Attributes:
      metadata: [N] rows of Metadata_* columns.
      codes: [N] int class of each record, -1 if blank.
      names: of the classes that the split tests.
      tested_codes: [K] int, their codes, ascending.
      split: the folds.
      followed: groups and times.
      options: of the task.
    """

    metadata: pd.DataFrame
    codes: np.ndarray
    names: Sequence[str]
    tested_codes: np.ndarray
    split: Split
    followed: followed.Followed
    options: Mapping[str, Any]

    @classmethod
    def from_split(
        cls, metadata: pd.DataFrame, split: Split, options: Mapping[str, Any]
    ) -> "Question":
        """Makes the question of a split of the task."""
        codes, classes = _codes(metadata, options)
        tested_codes = np.unique(codes[tested(split)])
        tested_names = [classes[k] for k in tested_codes]
        groups_in_time = followed.find(metadata, options)
        return cls(
            metadata, codes, tested_names, tested_codes, split, groups_in_time, options
        )


@dataclasses.dataclass(frozen=True)
class Judged:
    """Decisions of one set on one split.

    Attributes:
      name: full name of the set.
      told_by: source of its probabilities.
      decided: way of deciding -> [n] int classes of the tested records, fold by fold.
      mark: of its encoder on them.
    """

    name: str
    told_by: str
    decided: Mapping[str, np.ndarray]
    mark: marks.Mark


def splits(metadata: pd.DataFrame, options: Mapping[str, Any]) -> list[Split]:
    """Returns the configured splits of the records with a class.

    Args:
      metadata: [N] rows of Metadata_* columns.
      options: of the task, and max_folds, repeats and seed.

    Returns:
      At least one; warns of those that are not possible, and of records that are
      decided on alone.

    Raises:
      InputError: an order, a return or an absorbing class is wrong, or the screen does
        not have a unit or time.
      Skip: no order is given, there is no such label, or no split is possible.
    """
    if not options["order"].strip():
        raise Skip(f"{KEY}.order is empty: write the classes in their order")
    known(f"{KEY}.prior".partition(".")[2], options["prior"], ("training", "equal"))
    codes, classes = _codes(metadata, options)
    stage_order.check(options, classes)
    alone = followed.find(metadata, options).alone
    built, notes = build(
        metadata,
        codes,
        with_held_out(options["splits"] or (options["group"] or "record",), metadata),
        key=f"{KEY}.splits",
        group="all",
        label=_label(metadata, options["label"]),
        classes=classes,
        options=options,
    )
    notes += [
        f"{count:,} of {len(metadata):,} records are decided on alone, {reason}"
        for reason, count in alone.items()
    ]
    return require(built, notes)


def run(
    sets: Mapping[str, FeatureSet], splits: Sequence[Split], **options: Any
) -> list[dict[str, Any]]:
    """Decides on every record alone and on groups as a whole, and counts both.

    Args:
      sets: full name -> set, all of the same records in the same order. Of each encoder
        its set of probabilities is used, if it was trained and has one, else the one
        that `options["features"]` names, or its single one.
      splits: positions refer to these records.
      **options: of the task; features, seed, bootstrap_draws.

    Returns:
      Per split, encoder, way of deciding (`kind`) and metric a row.
    """
    metadata = next(iter(sets.values())).metadata
    chosen = _chosen(sets, _label(metadata, options["label"]), options["features"])
    rows = []
    with steps.counted(len(splits) * len(chosen), "sets"):
        for split in splits:
            question = Question.from_split(metadata, split, options)
            judged = {}
            for row_name, name in chosen.items():
                judged[row_name] = _judge(sets[name], question)
                steps.add()
            rows += _rows(question, judged | _time_alone(question))
    return rows


def _chosen(sets: Collection[str], label: str, features: str) -> dict[str, str]:
    """Returns name in rows -> the judged set of each encoder."""
    set_by_row_name: dict[str, str] = {}
    for encoder in dict.fromkeys(map(feature_set.encoder, sets)):
        encoder_sets = [name for name in sets if feature_set.encoder(name) == encoder]
        probability_set = feature_set.full_name(
            encoder, stage_probabilities.set_name(label)
        )
        headline = feature_set.full_name(encoder, features)
        is_trained = feature_set.step(encoder) != 0
        if probability_set in encoder_sets and is_trained:
            set_by_row_name[headline] = probability_set
        elif headline in encoder_sets:
            set_by_row_name[headline] = headline
        elif len(encoder_sets) == 1:
            set_by_row_name[encoder_sets[0]] = encoder_sets[0]
    return set_by_row_name


def _judge(judged_set: FeatureSet, question: Question) -> Judged:
    codes, split = question.codes, question.split
    mark = marks.mark(judged_set.seen, tested(split))
    if stage_probabilities.holds_probabilities(
        judged_set, codes.max() + 1, split.label
    ):
        probabilities = [
            judged_set.features[test][:, question.tested_codes]
            for _, test in split.folds
        ]
        return Judged(
            judged_set.name, "the network", _decide(question, probabilities), mark
        )
    normalization = question.options["normalize"]
    fitted = [
        stage_probabilities.learnt(judged_set.features, codes, fold, normalization)
        for fold in split.folds
    ]
    return Judged(
        judged_set.name, "a logistic regression", _decide(question, fitted), mark
    )


def _time_alone(question: Question) -> dict[str, Judged]:
    """Judges the floor that uses times only; {} if no group is followed."""
    time = question.followed.time
    if not (question.followed.group >= 0).any():
        return {}
    fitted = [
        stage_probabilities.by_time(time, question.codes, fold)
        for fold in question.split.folds
    ]
    decided = _decide(question, fitted)
    return {TIME_ALONE: Judged(TIME_ALONE, "its time", decided, marks.NOTHING)}


def _decide(
    question: Question, probabilities: Sequence[np.ndarray]
) -> dict[str, np.ndarray]:
    """Returns classes of the tested records, fold by fold, by both ways of deciding.

    Args:
      question: of the split.
      probabilities: per fold [n, K], as if all classes were equally frequent.
    """
    rules = stage_order.rules(question.options, question.names)
    decided: dict[str, list] = {FRAMES: [], IN_TIME: []}
    for (train, test), fold_probabilities in zip(
        question.split.folds, probabilities, strict=True
    ):
        prior = _prior(question, train)
        scores = stage_probabilities.logarithms(fold_probabilities, prior)
        alone, in_time = scores.argmax(1), scores.argmax(1)
        group, time = question.followed.group[test], question.followed.time[test]
        followed_rows = np.flatnonzero(group >= 0)
        if len(followed_rows):
            in_time[followed_rows] = decoding.decode(
                scores[followed_rows], group[followed_rows], time[followed_rows], rules
            )
        decided[FRAMES].append(question.tested_codes[alone])
        decided[IN_TIME].append(question.tested_codes[in_time])
    return {way: np.concatenate(folds) for way, folds in decided.items()}


def _prior(question: Question, train: np.ndarray) -> np.ndarray:
    """Returns the assumed class frequencies [K]."""
    if question.options["prior"] == "equal":
        return np.ones(len(question.tested_codes))
    return np.array(
        [(question.codes[train] == k).sum() for k in question.tested_codes], float
    )


def _rows(question: Question, judged: Mapping[str, Judged]) -> list[dict[str, Any]]:
    """Returns the rows of a split; `judged` is by names in rows."""
    counter = _counter(question)
    scores = {
        (name, way): counter.score(decided, prior=1 + (way == IN_TIME))
        for name, judged_set in judged.items()
        for way, decided in judged_set.decided.items()
    }
    about = _about(question)
    return [
        _row(metric, name, way, judged, scores, counter, about)
        for name, way in scores
        for metric in stage_counts.METRICS
    ]


def _counter(question: Question) -> stage_counts.Counter:
    """Counts the decisions on the records that a split tests, fold by fold."""
    split, options = question.split, question.options
    tests = np.concatenate([test for _, test in split.folds])
    return stage_counts.Counter(
        question.codes[tests],
        _units(question)[tests],
        question.tested_codes,
        _learnt_from(split),
        draws=options["bootstrap_draws"],
        seed=options["seed"],
    )


def _learnt_from(split: Split) -> float:
    """Returns the number of training records, the mean over folds."""
    return float(np.mean([len(train) for train, _ in split.folds]))


def _units(question: Question) -> np.ndarray:
    """Returns bootstrap units [N] int: groups, and records without a group."""
    unit = question.options["group"]
    if not unit:
        return np.arange(len(question.codes))
    column = groups.find_column(question.metadata, unit, f"{KEY}.group")
    values = question.metadata[column].reset_index(drop=True)
    record_names = "\0" + values.index.astype(str).to_series(index=values.index)
    return pd.factorize(
        values.astype(str).where(~groups.is_blank(values), record_names)
    )[0]


def _about(question: Question) -> dict[str, Any]:
    """Returns the columns that the rows of a split have in common."""
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
    way: str,
    judged: Mapping[str, Judged],
    scores: Mapping[tuple[str, str], stage_counts.Score],
    counter: stage_counts.Counter,
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """Returns one score, with its differences to bases on the same draws."""
    judged_set, score, column = (
        judged[name],
        scores[name, way],
        stage_counts.METRICS[metric],
    )
    value, draws = float(score.values[column]), score.draws[:, column]
    low, high = bootstrap.interval(value, draws, stretch=counter.stretch)
    chance = float(counter.chance[column])
    differences = {
        role: difference(
            value,
            draws,
            ", ".join(base),
            float(scores[base].values[column]),
            scores[base].draws[:, column],
            chance=chance,
            stretch=counter.stretch,
        )
        for role, base in _bases(name, way, judged).items()
    }
    return {
        "task": "staged_classification",
        "set": judged_set.name,
        "encoder": feature_set.encoder(name),
        "features": name.rpartition("/")[2],
        **about,
        "kind": way,
        "metric": metric,
        "told_by": judged_set.told_by,
        **judged_set.mark,
        "value": value,
        "low": low,
        "high": high,
        "chance": chance,
        "differences": differences,
        "by_class": dict(zip(about["classes"], score.by_class[column], strict=True)),
        "confusion": score.confusion.astype(int).tolist(),
    }


def _bases(
    name: str, way: str, judged: Mapping[str, Judged]
) -> dict[str, tuple[str, str]]:
    """Returns the bases of a score: floors decided alike, and itself frame-wise."""
    found_bases = {
        role: (base, way) for role, base in bases(name, judged, floors=()).items()
    }
    if TIME_ALONE in judged and name != TIME_ALONE:
        found_bases[TIME_ALONE] = TIME_ALONE, way
    if way == IN_TIME:
        found_bases[FRAMES] = name, FRAMES
    return found_bases


class Counting:
    """Counts right decisions for `counting`, in both ways of deciding.

    Attributes:
      questions: two for each split, one by each metric.
      ways: names of the ways of deciding; ("",) if no group is followed in time.
      fits: number of splits.
    """

    def __init__(self, metadata: pd.DataFrame, options: Mapping[str, Any]):
        """Prepares splits and counters, which are the same for all sets.

        Args:
          metadata: [N] rows of Metadata_* columns.
          options: of the task.

        Raises:
          InputError: as in `splits`.
          Skip: as in `splits`, or all splits have wells on both sides.
        """
        self._label = _label(metadata, options["label"])
        apart = [split for split in splits(metadata, options) if not split.leaky]
        if not apart:
            raise Skip(f"no split holds wells apart: name another in {KEY}.splits")
        self._split_questions = [
            Question.from_split(metadata, split, options) for split in _distinct(apart)
        ]
        self._counters = [_counter(question) for question in self._split_questions]
        self.questions = [
            _compared(question, counter, metric)
            for question, counter in zip(
                self._split_questions, self._counters, strict=True
            )
            for metric in stage_counts.METRICS
        ]
        self.fits = len(self._split_questions)
        is_followed = any(
            (question.followed.group >= 0).any() for question in self._split_questions
        )
        self._decided = (FRAMES, IN_TIME) if is_followed else (FRAMES,)
        self.ways = self._decided if is_followed else ("",)

    def judged(self, names: Collection[str], headline: str) -> str:
        """Returns the set of an encoder that is judged, as `run` chooses it."""
        encoder = feature_set.encoder(headline)
        names = [name for name in names if feature_set.encoder(name) == encoder]
        features = headline.rpartition("/")[2]
        return next(iter(_chosen(names, self._label, features).values()), headline)

    def answers(self, one: FeatureSet) -> list[Answer]:
        """Returns a set's right decisions, for each way and question."""
        judged = []
        for question in self._split_questions:
            judged.append(_judge(one, question))
            steps.add()
        return self._counted(judged)

    def floors(self) -> dict[str, list[Answer]]:
        """Returns the same by time alone, if groups are followed in every split."""
        by_split = [_time_alone(question) for question in self._split_questions]
        if not all(by_split):
            return {}
        return {TIME_ALONE: self._counted([of[TIME_ALONE] for of in by_split])}

    def _counted(self, judged_splits: Sequence[Judged]) -> list[Answer]:
        return [
            Answer(right, judged.mark, total)
            for way in self._decided
            for judged, counter in zip(judged_splits, self._counters, strict=True)
            for right, total in counter.shares(judged.decided[way]).values()
        ]


def _distinct(splits: Sequence[Split]) -> list[Split]:
    """Leaves out splits of the same records as a later one: "given", if held out."""
    by_folds = {
        tuple(part.tobytes() for fold in split.folds for part in fold): split
        for split in splits
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
    """Returns how sets are compared by right decisions, alone and in time."""
    return Counting(metadata, options)


def _label(metadata: pd.DataFrame, wanted: str) -> str:
    """Returns the wanted column without Metadata_; upper and lower case are equal."""
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
    """Returns [N] int class of each record, -1 if blank, and the classes' names."""
    values = metadata[f"Metadata_{_label(metadata, options['label'])}"]
    values = values.astype(str).where(values.notna(), "").to_numpy(object)
    return classification.coded(values)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Writes the scores for a terminal: a line per question, a column per encoder."""
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
    metric = row["metric"].replace("_", " ")
    return (
        f"{row['encoder']}, {row['split']}: time adds "
        f"{score_table.with_interval(gain, '+z.3f')} of {metric}"
    )


def counts_in_words(row: Mapping[str, Any]) -> str:
    """Describes how many records of a split are followed in time."""
    in_time = row["records"] - row["decided_alone"]
    return (
        f"{row['split']}: {in_time:,} of {row['records']:,} records are of "
        f"{row['groups']:,} groups that are followed, {row['decided_alone']:,} are "
        "decided on alone"
    )


def chapter(rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Makes the report's chapter: both ways of deciding, each class, and confusion."""
    introduction = (
        "Each record is decided on alone (frame-wise), and every group that is "
        "followed as a whole, in which no stage comes before the one that it follows "
        f"from (in time). Intervals draw each {rows[0]['unit']} again as a whole."
    )
    scores = [
        {
            "encoder": marks.marked(row["encoder"], row),
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
    return [introduction, *counts, scores, *_confusions(rows)]


def _confusions(rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Returns a paragraph and a table for every encoder and way of deciding."""
    blocks: list[Any] = []
    for row in rows:
        if row["metric"] == "macro_tpr":
            about = f"{row['encoder']}, {row['split']}, {row['kind']}"
            blocks.append(f"{about}: records by class (lines) and decision")
            blocks.append(
                [
                    {"class": name, **dict(zip(row["classes"], counts, strict=True))}
                    for name, counts in zip(
                        row["classes"], row["confusion"], strict=True
                    )
                ]
            )
    return blocks
