"""Classification of drug against control, a task of Dmitrenko et al. (2022).

Per cell model a linear SVM on frozen features separates records of treated wells from
those of wells where no compound acts, normalised per plate by the training part's
controls. Scores are out of fold, as in every classification; accuracy, precision and F1
depend on how many of the records are controls, ROC-AUC, recall and specificity do not.
Source: arXiv 2203.04107.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gandl_jax import names
from gandl_jax.errors import InputError, nearest
from gandl_jax.profiles import feature_set, floors, groups
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import (
    bootstrap,
    classification,
    fold_svms,
    marks,
    score_table,
    steps,
    two_classes,
)
from gandl_jax.tasks.classification import SITES, WELLS, Sample, Task
from gandl_jax.tasks.differences import FLOORS, to_bases
from gandl_jax.tasks.skip import Skip, need_columns
from gandl_jax.tasks.splits import Split, build, require, with_held_out

TITLE = "Drug or control"
METRIC = "by several measures"
PLACE = 15  # in the terminal
OPTIONS = {
    "normalize": "",  # "" is evaluate.normalize
    # Column that separates drugs from controls, and its values that are controls,
    # joined by +; "" is the role: treated wells against those of response 0.
    "label": "",
    "control": "",
}
SPLITS_KEY = "config.evaluate.splits"
_KEYS = "config.evaluate.drug_control"
CLASSES = ("control", "drug")
MAX_RECORDS = 20_000  # of a cell model, drawn at random (ours)
AUC = "roc_auc"
# Counted decisions, and the function of the shares of both classes that are right.
MEASURES: dict[str, tuple[str, Callable[[np.ndarray, float], np.ndarray]]] = {
    SITES: (SITES, two_classes.balanced_accuracy),
    WELLS: (WELLS, two_classes.balanced_accuracy),
    AUC: (AUC, two_classes.balanced_accuracy),
    "accuracy": (SITES, two_classes.accuracy),
    "precision": (SITES, two_classes.precision),
    "recall": (SITES, two_classes.recall),
    "f1": (SITES, two_classes.f1),
    "specificity": (SITES, two_classes.specificity),
}


def splits(metadata: pd.DataFrame, options: Mapping[str, Any]) -> list[Split]:
    """Returns the configured splits of each cell model's drugs and controls.

    Args:
      metadata: [N] rows of Metadata_* columns.
      options: label, control, splits, max_folds, repeats, bootstrap_unit and seed.

    Returns:
      At least one; warns of those that are not possible, and of records left out.

    Raises:
      InputError: no record has the control that is named, or a unit or group in the
        config that the screen does not have.
      Skip: there are no drugs or no controls, or no split of any cell model is
        possible.
    """
    codes, _ = _codes(metadata, options)
    if missing := [CLASSES[code] for code in (0, 1) if code not in codes]:
        raise Skip(f"the screen has no records of a {' or a '.join(missing)}")
    classification.check_unit(metadata[codes >= 0], options)
    built = []
    notes = classification.models_without(metadata, codes, "drugs or controls")
    for model, model_codes in classification.of_each_model(metadata, codes):
        drawn = classification.thinned(
            model_codes, most=MAX_RECORDS, seed=options["seed"]
        )
        notes += classification.not_drawn(
            model_codes, drawn, f"drug or control in {model}"
        )
        more = build(
            metadata,
            drawn,
            with_held_out(options["splits"], metadata),
            key=SPLITS_KEY,
            group=model,
            label="drug",
            classes=CLASSES,
            options=options,
        )
        built, notes = built + more[0], notes + more[1]
    return require(built, notes)


def run(
    sets: Mapping[str, FeatureSet], splits: Sequence[Split], **options: Any
) -> list[dict[str, Any]]:
    """Scores every set on the same records, folds and bootstrap draws.

    Args:
      sets: full name -> set, all of the same records in the same order.
      splits: positions refer to these records.
      **options: label, control, normalize, svm_c, bootstrap_unit, bootstrap_draws,
        seed.

    Returns:
      Per split, set and measure a row: balanced accuracy of records and of wells,
      accuracy, precision, recall, F1 and specificity of records, and ROC-AUC. "chance"
      is the score of guessing.
    """
    metadata = next(iter(sets.values())).metadata
    boards = [_Board(metadata, split, options) for split in splits]
    identities = floors.make(metadata)
    fits = sum(board.fits for board in boards)
    with steps.counted(fits * (len(sets) + len(identities)), "SVMs"):
        for name in sets:
            for board in boards:
                board.add(sets[name])
        for name, identity in identities.items():
            for board in boards:
                board.add_floor(name, identity)
    return [row for board in boards for row in board.rows()]


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Writes the scores for a terminal: a line per measure, a column per encoder."""
    title = f"{TITLE}: {METRIC} [95 % interval]"
    keys = {
        "cell model": score_table.group,
        "split": score_table.split,
        "measure": measure,
    }
    return score_table.scores(title, keys, rows)


