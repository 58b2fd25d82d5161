"""A weighted sum of the channels whose weights cannot be negative: y = sum_c a_c x_c.

The first of two forms that fit what is public of DCMIX (Siegismund et al. 2023, arXiv
2308.16637): a_c = softplus(t_c), where `normalised` divided by their sum; a channel's
importance is a_c / sum a. Without the sign it would be `collapsed`. All weights begin
as 1 / C. Importances mean something where channels are of one scale.
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
    "outputs": (1, 3),  # one image, repeated, or one of its own for each colour
    "normalised": (False, True),
}


class Mixing(nn.Module):
    """The sum, once or for each colour.

    Attributes:
      outputs, normalised: as of CHOICES.
    """

    outputs: int = 1
    normalised: bool = False

    @nn.compact
    def __call__(self, images: Array) -> Array:
        """[B, H, W, C] float32 to [B, H, W, 3]: in [-1, 1] at first."""
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
    """[C] of sum 1: each channel's share of the weights, the mean over outputs."""
    return weighted_sum.shares(jax.nn.softplus(params["logits"]))


def with_channels(params: dict, sources: Sequence[int | None]) -> dict:
    """The weights of other channels, their sum as large as before."""
    weights = jax.nn.softplus(params["logits"])
    taken = weighted_sum.of_other_channels(weights, sources, is_sum_kept=True)
    return {"logits": np.float32(np.vectorize(_inverse_softplus)(taken))}


def _inverse_softplus(weight: float) -> float:
    """The t of softplus(t) = weight, which may be large; for 0 it is finite too."""
    weight = max(weight, weighted_sum.LEAST)
    return weight + math.log(-math.expm1(-weight))
