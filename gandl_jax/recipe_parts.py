"""Two parts of a screen: one to choose recipes by, the other to report on.

Who tries many recipes and keeps the one that scores best must not report that score. A
screen may say, before anything is trained, which of its records are which: its table
then has `COLUMN`, and --config.train.hold_out=part:reporting keeps the other part from
training too. Imports nothing slow.
"""

import dataclasses

import numpy as np
import pandas as pd

COLUMN = "Metadata_Part"
CHOOSING, REPORTING = "choosing", "reporting"
CHOOSING_FRAC = 1 / 3  # of the groups (ours)


@dataclasses.dataclass(frozen=True)
class Rule:
    """How a screen's records are dealt to the two parts.

    Attributes:
      label: the Metadata_* column of which every value is to be in both parts.
      group: the Metadata_* column whose groups are whole in one part; "" deals each
        record by itself.
    """

    label: str
    group: str = ""

    def part(self, table: pd.DataFrame) -> np.ndarray:
        """The part of each record: [N] str objects, CHOOSING or REPORTING.

        The same for every order of the rows.

        Args:
          table: [N] rows of Metadata_* columns.
        """
        of = table[self.group or "Metadata_Record_ID"].to_numpy(str)
        labels = table[self.label].to_numpy(str)
        aside = deal(labels, of, CHOOSING_FRAC, seed=0)
        return np.where(aside, CHOOSING, REPORTING).astype(object)


def is_choosing(metadata: pd.DataFrame) -> np.ndarray | None:
    """[N] bool, the records that recipes are chosen by; None without such parts.

    Args:
      metadata: [N] rows of Metadata_* columns. A column of that name with other words,
        such as parts of a body, is no such part.
    """
    if COLUMN not in metadata or not metadata[COLUMN].isin((CHOOSING, REPORTING)).all():
        return None
    return (metadata[COLUMN] == CHOOSING).to_numpy()


def deal(labels: np.ndarray, of: np.ndarray, frac: float, *, seed: int) -> np.ndarray:
    """Sets a share of the groups aside, about the same share of those of each class.

    Iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011), of two sides: the
    groups of the rarest class are dealt first, each to the side that lacks most of it.
    Of a class of two groups or more each side wants one.

    Args:
      labels: [n] class of each record.
      of: [n] str group of each record.
      frac: of the groups, in [0, 1).
      seed: of the order of a class's groups.

    Returns:
      [n] bool, true for the records of the groups set aside.
    """
    names, member = np.unique(of, return_inverse=True)
    classes, label = np.unique(labels, return_inverse=True)
    if not frac:
        return np.zeros(len(labels), bool)
    has = np.zeros((len(names), len(classes)), bool)
    has[member, label] = True
    total = has.sum(0)
    aside = np.clip(frac * total, np.minimum(1, total - 1), total - 1)
    lacks = np.stack([total - aside, aside])
    groups_left = np.array([1 - frac, frac]) * len(names)
    side, rng = np.full(len(names), -1), np.random.default_rng(seed)
    while (side < 0).any():
        left = has[side < 0].sum(0)
        rarest = int(np.argmin(np.where(left > 0, left, np.inf)))
        for group in rng.permutation(np.flatnonzero((side < 0) & has[:, rarest])):
            chosen = int(np.lexsort((groups_left, lacks[:, rarest]))[-1])
            side[group] = chosen
            lacks[chosen, has[group]] -= 1
            groups_left[chosen] -= 1
    return (side == 1)[member]
