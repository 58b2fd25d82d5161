"""Layers on pooled features: an embedding, and a head for each column."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import flax.linen as nn
from jax import Array

from gandl_jax.models.side_by_side_features import takes_rows

DENSE, HEAD = "dense", "heads_"  # names among the parameters


class LabelHeads(nn.Module):
    """An embedding and heads.

    Attributes:
      pooled: width of the input features.
      penultimate: width of the layer before the heads; 0 takes the features as the
        embedding.
      is_rectified: whether a ReLU follows that layer.
      slope: of that ReLU below 0.
      classes: {column: number of classes}.
      head: `Head` of a file of `heads`.
      scale: of its cosines, if it has any.
    """

    pooled: int
    penultimate: int
    is_rectified: bool
    classes: Mapping[str, int]
    head: Callable[..., nn.Module]
    scale: float
    slope: float = 0.0

    def setup(self):
        """Names the submodules, whose parameters are made at first use."""
        if self.penultimate:
            self.dense = nn.Dense(self.penultimate)
        width = self.penultimate or self.pooled
        self.heads = {
            name: self.head(width, count, self.scale)
            for name, count in self.classes.items()
        }

    def embed(self, pooled: Array) -> Array:
        """Maps [B, pooled] float32 to the embedding [B, penultimate]."""
        if not self.penultimate:
            return pooled
        x = self.dense(pooled)
        if not self.is_rectified:
            return x
        return nn.leaky_relu(x, self.slope) if self.slope else nn.relu(x)

    def __call__(self, pooled: Array) -> dict[str, Array]:
        """Returns the logits of predictions, {column: [B, classes]}."""
        x = self.embed(pooled)
        return {name: head(x) for name, head in self.heads.items()}

    def taught(
        self, pooled: Array, codes: Mapping[str, Array], margin: Array
    ) -> tuple[dict[str, Array], dict[str, tuple[Array, ...]]]:
        """Returns the logits of predictions, and those of the losses.

        Args:
          pooled: [B, pooled].
          codes: {column: [B] int32}, classes, -1 if blank.
          margin: as in `heads`.
        """
        x = self.embed(pooled)
        answers = {name: head(x) for name, head in self.heads.items()}
        lessons = {
            name: head.taught(x, codes[name], margin)
            for name, head in self.heads.items()
        }
        return answers, lessons


def with_channels(
    params: dict,
    sources: Sequence[int | None],
    width: int,
    of_head: Callable[[Any, Sequence[int | None], int], Any] | None,
) -> dict:
    """Returns parameters whose first layer takes other channels' features.

    Args:
      params: of the whole network.
      sources: the old channel for each new one; None for the mean of all.
      width: of each channel's features.
      of_head: `with_channels` of the head, if that is the first layer.
    """
    if DENSE in params:
        kernel = takes_rows(params[DENSE]["kernel"], sources, width)
        return params | {DENSE: params[DENSE] | {"kernel": kernel}}
    return {
        name: of_head(x, sources, width) if name.startswith(HEAD) else x
        for name, x in params.items()
    }