def measure(row: Mapping[str, Any]) -> str:
    """Names a row's measure: "balanced accuracy, wells", "ROC-AUC"."""
    metric = row["metric"]
    if metric in score_table.LEVELS:
        return f"balanced accuracy, {score_table.level(row)}"
    return {AUC: "ROC-AUC", "f1": "F1"}.get(metric, metric)


def questions(
    splits: Sequence[Split], options: Mapping[str, Any]
) -> list[tuple[Task, list[Split]]]:
    """Returns the classification task with its splits; label and control are read."""
    return [(_task(options), list(splits))]


def _task(options: Mapping[str, Any]) -> Task:
    return Task("drug_control", functools.partial(_codes, options=options))


def _codes(
    metadata: pd.DataFrame, options: Mapping[str, Any]
) -> tuple[np.ndarray, Sequence[str]]:
    """Returns [N] int: 0 for controls, 1 for drugs, -1 for neither; and `CLASSES`."""
    if not options["label"]:
        need_columns(metadata, "Role")
        role = metadata["Metadata_Role"].astype(str)
        codes = np.select([role == "response_0", role == "treated"], [0, 1], -1)
        return codes, CLASSES
    label = names.clean(options["label"]).lower()
    column = metadata[groups.find_column(metadata, label, f"{_KEYS}.label")]
    values = column.astype(str).where(column.notna(), "").str.strip().to_numpy(object)
    used_values = sorted(set(values) - {""})
    controls = options["control"].split("+")
    for name in controls:
        if name not in used_values:
            raise InputError(
                f"{_KEYS}.control names {name!r}, which no record has as its {label}; "
                f"{nearest(name, used_values)}"
            )
    return np.select([values == "", np.isin(values, controls)], [-1, 0], 1), CLASSES


