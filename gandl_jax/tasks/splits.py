"""Splits: which records a classifier learns from and which it is judged on.

A split is asked for in words, in the language of `profiles/groups.py`. Here also

    "plate"          each in turn; more than `max_folds` are dealt to so many folds
    "plate:0.25"     a quarter at random, `repeats` times
    "record"         "record:0.25", the GAN-DL paper's
    "held_out"       what this experiment's encoder was not trained on, told by what it
                     was; added by itself where something was held out
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
WITHIN = ("experiment", "plate", "well")  # whose groups split a training part again
TRIES = 100  # for a random fold that was not drawn before


@dataclasses.dataclass(frozen=True)
class Split:
    """Folds over some of a table's records.

    Attributes:
      name: as it was asked for: "record", "plate", "plate:0.25".
      group: what the records have in common: a cell model, or "all".
      leaky: whether sites of one well may lie on both sides of a fold.
      folds: pairs (train, test) of [n] int positions in the table.
      label: what is predicted: "control", "Mechanism", "plate".
    """

    name: str
    group: str
    leaky: bool
    folds: tuple[Fold, ...]
    label: str


def with_held_out(wanted: Sequence[str], metadata: pd.DataFrame) -> tuple[str, ...]:
    """Adds the split by what was held out of training, where anything was.

    Args:
      wanted: splits in words.
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
    """The splits that a group's records allow, and why they allow no others.

    Args:
      metadata: [N] rows of Metadata_* columns.
      codes: [N] int class of each record, -1 for those that are not of the group.
      wanted: splits in words, as above.
      key: the config key that they are from, to be named in an error.
      group: the cell model, or "all".
      label: what is predicted.
      classes: the name of each class.
      options: max_folds, repeats and seed.

    Returns:
      Splits of which every fold learns from every class that the split judges, and one
      sentence for each that is not possible or does without a class.

    Raises:
      InputError: a unit or group that the screen does not have.
    """
    made, said = [], []
    records = np.flatnonzero(codes >= 0)
    for text in dict.fromkeys(wanted):
        try:
            _two_classes(codes[records], classes)
            folds = _folds(metadata, records, codes[records], text, key, options)
            folds, without = _judged(metadata, codes, folds, classes, text, key)
        except Skip as reason:
            said.append(f"{group}: no split {text!r} for {label}: {reason}")
            continue
        unit = groups.parse(text, key=key).unit
        leaky = _may_share_wells(metadata, records, folds, unit)
        made.append(Split(text, group, leaky, tuple(folds), label))
        said += [f"{group}, {label}: {without}"] if without else []
    return made, said


def tested(split: Split) -> np.ndarray:
    """[n] int positions of the records that any fold tests, ascending."""
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

    A split that names no kind of group (what is given, or was held out of training) is
    split again by the largest kind of which no group lies on both of its sides.

    Args:
      metadata: [N] rows of Metadata_* columns.
      codes: [N] int class of each record, -1 for all outside the training part.
      split: that the training part is of.
      key: the config key that the split is from, to be named in a reason.
      classes: the name of each class.
      options: max_folds and seed.

    Returns:
      A split that holds each group out in turn; more than `max_folds` are dealt to so
      many folds. A class that cannot be both learnt and judged is left out.

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
        except Skip as found:
            reason = str(found)
        else:
            return Split(unit, split.group, split.leaky, tuple(folds), split.label)
    raise Skip(
        f"{split.group}, {split.label}: nothing can be chosen within a training "
        f"part of the split {split.name!r}: {reason}"
    )


def _units_within(metadata: pd.DataFrame, split: Split, key: str) -> Iterator[str]:
    """The kinds of group by which training parts can be split again, largest first."""
    unit = groups.unit(split.name)
    if unit not in groups.NO_GROUPS:
        yield unit
        return
    for unit in WITHIN:
        try:
            of = groups.groups(metadata, unit, key=key)
        except (InputError, Skip):  # the screen has no such groups
            continue
        if not any(np.isin(of[train], of[test]).any() for train, test in split.folds):
            yield unit


