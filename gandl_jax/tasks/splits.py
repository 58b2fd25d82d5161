"""Splits of records into training and test parts of a classifier.

A split is written as text, in the language of `profiles/groups.py`, and also

    "plate"          each in turn; more than `max_folds` are dealt to that many folds
    "plate:0.25"     a quarter at random, `repeats` times
    "record"         "record:0.25", the GAN-DL paper's
    "held_out"       learns from the records that this experiment's encoder was trained
                     on, tests the held-out ones; added if any were held out
"""

import dataclasses
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from gandl_jax.errors import InputError, Skip
from gandl_jax.profiles import groups, held_out, table
from gandl_jax.tasks.skip import LeftOut

Fold = tuple[np.ndarray, np.ndarray]

TEST_FRAC = 0.25  # of the records (GAN-DL paper)
WITHIN = ("experiment", "plate", "well")  # units that split a training part again
TRIES = 100  # for a random fold that was not drawn before


@dataclasses.dataclass(frozen=True)
class Split:
    """Folds over some of a table's records.

    Attributes:
      name: its text: "record", "plate", "plate:0.25".
      group: group of the records: a cell model, or "all".
      leaky: whether sites of one well may lie on both sides of a fold.
      folds: pairs (train, test) of [n] int positions in the table.
      label: the predicted label: "control", "Mechanism", "plate".
    """

    name: str
    group: str
    leaky: bool
    folds: tuple[Fold, ...]
    label: str


def with_held_out(wanted: Sequence[str], metadata: pd.DataFrame) -> tuple[str, ...]:
    """Adds the split by held-out records, if any were held out of training.

    Args:
      wanted: texts of splits.
      metadata: [N] rows of Metadata_* columns.

    Raises:
      Skip: there is none.
    """
    added = (groups.HELD_OUT,) if held_out.COLUMN in metadata else ()
    if not (wanted or added):
        raise Skip(
            "no split is named, and nothing was held out of training: name one, such "
            "as 'plate'"
        )
    return tuple(dict.fromkeys((*wanted, *added)))


def build(
    metadata: pd.DataFrame,
    codes: np.ndarray,
    wanted: Iterable[str],
    *,
    key: str,
    group: str,
    label: str,
    classes: Sequence[str],
    options: Mapping[str, Any],
) -> tuple[list[Split], list[str]]:
    """Returns the possible splits of a group's records, and reasons for the others.

    Args:
      metadata: [N] rows of Metadata_* columns.
      codes: [N] int class of each record, -1 for those outside the group.
      wanted: texts of splits, as above.
      key: the config key of the splits, for messages.
      group: the cell model, or "all".
      label: the predicted label.
      classes: the name of each class.
      options: max_folds, repeats and seed.

    Returns:
      Splits in which every fold learns every class that the split tests, and a sentence
      for each split that is not possible or leaves out a class.

    Raises:
      InputError: a unit or group that the screen does not have.
    """
    built, notes = [], []
    records = np.flatnonzero(codes >= 0)
    for text in dict.fromkeys(wanted):
        try:
            _two_classes(codes[records], classes)
            folds = _folds(metadata, records, codes[records], text, key, options)
            folds, lost_classes = _judged(metadata, codes, folds, classes, text, key)
        except Skip as reason:
            notes.append(f"{group}: no split {text!r} for {label}: {reason}")
            continue
        unit = groups.parse(text, key=key).unit
        leaky = _may_share_wells(metadata, records, folds, unit)
        built.append(Split(text, group, leaky, tuple(folds), label))
        notes += [f"{group}, {label}: {lost_classes}"] if lost_classes else []
    return built, notes


def tested(split: Split) -> np.ndarray:
    """Returns positions [n] int of the records that any fold tests, ascending."""
    return np.unique(np.concatenate([test for _, test in split.folds]))


def within(
    metadata: pd.DataFrame,
    codes: np.ndarray,
    split: Split,
    *,
    key: str,
    classes: Sequence[str],
    options: Mapping[str, Any],
) -> Split:
    """Splits records of a training part again, by the same kind of group.

    A split that names no kind of group (given, or held out of training) is split again
    by the largest kind of which no group lies on both sides.

    Args:
      metadata: [N] rows of Metadata_* columns.
      codes: [N] int class of each record, -1 outside the training part.
      split: of the training part.
      key: the config key of the split, for messages.
      classes: the name of each class.
      options: max_folds and seed.

    Returns:
      A split that holds each group out in turn; more than `max_folds` are dealt to that
      many folds. A class that cannot be both learnt and tested is left out.

    Raises:
      Skip: the training part has too few groups.
    """
    records = np.flatnonzero(codes >= 0)
    reason = f"it names no kind of group to split by again; change {key}"
    for unit in _units_within(metadata, split, key):
        try:
            _two_classes(codes[records], classes)
            folds = _folds(metadata, records, codes[records], unit, key, options)
            folds, _ = _judged(metadata, codes, folds, classes, unit, key)
        except Skip as skipped:
            reason = str(skipped)
        else:
            return Split(unit, split.group, split.leaky, tuple(folds), split.label)
    raise Skip(
        f"{split.group}, {split.label}: nothing can be chosen within a training "
        f"part of the split {split.name!r}: {reason}"
    )


