"""A weighted sum of the channels with positive weights: y = sum_c a_c x_c.

The first of two forms that fit the public description of DCMIX (Siegismund et al. 2023,
arXiv 2308.16637): a_c = softplus(t_c), if `normalised` divided by their sum; the
importance of a channel is a_c / sum a. With weights of either sign it would be
`collapsed`. All weights begin as 1 / C. Importances are comparable only if channels
have one scale.
"""

import math
from collections.abc import Mapping, Sequence

import flax.linen as nn
import jax
import numpy as np
from jax import Array

from gandl_jax.models.mixing import weighted_sum

COLOURS = 3
APART = False
CHOICES = {
    "outputs": (1, 3),  # one image, repeated, or one for each colour
    "normalised": (False, True),
}


class Mixing(nn.Module):
    """The weighted sum, once or for each colour.

    Attributes:
      outputs, normalised: as of CHOICES.
    """

    outputs: int = 1
    normalised: bool = False

    @nn.compact
    def __call__(self, images: Array) -> Array:
        """Maps [B, H, W, C] float32 to [B, H, W, 3]: in [-1, 1] at first."""
        count = images.shape[-1]
        first = _inverse_softplus(1 / count)
        logits = self.param(
            "logits", lambda key: weighted_sum.full([first] * count, self.outputs)
        )
        weights = jax.nn.softplus(logits)
        if self.normalised:
            weights = weights / weights.sum(0, keepdims=True)
        return weighted_sum.colours(images, weights)


def importance(params: Mapping[str, Array]) -> np.ndarray:
    """Returns each channel's share of the weights, mean over outputs, [C] of sum 1."""
    return weighted_sum.shares(jax.nn.softplus(params["logits"]))


def with_channels(params: dict, sources: Sequence[int | None]) -> dict:
    """Returns the weights of other channels, with the same sum."""
    weights = jax.nn.softplus(params["logits"])
    new_weights = weighted_sum.with_channels(weights, sources, is_sum_kept=True)
    return {"logits": np.float32(np.vectorize(_inverse_softplus)(new_weights))}


def _inverse_softplus(weight: float) -> float:
    """Returns the t of softplus(t) = weight, finite for large weights and for 0."""
    weight = max(weight, weighted_sum.LEAST)
    return weight + math.log(-math.expm1(-weight))
