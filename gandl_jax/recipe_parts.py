"""Two parts of a screen: one to choose recipes by, one to report on.

The best score of many recipes must not be reported as such. A screen may assign its
records to the parts before anything is trained: its table then has `COLUMN`, and
--config.train.hold_out=part:reporting excludes the part for reporting from training.
Imports nothing slow.
"""

import dataclasses

import numpy as np
import pandas as pd

COLUMN = "Metadata_Part"
CHOOSING, REPORTING = "choosing", "reporting"
CHOOSING_FRAC = 1 / 3  # of the groups (ours)


@dataclasses.dataclass(frozen=True)
class Rule:
    """A rule that deals a screen's records to the two parts.

    Attributes:
      label: the Metadata_* column whose values should all be in both parts.
      group: the Metadata_* column whose groups stay in one part; "" deals single
        records.
    """

    label: str
    group: str = ""

    def part(self, table: pd.DataFrame) -> np.ndarray:
        """Returns the part of each record: [N] str objects, CHOOSING or REPORTING.

        It does not depend on the order of the rows.

        Args:
          table: [N] rows of Metadata_* columns.
        """
        groups = table[self.group or "Metadata_Record_ID"].to_numpy(str)
        labels = table[self.label].to_numpy(str)
        is_choosing_record = deal(labels, groups, CHOOSING_FRAC, seed=0)
        return np.where(is_choosing_record, CHOOSING, REPORTING).astype(object)


def is_choosing(metadata: pd.DataFrame) -> np.ndarray | None:
    """Marks the records that recipes are chosen by, [N] bool; None without parts.

    Args:
      metadata: [N] rows of Metadata_* columns. `COLUMN` with other values, such as
        parts of a body, does not count.
    """
    if COLUMN not in metadata or not metadata[COLUMN].isin((CHOOSING, REPORTING)).all():
        return None
    return (metadata[COLUMN] == CHOOSING).to_numpy()


def deal(
    labels: np.ndarray, groups: np.ndarray, frac: float, *, seed: int
) -> np.ndarray:
    """Sets a share of the groups aside, about the same share for each class.

    Iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011) with two sides: the
    groups of the rarest class are dealt first, each to the side that lacks most of it.
    Each side gets a group of a class that has two or more.

    Args:
      labels: [n] class of each record.
      groups: [n] str group of each record.
      frac: of the groups, in [0, 1).
      seed: of the order of a class's groups.

    Returns:
      [n] bool, true for the records of the groups set aside.
    """
    names, member = np.unique(groups, return_inverse=True)
    classes, label = np.unique(labels, return_inverse=True)
    if not frac:
        return np.zeros(len(labels), bool)
    has_class = np.zeros((len(names), len(classes)), bool)
    has_class[member, label] = True
    total = has_class.sum(0)
    wanted_aside = np.clip(frac * total, np.minimum(1, total - 1), total - 1)
    lacking = np.stack([total - wanted_aside, wanted_aside])
    groups_left = np.array([1 - frac, frac]) * len(names)
    side, rng = np.full(len(names), -1), np.random.default_rng(seed)
    while (side < 0).any():
        left = has_class[side < 0].sum(0)
        rarest = int(np.argmin(np.where(left > 0, left, np.inf)))
        for group in rng.permutation(np.flatnonzero((side < 0) & has_class[:, rarest])):
            chosen = int(np.lexsort((groups_left, lacking[:, rarest]))[-1])
            side[group] = chosen
            lacking[chosen, has_class[group]] -= 1
            groups_left[chosen] -= 1
    return (side == 1)[member]
