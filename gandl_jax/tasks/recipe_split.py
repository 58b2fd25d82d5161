"""Two parts of a screen: one to choose recipes by, the other to report on.

Who tries many recipes and keeps the one that scores best must not report that score: it
was picked on its own test records. So a share of the groups that a split holds out
(plates, collages, treatments) is set aside: their test records are counted while
recipes are chosen ("selection"), those of the other groups for the report
("reporting"). Only the counting differs. Each fold learns from its whole training part,
of both parts, whichever is counted.

Parts are dealt for each split and cell model: choose and report by the same ones. A
screen that has parts of its own (`recipe_parts`) keeps them.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gandl_jax import recipe_parts
from gandl_jax.profiles import groups, table
from gandl_jax.tasks.skip import Skip
from gandl_jax.tasks.splits import Split


@dataclasses.dataclass(frozen=True)
class Part:
    """What is counted of a split.

    Attributes:
      split: with test records of the part only; folds without any are left out.
      counted: in words, "60 of 90 collages".
    """

    split: Split
    counted: str


def cut(
    metadata: pd.DataFrame,
    codes: np.ndarray,
    split: Split,
    *,
    key: str,
    classes: Sequence[str],
    options: Mapping[str, Any],
) -> Part:
    """Leaves of a split's test records those of one part.

    Args:
      metadata: [N] rows of Metadata_* columns.
      codes: [N] int class of each record.
      split: positions refer to these records.
      key: the config key that the split is from, to be named in a reason.
      classes: the name of each class.
      options: aside_frac in [0, 1), of the groups, 0 for none; part, "selection" (what
        is set aside) or "reporting" (all else); seed.

    Returns:
      The split with training parts as they were.

    Raises:
      Skip: the split names no kind of group, or the part lacks a class.
    """
    records = np.unique(np.concatenate([side for fold in split.folds for side in fold]))
    frac, of_screen = options["aside_frac"], recipe_parts.is_choosing(metadata)
    dealt = of_screen is None
    unit, of = _groups(metadata.iloc[records], split, key, frac if dealt else 0)
    if dealt or not frac:
        is_aside = recipe_parts.deal(codes[records], of, frac, seed=options["seed"])
    else:
        is_aside = of_screen[records]
    kept = np.zeros(len(codes), bool)
    kept[records] = is_aside == (options["part"] == "selection")
    tests = np.unique(np.concatenate([test for _, test in split.folds]))
    own = tests[kept[tests]]
    lost = np.setdiff1d(codes[tests], codes[own])
    if len(lost):
        names = ", ".join(classes[i] for i in lost[:3])
        raise Skip(
            f"{split.group}, {split.label}: the {options['part']} part of the split "
            f"{split.name!r} has no test record of {names}; change "
            f"config.compare.aside_frac or {key}"
        )
    folds = [(train, test[kept[test]]) for train, test in split.folds]
    folds = tuple(fold for fold in folds if len(fold[1]))
    counted, every = (len(set(of[np.isin(records, some)])) for some in (own, tests))
    return Part(
        dataclasses.replace(split, folds=folds), f"{counted} of {every} {unit}s"
    )


def _groups(
    metadata: pd.DataFrame, split: Split, key: str, frac: float
) -> tuple[str, np.ndarray]:
    """What a split holds apart, in words, and each record's group of it."""
    unit = groups.unit(split.name)
    if unit not in groups.NO_GROUPS:
        of = groups.groups(metadata, unit, key=key)
        return unit.replace("_", " "), of.astype(str)
    if frac:
        raise Skip(
            f"{split.group}, {split.label}: the split {unit!r} names no kind of group "
            f"to set aside; change {key} or config.compare.aside_frac"
        )
    return "well", table.wells(metadata).astype(str)
