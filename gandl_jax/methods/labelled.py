"""The training step of methods that learn labels, and their validation."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from gandl_jax.methods import one_network
from gandl_jax.methods.one_network import NormalisedState, State


class Judged(NamedTuple):
    """Losses and right answers of samples.

    Attributes:
      loss: [B] float32, 0 if no label is known.
      right: [B] float32, number of right answers among those with a known label.
      known: [B] float32, number of known labels.
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
    """Sums weighted cross-entropy, right answers and known labels over columns.

    Args:
      answers: {column: [B, K]}, logits of the answers.
      lessons: {column: logits [B, K] of each loss}.
      labels: {column: [B] int32}, class, -1 if blank, which is ignored.
      weights: {column: [K]}, weight of a record of each class.
      variant: of `VARIANTS`; "as_published" uses the softmax of logits as logits.
    """
    columns = [
        _judge_column(
            answers[column], lessons[column], labels[column], weights[column], variant
        )
        for column in answers
    ]
    return Judged(*(sum(values) for values in zip(*columns, strict=True)))


def _judge_column(
    answer: Array,
    lessons: Sequence[Array],
    codes: Array,
    weights: np.ndarray,
    variant: str,
) -> Judged:
    """Returns weighted cross-entropy, whether right, whether known, [B] each."""
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
    """Replaces the means "right" and "known" by the accuracy of known labels."""
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
    """Makes a step as in `one_network`, with the metric "<group>/accuracy".

    Args:
      config, state, group, batch, key, freeze: as in `one_network.advance`.
      judge: (parameters, micro-batch with "keys") to (judged samples, the statistics
        after it, None for a network without any).
    """

    def loss(params, micro_batch):
        judged, moved = judge(params, micro_batch)
        means = {"right": judged.right.mean(), "known": judged.known.mean()}
        statistics = {one_network.STATISTICS: moved} if moved else {}
        return judged.loss.mean(), means | statistics

    state, metrics = one_network.advance(
        config, state, group, loss, batch, key, freeze=freeze
    )
    return state, with_accuracy(metrics, group)


def per_sample(judged: Judged) -> dict[str, Array]:
    """Returns {"loss": [B], "accuracy": [B]} per known label; NaN without one."""
    known = jnp.where(judged.known > 0, judged.known, jnp.nan)
    return {"loss": judged.loss / known, "accuracy": judged.right / known}
