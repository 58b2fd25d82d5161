"""Two parts of a screen: one to select recipes on, the other to report on.

The score of the best of many recipes must not be reported: it was selected on its own
test records. So a share of the groups that a split holds out (plates, collages,
treatments) is set aside: their test records are counted while recipes are chosen
("selection"), those of the other groups for the report ("reporting"). Only the counting
differs. Each fold learns from its whole training part, of both parts, whichever is
counted.

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
    """A split of which only one part's test records are counted.

    Attributes:
      split: with test records of the part only; folds without any are left out.
      counted: text such as "60 of 90 collages".
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
    """Restricts a split's test records to one part.

    Args:
      metadata: [N] rows of Metadata_* columns.
      codes: [N] int class of each record.
      split: positions refer to these records.
      key: the config key of the split, for messages.
      classes: the name of each class.
      options: aside_frac in [0, 1), of the groups, 0 for none; part, "selection" (set
        aside) or "reporting" (all others); seed.

    Returns:
      The split with unchanged training parts.

    Raises:
      Skip: the split names no kind of group, or the part lacks a class.
    """
    records = np.unique(np.concatenate([side for fold in split.folds for side in fold]))
    frac, of_screen = options["aside_frac"], recipe_parts.is_choosing(metadata)
    dealt = of_screen is None
    unit, group_of_record = _groups(
        metadata.iloc[records], split, key, frac if dealt else 0
    )
    if dealt or not frac:
        is_aside = recipe_parts.deal(
            codes[records], group_of_record, frac, seed=options["seed"]
        )
    else:
        is_aside = of_screen[records]
    is_counted = np.zeros(len(codes), bool)
    is_counted[records] = is_aside == (options["part"] == "selection")
    tests = np.unique(np.concatenate([test for _, test in split.folds]))
    counted_tests = tests[is_counted[tests]]
    lost = np.setdiff1d(codes[tests], codes[counted_tests])
    if len(lost):
        names = ", ".join(classes[i] for i in lost[:3])
        raise Skip(
            f"{split.group}, {split.label}: the {options['part']} part of the split "
            f"{split.name!r} has no test record of {names}; change "
            f"config.compare.aside_frac or {key}"
        )
    folds = [(train, test[is_counted[test]]) for train, test in split.folds]
    folds = tuple(fold for fold in folds if len(fold[1]))
    part_groups, all_groups = (
        len(set(group_of_record[np.isin(records, part_records)]))
        for part_records in (counted_tests, tests)
    )
    return Part(
        dataclasses.replace(split, folds=folds),
        f"{part_groups} of {all_groups} {unit}s",
    )


def _groups(
    metadata: pd.DataFrame, split: Split, key: str, frac: float
) -> tuple[str, np.ndarray]:
    """Returns the unit that a split holds apart, as text, and each record's group."""
    unit = groups.unit(split.name)
    if unit not in groups.NO_GROUPS:
        group_of_record = groups.groups(metadata, unit, key=key)
        return unit.replace("_", " "), group_of_record.astype(str)
    if frac:
        raise Skip(
            f"{split.group}, {split.label}: the split {unit!r} names no kind of group "
            f"to set aside; change {key} or config.compare.aside_frac"
        )
    return "well", table.wells(metadata).astype(str)
