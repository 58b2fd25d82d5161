"""Splits: which records train and which are judged, given explicit groups."""

import dataclasses

import numpy as np

Fold = tuple[np.ndarray, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Split:
    """Folds over some of a table's records.

    Attributes:
      name: what is held apart: "record", "plate", "row".
      group: what the records have in common: a cell model.
      leaky: whether a well or a plate may lie on both sides of a fold.
      folds: pairs (train, test) of [n] int positions in the table.
    """

    name: str
    group: str
    leaky: bool
    folds: tuple[Fold, ...]


def random_records(
    records: np.ndarray,
    labels: np.ndarray,
    *,
    group: str,
    test_frac: float = 0.25,
    repeats: int,
    seed: int,
) -> Split:
    """The GAN-DL paper's split: images at random, whatever well they are from.

    Drawn within each class, so that no side is without one (ours).

    Args:
      records: [n] int positions in the table.
      labels: [n] class of each record.
      group: the cell model.
      test_frac: of each class (paper: 25 %).
      repeats: how many splits are drawn.
      seed: of the draws.

    Returns:
      One fold per repeat, marked leaky; none where a class has a single record.
    """
    rng = np.random.default_rng(seed)
    classes, counts = np.unique(labels, return_counts=True)
    folds = []
    for _ in range(repeats if counts.min() > 1 else 0):
        drawn = np.zeros(len(records), bool)
        for value, count in zip(classes, counts, strict=True):
            size = max(1, round(test_frac * count))
            drawn[rng.permutation(np.flatnonzero(labels == value))[:size]] = True
        folds.append((records[~drawn], records[drawn]))
    return Split("record", group, True, tuple(folds))


def leave_groups_out(
    records: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    *,
    name: str,
    group: str,
) -> Split:
    """Each group in turn is judged by what was learnt on the others.

    Args:
      records: [n] int positions in the table.
      labels: [n] class of each record.
      groups: [n] plate, row or whatever is held apart.
      name: what the groups are: "plate", "row".
      group: the cell model.

    Returns:
      One fold per group whose training part has every class.
    """
    folds = []
    for value in np.unique(groups.astype(str)):
        held = groups == value
        if len(np.unique(labels[~held])) == len(np.unique(labels)):
            folds.append((records[~held], records[held]))
    return Split(name, group, False, tuple(folds))
