"""Checks that the numbers of a training are finite."""

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
      step: the first that shows it, counted from 1.
      why: the term, and its value.
      found: steps completed when it was noticed.
      what: the finding: "numbers", or a check's name.
      metric: by which the checkpoint to resume from is chosen; "" takes the newest.
      least: value of that metric in a sound checkpoint.
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
    """Sorts a phase's metrics so that causes come before effects.

    Parameters before the step, losses, other metrics, gradients, updates.
    """
    return {name: metrics[name] for name in sorted(metrics, key=_rank)}


def _rank(name: str) -> tuple[int, str]:
    name_part = name.rpartition("/")[2]
    order = ("parameter_norm", "loss", "", "gradient_norm", "update_norm")
    if name_part.endswith("loss"):
        name_part = "loss"
    return order.index(name_part if name_part in order else ""), name


def first_not_finite(steps: Sequence[tuple[int, Mapping[str, float]]]) -> None:
    """Raises the first metric that is not finite.

    Args:
      steps: (number of the step, {"group/name": value} in causal order), oldest first.

    Raises:
      Trouble: a metric is not finite.
    """
    for step, metrics in steps:
        for name, value in metrics.items():
            if not np.isfinite(value):
                raise Trouble(step, f"{name} is {value}{_in_words(name)}")


def _in_words(name: str) -> str:
    group, _, norm = name.partition("/")
    return f" ({KINDS[norm].format(group=group)})" if norm in KINDS else ""


def finite(state: object) -> dict[str, Array]:
    """Tells for every field of a state whether all numbers are finite; can be compiled.

    Args:
      state: a dataclass of trees of arrays.

    Returns:
      {field: scalar bool}.
    """
    return {name: _all_finite(value) for name, value in vars(state).items()}


def _all_finite(tree: object) -> Array:
    are_finite = [jnp.isfinite(array).all() for array in jax.tree.leaves(tree)]
    return jnp.stack(are_finite).all() if are_finite else jnp.asarray(True)


def check_fields(step: int, fields: Mapping[str, Array]) -> None:
    """Raises the fields of the state after a step that are not finite.

    Args:
      step: steps completed.
      fields: as from `finite`.

    Raises:
      Trouble: a field is not finite.
    """
    bad = [name for name, is_finite in fields.items() if not is_finite]
    if bad:
        raise Trouble(step, f"not all of {' and '.join(bad)} is finite")
