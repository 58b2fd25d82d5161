"""Stages of a development, in one line: `debris | dense > spread > differentiated`.

`>` stands between a stage and those that may come after it, `|` between branches that
do not become one another; a class that is a branch by itself lies outside the order in
time. A hierarchy tells the branches apart first, then, along an ordered branch, each
stage from all that come after it. Imports nothing slow.
"""

import dataclasses
from collections.abc import Collection, Mapping, Sequence

from gandl_jax.errors import InputError, nearest


@dataclasses.dataclass(frozen=True)
class Decision:
    """One step of a hierarchy.

    Attributes:
      sides: names of the classes on each side, two sides or more.
    """

    sides: tuple[tuple[str, ...], ...]

    def side(self, name: str) -> int:
        """On which side a class is; -1 where the decision is not about it."""
        found = [i for i, names in enumerate(self.sides) if name in names]
        return found[0] if found else -1


@dataclasses.dataclass(frozen=True)
class Stages:
    """Branches of stages.

    Attributes:
      branches: names of each, in their order in time.
    """

    branches: tuple[tuple[str, ...], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All classes, as they are written."""
        return tuple(name for branch in self.branches for name in branch)

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """Steps of the hierarchy: between branches, then along each of them."""
        made = [Decision(self.branches)] if len(self.branches) > 1 else []
        for branch in self.branches:
            for i in range(len(branch) - 1):
                made.append(Decision((branch[i : i + 1], branch[i + 1 :])))
        return tuple(made)

    def only(self, known: Collection[str]) -> "Stages":
        """The same of some classes; branches without any are left out."""
        kept = (tuple(n for n in branch if n in known) for branch in self.branches)
        return Stages(tuple(filter(None, kept)))


def read(key: str, text: str) -> Stages:
    """Reads branches of stages.

    Args:
      key: of the config, for messages.
      text: as above; blanks around names do not count.

    Raises:
      InputError: a class has no name or comes twice, or there is one alone.
    """
    branches = tuple(
        tuple(name.strip() for name in branch.split(">")) for branch in text.split("|")
    )
    found = Stages(branches)
    if "" in found.names:
        raise InputError(
            f"config.{key}={text!r} lacks a class beside a | or >: write it as in "
            "'debris | dense > spread > differentiated'"
        )
    for name in found.names:
        if found.names.count(name) > 1:
            raise InputError(
                f"config.{key}={text!r} names {name!r} twice: name it once"
            )
    if len(found.names) < 2:
        raise InputError(
            f"config.{key}={text!r} names one class, and two are needed: write them as "
            "in 'debris | dense > spread > differentiated'"
        )
    return found


def check_names(key: str, stages: Stages, known: Sequence[str], what: str) -> None:
    """Refuses a hierarchy of other classes than there are.

    Args:
      key: of the config, for messages.
      stages: as read.
      known: the classes.
      what: they are of: "config.data.label=State".

    Raises:
      InputError: one is unknown, or one is left out.
    """
    for name in stages.names:
        if name not in known:
            raise InputError(
                f"config.{key} names {name!r}, which is no class of {what}: "
                f"{nearest(name, known)}"
            )
    left_out = [name for name in known if name not in stages.names]
    if left_out:
        raise InputError(
            f"config.{key} leaves out {', '.join(map(repr, left_out))}, a class of "
            f"{what}: give it a place, or a branch of its own after a |"
        )


def read_returns(key: str, words: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Reads steps back that are allowed: "telophase>interphase".

    Raises:
      InputError: one is of another form.
    """
    made = []
    for word in words:
        parts = tuple(part.strip() for part in word.split(">"))
        if len(parts) != 2 or not all(parts):
            raise InputError(
                f"config.{key} names {word!r}: write a step back as two classes, as in "
                "telophase>interphase"
            )
        made.append(parts)
    return tuple(made)


def shares(
    stages: Stages, of_decision: Sequence[Sequence[float]]
) -> Mapping[str, float]:
    """The share of each class, by the shares of the sides of every decision.

    Args:
      stages: a hierarchy.
      of_decision: for each of its decisions the shares of its sides, of sum 1.
    """
    made = dict.fromkeys(stages.names, 1.0)
    for decision, sides in zip(stages.decisions, of_decision, strict=True):
        for names, share in zip(decision.sides, sides, strict=True):
            for name in names:
                made[name] *= share
    return made