def require(made: Sequence[Any], said: Sequence[str]) -> list[Any]:
    """What is possible of a task, such as its splits.

    Args:
      made: splits as of `build`, or what is made of splits.
      said: what is not possible.

    Returns:
      What was made; warns (LeftOut) of what is not possible.

    Raises:
      Skip: where nothing is.
    """
    if not made:
        raise Skip("; ".join(dict.fromkeys(said)))
    for sentence in dict.fromkeys(said):
        warnings.warn(sentence, LeftOut, stacklevel=3)
    return list(made)


def leave_out(labels: np.ndarray, of: np.ndarray, *, most: int, seed: int) -> list:
    """Holds each group out in turn; more than `most` are dealt to so many folds.

    Args:
      labels: [n] class of each record.
      of: [n] str group of each record.
      most: folds.
      seed: of the dealing, which gives folds like shares of every class.

    Returns:
      Per fold [n] bool, true for what is held out.
    """
    names, member = np.unique(of.astype(str), return_inverse=True)
    # More folds than records of any class cannot have like shares of it.
    folds = min(most, int(np.unique(labels, return_counts=True)[1].max()))
    if len(names) <= most or folds < 2:
        return [member == i for i in range(len(names))]
    dealer = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # Of classes with fewer records than folds, which then are in some folds only.
        warnings.simplefilter("ignore", UserWarning)
        dealt = [test for _, test in dealer.split(labels, labels, member)]
    return [np.isin(np.arange(len(labels)), test) for test in dealt]


def random_groups(
    labels: np.ndarray, of: np.ndarray, frac: float, *, repeats: int, seed: int
) -> list[np.ndarray]:
    """Holds a share of the groups out, at random.

    Drawn among groups of the same classes, so that no side is without one (ours).

    Args:
      labels: [n] class of each record.
      of: [n] str group of each record.
      frac: of the groups of each kind, at least one of two.
      repeats: how often, each draw unlike those before while there are any.
      seed: of the draws.

    Returns:
      Per draw [n] bool, true for what is held out.
    """
    rng = np.random.default_rng(seed)
    kinds, member = _kinds(labels, of)
    drawn: dict[bytes, np.ndarray] = {}
    for _ in range(repeats * TRIES):
        held = np.zeros(len(kinds), bool)
        for kind in np.unique(kinds):
            own = np.flatnonzero(kinds == kind)
            size = min(max(1, round(frac * len(own))), len(own) - 1)
            held[rng.permutation(own)[:size]] = True
        drawn.setdefault(held.tobytes(), held)
        if len(drawn) == repeats:
            break
    return [held[member] for held in drawn.values()]


def _two_classes(labels: np.ndarray, classes: Sequence[str]) -> None:
    found = np.unique(labels)
    if len(found) < 2:
        names = ", ".join(classes[i] for i in found) or "blank"
        raise Skip(f"all its records are of one class: {names}")


def _folds(metadata, records, labels, text, key, options) -> list[Fold]:
    asked, own = groups.parse(text, key=key), metadata.iloc[records]
    if asked.unit == groups.HELD_OUT:
        return [_held_out(own, records)]
    if asked.unit == groups.GIVEN:
        return [_given(own, records, key)]
    held = _held(metadata, records, labels, asked, key, options)
    folds = [(records[~out], records[out]) for out in held]
    folds = [fold for fold in folds if len(fold[0]) and len(fold[1])]
    if not folds:
        raise Skip(
            f"no {asked.unit} can be held apart from others like it; change {key}"
        )
    return folds


def _may_share_wells(metadata, records, folds, unit: str) -> bool:
    """Whether images of one well lie on both sides of a fold, or nobody knows.

    Where the table names no wells, images that were held apart may be of one.
    """
    unknown = "Metadata_Well" not in metadata and unit in ("record", "site")
    return unknown or _share_wells(metadata, records, folds)


def _share_wells(metadata, records, folds) -> bool:
    wells = np.full(len(metadata), -1)
    wells[records] = pd.factorize(table.wells(metadata.iloc[records]))[0]
    return any(len(np.intersect1d(wells[a], wells[b])) for a, b in folds)


