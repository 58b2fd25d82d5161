"""Stages of a development, in one line: `debris | dense > spread > differentiated`.

`>` separates a stage from later ones, `|` separates branches that do not become one
another; a class that is a branch by itself is outside the order in time. A hierarchy
first decides between branches, then, along an ordered branch, between each stage and
all later ones. Imports nothing slow.
"""

import dataclasses
from collections.abc import Collection, Mapping, Sequence

from gandl_jax.errors import InputError, nearest


@dataclasses.dataclass(frozen=True)
class Decision:
    """A decision of a hierarchy.

    Attributes:
      sides: names of the classes on each side, two sides or more.
    """

    sides: tuple[tuple[str, ...], ...]

    def side(self, name: str) -> int:
        """Returns the side of a class; -1 if the decision is not about it."""
        sides = [index for index, names in enumerate(self.sides) if name in names]
        return sides[0] if sides else -1


@dataclasses.dataclass(frozen=True)
class Stages:
    """Branches of stages.

    Attributes:
      branches: names of the stages of each, in their order in time.
    """

    branches: tuple[tuple[str, ...], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All classes, as written."""
        return tuple(name for branch in self.branches for name in branch)

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """Decisions of the hierarchy: between branches, then along each of them."""
        decisions = [Decision(self.branches)] if len(self.branches) > 1 else []
        for branch in self.branches:
            for index in range(len(branch) - 1):
                decisions.append(
                    Decision((branch[index : index + 1], branch[index + 1 :]))
                )
        return tuple(decisions)

    def only(self, known: Collection[str]) -> "Stages":
        """Restricts the stages to some classes, without empty branches."""
        kept = (
            tuple(name for name in branch if name in known) for branch in self.branches
        )
        return Stages(tuple(filter(None, kept)))


def read(key: str, text: str) -> Stages:
    """Reads branches of stages.

    Args:
      key: of the config, for messages.
      text: as above; blanks around names are ignored.

    Raises:
      InputError: a class has no name or comes twice, or there is only one.
    """
    branches = tuple(
        tuple(name.strip() for name in branch.split(">")) for branch in text.split("|")
    )
    stages = Stages(branches)
    if "" in stages.names:
        raise InputError(
            f"config.{key}={text!r} lacks a class beside a | or >: write it as in "
            "'debris | dense > spread > differentiated'"
        )
    for name in stages.names:
        if stages.names.count(name) > 1:
            raise InputError(
                f"config.{key}={text!r} names {name!r} twice: name it once"
            )
    if len(stages.names) < 2:
        raise InputError(
            f"config.{key}={text!r} names one class, and two are needed: write them as "
            "in 'debris | dense > spread > differentiated'"
        )
    return stages


def check_names(key: str, stages: Stages, known: Sequence[str], what: str) -> None:
    """Refuses a hierarchy whose classes are not exactly the known ones.

    Args:
      key: of the config, for messages.
      stages: as read.
      known: the classes.
      what: their origin: "config.data.label=State".

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


def read_returns(key: str, texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Reads allowed steps back, such as "telophase>interphase".

    Raises:
      InputError: a step is malformed.
    """
    returns = []
    for text in texts:
        classes = tuple(name.strip() for name in text.split(">"))
        if len(classes) != 2 or not all(classes):
            raise InputError(
                f"config.{key} names {text!r}: write a step back as two classes, as in "
                "telophase>interphase"
            )
        returns.append(classes)
    return tuple(returns)


def shares(
    stages: Stages, side_shares: Sequence[Sequence[float]]
) -> Mapping[str, float]:
    """Computes the share of each class from the shares of the decisions' sides.

    Args:
      stages: a hierarchy.
      side_shares: for each of its decisions the shares of its sides, of sum 1.
    """
    class_shares = dict.fromkeys(stages.names, 1.0)
    for decision, sides in zip(stages.decisions, side_shares, strict=True):
        for names, share in zip(decision.sides, sides, strict=True):
            for name in names:
                class_shares[name] *= share
    return class_shares
