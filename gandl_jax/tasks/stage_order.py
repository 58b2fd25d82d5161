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
      classes: all classes of the screen.

    Raises:
      InputError: a class or key is wrong; the message names the first.
    """
    label_text = f"config.{KEY}.label={options['label']}"
    order = stages.read(f"{KEY}.order", options["order"])
    stages.check_names(f"{KEY}.order", order, classes, label_text)
    chains = [branch for branch in order.branches if len(branch) > 1]
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
    """Returns the rules of steps in time between some of the classes.

    Args:
      options: as in `check`, already checked.
      classes: the classes that are predicted; rules are of their indices.
    """
    index = {name: number for number, name in enumerate(classes)}
    order = stages.read(f"{KEY}.order", options["order"]).only(classes)
    chain = [n for branch in order.branches if len(branch) > 1 for n in branch]
    pairs = stages.read_returns(f"{KEY}.returns", options["returns"])
    return decoding.make_rules(
        [index[name] for name in chain],
        [index[name] for name in classes if name not in chain],
        returns={(index[a], index[b]) for a, b in pairs if {a, b} <= index.keys()},
        absorbing={index[name] for name in options["absorbing"] if name in index},
        price=options["backward_price"] or math.inf,
    )
