"""Channels stacked like sheets: y = sum_c a_c prod_{j before c} (1 - a_j) x_c.

The second of two forms that fit the public description of DCMIX (Siegismund et al.
2023, arXiv 2308.16637): a_c = sigmoid(t_c) is a channel's opacity (Porter & Duff 1984,
"over"), and its importance is the share of its effective weight, a_c prod_{j before c}
(1 - a_j). Below the last channel is nothing. With `order=given` the first channel of
the images (config.data.channels) lies on top.

With `order=learnt` (ours) each channel also has a priority p_c, and j lies before c to
the degree sigmoid(p_j - p_c): the product is prod_{j != c} (1 - sigmoid(p_j - p_c)
a_j). Priorities far apart give the form above in their order, equal ones an average of
orders; nothing forces them apart, and the trained network is used as it is.

All effective weights begin equal. Importances are comparable only if channels have one
scale.
"""

from collections.abc import Mapping, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from gandl_jax.models.mixing import weighted_sum
from gandl_jax.models.mixing.weighted_sum import LEAST

COLOURS = 3
APART = False
CHOICES = {
    "outputs": (1, 3),  # one image, repeated, or one for each colour
    "order": ("given", "learnt"),
}


class Mixing(nn.Module):
    """The stacked channels, once or for each colour.

    Attributes:
      outputs, order: as of CHOICES.
    """

    outputs: int = 1
    order: str = "given"

    @nn.compact
    def __call__(self, images: Array) -> Array:
        """Maps [B, H, W, C] float32 to [B, H, W, 3]: in [-1, 1]."""
        count, is_given = images.shape[-1], self.order == "given"
        # A share of 1 / (C + 1) for each channel and for the empty ground below.
        first = -np.log(range(count, 0, -1) if is_given else [count] * count)
        logits = {"logits": self.param("logits", self._all, first)}
        if not is_given:
            logits["priorities"] = self.param("priorities", self._all, 0 * first)
        return weighted_sum.colours(images, effective(logits))

    def _all(self, key: Array, values: Sequence[float]) -> Array:
        del key
        return weighted_sum.full(values, self.outputs)


def effective(params: Mapping[str, Array]) -> Array:
    """Returns effective weights [C, O]: visible shares below the channels before.

    Args:
      params: "logits" [C, O] and, if the order is learnt, "priorities" [C, O].
    """
    opacities = jax.nn.sigmoid(params["logits"])
    if "priorities" not in params:
        seen_through = jnp.cumprod(1 - opacities[:-1], 0)
        return opacities.at[1:].multiply(seen_through)
    priorities = params["priorities"]
    before = jax.nn.sigmoid(priorities[:, None] - priorities[None])  # j before c
    before = before * (1 - np.eye(len(opacities))[..., None])  # [C, C, O]; not itself
    return opacities * (1 - before * opacities[:, None]).prod(0)


def importance(params: Mapping[str, Array]) -> np.ndarray:
    """Returns shares of the effective weights, mean over outputs, [C] of sum 1."""
    return weighted_sum.shares(effective(params))


def with_channels(params: dict, sources: Sequence[int | None]) -> dict:
    """Returns parameters for other channels.

    A given order keeps effective weights, and their sum; a learnt order keeps each
    channel's opacity and priority.
    """
    if "priorities" in params:
        return {
            name: np.float32(weighted_sum.with_channels(values, sources))
            for name, values in params.items()
        }
    weights = weighted_sum.with_channels(effective(params), sources, is_sum_kept=True)
    through = 1 - np.cumsum(weights, 0)
    odds = np.maximum(weights, LEAST) / np.maximum(through, LEAST)
    return {"logits": np.float32(np.log(odds))}
