"""ArcFace (Deng et al. 2019, arXiv 1801.07698): angles to the classes, with a margin.

Embedding and class weights are scaled to unit length. Logits are s cos(theta), for the
true class s cos(theta + m), with theta the angle between the embedding and the class's
weights. If theta > pi - m, cos(theta + m) would rise again: there it is
cos(theta) - m sin(m), which still falls, as in the authors' code.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gandl_jax.models.side_by_side_features import takes_rows
from gandl_jax.models.unit_length import LEAST, unit


class Head(nn.Module):
    """Cosines to the classes' weights, scaled.

    Attributes:
      width: of the embedding.
      classes: K.
      scale: s.
    """

    width: int
    classes: int
    scale: float = 30.0

    def setup(self):
        """Makes the weights, of which only the direction counts."""
        shape = self.width, self.classes
        self.kernel = self.param("kernel", nn.initializers.lecun_normal(), shape)

    def __call__(self, x: Array) -> Array:
        """Maps [B, width] to [B, K]: s cos(theta), without a margin."""
        return self.scale * self._cosines(x)

    def taught(self, x: Array, codes: Array, margin: Array) -> tuple[Array, ...]:
        """Returns the logits with the margin m in radians, except for blank labels."""
        return (self.scale * with_margin(self._cosines(x), codes, margin),)

    def _cosines(self, x: Array) -> Array:
        return unit(x, axis=-1) @ unit(self.kernel, axis=0)


def with_margin(cosines: Array, codes: Array, margin: Array) -> Array:
    """Returns cos(theta + m) for the true class, cos(theta) for all others.

    Args:
      cosines: [B, K] cos(theta).
      codes: [B] int32 true class, -1 for none.
      margin: scalar m in radians, 0 to pi.

    Returns:
      [B, K], for the true class cos(theta) - m sin(m) if theta > pi - m.
    """
    sines = jnp.sqrt(jnp.maximum(1 - jnp.square(cosines), LEAST))
    with_margin_added = cosines * jnp.cos(margin) - sines * jnp.sin(margin)
    past_pi = cosines - margin * jnp.sin(margin)
    true_cosines = jnp.where(cosines > -jnp.cos(margin), with_margin_added, past_pi)
    return jnp.where(
        jax.nn.one_hot(codes, cosines.shape[-1]) > 0, true_cosines, cosines
    )


def with_channels(params: dict, sources: Sequence[int | None], width: int) -> dict:
    """Returns parameters for other channels, as in `takes_rows`."""
    return params | {"kernel": takes_rows(params["kernel"], sources, width)}