def _units_within(metadata: pd.DataFrame, split: Split, key: str) -> Iterator[str]:
    """Yields the kinds of group to split training parts by, largest first."""
    unit = groups.unit(split.name)
    if unit not in groups.NO_GROUPS:
        yield unit
        return
    for unit in WITHIN:
        try:
            group_of_record = groups.groups(metadata, unit, key=key)
        except (InputError, Skip):  # the screen has no such groups
            continue
        if not any(
            np.isin(group_of_record[train], group_of_record[test]).any()
            for train, test in split.folds
        ):
            yield unit


def require(parts: Sequence[Any], notes: Sequence[str]) -> list[Any]:
    """Returns the possible parts of a task, such as its splits; warns of the others.

    Args:
      parts: splits as from `build`, or parts made of splits.
      notes: sentences on the impossible parts.

    Returns:
      The possible parts; warns (LeftOut) of the impossible ones.

    Raises:
      Skip: no part is possible.
    """
    if not parts:
        raise Skip("; ".join(dict.fromkeys(notes)))
    for sentence in dict.fromkeys(notes):
        warnings.warn(sentence, LeftOut, stacklevel=3)
    return list(parts)


def leave_out(
    labels: np.ndarray, group_of_record: np.ndarray, *, most: int, seed: int
) -> list:
    """Holds each group out in turn; more than `most` are dealt to that many folds.

    Args:
      labels: [n] class of each record.
      group_of_record: [n] str.
      most: largest number of folds.
      seed: of the dealing, which gives folds similar shares of every class.

    Returns:
      Per fold [n] bool, true for held-out records.
    """
    names, member = np.unique(group_of_record.astype(str), return_inverse=True)
    # More folds than records of any class cannot have equal shares of it.
    folds = min(most, int(np.unique(labels, return_counts=True)[1].max()))
    if len(names) <= most or folds < 2:
        return [member == i for i in range(len(names))]
    dealer = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # It warns of classes with fewer records than folds, which are in some folds
        # only.
        warnings.simplefilter("ignore", UserWarning)
        dealt = [test for _, test in dealer.split(labels, labels, member)]
    return [np.isin(np.arange(len(labels)), test) for test in dealt]


def random_groups(
    labels: np.ndarray,
    group_of_record: np.ndarray,
    frac: float,
    *,
    repeats: int,
    seed: int,
) -> list[np.ndarray]:
    """Holds a share of the groups out, at random.

    Draws among groups of the same classes, so that no side lacks a class (ours).

    Args:
      labels: [n] class of each record.
      group_of_record: [n] str.
      frac: of the groups with the same classes, at least one of two.
      repeats: number of draws, all different if possible.
      seed: of the draws.

    Returns:
      Per draw [n] bool, true for held-out records.
    """
    rng = np.random.default_rng(seed)
    class_sets, member = _class_sets(labels, group_of_record)
    drawn: dict[bytes, np.ndarray] = {}
    for _ in range(repeats * TRIES):
        is_held = np.zeros(len(class_sets), bool)
        for class_set in np.unique(class_sets):
            alike = np.flatnonzero(class_sets == class_set)
            size = min(max(1, round(frac * len(alike))), len(alike) - 1)
            is_held[rng.permutation(alike)[:size]] = True
        drawn.setdefault(is_held.tobytes(), is_held)
        if len(drawn) == repeats:
            break
    return [is_held[member] for is_held in drawn.values()]


def _two_classes(labels: np.ndarray, classes: Sequence[str]) -> None:
    used = np.unique(labels)
    if len(used) < 2:
        names = ", ".join(classes[i] for i in used) or "blank"
        raise Skip(f"all its records are of one class: {names}")


def _folds(metadata, records, labels, text, key, options) -> list[Fold]:
    request, judged = groups.parse(text, key=key), metadata.iloc[records]
    if request.unit == groups.HELD_OUT:
        return [_held_out(judged, records)]
    if request.unit == groups.GIVEN:
        return [_given(judged, records, key)]
    masks = _held_masks(metadata, records, labels, request, key, options)
    folds = [(records[~is_held], records[is_held]) for is_held in masks]
    folds = [fold for fold in folds if len(fold[0]) and len(fold[1])]
    if not folds:
        raise Skip(
            f"no {request.unit} can be held apart from others like it; change {key}"
        )
    return folds


def _may_share_wells(metadata, records, folds, unit: str) -> bool:
    """Tells whether images of one well may lie on both sides of a fold.

    They may if the table names no wells and the split is by record or site.
    """
    unknown = "Metadata_Well" not in metadata and unit in ("record", "site")
    return unknown or _share_wells(metadata, records, folds)


