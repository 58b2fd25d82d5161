"""The order of a screen's stages in time, as the config gives it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from gandl_jax import stages
from gandl_jax.errors import InputError, nearest
from gandl_jax.tasks import decoding

KEY = "evaluate.staged_classification"


def check(options: Mapping[str, Any], classes: Sequence[str]) -> None:
    """Refuses an order of other classes, or of several branches.

    Args:
      options: order, label, absorbing, returns, backward_price.
      classes: all that the screen has.

    Raises:
      InputError: naming the first class or key that is wrong.
    """
    what = f"config.{KEY}.label={options['label']}"
    whole = stages.read(f"{KEY}.order", options["order"])
    stages.check_names(f"{KEY}.order", whole, classes, what)
    chains = [branch for branch in whole.branches if len(branch) > 1]
    if len(chains) > 1:
        raise InputError(
            f"config.{KEY}.order={options['order']!r} has {len(chains)} branches with "
            "an order: a group goes along one, so write the others as single classes"
        )
    pairs = stages.read_returns(f"{KEY}.returns", options["returns"])
    named = [("returns", name) for pair in pairs for name in pair]
    named += [("absorbing", name) for name in options["absorbing"]]
    for key, name in named:
        if name not in classes:
            raise InputError(
                f"config.{KEY}.{key} names {name!r}, which is no class of its order: "
                f"{nearest(name, classes)}"
            )


def rules(options: Mapping[str, Any], classes: Sequence[str]) -> decoding.Rules:
    """The steps in time between some of the classes.

    Args:
      options: as of `check`, which has let them pass.
      classes: those that are told apart; rules are of their places.
    """
    place = {name: number for number, name in enumerate(classes)}
    whole = stages.read(f"{KEY}.order", options["order"]).only(classes)
    chain = [n for branch in whole.branches if len(branch) > 1 for n in branch]
    pairs = stages.read_returns(f"{KEY}.returns", options["returns"])
    return decoding.make_rules(
        [place[name] for name in chain],
        [place[name] for name in classes if name not in chain],
        returns={(place[a], place[b]) for a, b in pairs if {a, b} <= place.keys()},
        absorbing={place[name] for name in options["absorbing"] if name in place},
        price=options["backward_price"] or math.inf,
    )
