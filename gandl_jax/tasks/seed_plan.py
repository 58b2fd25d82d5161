"""What is asked of every training that is compared: splits, and what they count."""

import dataclasses
import warnings
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pandas as pd

from gandl_jax.tasks import nested, recipe_split, splits
from gandl_jax.tasks.nested import Asked, Question
from gandl_jax.tasks.skip import LeftOut, Skip


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is asked of every training.

    Attributes:
      each: of every feature set by itself.
      chosen: of the set that each fold chooses; none where nothing is to be chosen.
      counted: (cell model, split) -> what is counted of it, "60 of 90 collages".
    """

    each: list[Asked]
    chosen: list[Question]
    counted: dict[tuple[str, str], str]


def plan(
    module: ModuleType, metadata: pd.DataFrame, options: Mapping[str, Any]
) -> Plan:
    """What a task asks, of those of its splits that hold wells apart.

    Args:
      module: a classification task with `splits`, `questions` and `SPLITS_KEY`.
      metadata: [N] rows of Metadata_* columns.
      options: as of the task; aside_frac and part; nested, and inner_folds for it.

    Returns:
      At least one question; warns of splits that are not possible.

    Raises:
      InputError: a unit or group in the config that the screen does not have.
      Skip: where the task or no such split of it is possible.
    """
    key, each, counted, said = module.SPLITS_KEY, [], {}, []
    for task, own in nested.apart(module, metadata, options):
        codes, classes = task.codes(metadata)
        kept = []
        for split in own:
            try:
                part = recipe_split.cut(
                    metadata, codes, split, key=key, classes=classes, options=options
                )
            except Skip as reason:
                said.append(str(reason))
                continue
            kept.append(part.split)
            counted[split.group, split.name] = part.counted
        each += [(task, kept)] if kept else []
    each = splits.require(each, said)
    return Plan(each, _chosen(metadata, each, key, options), counted)


def _chosen(metadata, each: list[Asked], key: str, options) -> list[Question]:
    if not options["nested"]:
        return []
    made, said = nested.nest(metadata, each, key=key, options=options)
    for sentence in dict.fromkeys(said):
        warnings.warn(sentence, LeftOut, stacklevel=2)
    return made