def _share_wells(metadata, records, folds) -> bool:
    wells = np.full(len(metadata), -1)
    wells[records] = pd.factorize(table.wells(metadata.iloc[records]))[0]
    return any(len(np.intersect1d(wells[train], wells[test])) for train, test in folds)


def _held_masks(metadata, records, labels, request, key, options) -> list[np.ndarray]:
    """Returns per fold [n] bool, true for held-out records."""
    group_of_record = groups.groups(metadata.iloc[records], request.unit, key=key)
    if len(np.unique(group_of_record.astype(str))) < 2:
        raise Skip(f"all its records are of one {request.unit}; change {key}")
    if request.fold:
        return [groups.find_fold(metadata, request, key)[records]]
    if request.unit == "record" and not request.which:
        request = request._replace(which=str(TEST_FRAC))
    if not request.which:
        return leave_out(
            labels, group_of_record, most=options["max_folds"], seed=options["seed"]
        )
    all_groups = groups.all_of(metadata, request.unit, key)
    frac = groups.share(request, all_groups)
    if frac is None:
        return [_named_groups(group_of_record, request, all_groups, key)]
    return random_groups(
        labels, group_of_record, frac, repeats=options["repeats"], seed=options["seed"]
    )


def _named_groups(group_of_record, request, all_groups, key) -> np.ndarray:
    """Returns [n] bool, records of the groups that the split names."""
    is_held = np.isin(
        group_of_record.astype(str), sorted(groups.listed(all_groups, request, key))
    )
    if not is_held.any():
        raise Skip(
            f"none of its records are of {' or '.join(request.which.split('+'))}"
        )
    return is_held


def _given(judged, records, key) -> Fold:
    side = groups.groups(judged, "split", key=key)
    side = np.char.lower(side.astype(str))
    for name in ("train", "test"):
        if name not in side:
            other_names = ", ".join(sorted(set(side))[:5])
            raise Skip(
                f"Metadata_Split has no {name!r}, only {other_names}; change {key}"
            )
    return records[side == "train"], records[side == "test"]


def _held_out(judged, records) -> Fold:
    if held_out.COLUMN not in judged:
        raise Skip("no encoder here was trained on some of the records and not others")
    side = judged[held_out.COLUMN].to_numpy(object)
    for name, description in (
        ("train", "trained on"),
        ("test", "held out of training"),
    ):
        if name not in side:
            raise Skip(f"none of its records was {description}")
    return records[side == "train"], records[side == "test"]


def _judged(metadata, codes, folds, classes, text, key) -> tuple[list[Fold], str]:
    """Keeps the classes that every fold learns and some fold tests."""
    learnt = set.intersection(*(set(codes[train]) for train, _ in folds))
    judged = set.union(*(set(codes[test]) for _, test in folds))
    usable = np.array(sorted(learnt & judged), int)
    present = np.array(
        sorted(set.union(*({*codes[train], *codes[test]} for train, test in folds)))
    )
    lost = np.setdiff1d(present, usable)
    names = ", ".join(classes[i] for i in lost[:3]) + (", ..." if len(lost) > 3 else "")
    if not len(lost):
        return folds, ""
    reason = _why_lost(metadata, codes, lost, text, key)
    if len(usable) < 2:
        raise Skip(f"{names} {reason}; change {key}")
    count = int(np.isin(codes, lost).sum())
    folds = [
        tuple(side[np.isin(codes[side], usable)] for side in fold) for fold in folds
    ]
    return [fold for fold in folds if len(fold[1])], (
        f"{len(lost)} of {len(present)} classes ({names}; {count:,} records) are left "
        f"out of the split {text!r}, for each {reason}"
    )


def _why_lost(metadata, codes, lost, text, key) -> str:
    """Returns the reason why some classes cannot be both learnt and tested."""
    unit = groups.parse(text, key=key).unit
    if unit not in groups.NO_GROUPS:
        records = np.flatnonzero(np.isin(codes, lost))
        group_of_record = pd.Series(
            groups.groups(metadata.iloc[records], unit, key=key).astype(str)
        )
        if (group_of_record.groupby(codes[records]).nunique() == 1).all():
            return f"has one {unit.replace('_', ' ')}, and at least two are needed"
    return "lies on one side only, and is to be both learnt and judged"


def _class_sets(
    labels: np.ndarray, group_of_record: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers the sets of classes of groups [G], and the groups of records [n]."""
    names, member = np.unique(group_of_record.astype(str), return_inverse=True)
    pairs = np.unique(np.stack([member, labels]), axis=1)
    starts = np.searchsorted(pairs[0], np.arange(len(names)))
    classes_of_groups = [tuple(codes) for codes in np.split(pairs[1], starts[1:])]
    numbers = {
        class_set: i for i, class_set in enumerate(sorted(set(classes_of_groups)))
    }
    return np.array([numbers[class_set] for class_set in classes_of_groups]), member
