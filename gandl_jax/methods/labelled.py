"""Methods that learn labels: their step, and what they tell of other records."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
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


CORRECTED, AS_PUBLISHED = VARIANTS = ("corrected", "as_published")


def judge(
    answers: Mapping[str, Array],
    lessons: Mapping[str, Sequence[Array]],
    labels: Mapping[str, Array],
    weights: Mapping[str, np.ndarray],
    variant: str = CORRECTED,
) -> Judged:
    """Sums over columns of weighted cross-entropy, right answers, known labels.

    Args:
      answers: column to [B, K] logits, by which it answers.
      lessons: column to logits [B, K] of each loss.
      labels: column to [B] int32 class, -1 where blank, which counts nothing.
      weights: column to [K] what a record of each class counts.
      variant: of `VARIANTS`; "as_published" takes the softmax of logits for logits.
    """
    columns = [
        _judge_column(answers[n], lessons[n], labels[n], weights[n], variant)
        for n in answers
    ]
    return Judged(*(sum(parts) for parts in zip(*columns, strict=True)))


def _judge_column(
    answer: Array,
    lessons: Sequence[Array],
    codes: Array,
    weights: np.ndarray,
    variant: str,
) -> Judged:
    """[B] each: weighted cross-entropy, whether right, whether there is a label."""
    known = codes >= 0
    one_hot = jax.nn.one_hot(codes, answer.shape[-1])  # of -1: zeros
    weight = one_hot @ jnp.asarray(weights)
    if variant == AS_PUBLISHED:
        lessons = [jax.nn.softmax(logits) for logits in lessons]
    losses = [
        -weight * (one_hot * jax.nn.log_softmax(logits)).sum(-1) for logits in lessons
    ]
    right = (answer.argmax(-1) == codes) & known
    right, known = right.astype(jnp.float32), known.astype(jnp.float32)
    return Judged(sum(losses), right, known)


def with_accuracy(metrics: dict[str, Array], group: str) -> dict[str, Array]:
    """Metrics with the accuracy of known labels, of means "right" and "known"."""
    right, known = metrics.pop("right"), metrics.pop("known")
    return metrics | {f"{group}/accuracy": right / jnp.maximum(known, 1e-9)}


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
    """As in `one_network`, on the mean loss; "<group>/accuracy" is of known labels.

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
    return state, with_accuracy(metrics, group)


def of_each(judged: Judged) -> dict[str, Array]:
    """{"loss": [B], "accuracy": [B]} by known label; NaN where a sample has none."""
    known = jnp.where(judged.known > 0, judged.known, jnp.nan)
    return {"loss": judged.loss / known, "accuracy": judged.right / known}