def _held(metadata, records, labels, asked, key, options) -> list[np.ndarray]:
    """Per fold [n] bool: which of the records are held out."""
    of = groups.groups(metadata.iloc[records], asked.unit, key=key)
    if len(np.unique(of.astype(str))) < 2:
        raise Skip(f"all its records are of one {asked.unit}; change {key}")
    if asked.fold:
        return [groups.dealt(metadata, asked, key)[records]]
    if asked.unit == "record" and not asked.which:
        asked = asked._replace(which=str(TEST_FRAC))
    if not asked.which:
        return leave_out(labels, of, most=options["max_folds"], seed=options["seed"])
    known = groups.all_of(metadata, asked.unit, key)
    frac = groups.share(asked, known)
    if frac is None:
        return [_listed(of, asked, known, key)]
    return random_groups(
        labels, of, frac, repeats=options["repeats"], seed=options["seed"]
    )


def _listed(of, asked, known, key) -> np.ndarray:
    """[n] bool: the groups that are named."""
    held = np.isin(of.astype(str), sorted(groups.listed(known, asked, key)))
    if not held.any():
        raise Skip(f"none of its records are of {' or '.join(asked.which.split('+'))}")
    return held


def _given(own, records, key) -> Fold:
    side = groups.groups(own, "split", key=key)
    side = np.char.lower(side.astype(str))
    for name in ("train", "test"):
        if name not in side:
            found = ", ".join(sorted(set(side))[:5])
            raise Skip(f"Metadata_Split has no {name!r}, only {found}; change {key}")
    return records[side == "train"], records[side == "test"]


def _held_out(own, records) -> Fold:
    if held_out.COLUMN not in own:
        raise Skip("no encoder here was trained on some of the records and not others")
    side = own[held_out.COLUMN].to_numpy(object)
    for name, words in (("train", "trained on"), ("test", "held out of training")):
        if name not in side:
            raise Skip(f"none of its records was {words}")
    return records[side == "train"], records[side == "test"]


def _judged(metadata, codes, folds, classes, text, key) -> tuple[list[Fold], str]:
    """Keeps the classes that every fold learns and some fold judges."""
    learnt = set.intersection(*(set(codes[train]) for train, _ in folds))
    judged = set.union(*(set(codes[test]) for _, test in folds))
    kept = np.array(sorted(learnt & judged), int)
    present = np.array(sorted(set.union(*({*codes[a], *codes[b]} for a, b in folds))))
    lost = np.setdiff1d(present, kept)
    names = ", ".join(classes[i] for i in lost[:3]) + (", ..." if len(lost) > 3 else "")
    if not len(lost):
        return folds, ""
    why = _why_lost(metadata, codes, lost, text, key)
    if len(kept) < 2:
        raise Skip(f"{names} {why}; change {key}")
    count = int(np.isin(codes, lost).sum())
    folds = [tuple(side[np.isin(codes[side], kept)] for side in fold) for fold in folds]
    return [fold for fold in folds if len(fold[1])], (
        f"{len(lost)} of {len(present)} classes ({names}; {count:,} records) are left "
        f"out of the split {text!r}, for each {why}"
    )


def _why_lost(metadata, codes, lost, text, key) -> str:
    """Why some classes cannot be both learnt and judged."""
    unit = groups.parse(text, key=key).unit
    if unit not in groups.NO_GROUPS:
        records = np.flatnonzero(np.isin(codes, lost))
        of = pd.Series(groups.groups(metadata.iloc[records], unit, key=key).astype(str))
        if (of.groupby(codes[records]).nunique() == 1).all():
            return f"has one {unit.replace('_', ' ')}, and at least two are needed"
    return "lies on one side only, and is to be both learnt and judged"


def _kinds(labels: np.ndarray, of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which classes each group has, as a number [G], and each record's group [n]."""
    names, member = np.unique(of.astype(str), return_inverse=True)
    pairs = np.unique(np.stack([member, labels]), axis=1)
    starts = np.searchsorted(pairs[0], np.arange(len(names)))
    have = [tuple(part) for part in np.split(pairs[1], starts[1:])]
    numbers = {kind: i for i, kind in enumerate(sorted(set(have)))}
    return np.array([numbers[kind] for kind in have]), member
