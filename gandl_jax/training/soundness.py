"""Whether a training is still sound: are its numbers finite?"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

KINDS = {
    "parameter_norm": "the parameters of {group}",
    "gradient_norm": "the gradient of {group}",
    "update_norm": "the optimiser's step of {group}, whose gradient is finite",
}


class Trouble(Exception):
    """A training that cannot go on from where it is.

    Attributes:
      step: the first that shows it, counting from 1: after it so many are completed.
      why: the term, and what it is.
      found: steps completed when it was noticed.
      what: that is in trouble: "numbers", or a check's name.
      metric: that a checkpoint is chosen by to go on from; "" takes the newest.
      least: of that metric.
    """

    def __init__(
        self,
        step: int,
        why: str,
        *,
        what: str = "numbers",
        metric: str = "",
        least: float = 0.0,
    ):
        super().__init__(f"step {step}: {why}")
        self.step, self.why, self.found = step, why, step
        self.what, self.metric, self.least = what, metric, least


def in_causal_order(metrics: Mapping[str, Array]) -> dict[str, Array]:
    """A phase's metrics, each after those that it would spoil.

    Parameters as they were, losses, what is told beside them, gradients, updates.
    """
    return {name: metrics[name] for name in sorted(metrics, key=_rank)}


def _rank(name: str) -> tuple[int, str]:
    kind = name.rpartition("/")[2]
    order = ("parameter_norm", "loss", "", "gradient_norm", "update_norm")
    if kind.endswith("loss"):
        kind = "loss"
    return order.index(kind if kind in order else ""), name


def first_not_finite(steps: Sequence[tuple[int, Mapping[str, float]]]) -> None:
    """Looks for the first metric that is not finite.

    Args:
      steps: (number of the step, {"group/name": value} in causal order), oldest first.

    Raises:
      Trouble: there is one.
    """
    for step, metrics in steps:
        for name, value in metrics.items():
            if not np.isfinite(value):
                raise Trouble(step, f"{name} is {value}{_in_words(name)}")


def _in_words(name: str) -> str:
    group, _, kind = name.partition("/")
    return f" ({KINDS[kind].format(group=group)})" if kind in KINDS else ""


def finite(state: object) -> dict[str, Array]:
    """Whether all numbers are finite, for every field of a state; to be compiled.

    Args:
      state: a dataclass of trees of arrays.

    Returns:
      {field: scalar bool}.
    """
    return {name: _all_finite(value) for name, value in vars(state).items()}


def _all_finite(tree: object) -> Array:
    found = [jnp.isfinite(x).all() for x in jax.tree.leaves(tree)]
    return jnp.stack(found).all() if found else jnp.asarray(True)


def check_fields(step: int, fields: Mapping[str, Array]) -> None:
    """Looks at what `finite` found of the state after a step.

    Raises:
      Trouble: naming the fields that are not finite.
    """
    bad = [name for name, is_finite in fields.items() if not is_finite]
    if bad:
        raise Trouble(step, f"not all of {' and '.join(bad)} is finite")
