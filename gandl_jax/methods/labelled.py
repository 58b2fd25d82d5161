"""Methods that learn labels: their step, and what they tell of other records."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from gandl_jax.methods import one_network
from gandl_jax.methods.one_network import NormalisedState, State


class Judged(NamedTuple):
    """Answers about samples, beside their labels.

    Attributes:
      loss: [B] float32, 0 where no label is known.
      right: [B] float32, how many answers are right, of those with a known label.
      known: [B] float32, how many labels are known.
    """

    loss: Array
    right: Array
    known: Array


def advance(
    config,
    state: State | NormalisedState,
    group: str,
    judge: Callable[[dict, dict], tuple[Judged, dict | None]],
    batch: dict,
    key: Array,
    *,
    freeze: Sequence[str] = (),
) -> tuple[State | NormalisedState, dict[str, Array]]:
    """As of `one_network`, on the mean loss; "<group>/accuracy" is of known labels.

    Args:
      config, state, group, batch, key, freeze: as there.
      judge: (parameters, part of the batch with "keys") to (what is judged, the
        statistics after it, None of a network without any).
    """

    def loss(params, part):
        judged, moved = judge(params, part)
        means = {"right": judged.right.mean(), "known": judged.known.mean()}
        statistics = {one_network.STATISTICS: moved} if moved else {}
        return judged.loss.mean(), means | statistics

    state, metrics = one_network.advance(
        config, state, group, loss, batch, key, freeze=freeze
    )
    right, known = metrics.pop("right"), metrics.pop("known")
    metrics[f"{group}/accuracy"] = right / jnp.maximum(known, 1e-9)
    return state, metrics


def of_each(judged: Judged) -> dict[str, Array]:
    """{"loss": [B], "accuracy": [B]} by known label; NaN where a sample has none."""
    known = jnp.where(judged.known > 0, judged.known, jnp.nan)
    return {"loss": judged.loss / known, "accuracy": judged.right / known}
