"""ArcFace (Deng et al. 2019, arXiv 1801.07698): angles to the classes, with a margin.

Embedding and class weights are made of unit length. Logits are s cos(theta), of the
true class s cos(theta + m), theta the angle between the embedding and the class's
weights. Where theta > pi - m, cos(theta + m) would rise again: there it is
cos(theta) - m sin(m), which goes on falling, as the authors' code has it.
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
        """[B, width] to [B, K]: s cos(theta), without a margin."""
        return self.scale * self._cosines(x)

    def taught(self, x: Array, codes: Array, margin: Array) -> tuple[Array, ...]:
        """With the margin m in radians; none where a label is blank."""
        return (self.scale * with_margin(self._cosines(x), codes, margin),)

    def _cosines(self, x: Array) -> Array:
        return unit(x, axis=-1) @ unit(self.kernel, axis=0)


def with_margin(cosines: Array, codes: Array, margin: Array) -> Array:
    """cos(theta + m) for the true class, cos(theta) for all others.

    Args:
      cosines: [B, K] cos(theta).
      codes: [B] int32 true class, -1 for none.
      margin: scalar m in radians, 0 to pi.

    Returns:
      [B, K], of the true class cos(theta) - m sin(m) where theta > pi - m.
    """
    sines = jnp.sqrt(jnp.maximum(1 - jnp.square(cosines), LEAST))
    turned = cosines * jnp.cos(margin) - sines * jnp.sin(margin)
    beyond = cosines - margin * jnp.sin(margin)
    harder = jnp.where(cosines > -jnp.cos(margin), turned, beyond)
    return jnp.where(jax.nn.one_hot(codes, cosines.shape[-1]) > 0, harder, cosines)


def with_channels(params: dict, sources: Sequence[int | None], width: int) -> dict:
    """As in `takes_rows`."""
    return params | {"kernel": takes_rows(params["kernel"], sources, width)}