class _Board:
    """Right decisions of all sets and floors on one split."""

    def __init__(self, metadata: pd.DataFrame, split: Split, options):
        self._metadata, self._split, self._options = metadata, split, options
        self._task = _task(options)
        self._codes, classes = self._task.codes(metadata)
        self._about = classification.about_split(
            metadata, self._codes, classes, split, self._task, options
        )
        unit = options["bootstrap_unit"]
        self._sample = classification.sample_of(metadata, self._codes, split, unit)
        self._right: dict[str, Mapping[str, np.ndarray]] = {}
        self._marks: dict[str, marks.Mark] = {}
        self.fits = fold_svms.count(self._codes, split.folds)

    def add(self, judged_set: FeatureSet) -> None:
        """Learns and decides with a set."""
        decided = classification.decide(
            judged_set.features,
            self._metadata,
            self._codes,
            self._split,
            self._task,
            self._options,
            set_name=judged_set.name,
        )
        (mark,) = marks.mark_splits(judged_set.seen, [self._split])
        self._add(judged_set.name, decided, mark)

    def add_floor(self, name: str, identity: Any) -> None:
        """Learns and decides with a floor: a record's plate, or its position on it."""
        decided = classification.decide_floor(
            identity, self._codes, self._split, self._options
        )
        self._add(name, decided, marks.NOTHING)

    def _add(self, name: str, decided: list[np.ndarray], mark: marks.Mark) -> None:
        self._right[name] = _right(self._sample, decided)
        self._marks[name] = mark

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yields a row per measure and set; no ROC-AUC if no fold tests both groups."""
        totals = _totals(self._sample)
        controls, drugs = totals[SITES].sum(0)
        frequency = float(drugs / (controls + drugs))
        drawn = {k: self._draws(k, total) for k, total in totals.items() if total.any()}
        for metric, (counted, measure) in MEASURES.items():
            if counted in drawn:
                score = functools.partial(measure, frequency=frequency)
                for row in self._measure_rows(
                    score, totals[counted], counted, drawn[counted]
                ):
                    yield {**row, "metric": metric, "frequency": frequency}

    def _draws(self, counted: str, total: np.ndarray) -> list[dict[str, np.ndarray]]:
        """Draws shares [B, 2] of each set, twice: with two different pseudo-units."""
        sums = [
            (right[counted], prior)
            for prior in (1, 2)
            for right in self._right.values()
        ]
        drawn = bootstrap.recalls_of_each(
            sums,
            total,
            draws=self._options["bootstrap_draws"],
            seed=self._options["seed"],
        )
        if counted == AUC:
            drawn = [two_classes.auc_draws(draws) for draws in drawn]
        size = len(self._right)
        halves = drawn[:size], drawn[size:]
        return [dict(zip(self._right, half, strict=True)) for half in halves]

    def _measure_rows(
        self, score: Callable[..., np.ndarray], total: np.ndarray, counted: str, drawn
    ) -> Iterator[dict[str, Any]]:
        """Yields the rows of all sets, by one measure."""
        about = self._about
        wider = bootstrap.stretch(
            total, tested=about["records"], trained=about["learnt_from"]
        )
        shares = {
            n: right[counted].sum(0) / total.sum(0) for n, right in self._right.items()
        }
        values = {name: float(score(share)) for name, share in shares.items()}
        draws, base_draws = (
            {name: score(d) for name, d in half.items()} for half in drawn
        )
        chance = float(score(np.full(2, about["chance"])))
        for name, value in values.items():
            low, high = bootstrap.interval(value, draws[name], stretch=wider)
            yield {
                **_identified(name, about),
                **self._marks[name],
                "value": value,
                "low": low,
                "high": high,
                "chance": chance,
                "differences": to_bases(
                    name, values, draws, base_draws, chance=chance, stretch=wider
                ),
            }


def _right(sample: Sample, decided: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Counts right decisions [U, 2] on each unit's controls and drugs."""
    is_right = classification.right(sample, decided)
    counts = {
        level: sample.counted(sample.items(level), is_right[level])
        for level in (SITES, WELLS)
    }
    scores = np.concatenate(decided) @ np.array([-1.0, 1.0])
    return counts | {AUC: two_classes.placements(sample, scores)[0]}


def _totals(sample: Sample) -> dict[str, np.ndarray]:
    """Counts all decisions [U, 2] on each unit's controls and drugs."""
    counts = {
        level: sample.counted(sample.items(level), np.ones(len(sample.items(level))))
        for level in (SITES, WELLS)
    }
    return counts | {
        AUC: two_classes.placements(sample, np.zeros(len(sample.codes)))[1]
    }


def _identified(name: str, about: Mapping[str, Any]) -> dict[str, Any]:
    columns = {
        "task": "drug_control",
        "set": name,
        "encoder": feature_set.encoder(name),
        "features": name.rpartition("/")[2],
        **about,
    }
    return columns | ({"normalize": "none"} if name in FLOORS else {})
